"""When a battery ends: a line through its days, its spread, and when there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alarms import Condition
from core.clock import parse_instant
from core.columns import Floats, from_microseconds, to_microseconds
from core.quality.days import day_start
from core.quality.traces import DAY_US, HOUR_US
from services.alarms.conditions import CONDITIONS
from services.alarms.conditions.battery import LINE_DAYS, battery_end
from services.alarms.track import State, Track

DAYS = np.arange(60)


def falling(slope: float, noise: float = 0.01, seed: int = 1) -> Floats:
    level: Floats = 0.9 + slope * DAYS + noise * np.random.default_rng(seed).standard_normal(len(DAYS))
    return level


def test_a_straight_line_meets_empty_where_it_does() -> None:
    end = battery_end(DAYS, falling(-0.01, noise=0), 0.1)
    assert end is not None
    assert (end.earliest, end.likely, end.latest) == pytest.approx((80, 80, 80))


def test_noise_spreads_the_end_around_the_true_one() -> None:
    end = battery_end(DAYS, falling(-0.005), 0.1)
    assert end is not None
    assert end.latest is not None
    assert end.earliest < end.likely < end.latest
    assert 140 < end.likely < 180


def test_a_few_cold_nights_bend_nothing() -> None:
    cold = falling(-0.01, noise=0)
    cold[[10, 25, 44]] -= 0.3
    end = battery_end(DAYS, cold, 0.1)
    assert end is not None
    assert end.likely == pytest.approx(80, abs=0.5)


@pytest.mark.parametrize("slope", [0.0, 0.002])
def test_a_battery_that_does_not_fall_has_no_end_that_is_sure(slope: float) -> None:
    end = battery_end(DAYS, falling(slope, seed=4), 0.1)
    assert end is None or end.latest is None


def test_means_that_differ_in_their_last_bits_do_not_fall() -> None:
    # Level for weeks, but for what adding up leaves over; then it falls: the line may as well be level.
    level = np.full(60, 0.29) + np.arange(60) % 3 * 5.5e-17
    level[40:] -= np.linspace(0, 0.1, 20)
    end = battery_end(DAYS, level, 0.1)
    assert end is not None
    assert end.latest is None


def test_too_few_days_say_nothing_and_neither_do_none() -> None:
    assert battery_end(DAYS[:13], falling(-0.01)[:13], 0.1) is None
    assert battery_end(DAYS[:0], falling(-0.01)[:0], 0.1) is None


def test_a_battery_that_was_replaced_begins_anew() -> None:
    value = np.append(0.5 - 0.01 * np.arange(30), 1.0 - 0.005 * np.arange(30))
    end = battery_end(DAYS, value, 0.1)
    assert end is not None
    assert end.likely == pytest.approx(30 + 180, abs=1)
    assert battery_end(DAYS[:40], value[:40], 0.1) is None


def test_only_the_last_months_count() -> None:
    days = np.arange(200)
    value = np.append(np.linspace(1.0, 0.9, 200 - LINE_DAYS), 0.9 - 0.005 * np.arange(LINE_DAYS))
    end = battery_end(days, value, 0.1)
    assert end is not None
    assert end.likely == pytest.approx(200 - LINE_DAYS + 160, abs=1)


@given(st.integers(0, 2**32 - 1), st.floats(-0.02, 0.01), st.sampled_from([0.0, 0.005, 0.03]))
def test_the_three_ends_are_in_order_and_never_before_the_last_day(seed: int, slope: float, noise: float) -> None:
    end = battery_end(DAYS, falling(slope, noise, seed), 0.1)
    if end is not None:
        assert DAYS[-1] <= end.earliest <= end.likely
        assert end.latest is None or end.likely <= end.latest


def test_an_alarm_is_raised_a_month_ahead_and_over_with_a_new_battery() -> None:
    kind = CONDITIONS[Condition.BATTERY]
    rule = kind.parse({"empty": 0.1, "days": 30})
    level = np.append(0.9 - 0.008 * np.arange(80), np.full(40, 1.0))
    first = 9_000
    times = (first + np.arange(120)) * DAY_US + 6 * HOUR_US
    track = replace(Track.plain("battery_ratio", times, level, DAY_US), end_us=int(times[-1]))
    [episode] = kind.episodes(track, rule, State.none())
    # At the end of day 70 the line has thirty days to go, and says so for three days running.
    assert episode.since == from_microseconds(day_start(first + 71))
    assert episode.confirmed_at == from_microseconds(day_start(first + 73))
    ends = parse_instant(str(episode.figures["ends_at"]))
    assert to_microseconds(ends) == pytest.approx((first + 100) * DAY_US, abs=DAY_US)
    # One day above the others may be an error of reading: a new battery is seen from its second day on.
    assert episode.until == from_microseconds(day_start(first + 82))


def test_a_steady_mains_supply_is_never_told() -> None:
    kind = CONDITIONS[Condition.BATTERY]
    times = (9_000 + np.arange(200)) * DAY_US
    value = 24 + 0.05 * np.random.default_rng(2).standard_normal(200)
    track = Track.plain("battery_v", times, value, DAY_US)
    assert kind.episodes(track, kind.parse({"empty": 2.2}), State.none()) == []
