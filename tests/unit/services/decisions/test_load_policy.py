from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from load_cases import ALL, NIGHT, START, policy, situation

from core.forecasts import Forecast, ForecastStep
from models.simulation.equipment_buildings import SUBJECTS
from models.simulation.town import MEMBERS
from services.decisions.load_shifting.assets import STEPS
from services.decisions.load_shifting.fields import Fields
from services.decisions.load_shifting.policy import parse_policy, policy_json
from services.decisions.load_shifting.situation import (
    load_input,
    next_quarter,
    parse_situation,
    situation_json,
    spread,
)
from services.decisions.load_shifting.tariff import Colour, parse_tariffs, price_at

RAW: dict[str, Any] = {
    "meter": "meter-1",
    "tariff": NIGHT,
    "subscribed_kw": 60,
    **ALL,
    "shed": {"start": "2026-11-24T18:00:00+01:00", "end": "2026-11-24T20:00:00+01:00", "power_kw": 5},
}
TEMPO = {
    "starts_on": "2026-09-01",
    "off_peak": [["22:00", "06:00"]],
    "prices": {
        "blue": {"peak": 0.16, "off_peak": 0.13},
        "white": {"peak": 0.19, "off_peak": 0.15},
        "red": {"peak": 0.65, "off_peak": 0.16},
    },
    "red": ["2026-12-01"],
    "white": ["2026-12-02"],
    "published_until": "2026-12-02",
}


def test_a_policy_comes_back_from_its_json() -> None:
    wanted = parse_policy(RAW)
    assert parse_policy(json.loads(json.dumps(policy_json(wanted)))) == wanted


@pytest.mark.parametrize("weekly", [{"weekdays": [0], "start": "18:00", "end": "20:00", "power_kw": 5}])
def test_a_standing_shed_event_comes_back_too(weekly: dict[str, Any]) -> None:
    wanted = parse_policy({**RAW, "shed": weekly})
    assert parse_policy(policy_json(wanted)) == wanted
    assert wanted.shed
    monday = datetime(2026, 11, 23, 8, tzinfo=UTC)
    found = wanted.shed.next_window(monday)
    assert found
    assert (found.start, found.end) == (monday + timedelta(hours=9), monday + timedelta(hours=11))
    assert wanted.shed.next_window(monday + timedelta(days=2)) is None


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("subscribed_kw",), 0, "subscribed_kw: 0 is not within"),
        (("subscribed_kw",), "60", "subscribed_kw: a number is expected"),
        (("subscribed_kw",), True, "subscribed_kw: a number is expected"),
        (("meter",), "", "meter: a text"),
        (("tariff",), [], "tariff: at least one version"),
        (("tariff", 0, "starts_on"), "yesterday", "tariff.0.starts_on: a date"),
        (("tariff", 0, "off_peak"), [["25:00", "06:00"]], "tariff.0.off_peak.0: a local time"),
        (("tariff", 0, "off_peak"), [["22:00"]], "tariff.0.off_peak.0: a start and an end"),
        (("tariff", 0, "prices"), {"green": {}}, "tariff.0.prices: green is no colour"),
        (("tariff", 0, "prices"), {}, "tariff.0.prices: blue is missing"),
        (("tariff", 0, "red"), ["2026-12-01"], "tariff.0.prices: red is missing"),
        (("battery", "efficiency_ratio"), 1, "battery.efficiency_ratio: 1 is not within"),
        (("battery",), 5, "battery: an object is expected"),
        (("hot_water", "low_kwh"), 21, "hot_water.low_kwh: 21 is not within"),
        (("hot_water", "demand_kwh"), [1] * 23, "hot_water.demand_kwh: 24 values"),
        (("sessions", 0, "arrival"), "6pm", "sessions.0.arrival: a local time"),
        (("sessions", 0, "weekdays"), [7], "sessions.0.weekdays: weekdays are"),
        (("sessions", 0, "code"), "battery", "assets: two have the same code"),
        (("zone", "bands", 0, "high_c"), 18, "zone.bands.0.high_c: 18 is not within 19"),
        (("zone", "bands", 0, "end"), "07:00", "zone.bands.0.end: it must be after"),
        (("zone", "outdoor_c_by_month"), [5], "zone.outdoor_c_by_month: 12 values"),
        (("shed", "end"), "2026-11-24T17:00:00+01:00", "shed.end: an event lasts"),
        (("shed", "start"), "2026-11-24T18:00:00", "shed.start: an instant with its offset"),
    ],
)
def test_a_wrong_value_is_named(path: tuple[str | int, ...], value: object, said: str) -> None:
    raw: Any = deepcopy(RAW)
    inner = raw
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        parse_policy(raw)


