"""Indexes: growth, resets, roll-overs, back-steps, wrong readings, and what each step consumed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_traces import every, flags_of, times

from core.columns import Ints
from core.quality.indexes import consumed, follow
from core.quality.rules import QUALITY_RULES
from core.quality.traces import HOUR_US, MINUTE_US, Traces
from core.readings import NO_FLAG, Flag

RULE = QUALITY_RULES["electricity_kwh"]


def amounts(values: list[float]) -> list[float | None]:
    """Return what each quarter-hourly reading adds to the one before, None where it is unknown."""
    return [None if np.isnan(one) else round(one, 6) for one in follow(every(15, values), RULE).amounts.tolist()]


def hourly(traces: Traces, hours: int, *, metric: str = "electricity_kwh") -> list[float | None]:
    """Return what one series consumed in each of the first hours."""
    starts: Ints = times([0])[0] + np.arange(hours) * HOUR_US
    ids = np.full(hours, traces.series[0])
    found = consumed(traces, QUALITY_RULES[metric], ids, starts, starts + HOUR_US)
    return [None if np.isnan(one) else round(one, 6) for one in found.tolist()]


def test_an_index_that_grows_carries_no_flag() -> None:
    assert flags_of("electricity_kwh", every(15, [10.0, 12.5, 12.5, 20.0])) == [NO_FLAG] * 4
    assert amounts([10.0, 12.5, 12.5, 20.0]) == [0, 2.5, 0, 7.5]


def test_a_reset_counts_what_the_index_shows_since() -> None:
    values = [5_000.0, 5_004.0, 3.0, 7.0]
    assert flags_of("electricity_kwh", every(15, values)) == [NO_FLAG, NO_FLAG, Flag.RESET, NO_FLAG]
    assert amounts(values) == [0, 4, 3, 4]


def test_another_meter_with_an_index_of_its_own_leaves_the_amount_unknown() -> None:
    lower, higher = [90_000.0, 90_004.0, 45_000.0, 45_002.0], [90_000.0, 90_004.0, 320_000.0, 320_002.0]
    assert flags_of("electricity_kwh", every(15, lower))[2] == Flag.RESET
    assert flags_of("electricity_kwh", every(15, higher))[2] == Flag.STEP
    assert amounts(lower) == amounts(higher) == [0, 4, None, 2]


@pytest.mark.parametrize("capacity", [10_000.0, 99_999.0 + 1, 2**32 / 1_000])
def test_a_register_that_passes_its_last_digit_rolls_over(capacity: float) -> None:
    values = [capacity - 10, capacity - 4, 2.0, 8.0]
    assert flags_of("electricity_kwh", every(15, values))[2] == Flag.ROLL_OVER
    assert amounts(values) == [0, 6, 6, 6]


def test_far_below_its_last_digit_a_register_was_reset() -> None:
    assert flags_of("electricity_kwh", every(15, [9_400.0, 9_404.0, 2.0]))[2] == Flag.RESET


@pytest.mark.parametrize(("back", "flag", "amount"), [(1.0, Flag.BACK_STEP, 0), (1.5, Flag.RESET, None)])
def test_going_back_a_little_is_no_reset_and_consumes_nothing(back: float, flag: Flag, amount: float | None) -> None:
    values = [50_000.0, 50_003.5, 50_004.0, 50_004.0 - back, 50_004.5 - back]
    assert flags_of("electricity_kwh", every(15, values))[3] == flag
    assert amounts(values) == [0, 3.5, 0.5, amount, 0.5]


@pytest.mark.parametrize("wrong", [0.0, 12.0, 9e6])
def test_a_lone_wrong_reading_does_not_count(wrong: float) -> None:
    values = [5_000.0, 5_004.0, wrong, 5_010.0]
    assert flags_of("electricity_kwh", every(15, values)) == [NO_FLAG, NO_FLAG, Flag.SPIKE, NO_FLAG]
    assert amounts(values) == [0, 4, 0, 6]


def test_zeros_for_some_hours_are_wrong_when_the_index_goes_on_where_it_was() -> None:
    values = [5_000.0, 5_004.0, *[0.0] * 20, 5_060.0]
    flags = flags_of("electricity_kwh", every(15, values))
    assert flags == [NO_FLAG, NO_FLAG, *[Flag.SPIKE] * 20, NO_FLAG]
    assert sum(one or 0 for one in amounts(values)) == 60


def test_growth_beyond_what_a_building_draws_is_a_step_of_unknown_amount() -> None:
    values = [5_000.0, 5_004.0, 9_000.0, 9_004.0]
    assert flags_of("electricity_kwh", every(15, values))[2] == Flag.STEP
    assert amounts(values) == [0, 4, None, 4]


def test_readings_a_day_apart_say_nothing_of_how_they_follow() -> None:
    values = np.array([5_000.0, 3.0])
    near, far = (Traces.plain(times([0, minutes]), values, 15 * MINUTE_US) for minutes in (24 * 60, 24 * 60 + 1))
    assert flags_of("electricity_kwh", near)[1] == Flag.RESET
    assert flags_of("electricity_kwh", far) == [NO_FLAG] * 2


def test_an_hour_is_read_between_the_readings_at_its_bounds() -> None:
    traces = Traces.plain(times([-30, 30, 90, 150]), np.array([0.0, 10.0, 30.0, 34.0]), 60 * MINUTE_US)
    assert hourly(traces, 3) == [15, 12, None]


def test_a_reading_at_the_bound_itself_is_taken_as_it_is() -> None:
    traces = Traces.plain(times([0, 60, 120]), np.array([0.0, 10.0, 30.0]), 60 * MINUTE_US)
    assert hourly(traces, 3) == [10, 20, None]


def test_a_silence_over_two_hours_is_not_spread_but_its_sum_is_known() -> None:
    traces = Traces.plain(times([0, 60, 60 + 121, 240]), np.array([0.0, 10.0, 30.0, 40.0]), 60 * MINUTE_US)
    assert hourly(traces, 4) == [10, None, None, None]
    start, end = times([0, 240])
    four_hours = consumed(traces, RULE, np.array([1]), np.array([start]), np.array([end]))
    assert four_hours.tolist() == [40]
    spread = Traces.plain(times([0, 60, 180, 240]), np.array([0.0, 10.0, 30.0, 40.0]), 60 * MINUTE_US)
    assert hourly(spread, 4) == [10, 10, 10, 10]


def test_a_step_that_holds_an_unknown_amount_is_unknown_and_the_next_is_not() -> None:
    traces = every(30, [100.0, 102.0, 104.0, 90_000.0, 90_002.0, 90_004.0, 90_006.0])
    assert hourly(traces, 3) == [4, None, 4]


def test_series_are_read_each_for_itself() -> None:
    one = every(60, [0.0, 10.0, 0.0, 20.0])
    two = replace(one, series=np.array([1, 1, 7, 7]), times=times([0, 60, 0, 60]))
    starts = times([0, 0, 0])
    found = consumed(two, RULE, np.array([1, 7, 4]), starts, starts + HOUR_US)
    assert found.tolist()[:2] == [10, 20]
    assert np.isnan(found[2])


def test_gain_scales_what_was_consumed_and_shift_does_not() -> None:
    traces = replace(every(60, [0.0, 10.0, 30.0]), gain=np.full(3, 2.0), shift=np.array([0.0, 500.0, 500.0]))
    assert hourly(traces, 2) == [20, 40]


def test_an_index_without_a_limit_of_growth_is_followed_too() -> None:
    values = [5.0, 4_000_000.0, 4_000_001.0, 1.0]
    flags = flags_of("pulses_1_total", every(60, values))
    assert flags == [NO_FLAG, NO_FLAG, NO_FLAG, Flag.RESET]


@given(
    st.lists(st.floats(0, 80, width=32), min_size=2, max_size=60),
    st.lists(st.integers(1, 110), min_size=1, max_size=60),
)
def test_what_steps_consumed_adds_up_to_what_the_index_grew_by(growth: list[float], minutes: list[int]) -> None:
    at = np.cumsum([0, *[minutes[number % len(minutes)] for number in range(len(growth) - 1)]])
    traces = Traces.plain(times(at.tolist()), np.cumsum(growth), 60 * MINUTE_US)
    bounds = np.linspace(traces.times[0], traces.times[-1], 8).astype(np.int64)
    each = consumed(traces, RULE, np.ones(7, dtype=np.int64), bounds[:-1], bounds[1:])
    assert each.sum() == pytest.approx(sum(growth[1:]), abs=1e-3)
    assert (each >= 0).all()
