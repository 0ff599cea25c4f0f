"""What a quality rule says: how far a metric moves, rests and can be trusted. The rows are in `core.quality.rules`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from core.columns import Floats, Ints, Mask
from core.metrics import METRICS, Nature
from core.quality.traces import HOUR_US, NEAR_INTERVALS, NEAR_US_MAX
from core.readings import Flag, Quality

_SUSPECT, _BAD, _GOOD = Quality.SUSPECT, Quality.BAD, Quality.GOOD
SEVERITY: Mapping[Flag, Quality] = MappingProxyType(
    {
        Flag.BOUNDS: _SUSPECT,
        Flag.STEP: _SUSPECT,
        Flag.STUCK: _BAD,
        Flag.SPIKE: _BAD,
        Flag.STALE: _GOOD,
        Flag.UNCALIBRATED: _SUSPECT,
        Flag.DUPLICATE_TIME: _SUSPECT,
        Flag.CLOCK: _GOOD,
        Flag.RESET: _GOOD,
        Flag.ROLL_OVER: _GOOD,
        Flag.BACK_STEP: _SUSPECT,
    }
)
"""What each flag says of a value, where a metric's row says nothing else. What is bad is left out of means,
forecasts and decisions; what is suspect counts and is shown as such."""
STUCK_INTERVALS = 12
"""A run is stuck after so many expected intervals at least, however short the metric's own time is."""
LINK_US_MAX = 24 * HOUR_US
"""Readings of an index that lie further apart carry no flag of how they follow each other."""
METER_CAPACITIES = (*(10.0**digits for digits in range(4, 10)), 2**32 / 1_000, 2.0**32)
"""Where indexes begin again: registers of 4 to 9 digits, and 32-bit counters of Wh, litres or pulses."""


@dataclass(frozen=True, slots=True)
class QualityRule:
    """What may be true of a metric; every amount is in its stored unit.

    Parameters
    ----------
    low, high
        What it shows in practice, both allowed; outside, a reading carries ``bounds``.
    step, fastest_per_minute
        A change of ``step + fastest_per_minute * minutes`` to the reading before is possible; more is a ``step``. Of
        an index: how much it can grow. None: any change is possible.
    spike
        A lone reading that leaves its neighbours by more is a ``spike``. None: such readings are nothing odd.
    share
        Both grow by this share of the smaller of the two values: levels that differ from place to place.
    stuck_hours
        A run of equal values is ``stuck`` after so long, and after `STUCK_INTERVALS` expected intervals. None: never.
    tolerance
        Values so close are equal.
    rests
        Ranges (both ends included) in which it may stay for ever.
    calibration_days_max
        How long a calibration holds. None: it needs none.
    back_step
        Of an index: going back so little is no reset.
    severity
        What flags say of this metric, where it differs from `SEVERITY`.
    why
        Where the figures come from.
    """

    metric: str
    low: float
    high: float
    why: str
    step: float | None = None
    fastest_per_minute: float = 0.0
    spike: float | None = None
    share: float = 0.0
    stuck_hours: float | None = None
    tolerance: float = 0.0
    rests: tuple[tuple[float, float], ...] = ()
    calibration_days_max: int | None = None
    back_step: float = 0.0
    severity: Mapping[Flag, Quality] = field(default_factory=dict)

    def __post_init__(self) -> None:
        metric = METRICS[self.metric]
        if not metric.low <= self.low < self.high <= metric.high:
            raise ValueError(f"{self.metric}: what is seen in practice goes beyond what is possible")

    def allowed(self, amount: float | Floats, value: Floats, other: Floats) -> Floats:
        """Return how far two values may differ: ``amount``, and the share of the smaller of them."""
        return amount + self.share * np.minimum(np.abs(value), np.abs(other))

    def rests_at(self, value: Floats) -> Mask:
        """Return where a value is one that the metric may stay at for ever."""
        resting = np.zeros(len(value), dtype=np.bool_)
        for low, high in self.rests:
            resting |= (value >= low) & (value <= high)
        return resting

    def severity_of(self, flag: Flag) -> Quality:
        """Return what a flag says of a reading of this metric."""
        return self.severity.get(flag, SEVERITY[flag])

    def stuck_after(self, interval: Ints) -> Ints:
        """Return how long equal values last, microseconds, until they are stuck, by the expected interval."""
        assert self.stuck_hours is not None, "only a metric that can be stuck is asked"
        capped: Ints = np.minimum(interval, NEAR_US_MAX)
        after: Ints = np.maximum(np.int64(self.stuck_hours * HOUR_US), STUCK_INTERVALS * capped)
        return after

    def reach(self, interval_us: int) -> int:
        """Return how far apart, in microseconds, two readings may be of which one moves the other's flags."""
        if METRICS[self.metric].nature is Nature.INDEX:
            return LINK_US_MAX + NEAR_US_MAX
        near = min(NEAR_INTERVALS * interval_us, NEAR_US_MAX)
        stuck = 0
        if self.stuck_hours is not None:
            stuck = int(self.stuck_after(np.array([interval_us]))[0]) + near
        return max(2 * near, stuck)
