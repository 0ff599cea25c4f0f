"""Hourly roll-ups: what a series' readings of an hour come to, from the readings themselves whenever they change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from core.columns import Floats, Ints, Mask
from core.metrics import Nature, metric_named
from core.quality.completeness import expected_slots
from core.quality.indexes import consumed
from core.quality.marks import codes_of, hours_of, series_of
from core.quality.rule import QualityRule
from core.quality.states import Holds, Shares, shares
from core.quality.traces import HOUR_US, Traces
from core.readings import Quality

SECOND_US = 1_000_000


@dataclass(frozen=True, eq=False)
class Hours:
    """Roll-ups, one element of each column per hour of a series, in order of series and hour.

    An hour without a reading has none, but for a state that an earlier reading tells: that hour counts 0 readings.

    Parameters
    ----------
    hours
        Start, microseconds since `core.clock.EPOCH`.
    count, good
        Readings, and those of good quality.
    slots
        How many of the expected intervals its readings stand for, those marked bad left out.
    mean
        Of calibrated values not marked bad; of a state, its share of the time in which it was known. NaN where there
        is none.
    low, high, last
        Of the same values; of a state, as read or held.
    increment
        Of an index: consumed in the hour, NaN where it is unknown. Of a count: its sum, NaN where all are bad. NaN for
        every other metric.
    known_s
        Of a state: seconds of the hour in which it was known, NaN where it never was; NaN for every other metric.
    """

    series: Ints
    hours: Ints
    count: Ints
    good: Ints
    slots: Ints
    mean: Floats
    low: Floats
    high: Floats
    last: Floats
    increment: Floats
    known_s: Floats

    @classmethod
    def none(cls) -> Self:
        """Return no hour at all."""
        none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        return cls(none, none, none, none, none, *[nothing] * 6)

    @classmethod
    def joined(cls, parts: Sequence[Hours]) -> Self:
        """Return the hours of several, which follow each other."""
        return cls(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls)))

    @property
    def codes(self) -> Ints:
        """Each hour as one number, as `core.quality.marks` does; ascending."""
        return codes_of(self.series, self.hours)

    def taken(self, wanted: Mask) -> Self:
        """Return the hours where ``wanted``."""
        return type(self)(*(getattr(self, column.name)[wanted] for column in fields(self)))

    def __len__(self) -> int:
        return len(self.hours)


def roll_up(traces: Traces, quality: Ints, rule: QualityRule) -> Hours:
    """Return the roll-up of each hour that has readings or in which one of a state holds.

    An hour's figures are final when the traces hold the readings around it, as far as
    `core.quality.marks.hours_moved` reaches.
    """
    if not len(traces):
        return Hours.none()
    nature = metric_named(rule.metric).nature
    sound = quality != int(Quality.BAD)
    hours = _of_readings(traces, quality, sound)
    if nature is Nature.INDEX:
        grown = consumed(traces, rule, hours.series, hours.hours, hours.hours + HOUR_US)
        return replace(hours, increment=grown)
    if nature is Nature.COUNT:
        return replace(hours, increment=_sums(hours, traces.taken(sound)))
    if nature is Nature.STATE:
        kept = traces.taken(sound)
        held = shares(Holds.of(kept.series, kept.times, kept.values, kept.interval), HOUR_US)
        return _with_held(hours, held)
    return hours


def _of_readings(traces: Traces, quality: Ints, sound: Mask) -> Hours:
    """Return what every metric's hours have: counts, slots, and mean, low, high and last of the readings."""
    hour_of = traces.times - traces.times % HOUR_US
    starts = np.flatnonzero(np.append(True, (np.diff(hour_of) != 0) | (np.diff(traces.series) != 0)))
    series, hours = traces.series[starts], hour_of[starts]
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(traces))))
    usable = np.bincount(group, weights=sound, minlength=len(starts))
    some = usable > 0
    values = traces.values
    # In order of time, as `core.quality.steps` sums: the same readings give the same bits.
    total = np.bincount(group, weights=np.where(sound, values, 0.0), minlength=len(starts))
    low = np.minimum.reduceat(np.where(sound, values, np.inf), starts)
    high = np.maximum.reduceat(np.where(sound, values, -np.inf), starts)
    newest = np.maximum.reduceat(np.where(sound, np.arange(len(traces)), -1), starts)
    return Hours(
        series=series,
        hours=hours,
        count=np.diff(np.append(starts, len(traces))),
        good=np.bincount(group, weights=quality == int(Quality.GOOD), minlength=len(starts)).astype(np.int64),
        slots=_slots(traces, sound, group, (series, hours)),
        mean=np.where(some, total / np.maximum(usable, 1), np.nan),
        low=np.where(some, low, np.nan),
        high=np.where(some, high, np.nan),
        last=np.where(some, values[np.maximum(newest, 0)], np.nan),
        increment=np.full(len(starts), np.nan),
        known_s=np.full(len(starts), np.nan),
    )


