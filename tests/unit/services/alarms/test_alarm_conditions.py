"""Conditions on tracks that a person can read: what raises, what clears, what says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alarms import Condition, Episode
from core.columns import MICROSECOND, Floats, to_microseconds
from core.quality.traces import DAY_US, HOUR_US, MINUTE_US
from core.readings import Flag, Quality
from services.alarms.conditions import CONDITIONS
from services.alarms.conditions.completeness import days_of_readings
from services.alarms.conditions.expected import chance_of_passing
from services.alarms.rhythm import Rhythm
from services.alarms.track import State, Track

TEN = timedelta(minutes=10)
MONDAY = datetime(2026, 1, 12, 7, tzinfo=UTC)
"""08:00 in Paris."""


def track_of(
    values: Sequence[float], *, start: datetime = MONDAY, step: timedelta = TEN, metric: str = "co2_ppm"
) -> Track:
    observed = to_microseconds(start) + np.arange(len(values)) * (step // MICROSECOND)
    return Track.plain(metric, observed, np.array(values, dtype=np.float64), step // MICROSECOND)


def found(condition: Condition, parameters: Mapping[str, Any], track: Track) -> list[Episode]:
    kind = CONDITIONS[condition]
    return kind.episodes(track, kind.parse(parameters), State.none())


def spans(episodes: Sequence[Episode], step: timedelta = TEN, start: datetime = MONDAY) -> list[tuple[float, ...]]:
    """Return since, until and confirmation as positions in a track; -1 while it lasts."""
    return [
        (
            (one.since - start) / step,
            -1 if one.until is None else (one.until - start) / step,
            (one.confirmed_at - start) / step,
        )
        for one in episodes
    ]


HIGH = {"raise": 1_500, "clear": 1_300, "minutes": 20, "clear_minutes": 20}


def test_a_limit_is_passed_for_its_minutes_and_over_after_its_own() -> None:
    values = [900, 1_600, 1_600, 1_200, 1_500, 1_500, 1_500, 1_400, 1_200, 1_400, 1_200, 1_200, 1_200, 900]
    episodes = found(Condition.THRESHOLD, HIGH, track_of(values))
    # Twice at the limit is too short; at 1,400 nothing changes; 1,200 must last.
    assert spans(episodes) == [(4, 10, 6)]
    assert episodes[0].figures == {"value": 1_500, "limit": 1_500}


def test_below_is_the_mirror_of_above() -> None:
    rule = {"side": "below", "raise": 5, "clear": 8, "minutes": 10}
    assert spans(found(Condition.THRESHOLD, rule, track_of([9, 5, 4, 7, 8, 9], metric="temperature_c"))) == [(1, 5, 2)]


@pytest.mark.parametrize(
    ("flags", "raises"),
    [
        (Flag.UNCALIBRATED, True),
        (Flag.UNCALIBRATED | Flag.STALE, True),
        (Flag.UNCALIBRATED | Flag.BOUNDS, False),
        (Flag.STEP, False),
    ],
)
def test_an_overdue_calibration_alone_silences_no_alarm(flags: Flag, *, raises: bool) -> None:
    track = track_of([900, 1_600, 1_600, 1_600, 1_600])
    doubtful = replace(
        track, quality=np.full(5, int(Quality.SUSPECT), np.int8), flags=np.full(5, int(flags), track.flags.dtype)
    )
    assert bool(found(Condition.THRESHOLD, HIGH, doubtful)) is raises


@pytest.mark.parametrize("quality", [Quality.SUSPECT, Quality.BAD])
def test_doubtful_readings_neither_raise_nor_clear(quality: Quality) -> None:
    track = track_of([1_600, 1_600, 1_600, 900, 900, 900, 1_600])
    doubted = replace(track, quality=np.array([0, 0, 0, *[int(quality)] * 3, 0]))
    assert spans(found(Condition.THRESHOLD, HIGH, doubted)) == [(0, -1, 2)]
    doubted = replace(track, quality=np.array([*[int(quality)] * 3, 0, 0, 0, 0]))
    assert found(Condition.THRESHOLD, HIGH, doubted) == []


def test_a_gap_begins_a_run_anew_and_suspends_what_is_open() -> None:
    before, after = track_of([1_600, 1_600]), track_of([1_600, 1_600], start=MONDAY + timedelta(hours=3))
    apart = joined(before, after)
    assert found(Condition.THRESHOLD, HIGH, apart) == []
    raised = joined(track_of([1_600] * 3), after)
    assert spans(found(Condition.THRESHOLD, HIGH, raised)) == [(0, -1, 2)]
    calm = joined(track_of([1_600] * 3), track_of([900] * 3, start=MONDAY + timedelta(hours=3)))
    assert spans(found(Condition.THRESHOLD, HIGH, calm)) == [(0, 18, 2)]


def joined(*parts: Track) -> Track:
    times = np.concatenate([part.observed for part in parts])
    values: Floats = np.concatenate([part.value for part in parts])
    return Track.plain(parts[0].metric, times, values, parts[0].interval_us)


def test_a_mean_needs_three_quarters_of_its_hour() -> None:
    rule = {"raise": 100, "clear": 80, "mean_minutes": 60}
    # Five of six ten minutes are known from the fifth reading on; the first stands for ten minutes.
    values = [150.0] * 6
    assert spans(found(Condition.THRESHOLD, rule, track_of(values, metric="no2_ugm3"))) == [(4, -1, 4)]
    assert found(Condition.THRESHOLD, rule, track_of(values[:4], metric="no2_ugm3")) == []
    swinging = track_of([0, 0, 0, 0, 0, 0, 150, 150, 150, 150, 150], metric="no2_ugm3")
    assert spans(found(Condition.THRESHOLD, rule, swinging)) == [(9, -1, 9)]


OCCUPIED = {"raise": 800, "clear": 700, "hours": [8, 18], "weekdays": [0, 1, 2, 3, 4]}


def test_a_school_is_looked_at_while_it_is_occupied() -> None:
    evening = track_of([900] * 6, start=MONDAY + timedelta(hours=9, minutes=30))
    episodes = found(Condition.THRESHOLD, OCCUPIED, evening)
    assert [(one.since, one.until) for one in episodes] == [
        (MONDAY + timedelta(hours=9, minutes=30), MONDAY + timedelta(hours=10))
    ]
    saturday = track_of([900] * 6, start=MONDAY + timedelta(days=5))
    assert found(Condition.THRESHOLD, OCCUPIED, saturday) == []


@pytest.mark.parametrize(
    ("friday", "opens_utc"), [(datetime(2026, 3, 27, tzinfo=UTC), 7), (datetime(2026, 10, 23, tzinfo=UTC), 6)]
)
def test_the_hours_of_a_school_follow_the_clocks(friday: datetime, opens_utc: int) -> None:
    # The clocks change on the Sunday between: an hour of UTC earlier in spring, later in autumn.
    monday = friday + timedelta(days=3)
    track = track_of([900] * 24 * 5, start=friday, step=timedelta(hours=1))
    episodes = found(Condition.THRESHOLD, OCCUPIED, track)
    shift = 1 if opens_utc == 6 else -1
    assert [one.since for one in episodes[:2]] == [
        friday + timedelta(hours=opens_utc),
        monday + timedelta(hours=opens_utc + shift),
    ]
    assert all(one.until is not None and one.until - one.since == timedelta(hours=10) for one in episodes[:2])


def test_what_flaps_is_raised_once() -> None:
    rule = {"raise": 1_500, "clear": 1_300, "minutes": 0, "clear_minutes": 30}
    flapping = track_of([1_200, 1_600] * 50)
    assert spans(found(Condition.THRESHOLD, rule, flapping)) == [(1, -1, 1)]


numbers = st.lists(st.integers(0, 40), min_size=1, max_size=60)


@given(numbers)
def test_a_unit_a_thousand_times_smaller_finds_the_same(values: list[int]) -> None:
    rule = {"raise": 20, "clear": 15, "minutes": 10, "clear_minutes": 20, "mean_minutes": 30}
    smaller = rule | {"raise": 20_000, "clear": 15_000}
    track = track_of(values, metric="pm10_ugm3")
    episodes = found(Condition.THRESHOLD, rule, track)
    scaled = found(Condition.THRESHOLD, smaller, replace(track, value=track.value * 1_000))
    assert spans(scaled) == spans(episodes)


@given(numbers, st.integers(0, 59), st.integers(4, 500))
def test_nothing_but_silence_is_raised_inside_a_gap(values: list[int], place: int, steps: int) -> None:
    track = track_of(values, metric="noise_dba")
    place = min(place, len(values) - 1)
    moved = track.observed + np.where(np.arange(len(values)) > place, steps * 10 * MINUTE_US, 0)
    gap = (int(moved[place]), int(moved[place]) + steps * 10 * MINUTE_US)
    rules: list[tuple[Condition, dict[str, Any]]] = [
        (Condition.THRESHOLD, {"raise": 20, "clear": 15, "minutes": 30}),
        (Condition.RATE, {"per_minute": 1, "minutes": 20}),
        (Condition.STUCK, {"minutes": 30}),
    ]
    for condition, parameters in rules:
        for one in found(condition, parameters, replace(track, observed=moved, end_us=int(moved[-1]))):
            assert not gap[0] < to_microseconds(one.confirmed_at) < gap[1]
            assert not gap[0] < to_microseconds(one.since) < gap[1]


def test_a_fast_change_is_told_and_a_slow_one_is_not() -> None:
    rule = {"per_minute": 1.0, "minutes": 20}
    values = [20, 20, 20, 31, 42, 42, 42, 42, 42]
    episodes = found(Condition.RATE, rule, track_of(values, metric="temperature_c"))
    assert spans(episodes) == [(4, 6, 4)]
    assert episodes[0].figures == {"change": pytest.approx(22), "minutes": 20, "limit": 1.0}
    assert found(Condition.RATE, rule, track_of(range(9), metric="temperature_c")) == []


def test_a_value_that_stays_is_stuck_by_the_rule_of_its_metric() -> None:
    hours = timedelta(hours=1)
    values = [30.0, 41.0, *[55.0] * 14, 56.0]
    episodes = found(Condition.STUCK, {"minutes": None}, track_of(values, step=hours, metric="no2_ugm3"))
    assert spans(episodes, hours) == [(2, 16, 14)]
    assert episodes[0].figures == {"value": 55.0, "readings": 13, "stuck_after_s": 12 * 3_600}
    # Clean outdoor air rests at 380 to 420 ppm for ever.
    assert found(Condition.STUCK, {"minutes": None}, track_of([410.0] * 200)) == []


def test_readings_called_bad_for_being_stuck_are_seen_and_other_bad_ones_are_not() -> None:
    track = track_of([700.0] * 40)
    bad = np.full(40, int(Quality.BAD))
    assert len(found(Condition.STUCK, {}, replace(track, quality=bad, flags=np.full(40, int(Flag.STUCK))))) == 1
    assert found(Condition.STUCK, {}, replace(track, quality=bad, flags=np.full(40, int(Flag.SPIKE)))) == []


def test_a_stuck_run_goes_on_across_a_short_gap_and_not_across_a_long_one() -> None:
    hours = timedelta(hours=1)
    before = track_of([55.0] * 7, step=hours, metric="no2_ugm3")
    for away, expected in ((11, 1), (13, 0)):
        after = track_of([55.0] * 6, start=MONDAY + timedelta(hours=away), step=hours, metric="no2_ugm3")
        assert len(found(Condition.STUCK, {}, joined(before, after))) == expected, away


def test_a_bin_is_stuck_by_its_own_past_and_a_full_one_is_not() -> None:
    hours = timedelta(hours=1)
    moving = list(np.tile(np.repeat(np.arange(1, 9) / 10, 6), 10))
    # Thirty days in which no level lasts longer than six hours; then two days and more.
    still = track_of([*moving, *moving[:240], *[0.45] * 60], step=hours, metric="fill_ratio")
    assert len(found(Condition.STUCK, {}, still)) == 1
    full = track_of([*moving, *moving[:240], *[1.0] * 400], step=hours, metric="fill_ratio")
    assert found(Condition.STUCK, {}, full) == []
    young = track_of([*moving[:48], *[0.45] * 300], step=hours, metric="fill_ratio")
    assert found(Condition.STUCK, {}, young) == []
    lid = track_of([*([0.0, 1.0] * 240), *[1.0] * 600], step=hours, metric="closed")
    assert found(Condition.STUCK, {}, lid) == []


def test_silence_is_after_what_the_rhythm_says() -> None:
    track = joined(track_of([700.0] * 3), track_of([700.0], start=MONDAY + timedelta(hours=2)))
    [gap] = found(Condition.SILENCE, {}, track)
    assert (gap.since, gap.until) == (MONDAY + 2 * TEN, MONDAY + timedelta(hours=2))
    assert gap.confirmed_at == gap.since + 3 * TEN
    slow = Rhythm(track.observed[:1], np.array([3 * HOUR_US]))
    assert found(Condition.SILENCE, {}, replace(track, rhythm=slow)) == []
    still = replace(track, rhythm=slow, end_us=int(track.observed[-1]) + 3 * HOUR_US + 1)
    [lasting] = found(Condition.SILENCE, {}, still)
    assert lasting.until is None
    assert lasting.figures == {"silent_after_s": 3 * 3_600}
    assert found(Condition.SILENCE, {"factor": 2}, still) == []


def test_a_load_beyond_what_was_expected_is_told_by_its_margin() -> None:
    hours = timedelta(hours=1)
    track = track_of([10, 25, 31, 31, 31, 31, 24, 18, 18, 18], step=hours, metric="power_kw")
    told = replace(track, expected_low=np.full(10, 10.0), expected_high=np.full(10, 20.0))
    episodes = found(Condition.EXPECTED, {"margin_ratio": 1.0, "minutes": 120}, told)
    assert spans(episodes, hours) == [(2, 7, 4)]
    assert episodes[0].figures == {"value": 31.0, "expected_low": 10.0, "expected_high": 20.0}
    unknown = replace(told, expected_low=np.full(10, np.nan))
    assert found(Condition.EXPECTED, {"margin_ratio": 1.0, "minutes": 120}, unknown) == []
    assert found(Condition.EXPECTED, {}, track) == []


def test_a_forecast_raises_by_its_chance() -> None:
    issues = track_of([0.2, 0.6, 0.4, 0.3], step=timedelta(hours=3), metric="fill_ratio")
    rule = {"will_exceed": 0.98, "within_hours": 24, "chance": 0.5}
    assert spans(found(Condition.EXPECTED, rule, issues), timedelta(hours=3)) == [(1, 3, 1)]


def test_the_chance_of_passing_a_limit_claims_nothing_beyond_the_quantiles() -> None:
    levels = np.array([0.1, 0.5, 0.9])
    steps = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 8.0], [np.nan, 1.0, 2.0]])
    assert chance_of_passing(levels, steps, 3.0) == pytest.approx(0.7)
    assert chance_of_passing(levels, steps, 6.0) == pytest.approx(0.3)
    assert chance_of_passing(levels, steps, 8.0) == 0
    assert chance_of_passing(levels, steps, 0.0) == pytest.approx(0.9)
    assert chance_of_passing(levels, steps[2:], 0.0) == 0
    assert chance_of_passing(levels, np.array([[2.0, 2.0, 2.0]]), 2.0) == 0


def test_days_running_with_too_few_readings_are_told_when_the_last_is_over() -> None:
    hours = timedelta(hours=1)
    midnight = datetime(2026, 1, 11, 23, tzinfo=UTC)
    times = np.arange(24 * 6)
    kept = (times // 24 == 0) | (times // 24 == 4) | (times // 24 == 5) | (times % 24 < 10)
    every = track_of([1.0] * len(times), start=midnight, step=hours, metric="noise_dba")
    readings = replace(every.where(kept), end_us=to_microseconds(midnight) + 6 * DAY_US)
    days = days_of_readings(readings)
    assert days.value.tolist() == pytest.approx([10 / 24, 10 / 24, 10 / 24, 1, 1])
    [episode] = found(Condition.COMPLETENESS, {"ratio": 0.75, "days": 2}, days)
    assert episode.since == midnight + timedelta(days=1)
    assert episode.confirmed_at == midnight + timedelta(days=3)
    assert episode.until == midnight + timedelta(days=4)
    assert found(Condition.COMPLETENESS, {"ratio": 0.4, "days": 1}, days) == []


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 28, 23), (10, 24, 25)])
def test_the_days_of_the_clocks_are_whole_with_their_own_hours(month: int, day: int, hours: int) -> None:
    # From noon of the Friday before, a reading an hour until the Monday after.
    start = datetime(2026, month, day - 1, 11, tzinfo=UTC)
    readings = track_of([1.0] * 96, start=start, step=timedelta(hours=1), metric="noise_dba")
    days = days_of_readings(readings)
    assert days.value[:2].tolist() == [1.0, 1.0]
    assert np.diff(days.observed)[1] == hours * HOUR_US
