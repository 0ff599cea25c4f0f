"""Whatever the order of arrival, flags and roll-ups end as if all readings had been there from the start."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_traces import T0

from core.columns import Floats, Ints, to_microseconds
from core.quality.hours import Hours, roll_up
from core.quality.judge import judge, qualities
from core.quality.marks import codes_of, within
from core.quality.revise import Reach, revise
from core.quality.rules import QUALITY_RULES
from core.quality.traces import MINUTE_US, NEVER, Traces

# Values that are often equal, leap, fall back and reset: every rule has something to say of them.
VALUES = {
    "co2_ppm": [300.0, 410.0, 655.0, 655.0, 655.0, 660.0, 2_400.0, 5_200.0],
    "temperature_c": [20.0, 20.0, 20.1, 34.0, 60.0],
    "power_kw": [50.0, 50.0, 50.0, 0.0, 260.0, 900.0],
    "electricity_kwh": [0.0, 0.0, 3.0, 9_990.0, 9_999.0, 5_000.0, 5_001.0, 5_000.5, 5_002.0, 4e6],
    "bikes_count": [0.0, 0.0, 0.0, 12.0, 900.0],
    "occupied": [0.0, 1.0, 1.0, 5.0],
}
INTERVALS_MIN = [10, 30, 60, 150, 1_440]


class Town:
    """Readings as a store keeps them: they arrive in batches, and what they touch is revised."""

    def __init__(self, metric: str, interval_min: int) -> None:
        self.rule = QUALITY_RULES[metric]
        self.interval_us = interval_min * MINUTE_US
        self.reach = Reach.of(self.rule, self.interval_us)
        self.traces = self.traces_of(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        self.quality: Ints = np.zeros(0, dtype=np.int64)
        self.hours: dict[int, tuple[Any, ...]] = {}

    def traces_of(self, series: Ints, times: Ints, values: Floats) -> Traces:
        """Return readings of sensors that nobody calibrated, as the store gives them before they were judged."""
        ones = np.ones(len(times), dtype=np.int64)
        gain, shift = np.ones(len(times)), np.zeros(len(times))
        return Traces(series, times, values, gain, shift, ones * NEVER, ones * self.interval_us, ones * 0)

    def take(self, arrived: Traces) -> None:
        """Take readings in, and revise the hours that they touch from no more than their context."""
        held = self.traces
        order = np.lexsort((np.append(held.times, arrived.times), np.append(held.series, arrived.series)))
        self.traces = Traces(
            *(np.append(getattr(held, one.name), getattr(arrived, one.name))[order] for one in fields(Traces))
        )
        self.quality = np.append(self.quality, np.zeros(len(arrived), dtype=np.int64))[order]
        touched = np.unique(codes_of(arrived.series, arrived.times))
        read = within(codes_of(self.traces.series, self.traces.times), touched, self.reach.context)
        found = revise(self.traces.taken(read), self.quality[read], self.rule, touched, self.reach)
        moved = np.flatnonzero(read)[found.moved]
        flags = self.traces.flags.copy()
        flags[moved], self.quality[moved] = found.flags[found.moved], found.quality[found.moved]
        self.traces = replace(self.traces, flags=flags)
        self.hours |= by_hour(found.hours)
        for code in found.empty.tolist():
            self.hours.pop(code, None)


def by_hour(hours: Hours) -> dict[int, tuple[Any, ...]]:
    columns = [getattr(hours, one.name).tolist() for one in fields(Hours)]
    rows = ((tuple(None if one != one else one for one in row)) for row in zip(*columns, strict=True))  # noqa: PLR0124 - NaN
    return dict(zip(codes_of(hours.series, hours.hours).tolist(), rows, strict=True))


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[str, int, list[list[tuple[int, int, float]]]]:
    """Draw a metric, an interval and batches of (series, minute, value), no instant of a series twice."""
    metric = draw(st.sampled_from(sorted(VALUES)))
    interval = draw(st.sampled_from(INTERVALS_MIN))
    count = draw(st.integers(1, 90))
    jumps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 2, 4, 40]), min_size=count, max_size=count))
    minutes = np.cumsum(jumps) * interval + draw(st.integers(0, 59))
    picks = draw(st.lists(st.sampled_from(VALUES[metric]), min_size=count, max_size=count))
    runs = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    for place in range(1, count):
        picks[place] = picks[place - 1] if runs[place] else picks[place]
    readings = [
        (1 + place % 2, int(minute), value) for place, (minute, value) in enumerate(zip(minutes, picks, strict=True))
    ]
    shuffled = draw(st.permutations(readings))
    size = draw(st.integers(1, count))
    return metric, interval, [list(shuffled[start : start + size]) for start in range(0, count, size)]


@settings(max_examples=150, deadline=None)
@given(arrivals())
def test_the_order_of_arrival_changes_nothing(drawn: tuple[str, int, list[list[tuple[int, int, float]]]]) -> None:
    metric, interval, batches = drawn
    town = Town(metric, interval)
    for batch in batches:
        rows = sorted(batch)
        series, minutes = (np.array([row[column] for row in rows], dtype=np.int64) for column in (0, 1))
        values = np.array([row[2] for row in rows])
        town.take(town.traces_of(series, to_microseconds(T0) + minutes * MINUTE_US, values))
    flags = judge(town.traces, town.rule)
    quality = qualities(town.traces, flags, town.rule)
    assert town.traces.flags.tolist() == flags.tolist()
    assert town.quality.tolist() == quality.tolist()
    whole = by_hour(roll_up(town.traces, quality, town.rule))
    assert town.hours.keys() == whole.keys()
    for code, row in whole.items():
        assert town.hours[code] == pytest.approx(row), code