@pytest.mark.parametrize(
    ("local", "price", "colour"),
    [
        ("2026-12-01T05:45+01:00", 0.13, Colour.BLUE),
        ("2026-12-01T06:00+01:00", 0.65, Colour.RED),
        ("2026-12-01T21:45+01:00", 0.65, Colour.RED),
        ("2026-12-01T22:00+01:00", 0.16, Colour.RED),
        ("2026-12-02T05:59+01:00", 0.16, Colour.RED),
        ("2026-12-02T06:00+01:00", 0.19, Colour.WHITE),
    ],
)
def test_a_tempo_day_runs_from_six_to_six(local: str, price: float, colour: Colour) -> None:
    versions = parse_tariffs(Fields.of("", {"tariff": [TEMPO]}))
    found = price_at(versions, datetime.fromisoformat(local))
    assert (found.eur_per_kwh, found.colour, found.published) == (price, colour, True)


def test_an_unpublished_colour_is_blue_and_says_so() -> None:
    versions = parse_tariffs(Fields.of("", {"tariff": [TEMPO]}))
    found = price_at(versions, datetime.fromisoformat("2026-12-03T12:00+01:00"))
    assert (found.eur_per_kwh, found.published) == (0.16, False)


def test_each_version_holds_from_its_own_local_day() -> None:
    later = {**NIGHT[0], "starts_on": "2026-12-01", "off_peak": [["12:00", "16:00"]]}
    versions = parse_tariffs(Fields.of("", {"tariff": [*NIGHT, later]}))
    noon = [price_at(versions, datetime.fromisoformat(f"2026-{day}T13:00+01:00")).hours for day in ("11-30", "12-01")]
    assert noon == ["peak", "off_peak"]
    with pytest.raises(ValueError, match="oldest first"):
        parse_tariffs(Fields.of("", {"tariff": [later, *NIGHT]}))


def test_hours_are_local_in_summer_too() -> None:
    versions = parse_tariffs(Fields.of("", {"tariff": NIGHT}))
    assert price_at(versions, datetime(2026, 7, 1, 20, 0, tzinfo=UTC)).hours == "off_peak"
    assert price_at(versions, datetime(2026, 7, 1, 19, 45, tzinfo=UTC)).hours == "peak"


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: str(subject["code"]))
def test_the_towns_equipment_is_sound(subject: dict[str, Any]) -> None:
    wanted = parse_policy(subject["policy"])
    known = {member.sensor.external_id for member in MEMBERS}
    assert wanted.meter in known
    if wanted.zone:
        assert {wanted.zone.indoor_sensor, wanted.zone.outdoor_sensor} <= known
    assert json.loads(json.dumps(subject)) == subject


def test_the_towns_tempo_keeps_the_rules_of_the_contract() -> None:
    days = next(parse_policy(subject["policy"]) for subject in SUBJECTS if "piscine" in subject["code"]).tariffs[0].days
    season = {day: colour for day, colour in days.items() if date(2026, 9, 1) <= day < date(2027, 9, 1)}
    red = [day for day, colour in season.items() if colour is Colour.RED]
    assert len(red) == 22
    assert sum(colour is Colour.WHITE for colour in season.values()) == 43
    assert all(day.weekday() < 5 and (day.month >= 11 or day.month <= 3) for day in red)


def forecast(hours: int, issued_at: datetime = START) -> Forecast:
    first = issued_at.replace(minute=0)
    steps = [
        ForecastStep(first + timedelta(hours=hour), (1.0, 2.0, 3.0, 4.0 + hour, 90.0, 91.0, 92.0))
        for hour in range(hours)
    ]
    return Forecast(7, issued_at, timedelta(hours=1), first - timedelta(minutes=15), steps, 1)


def test_hourly_quantiles_hold_in_their_quarters() -> None:
    load = spread(forecast(48), START)
    assert len(load) == STEPS
    assert load[:4] == ((2.0, 4.0, 91.0),) * 3 + ((2.0, 5.0, 91.0),)


def test_a_forecast_that_ends_before_the_day_is_no_forecast() -> None:
    assert spread(forecast(24), START) == ()
    assert load_input(7, forecast(24), (), START).fallback == "short"


def test_an_old_forecast_is_stale() -> None:
    old = forecast(48)
    fresh, stale = (
        load_input(7, old, spread(old, START), START + age) for age in (timedelta(hours=3), timedelta(hours=4))
    )
    assert (fresh.fallback, stale.fallback) == (None, "stale")


@pytest.mark.parametrize(("minute", "expected"), [(0, 15), (7, 15), (15, 30)])
def test_the_plan_starts_with_the_next_quarter(minute: int, expected: int) -> None:
    now = datetime(2026, 11, 24, 16, minute, tzinfo=UTC)
    assert next_quarter(now) == now.replace(minute=expected)


def test_a_situation_comes_back_from_its_json() -> None:
    assert parse_situation(json.loads(json.dumps(situation_json(situation())))) == situation()


def test_a_situation_refuses_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="quarter"):
        replace(situation(), start=START + timedelta(minutes=1))
    with pytest.raises(ValueError, match="96 steps"):
        replace(situation(), load_kw=((1.0, 2.0, 3.0),))
    with pytest.raises(ValueError, match="cross"):
        replace(situation(), load_kw=((3.0, 2.0, 1.0),) * STEPS)
    assert policy().assets == ()
