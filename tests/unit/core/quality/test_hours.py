"""Hourly roll-ups from readings."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_traces import every, times

from core.columns import Ints
from core.quality.hours import Hours, roll_up
from core.quality.rules import QUALITY_RULES
from core.quality.traces import HOUR_US, MINUTE_US, Traces

GOOD, SUSPECT, BAD = 0, 1, 2


def rolled(traces: Traces, quality: list[int] | None = None, metric: str = "co2_ppm") -> Hours:
    said: Ints = np.array(quality if quality is not None else [GOOD] * len(traces), dtype=np.int64)
    return roll_up(traces, said, QUALITY_RULES[metric])


def slots(minutes: list[float], interval_minutes: int = 10) -> list[int]:
    """Return the slots that readings fill, hour by hour."""
    traces = Traces.plain(times(minutes), np.full(len(minutes), 500.0), interval_minutes * MINUTE_US)
    found: list[int] = rolled(traces).slots.tolist()
    return found


def row(hours: Hours, number: int) -> dict[str, Any]:
    """Return one roll-up by the names of its columns."""
    return {one.name: getattr(hours, one.name)[number].item() for one in fields(hours)}


def test_an_hour_is_counted_averaged_and_bounded() -> None:
    hours = rolled(every(20, [500.0, 560.0, 530.0, 600.0]))
    assert hours.hours.tolist() == times([0, 60]).tolist()
    assert row(hours, 0) | {"increment": None, "known_s": None} == {
        "series": 1,
        "hours": times([0])[0],
        "count": 3,
        "good": 3,
        "slots": 3,
        "mean": 530,
        "low": 500,
        "high": 560,
        "last": 530,
        "increment": None,
        "known_s": None,
    }
    assert row(hours, 1)["mean"] == 600


def test_bad_readings_count_and_weigh_nothing_suspect_ones_weigh() -> None:
    hours = rolled(every(20, [500.0, 9_000.0, 600.0]), [SUSPECT, BAD, GOOD])
    assert (hours.count[0], hours.good[0], hours.slots[0]) == (3, 1, 2)
    assert (hours.mean[0], hours.low[0], hours.high[0], hours.last[0]) == (550, 500, 600, 600)


def test_an_hour_of_bad_readings_has_no_values_and_never_zero() -> None:
    hours = rolled(every(20, [500.0, 500.0]), [BAD, BAD])
    assert (hours.count[0], hours.good[0], hours.slots[0]) == (2, 0, 0)
    assert np.isnan([hours.mean[0], hours.low[0], hours.high[0], hours.last[0]]).all()


def test_an_hour_without_a_reading_is_absent() -> None:
    traces = Traces.plain(times([0, 130]), np.array([500.0, 510.0]), 10 * MINUTE_US)
    assert rolled(traces).hours.tolist() == times([0, 120]).tolist()


def test_values_are_calibrated() -> None:
    traces = replace(every(30, [500.0, 510.0]), gain=np.array([1.0, 1.0]), shift=np.array([-20.0, -20.0]))
    assert rolled(traces).mean.tolist() == [485]


def test_an_index_has_what_it_grew_by_a_count_its_sum_and_others_no_increment() -> None:
    traces = every(30, [100.0, 105.0, 112.0])
    assert np.isnan(rolled(traces).increment).all()
    assert rolled(traces, metric="electricity_kwh").increment[0] == 12
    assert rolled(traces, metric="bikes_count").increment.tolist() == [205, 112]
    bad = rolled(traces, [GOOD, BAD, BAD], metric="bikes_count").increment
    assert bad[0] == 100
    assert np.isnan(bad[1])


def test_a_state_has_its_share_of_the_time_that_it_was_known() -> None:
    hours = rolled(every(15, [1.0, 0.0, 0.0, 1.0]), metric="occupied")
    assert hours.mean.tolist() == [0.5, 1]
    assert hours.known_s.tolist() == [3_600, 1_800]
    assert (hours.count.tolist(), hours.slots.tolist()) == ([4, 0], [4, 0])
    assert (hours.low.tolist(), hours.high.tolist(), hours.last.tolist()) == ([0, 1], [1, 1], [1, 1])


def test_a_bad_state_tells_nothing_and_the_one_before_it_holds_on() -> None:
    hours = rolled(every(30, [1.0, 0.0, 0.0]), [GOOD, BAD, BAD], metric="occupied")
    assert hours.mean.tolist() == [1, 1]
    assert (hours.known_s.tolist(), hours.count.tolist()) == ([3_600, 1_800], [2, 1])
    silent = rolled(every(30, [1.0]), [BAD], metric="occupied")
    assert silent.count.tolist() == [1]
    assert np.isnan([silent.mean, silent.known_s]).all()


def test_only_a_state_says_for_how_long_it_was_known() -> None:
    assert np.isnan(rolled(every(20, [500.0, 560.0])).known_s).all()


def test_series_beside_each_other_are_rolled_up_each_for_itself() -> None:
    traces = replace(every(20, [500.0, 560.0, 700.0]), series=np.array([1, 1, 2]), times=times([0, 20, 20]))
    hours = rolled(traces)
    assert hours.series.tolist() == [1, 2]
    assert hours.mean.tolist() == [530, 700]
    assert hours.slots.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("minutes", "filled"),
    [
        ([0, 10, 20, 30, 40, 50], [6]),
        ([7, 17, 27, 37, 47, 57], [5]),  # nothing stood for the first seven minutes
        ([-3, 7, 17, 27, 37, 47, 57], [0, 6]),
        ([0, 10.1, 19.9, 30.2, 39.8, 50.1], [6]),  # some seconds early or late
        ([0, 10, 30, 40, 50], [5]),
        ([0, 0.1, 0.2, 10, 10.1, 10.2], [2]),  # repeated
        ([float(minute) for minute in range(60)], [6]),  # more often than it should
        ([0, 10, 20], [3]),
    ],
)
def test_slots_are_the_intervals_that_readings_stand_for(minutes: list[float], filled: list[int]) -> None:
    assert slots(minutes) == filled


def test_slots_of_intervals_that_do_not_divide_an_hour() -> None:
    assert slots([0, 7, 14, 21, 28, 35, 42, 49, 56], 7) == [9]
    assert slots([0, 25, 50, 75, 100], 25) == [2, 2]


def test_a_series_that_speaks_less_than_once_an_hour_fills_a_slot_where_it_speaks() -> None:
    assert slots([0, 240, 245, 480], 240) == [1, 1, 1]


@given(st.lists(st.integers(0, 599), min_size=1, max_size=80, unique=True), st.sampled_from([1, 7, 10, 15, 60]))
def test_an_hour_is_never_more_than_complete(minutes: list[int], interval: int) -> None:
    traces = Traces.plain(times(sorted(minutes)), np.zeros(len(minutes)), interval * MINUTE_US)
    hours = rolled(traces)
    assert (hours.slots >= 0).all()
    assert (hours.slots <= round(60 / interval)).all()
    assert hours.count.sum() == len(minutes)
    assert (hours.hours % HOUR_US == 0).all()
