"""Hourly roll-ups: what a series' readings of an hour come to, from the readings themselves whenever they change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.columns import Floats, Ints, Mask
from core.metrics import Nature, metric_named
from core.quality.completeness import expected_slots
from core.quality.indexes import consumed
from core.quality.rule import QualityRule
from core.quality.traces import HOUR_US, Traces
from core.readings import Quality


@dataclass(frozen=True, eq=False)
class Hours:
    """Roll-ups, one element of each column per hour of a series that has readings, in order of series and hour.

    Parameters
    ----------
    hours
        Start, microseconds since `core.clock.EPOCH`.
    count, good
        Readings, and those of good quality.
    slots
        How many of the expected intervals its readings stand for, those marked bad left out.
    mean, low, high, last
        Of calibrated values not marked bad; NaN where all are.
    increment
        Of an index: consumed in the hour, NaN where it is unknown; NaN for every other metric.
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


def roll_up(traces: Traces, quality: Ints, rule: QualityRule) -> Hours:
    """Return the roll-up of each hour that has readings.

    An hour's figures are final when the traces hold the readings around it, as far as
    `core.quality.marks.hours_moved` reaches.
    """
    if not len(traces):
        none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Hours(none, none, none, none, none, nothing, nothing, nothing, nothing, nothing)
    hour_of = traces.times - traces.times % HOUR_US
    starts = np.flatnonzero(np.append(True, (np.diff(hour_of) != 0) | (np.diff(traces.series) != 0)))
    series, hours = traces.series[starts], hour_of[starts]
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(traces))))
    sound = quality != int(Quality.BAD)
    usable = np.bincount(group, weights=sound, minlength=len(starts))
    some = usable > 0
    values = traces.values
    total = np.add.reduceat(np.where(sound, values, 0.0), starts)
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
        increment=_increments(traces, rule, (series, hours)),
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


def _increments(traces: Traces, rule: QualityRule, of: tuple[Ints, Ints]) -> Floats:
    series, hours = of
    if metric_named(rule.metric).nature is not Nature.INDEX:
        return np.full(len(hours), np.nan)
    return consumed(traces, rule, series, hours, hours + HOUR_US)
