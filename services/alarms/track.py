"""What a condition looks at: the readings of one series as columns, and what was known where they begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from core.alarms import Episode
from core.columns import Floats, Ints, Mask, to_microseconds
from core.metrics import Nature, metric_named
from core.quality.traces import NEVER
from core.readings import Flag, Quality
from services.alarms.rhythm import Rhythm

Small: TypeAlias = npt.NDArray[np.signedinteger[Any]]
_VALUE_DOUBTED = Flag.BOUNDS | Flag.STEP | Flag.STUCK | Flag.SPIKE | Flag.DUPLICATE_TIME | Flag.BACK_STEP
LINK_INTERVALS = 3
"""Readings of one run lie at most so many expected intervals apart: across a longer gap nothing is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Readings of one series, ascending, no two at one instant; one element of each column is one reading.

    Parameters
    ----------
    metric
        Name of the metric; ``value`` is in its stored unit.
    observed
        When each was true, microseconds since `core.clock.EPOCH`.
    value
        Calibrated.
    quality, flags
        As `core.readings.Quality` and `core.readings.Flag` number them.
    interval_us
        Expected time between two readings, microseconds, above 0.
    end_us
        Up to when it is known that nothing more had come, microseconds since `core.clock.EPOCH`; not before the last
        reading. Only silence, battery and completeness ask.
    expected_low, expected_high
        What was forecast for each reading before it came, p05 and p95 in the stored unit; NaN where nothing was.
    rhythm
        After how long the series is silent, as it was learnt.
    """

    metric: str
    observed: Ints
    value: Floats
    quality: Small
    flags: Small
    interval_us: int
    end_us: int
    expected_low: Floats | None = None
    expected_high: Floats | None = None
    rhythm: Rhythm = field(default_factory=Rhythm.unknown)

    @classmethod
    def plain(cls, metric: str, observed: Ints, value: Floats, interval_us: int) -> Self:
        """Return a track of good readings that ends with the last of them."""
        zeros = np.zeros(len(observed), dtype=np.int64)
        end_us = int(observed[-1]) if len(observed) else NEVER
        return cls(metric, observed, value, zeros, zeros, interval_us, end_us)

    def __len__(self) -> int:
        return len(self.observed)

    @property
    def nature(self) -> Nature:
        """How values of its metric combine."""
        return metric_named(self.metric).nature

    @property
    def link_us(self) -> int:
        """How far apart two readings of one run may be, microseconds."""
        return LINK_INTERVALS * self.interval_us

    def where(self, wanted: Mask) -> Self:
        """Return the readings where ``wanted``; the track itself where all are."""
        if wanted.all():
            return self
        low, high = self.expected_low, self.expected_high
        return replace(
            self,
            observed=self.observed[wanted],
            value=self.value[wanted],
            quality=self.quality[wanted],
            flags=self.flags[wanted],
            expected_low=None if low is None else low[wanted],
            expected_high=None if high is None else high[wanted],
        )

    def good(self) -> Self:
        """Return the readings that nothing but an overdue calibration speaks against: they alone raise and clear.

        A sensor that was not calibrated for a year still says that the air is bad.
        """
        overdue = (self.flags & int(Flag.UNCALIBRATED | _VALUE_DOUBTED)) == int(Flag.UNCALIBRATED)
        return self.where((self.quality == int(Quality.GOOD)) | ((self.quality == int(Quality.SUSPECT)) & overdue))


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where a replay begins, and what is known of before: enough for it to end as a replay of all readings would.

    A replay changes nothing before ``from_us``: the readings before it must be those that ``known`` was found from. Of
    these, the track holds as many as the condition's `Kind.lookback_us` says (or all there are).

    Parameters
    ----------
    from_us
        Microseconds since `core.clock.EPOCH`: nothing that was observed before it came, went or changed its quality
        since ``known`` was found. The earliest touched hour.
    known
        Episodes of this rule on this series, as they are stored, in any order: at least those that have no ``until``,
        or one at or after ``from_us`` less the condition's lookback. What the replay returns stands instead of them.
    heard_us
        When the newest reading before the track was observed; None where there is none, or the track holds it. Only
        silence asks.
    """

    from_us: int
    known: Sequence[Episode] = ()
    heard_us: int | None = None

    @classmethod
    def none(cls) -> Self:
        """Return the state in which nothing is known: all readings are replayed."""
        return cls(NEVER)

    def before(self) -> list[Episode]:
        """Return the known episodes that were confirmed before the replay begins, oldest first.

        The others rest on readings that are replayed.
        """
        found = [one for one in self.known if to_microseconds(one.confirmed_at) < self.from_us]
        return sorted(found, key=lambda one: one.since)
