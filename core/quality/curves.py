"""Curves: what a chart draws of a series, by arrays: so many points at most, no extreme lost, gaps as gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import numpy as np

from core.columns import MICROSECOND, Floats, Ints, Mask
from core.quality.states import Holds
from core.quality.steps import Steps

_LADDER_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)
"""Lengths that a person can read off an axis; they divide the day, so that points stay where they are when it moves."""


def readable_step(length: timedelta, points: int) -> timedelta:
    """Return the shortest readable step of which ``length`` holds ``points`` at most, one more at its edges."""
    wanted_s = length.total_seconds() / points
    return timedelta(seconds=next((step for step in _LADDER_S if step >= wanted_s), -(-wanted_s // 86_400) * 86_400))


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Points of one series, oldest first; NaN where nothing is known: there the line breaks.

    Parameters
    ----------
    times
        Microseconds since `core.clock.EPOCH`: of a reading, or the start of what a point stands for.
    mean, low, high, last
        Of what a point stands for; all the same of a single reading.
    """

    times: Ints
    mean: Floats
    low: Floats
    high: Floats
    last: Floats

    @classmethod
    def of_values(cls, times: Ints, values: Floats) -> Self:
        """Return readings, each a point."""
        return cls(times, values, values, values, values)

    @classmethod
    def of_steps(cls, steps: Steps) -> Self:
        """Return the steps of a series, each a point."""
        return cls(steps.starts, steps.mean, steps.low, steps.high, steps.last)

    @classmethod
    def of_holds(cls, holds: Holds) -> Self:
        """Return when a state began to hold, and when it ceased to be known."""
        broken = np.append(holds.ends[:-1] < holds.starts[1:], True)[: len(holds.ends)]
        return cls.of_values(holds.starts, holds.values).broken_at(broken, holds.ends)

    def __len__(self) -> int:
        return len(self.times)

    def taken(self, wanted: Mask) -> Self:
        """Return the points where ``wanted``."""
        times, *values = self._columns()
        return type(self)(times[wanted], *(column[wanted] for column in values))

    def gathered(self, owner: Ints, weight: Floats) -> Self:
        """Return one point for each run of equal ``owner``, at its first: means weighed, extremes kept."""
        if not len(self):
            return self
        opens = np.append(True, np.diff(owner) != 0)
        heads, group = np.flatnonzero(opens), np.cumsum(opens) - 1
        weighed = np.bincount(group, weights=weight * self.mean)
        return type(self)(
            self.times[heads],
            weighed / np.bincount(group, weights=weight),
            np.minimum.reduceat(self.low, heads),
            np.maximum.reduceat(self.high, heads),
            self.last[np.append(heads[1:], len(self)) - 1],
        )

    def with_gaps(self, longest: timedelta, length: timedelta) -> Self:
        """Return the curve broken wherever two points lie further apart than ``longest``.

        A gap begins ``length`` after the point before it: the length of what a point stands for.
        """
        apart = np.append(np.diff(self.times) > longest // MICROSECOND, False)[: len(self)]
        return self.broken_at(apart, self.times + length // MICROSECOND)

    def broken_at(self, after: Mask, at: Ints) -> Self:
        """Return the curve with a point of nothing behind each point where ``after``, at the instant beside it."""
        places = np.flatnonzero(after) + 1
        times, *values = self._columns()
        return type(self)(
            np.insert(times, places, at[after]), *(np.insert(column, places, np.nan) for column in values)
        )

    def _columns(self) -> tuple[Ints, Floats, Floats, Floats, Floats]:
        """Return all columns, the times first."""
        return self.times, self.mean, self.low, self.high, self.last