def _sums(hours: Hours, kept: Traces) -> Floats:
    """Return the sum of the readings of each hour, NaN where there are none."""
    owner = np.searchsorted(hours.codes, codes_of(kept.series, kept.times))
    sums = np.bincount(owner, weights=kept.values, minlength=len(hours))
    return np.where(np.isnan(hours.mean), np.nan, sums)


def _with_held(hours: Hours, held: Shares) -> Hours:
    """Return the hours of a state by time: those in which it was held beside those in which it was read."""
    told = codes_of(held.series, held.starts)
    codes = np.union1d(hours.codes, told)
    read, known = np.searchsorted(codes, hours.codes), np.searchsorted(codes, told)

    def laid(places: Ints, values: Floats | Ints, missing: float) -> Floats:
        column = np.full(len(codes), missing)
        column[places] = values
        return column

    return Hours(
        series=series_of(codes),
        hours=hours_of(codes) * HOUR_US,
        count=laid(read, hours.count, 0).astype(np.int64),
        good=laid(read, hours.good, 0).astype(np.int64),
        slots=laid(read, hours.slots, 0).astype(np.int64),
        mean=laid(known, held.mean, np.nan),
        low=laid(known, held.low, np.nan),
        high=laid(known, held.high, np.nan),
        last=laid(known, held.last, np.nan),
        increment=np.full(len(codes), np.nan),
        # What was known at all was known for a second.
        known_s=laid(known, np.maximum(np.rint(held.known_us / SECOND_US), 1), np.nan),
    )


def _slots(traces: Traces, sound: Mask, group: Ints, of: tuple[Ints, Ints]) -> Ints:
    """Return how many expected intervals the readings of each hour stand for.

    A reading stands for the time until the next one, one interval at most: so it does not matter where in the hour a
    sensor speaks, nor that it is some seconds early or late, nor that it repeats itself. Where a series speaks less
    than once an hour, an hour with a reading fills one slot.
    """
    series, hours = of
    kept, owner = traces.taken(sound), group[sound]
    stood = np.minimum(np.append(kept.since_previous[1:], 2**62), np.minimum(kept.interval, HOUR_US))
    own = np.minimum(stood, hours[owner] + HOUR_US - kept.times)
    filled = np.bincount(owner, weights=own, minlength=len(hours))
    after = np.minimum(owner + 1, len(hours) - 1)
    spills = (hours[after] == hours[owner] + HOUR_US) & (series[after] == kept.series)
    filled += np.bincount(after[spills], weights=(stood - own)[spills], minlength=len(hours))
    interval = traces.interval[np.searchsorted(group, np.arange(len(hours)))]
    slots = np.rint(filled / np.minimum(interval, HOUR_US)).astype(np.int64)
    seldom = interval > HOUR_US
    slots[seldom] = np.bincount(owner, minlength=len(hours))[seldom] > 0
    return np.minimum(slots, expected_slots(interval))
