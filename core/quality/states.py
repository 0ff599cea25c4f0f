"""States over time: what was read holds until the next reading, for a bounded time; what follows is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from core.columns import Floats, Ints, Mask
from core.quality.traces import HOUR_US

HOLD_INTERVALS = 3
"""A state holds for so many expected intervals at most: a series is silent after as many (`core.metrics.Metric`)."""
HOLD_US_MAX = 72 * HOUR_US
"""And never longer: three times a day, the slowest life sign of a bay sensor that speaks at each change."""


def hold_us(interval: Ints) -> Ints:
    """Return how long a state holds at most, by the expected interval of its series; both in microseconds."""
    held: Ints = np.minimum(HOLD_INTERVALS * interval, HOLD_US_MAX)
    return held


@dataclass(frozen=True, eq=False)
class Holds:
    """Stretches of time in which the state of a series was known, ``[start, end)``, none over another.

    In order of series and start; instants are microseconds since `core.clock.EPOCH`.
    """

    series: Ints
    starts: Ints
    ends: Ints
    values: Floats

    @classmethod
    def of(cls, series: Ints, times: Ints, values: Floats, interval: Ints) -> Self:
        """Return how long each reading held: until the next of its series, `hold_us` at most.

        Parameters
        ----------
        series, times, values
            Readings that are not bad, in order of series and time, no two of a series at one instant.
        interval
            Expected time to the series' next reading, microseconds, beside each.
        """
        ends = times + hold_us(interval)
        same = series[1:] == series[:-1]
        ends[:-1][same] = np.minimum(ends[:-1], times[1:])[same]
        return cls(series, times, ends, values)

    def within(self, start: int, end: int) -> Self:
        """Return what lies in ``[start, end)``, cut at both."""
        starts, ends = np.maximum(self.starts, start), np.minimum(self.ends, end)
        some: Mask = starts < ends
        return type(self)(self.series[some], starts[some], ends[some], self.values[some])


@dataclass(frozen=True, eq=False)
class Shares:
    """What states come to, step by step: one element of each column per step of a series in which it was known.

    Parameters
    ----------
    starts
        Of the steps, microseconds since `core.clock.EPOCH`, on the grid that begins there; ascending within a series.
    known_us
        Time of the step in which the state was known, microseconds, above 0.
    mean
        Share of the known time: of 0 and 1, how much of it was 1.
    low, high, last
        Of what was read or held in the step.
    """

    series: Ints
    starts: Ints
    known_us: Ints
    mean: Floats
    low: Floats
    high: Floats
    last: Floats

    def __len__(self) -> int:
        return len(self.starts)


def shares(holds: Holds, step_us: int) -> Shares:
    """Return the time-weighted states of each step of ``step_us`` microseconds that a hold touches.

    At most one element more per hold than there are steps from the first hold to the last.
    """
    first, last = holds.starts // step_us, (holds.ends - 1) // step_us
    pieces = last - first + 1
    owner = np.repeat(np.arange(len(first)), pieces)
    if not len(owner):
        none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Shares(none, none, none, nothing, nothing, nothing, nothing)
    step = first[owner] + np.arange(len(owner)) - (np.cumsum(pieces) - pieces)[owner]
    begin = step * step_us
    lasted = np.minimum(holds.ends[owner], begin + step_us) - np.maximum(holds.starts[owner], begin)
    series, values = holds.series[owner], holds.values[owner]
    opens = np.append(True, (np.diff(step) != 0) | (np.diff(series) != 0))
    heads = np.flatnonzero(opens)
    tails = np.append(heads[1:], len(owner)) - 1
    known = np.add.reduceat(lasted, heads)
    weighed = np.bincount(np.cumsum(opens) - 1, weights=lasted * values)
    return Shares(
        series=series[heads],
        starts=begin[heads],
        known_us=known,
        mean=weighed / known,
        low=np.minimum.reduceat(values, heads),
        high=np.maximum.reduceat(values, heads),
        last=values[tails],
    )
