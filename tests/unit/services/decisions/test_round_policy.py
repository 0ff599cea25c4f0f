"""A round's policy and hours: what is accepted, the refused neighbour, and local clocks over the year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from round_cases import NOW, golden_situation, policy, policy_body, state, truck_body

from models.simulation.equipment_bins import SUBJECTS
from models.simulation.town import MEMBERS
from services.decisions.rounds.opening import next_opening
from services.decisions.rounds.policy import LocalHours, parse_policy, policy_json
from services.decisions.rounds.situation import RoundSituation, changed, parse_situation, situation_json


def test_a_policy_goes_to_json_and_back() -> None:
    assert parse_policy(policy_json(policy())) == policy()


def test_a_situation_goes_to_json_and_back() -> None:
    assert parse_situation(situation_json(golden_situation())) == golden_situation()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"full_ratio": 1.01}, "full_ratio is 1.01, it must be 0.5 to 1"),
        ({"opportunity_h": 5}, "opportunity_h is 5"),
        ({"threshold_ratio": -0.1}, "threshold_ratio"),
        ({"trucks": [truck_body(compaction=0.9)]}, "truck truck-1: compaction is 0.9"),
        ({"trucks": [truck_body(), truck_body()]}, "trucks: truck-1 given twice"),
        ({"trucks": [truck_body(shift={"start": "24:00", "end": "05:00"})]}, "the last minute of a day is 23:59"),
        ({"trucks": [truck_body(shift={"start": "6:00", "end": "13:00"})]}, "'6:00' is no hour"),
        ({"trucks": [truck_body(color="green")]}, "color"),
        ({"fixed_days": [{"weekdays": [7], "sensors": []}]}, "fixed_days: weekdays"),
        ({"fixed_days": [{"weekdays": [0], "sensors": ["nobody"]}]}, "nobody is no bin"),
        ({"garage": {"name": "Dépôt", "longitude": 200, "latitude": 48}}, "Dépôt: longitude is 200"),
        ({"speed": 3}, "speed"),
    ],
)
def test_a_policy_out_of_bounds_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_policy(policy_body(**changes))


def test_a_policy_without_its_trucks_is_refused_by_name() -> None:
    body = policy_body()
    del body["trucks"]
    with pytest.raises(ValueError, match="'trucks'"):
        parse_policy(body)


def test_the_round_is_the_next_shift_with_the_notice() -> None:
    assert next_opening(policy(), NOW).day == date(2026, 11, 25)
    early = datetime(2026, 11, 24, 4, 29, tzinfo=UTC)
    assert next_opening(policy(), early).day == date(2026, 11, 24), "half an hour before 6:00 in Paris"
    assert next_opening(policy(), early + timedelta(minutes=2)).day == date(2026, 11, 25)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 8), (date(2026, 10, 24), 10), (date(2026, 11, 24), 9)])
def test_a_night_shift_follows_the_clock_over_its_changes(day: date, hours: int) -> None:
    assert LocalHours("20:00", "05:00").on(day).length == timedelta(hours=hours)


def test_a_site_open_round_the_clock_is_open_over_midnight() -> None:
    night = policy(trucks=[truck_body(shift={"start": "21:30", "end": "05:00"})])
    closed = next_opening(night, NOW)
    assert closed.unloading is None, "05:30 to 19:00"
    body = policy_body(trucks=[truck_body(shift={"start": "21:30", "end": "05:00"})])
    body["unloading"]["opening"] = {"start": "00:00", "end": "24:00"}
    opening = next_opening(parse_policy(body), NOW)
    assert opening.unloading == opening.window


def test_what_moves_a_situation() -> None:
    def of(level: float | None) -> RoundSituation:
        return RoundSituation("93051:bacs", "93051", NOW, (state(0, level),))

    assert not changed(of(0.5), of(0.6))
    assert changed(of(0.5), of(0.7))
    assert changed(of(0.9), of(0.1))
    assert changed(of(0.9), of(None))


def test_what_was_known_later_is_no_situation() -> None:
    with pytest.raises(ValueError, match="after"):
        RoundSituation("93051:bacs", "93051", NOW, (state(0, 0.5, observed_at=NOW + timedelta(seconds=1)),))


def test_the_towns_fleets_are_sound_policies_on_its_own_sensors() -> None:
    sensors = {member.sensor.external_id for member in MEMBERS}
    for subject in SUBJECTS:
        parsed = parse_policy(subject["policy"])
        assert {container.sensor for container in parsed.bins} <= sensors
        assert subject["code"].startswith(subject["commune_insee"])
        assert parsed.fixed_days
