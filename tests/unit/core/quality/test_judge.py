"""Judging readings of levels and counts: each flag beside the neighbour that does not carry it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_traces import every, flags_of, times, where

from core.quality.judge import judge, qualities
from core.quality.rule import SEVERITY
from core.quality.rules import QUALITY_RULES
from core.quality.traces import DAY_US, MINUTE_US, Traces
from core.readings import ARRIVAL_FLAGS, NO_FLAG, Flag, Quality

ROOM = [620.0, 640.0, 655.0, 660.0, 690.0, 700.0]


def test_a_usual_day_carries_no_flag() -> None:
    assert flags_of("co2_ppm", every(10, ROOM)) == [NO_FLAG] * 6


@pytest.mark.parametrize(("value", "flagged"), [(379.0, True), (380.0, False), (5_000.0, False), (5_001.0, True)])
def test_bounds_are_what_the_metric_shows_in_practice(value: float, flagged: bool) -> None:  # noqa: FBT001
    assert (Flag.BOUNDS in flags_of("co2_ppm", every(10, [value]))[0]) is flagged


def test_a_lone_reading_that_leaves_both_neighbours_is_a_spike_and_the_one_after_it_no_step() -> None:
    flags = flags_of("temperature_c", every(10, [20.0, 20.2, 45.0, 20.3, 20.4]))
    assert flags == [NO_FLAG, NO_FLAG, Flag.SPIKE, NO_FLAG, NO_FLAG]


def test_a_spike_downwards_is_one_too() -> None:
    assert where(flags_of("power_kw", every(60, [80.0, 90.0, 1.0, 85.0])), Flag.SPIKE) == [2]


def test_what_does_not_come_back_is_a_step() -> None:
    flags = flags_of("temperature_c", every(10, [20.0, 20.2, 45.0, 45.1, 45.2]))
    assert flags == [NO_FLAG, NO_FLAG, Flag.STEP, NO_FLAG, NO_FLAG]


def test_the_newest_reading_is_a_step_until_the_next_shows_a_spike() -> None:
    values = [20.0, 20.2, 45.0, 20.3]
    assert flags_of("temperature_c", every(10, values[:3]))[2] == Flag.STEP
    assert flags_of("temperature_c", every(10, values))[2] == Flag.SPIKE


def test_the_longer_the_silence_the_further_a_value_may_have_moved() -> None:
    def jump(minutes: float) -> list[Flag]:
        traces = Traces.plain(times([0, minutes]), np.array([15.0, 31.0]), 10 * MINUTE_US)
        return flags_of("temperature_c", traces)

    assert jump(10)[1] == Flag.STEP
    assert jump(25)[1] == NO_FLAG


def test_readings_too_far_apart_are_no_neighbours() -> None:
    values = np.array([20.0, 45.0, 20.0])
    near = Traces.plain(times([0, 30, 60]), values, 10 * MINUTE_US)
    far = Traces.plain(times([0, 31, 62]), values, 10 * MINUTE_US)
    assert flags_of("temperature_c", near)[1] == Flag.SPIKE
    assert flags_of("temperature_c", far) == [NO_FLAG] * 3


def test_series_beside_each_other_do_not_meet() -> None:
    one = every(10, [20.0, 20.0, 45.0, 45.0])
    two = replace(one, series=np.array([1, 1, 2, 2]))
    assert flags_of("temperature_c", two) == [NO_FLAG] * 4


@pytest.mark.parametrize(("readings", "stuck"), [(36, False), (37, True)])
def test_equal_values_for_six_hours_are_stuck_all_of_them(readings: int, stuck: bool) -> None:  # noqa: FBT001
    flags = flags_of("co2_ppm", every(10, [600.0, *[655.0] * readings, 660.0]))
    assert where(flags, Flag.STUCK) == (list(range(1, readings + 1)) if stuck else [])


def test_a_slow_series_is_stuck_after_twelve_of_its_own_intervals() -> None:
    assert where(flags_of("co2_ppm", every(120, [655.0] * 12)), Flag.STUCK) == []
    assert where(flags_of("co2_ppm", every(120, [655.0] * 13)), Flag.STUCK) == list(range(13))


def test_a_silence_ends_a_run_of_equal_values() -> None:
    minutes = [number * 10.0 + (600 if number >= 20 else 0) for number in range(40)]
    traces = Traces.plain(times(minutes), np.full(40, 655.0), 10 * MINUTE_US)
    assert where(flags_of("co2_ppm", traces), Flag.STUCK) == []


def test_a_metric_may_rest_where_its_row_says_so() -> None:
    assert flags_of("co2_ppm", every(10, [400.0] * 100)) == [NO_FLAG] * 100
    assert flags_of("fill_ratio", every(60, [0.4] * 300)) == [NO_FLAG] * 300
    assert flags_of("occupied", every(15, [1.0] * 300)) == [NO_FLAG] * 300


def test_a_counter_is_dead_after_a_day_of_zeros_but_not_after_a_night() -> None:
    night = [12.0, *[0.0] * 12, 30.0]
    assert flags_of("bikes_count", every(60, night)) == [NO_FLAG] * 14
    assert where(flags_of("bikes_count", every(60, [0.0] * 25)), Flag.STUCK) == list(range(25))


def test_arrival_flags_stay_as_they_are_and_the_others_are_judged_again() -> None:
    stored = np.array([int(Flag.STALE | Flag.STEP), int(Flag.DUPLICATE_TIME), int(Flag.CLOCK | Flag.SPIKE)])
    traces = replace(every(10, ROOM[:3]), flags=stored)
    assert flags_of("co2_ppm", traces) == [Flag.STALE, Flag.DUPLICATE_TIME, Flag.CLOCK]


def test_uncalibrated_after_the_metrics_own_time_and_not_before() -> None:
    traces = every(10, [40.0, 41.0])
    days = QUALITY_RULES["no2_ugm3"].calibration_days_max
    assert days == 365
    aged = replace(traces, calibrated_at=traces.times[:1].repeat(2) - days * DAY_US)
    assert flags_of("no2_ugm3", aged) == [NO_FLAG, Flag.UNCALIBRATED]
    assert flags_of("no2_ugm3", traces) == [NO_FLAG] * 2
    assert flags_of("temperature_c", aged) == [NO_FLAG] * 2


def test_a_change_of_calibration_is_no_jump() -> None:
    traces = replace(every(10, [20.0, 20.1, 20.2, 20.3]), shift=np.array([0.0, 0.0, 25.0, 25.0]))
    assert flags_of("temperature_c", traces) == [NO_FLAG] * 4


def test_values_are_judged_as_calibrated() -> None:
    traces = replace(every(10, [400.0, 405.0]), shift=np.array([0.0, -40.0]))
    assert flags_of("co2_ppm", traces) == [NO_FLAG, Flag.BOUNDS]


def test_quality_is_the_worst_that_the_flags_say() -> None:
    rule = QUALITY_RULES["temperature_c"]
    each = [NO_FLAG, Flag.STALE, Flag.BOUNDS, Flag.SPIKE, Flag.SPIKE | Flag.BOUNDS, Flag.DUPLICATE_TIME]
    said = qualities(every(10, [20.0] * 6), np.array([int(flag) for flag in each]), rule)
    assert [Quality(one) for one in said.tolist()] == [
        Quality.GOOD,
        Quality.GOOD,
        Quality.SUSPECT,
        Quality.BAD,
        Quality.BAD,
        Quality.SUSPECT,
    ]


def test_a_spike_of_particles_may_be_true_and_is_only_suspect() -> None:
    traces = every(10, [12.0, 12.0, 400.0, 13.0])
    rule = QUALITY_RULES["pm25_ugm3"]
    flags = judge(traces, rule)
    assert Flag(int(flags[2])) == Flag.SPIKE
    assert qualities(traces, flags, rule).tolist() == [0, 0, 1, 0]


def test_what_a_calibration_makes_impossible_is_bad() -> None:
    traces = replace(every(10, [0.5, 0.5]), gain=np.array([1.0, 3.0]))
    rule = QUALITY_RULES["humidity_ratio"]
    flags = judge(traces, rule)
    assert Flag(int(flags[1])) == Flag.BOUNDS
    assert qualities(traces, flags, rule).tolist() == [int(Quality.GOOD), int(Quality.BAD)]


def test_every_flag_has_a_severity() -> None:
    assert set(SEVERITY) == set(Flag)
    assert all(SEVERITY[flag] in {Quality.GOOD, Quality.SUSPECT} for flag in ARRIVAL_FLAGS)


def test_nothing_is_judged_of_nothing() -> None:
    for metric in QUALITY_RULES:
        assert flags_of(metric, every(10, [])) == []
