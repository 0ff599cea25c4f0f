"""Traces: readings of several series of one metric, laid side by side as columns, so that all are judged at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import numpy as np

from core.columns import Floats, Ints, Mask

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
NEVER = -(2**62)
"""An instant before all others: of what did not happen yet."""
NEAR_US_MAX = 6 * HOUR_US
NEAR_INTERVALS = 3
"""Readings are neighbours when three expected intervals lie between them at most, and never over six hours."""


@dataclass(frozen=True, eq=False)
class Traces:
    """Readings of series of one metric, in order of series and time; one element of each column is one reading.

    Parameters
    ----------
    series
        Id of the series; ascending.
    times
        When it was observed, microseconds since `core.clock.EPOCH`; ascending within a series, no two equal.
    raw
        As it came, in the metric's stored unit.
    gain, shift
        Its calibration: ``measured = raw * gain + shift``.
    calibrated_at
        Start of the calibration that holds, or of the series' life; `NEVER` where neither is known.
    interval
        Expected time to the series' next reading, microseconds.
    flags
        As stored: the arrival flags are kept, the others judged again.
    """

    series: Ints
    times: Ints
    raw: Floats
    gain: Floats
    shift: Floats
    calibrated_at: Ints
    interval: Ints
    flags: Ints

    @classmethod
    def plain(cls, times: Ints, raw: Floats, interval_us: int) -> Self:
        """Return readings of one series as they come from a sensor that nobody calibrated."""
        ones = np.ones(len(times), dtype=np.int64)
        return cls(
            ones, times, raw, np.ones(len(times)), np.zeros(len(times)), ones * NEVER, ones * interval_us, ones * 0
        )

    def taken(self, wanted: Mask) -> Self:
        """Return the readings where ``wanted``."""
        return type(self)(*(getattr(self, column.name)[wanted] for column in fields(self)))

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def values(self) -> Floats:
        """Calibrated values, in the metric's stored unit."""
        return self.raw * self.gain + self.shift

    def calibrated_as(self, which: Ints, at: Ints) -> Floats:
        """Return the values of readings under the calibrations that hold for other readings, by their positions."""
        return self.raw[which] * self.gain[at] + self.shift[at]

    @cached_property
    def near(self) -> Ints:
        """How far apart neighbours may be, microseconds."""
        return np.minimum(NEAR_INTERVALS * self.interval, NEAR_US_MAX)

    @cached_property
    def since_previous(self) -> Ints:
        """Time since the reading before, microseconds; a very long one for the first of a series."""
        since = np.full(len(self), 2**62, dtype=np.int64)
        same = self.series[1:] == self.series[:-1]
        since[1:][same] = (self.times[1:] - self.times[:-1])[same]
        return since

    @cached_property
    def follows(self) -> Mask:
        """Whether a reading is a neighbour of the one before it."""
        return self.since_previous <= self.near
