"""Faults laid over what sensors read: gaps, drift, stuck values, late and duplicate deliveries.

A fault's times are drawn for each sensor and day, so a sensor's metrics fail together. Values stay within the
bounds of their metric, nothing is delivered before it was observed, and a duplicate repeats the same value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.simulation.days import DAY_S, HOUR_S, SeededDay
from models.simulation.draws import draws
from models.simulation.traces import Trace, resolved

LATEST_HOURS = 6.0
"""How late a reading is delivered at most: everything is, within a day of its observation."""
RECALIBRATION_DAYS = 60
RENEWAL_DAYS = 40


class FaultKind(StrEnum):
    """What goes wrong."""

    DRIFT = "drift"
    """Values grow by ``size`` (a ratio) per day, until the sensor is calibrated anew every 60 days."""
    STUCK = "stuck"
    """The value stays for up to ``size`` hours as it was."""
    GAP = "gap"
    """The sensor is off for up to ``size`` hours: what it would have read is lost."""
    LATE = "late"
    """The network is away for up to ``size`` hours: readings come when it is back."""
    DUPLICATE = "duplicate"
    """A share of ``size`` of the day's messages is published again, seconds to minutes later."""
    DRAIN = "drain"
    """The cell leaks: its voltage falls by ``size`` a day, until it is renewed every 40 days."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one sensor.

    Parameters
    ----------
    chance
        Share of days on which it happens, 0 to 1; drift and drain go on every day.
    size
        As its kind says.
    """

    external_id: str
    kind: FaultKind
    chance: float
    size: float

    def __post_init__(self) -> None:
        longest = _LONGEST.get(self.kind, 1.0)
        if not (0 <= self.chance <= 1 and 0 < self.size <= longest):
            raise ValueError(f"fault {self.kind} of {self.external_id}: chance {self.chance:g}, size {self.size:g}")

    def span(self, day: SeededDay) -> tuple[float, float] | None:
        """Return when it begins and ends on this day (seconds since 1970), or None on a good day."""
        draw = draws(day.seed, self.external_id, self.kind, day.ordinal)
        happens, length, place = draw.random(3)
        if happens >= self.chance:
            return None
        length_s = self.size * HOUR_S * (0.3 + 0.7 * length)
        start_s = day.start_s + place * (DAY_S - length_s)
        return start_s, start_s + length_s


def with_faults(trace: Trace, faults: Iterable[Fault], day: SeededDay) -> Trace:
    """Return the trace as it is delivered by a sensor with these faults."""
    order = list(_EFFECTS)
    for fault in sorted(faults, key=lambda fault: order.index(fault.kind)):
        trace = _EFFECTS[fault.kind](trace, fault, day)
    return trace


def _drift(trace: Trace, fault: Fault, day: SeededDay) -> Trace:
    grown = trace.values * (1 + fault.size * (day.ordinal % RECALIBRATION_DAYS))
    return replace(trace, values=resolved(trace.metric, grown))


def _drain(trace: Trace, fault: Fault, day: SeededDay) -> Trace:
    if trace.metric != "battery_v":
        return trace
    return replace(trace, values=resolved(trace.metric, trace.values - fault.size * (day.ordinal % RENEWAL_DAYS)))


def _stuck(trace: Trace, fault: Fault, day: SeededDay) -> Trace:
    within = _within(trace, fault, day)
    if not within.any():
        return trace
    return replace(trace, values=np.where(within, trace.values[within.argmax()], trace.values))


def _gap(trace: Trace, fault: Fault, day: SeededDay) -> Trace:
    kept = ~_within(trace, fault, day)
    return replace(trace, observed_s=trace.observed_s[kept], delay_s=trace.delay_s[kept], values=trace.values[kept])


def _late(trace: Trace, fault: Fault, day: SeededDay) -> Trace:
    span = fault.span(day)
    if span is None:
        return trace
    sent_s = trace.observed_s + trace.delay_s
    held = (sent_s >= span[0]) & (sent_s < span[1])
    # Back on the network, a sensor empties its memory one message a second, the oldest first.
    released_s = int(np.ceil(span[1])) + np.cumsum(held)
    return replace(trace, delay_s=np.where(held, released_s - trace.observed_s, trace.delay_s))


def _duplicate(trace: Trace, fault: Fault, day: SeededDay) -> Trace:
    draw = draws(day.seed, fault.external_id, fault.kind, day.ordinal)
    if draw.random() >= fault.chance:
        return trace
    chosen, again_s = draw.random((2, len(trace.values)))
    twice = chosen < fault.size
    return replace(
        trace,
        observed_s=np.concatenate([trace.observed_s, trace.observed_s[twice]]),
        delay_s=np.concatenate([trace.delay_s, (trace.delay_s + 5 + (115 * again_s).astype(np.int64))[twice]]),
        values=np.concatenate([trace.values, trace.values[twice]]),
    )


def _within(trace: Trace, fault: Fault, day: SeededDay) -> NDArray[np.bool_]:
    start_s, end_s = fault.span(day) or (0.0, 0.0)
    return (trace.observed_s >= start_s) & (trace.observed_s < end_s)


_LONGEST = {FaultKind.STUCK: 24.0, FaultKind.GAP: 24.0, FaultKind.LATE: LATEST_HOURS}
"""Hours of a fault, where its size is some."""
_EFFECTS: dict[FaultKind, Callable[[Trace, Fault, SeededDay], Trace]] = {
    FaultKind.DRIFT: _drift,
    FaultKind.DRAIN: _drain,
    FaultKind.STUCK: _stuck,
    FaultKind.GAP: _gap,
    FaultKind.LATE: _late,
    FaultKind.DUPLICATE: _duplicate,
}
"""In the order in which they act: the sensor's own faults before those of its network."""
