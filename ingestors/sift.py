"""Sifting: which of a batch's observations are taken, with which flags, and which are refused. Pure; by arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.columns import MICROSECOND, Floats, Ints, Mask, to_microseconds
from core.metrics import METRICS
from core.readings import Arrival, Flag, Reason
from ingestors.decoders.frame import Observation, Refusal
from ingestors.pipeline import Examined
from ingestors.series import METRIC_NUMBERS
from ingestors.validate import OLDEST, Limits

_LOW = np.array([metric.low for metric in METRICS.values()])
_HIGH = np.array([metric.high for metric in METRICS.values()])
_OLDEST_US = to_microseconds(OLDEST)


@dataclass(frozen=True, slots=True)
class Sifted:
    """Observations of a batch as arrays of one length.

    Parameters
    ----------
    message
        Number of the message that each came in.
    metric
        Number in `ingestors.series.METRIC_NAMES`.
    observed_us
        Microseconds since `core.clock.EPOCH`.
    value
        In the metric's stored unit.
    flags
        Those that the arrival tells (`core.readings.Flag`).
    """

    message: Ints
    metric: Ints
    observed_us: Ints
    value: Floats
    flags: Ints

    def where(self, kept: Mask) -> Sifted:
        """Return those that ``kept`` is true for."""
        return Sifted(self.message[kept], self.metric[kept], self.observed_us[kept], self.value[kept], self.flags[kept])


def sift(examined: Sequence[Examined], limits: Limits, arrival: Arrival) -> Sifted:
    """Return the observations that are taken; the refusals of the others are added to their messages."""
    observations = [one for message in examined for one in message.observations]
    counts = [len(message.observations) for message in examined]
    received_us = np.array(_microseconds(message.kept.received_at for message in examined), np.int64)
    message = np.repeat(np.arange(len(examined)), counts)
    found = Sifted(
        message,
        np.array([METRIC_NUMBERS[one.metric.name] for one in observations], np.int64),
        np.array(_microseconds(one.observed_at for one in observations), np.int64),
        np.array([one.value for one in observations], np.float64),
        np.zeros(len(observations), np.int64),
    )
    ahead_us = found.observed_us - received_us[message]
    refused = np.zeros(len(observations), bool)
    for faulty, refusal_of in _faults(found, ahead_us, limits, arrival):
        # The first fault is the one that is told.
        for position in np.flatnonzero(faulty & ~refused):
            examined[message[position]].refuse_reading(refusal_of(observations[position]))
        refused |= faulty
    found.flags[ahead_us > limits.skew_max // MICROSECOND] |= Flag.CLOCK
    if arrival is Arrival.LIVE:
        found.flags[-ahead_us > limits.stale_max // MICROSECOND] |= Flag.STALE
    return found.where(~refused)


def _faults(
    found: Sifted, ahead_us: Ints, limits: Limits, arrival: Arrival
) -> Iterable[tuple[Mask, Callable[[Observation], Refusal]]]:
    """Yield each fault: which observations have it, and what is said of one that has."""
    # So written, what is no number is outside, too.
    yield ~((found.value >= _LOW[found.metric]) & (found.value <= _HIGH[found.metric])), _out_of_bounds
    ancient = found.observed_us < _OLDEST_US
    if arrival is Arrival.LIVE:
        ancient |= -ahead_us > limits.past_max // MICROSECOND
    yield ancient, _too_old
    yield ahead_us > limits.future_max // MICROSECOND, _in_future


def _out_of_bounds(one: Observation) -> Refusal:
    metric = one.metric
    said = f"{metric.name} {one.value:g} is outside {metric.low:g} to {metric.high:g} {metric.unit}"
    return Refusal(Reason.OUT_OF_BOUNDS, said.rstrip())


def _too_old(one: Observation) -> Refusal:
    return Refusal(Reason.TOO_OLD, f"{one.metric.name} observed at {one.observed_at.isoformat()}")


def _in_future(one: Observation) -> Refusal:
    return Refusal(Reason.IN_FUTURE, f"{one.metric.name} observed at {one.observed_at.isoformat()}")


def _microseconds(instants: Iterable[datetime]) -> list[int]:
    """Return instants as counts; the readings of one message most often share theirs, which is counted once."""
    counts: list[int] = []
    last: datetime | None = None
    count = 0
    for instant in instants:
        if instant is not last:
            last, count = instant, to_microseconds(instant)
        counts.append(count)
    return counts
