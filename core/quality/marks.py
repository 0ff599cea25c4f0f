"""Touched hours as numbers: which hours of which series are read, judged and rolled up again when some were touched.

An hour of a series is one number, its *code*: in order of series and hour, neighbours one apart, and hours of two
series never close to each other.
"""

from __future__ import annotations

import numpy as np

from core.columns import Ints, Mask
from core.metrics import Nature
from core.quality.traces import HOUR_US

_SERIES_BITS = 21
_HOUR_ZERO = 4_096
"""Room for hours before `core.clock.EPOCH`, which only a reach backwards can name; 2**21 hours last until 2238."""
_HOUR_MASK = 2**_SERIES_BITS - 1


def codes_of(series: Ints, times: Ints) -> Ints:
    """Return the codes of the hours that hold ``times``, microseconds since `core.clock.EPOCH`."""
    codes: Ints = (series << _SERIES_BITS) + times // HOUR_US + _HOUR_ZERO
    return codes


def series_of(codes: Ints) -> Ints:
    """Return the series of each code."""
    series: Ints = codes >> _SERIES_BITS
    return series


def hours_of(codes: Ints) -> Ints:
    """Return the start of each code's hour, in whole hours since `core.clock.EPOCH`."""
    hours: Ints = (codes & _HOUR_MASK) - _HOUR_ZERO
    return hours


def every_hour_of(series_id: int) -> tuple[Ints, Ints]:
    """Return the first and the last code that a series can have."""
    first = np.array([series_id << _SERIES_BITS], dtype=np.int64)
    return first, first + _HOUR_MASK


def within(codes: Ints, marks: Ints, hours: int) -> Mask:
    """Return which codes lie at most so many hours from a mark of their series; ``marks`` ascend."""
    if not len(marks):
        return np.zeros(len(codes), dtype=np.bool_)
    place = np.searchsorted(marks, codes)
    before = marks[np.maximum(place - 1, 0)]
    after = marks[np.minimum(place, len(marks) - 1)]
    close: Mask = (np.abs(codes - before) <= hours) | (np.abs(after - codes) <= hours)
    return close


def zones(marks: Ints, hours: int) -> tuple[Ints, Ints]:
    """Return first and last code of the runs of hours that lie at most ``hours`` from a mark; ``marks`` ascend."""
    apart = np.flatnonzero(np.diff(marks) > 2 * hours + 1)
    firsts = marks[np.append(0, apart + 1)] - hours
    lasts = marks[np.append(apart, len(marks) - 1)] + hours
    return firsts, lasts


def spread(codes: Ints, hours: range) -> Ints:
    """Return the codes that lie as many hours from one of ``codes`` as ``hours`` names, ascending, each once."""
    return np.unique(np.concatenate([codes + shift for shift in hours])) if len(codes) else codes


def portions(marks: Ints, hours: int, weight: Ints, weight_max: int) -> list[Ints]:
    """Cut marks into portions whose zones weigh ``weight_max`` each at most, beside the zone of one mark more.

    ``weight`` says what an hour of each mark's series weighs: how many readings it may hold.
    """
    added = np.minimum(np.diff(marks, prepend=marks[:1] - 2 * hours - 1), 2 * hours + 1)
    number = np.cumsum(added * weight) // weight_max
    return np.split(marks, np.flatnonzero(np.diff(number)) + 1)


_BACK = {Nature.INDEX: 2}
_AHEAD = {Nature.INDEX: 2}


def hours_moved(nature: Nature, held: int = 0) -> range:
    """Return the hours, counted from that of a reading, whose roll-ups it may move.

    A reading stands for the time until the next is expected, which may lie in the hour after; a state holds for
    ``held`` hours at most. An index is read at the bounds of hours, between readings up to
    `core.quality.indexes.SPREAD_US_MAX` apart.
    """
    return range(-_BACK.get(nature, 0), max(_AHEAD.get(nature, 1), held) + 1)
