"""Cumulative indexes: how much was consumed between readings, across resets, roll-overs and readings that are wrong.

What is not known stays unknown: across a change of meter, or inside of a long silence, nothing is made up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.columns import Floats, Ints, Mask
from core.quality.rule import LINK_US_MAX, METER_CAPACITIES, QualityRule
from core.quality.traces import HOUR_US, MINUTE_US, NEAR_US_MAX, Traces
from core.readings import Flag

SPREAD_US_MAX = 2 * HOUR_US
"""Consumption is spread evenly between two readings when they lie no further apart; else only its sum is known."""
ROLL_OVER_SHARE_MAX = 0.05
"""An index rolls over from the last 5 % of its register only; from further down it was reset."""


@dataclass(frozen=True, eq=False)
class Increments:
    """How an index follows its readings, one element per reading.

    Parameters
    ----------
    flags
        `core.readings.Flag` bits.
    amounts
        Consumed since the reading before that counts, in the metric's unit, calibrated; 0 for the first of a series and
        for readings that do not count; NaN where it cannot be known.
    counts
        Whether it is a reading of the meter; a spike is none.
    """

    flags: Ints
    amounts: Floats
    counts: Mask


def judge_index(traces: Traces, rule: QualityRule) -> Ints:
    """Return the flags of an index's readings: spike, step, reset, roll-over, back-step."""
    return follow(traces, rule).flags


def follow(traces: Traces, rule: QualityRule) -> Increments:
    """Return what each reading of an index adds to the one before, and the flags that say how.

    A lone reading (or zeros of up to six hours) that leaves its neighbours, while these follow each other, is a spike
    and does not count. Of the others: growth beyond what the metric can is a ``step``, and unknown; going back is a
    roll-over where the register's end is near, a ``back_step`` (nothing consumed) when it is small, else a reset: what
    the index shows is then consumed, or unknown where that is more than can be.
    """
    spikes = _find_spikes(traces, rule)
    flags, amounts = int(Flag.SPIKE) * spikes, np.zeros(len(traces))
    kept = np.flatnonzero(~spikes)
    before, here = kept[:-1], kept[1:]
    linked = traces.series[before] == traces.series[here]
    before, here = before[linked], here[linked]
    passed = traces.times[here] - traces.times[before]
    most = _most(rule, passed)
    former, value = traces.raw[before], traces.raw[here]
    grown = value - former
    over = _rolled_over(former, value, most)
    back = (grown < 0) & ~np.isfinite(over) & (-grown <= rule.back_step)
    reset = (grown < 0) & ~np.isfinite(over) & ~back
    amount = np.where(grown >= 0, grown, np.where(back, 0.0, np.where(reset, value, over)))
    leap = amount > most
    amounts[here] = np.where(leap, np.nan, amount) * np.abs(traces.gain[here])
    said = int(Flag.ROLL_OVER) * np.isfinite(over) + int(Flag.BACK_STEP) * back + int(Flag.RESET) * reset
    said += int(Flag.STEP) * (leap & ~reset)
    flags[here] |= np.where(passed <= LINK_US_MAX, said, 0)
    return Increments(flags, amounts, ~spikes)


def _most(rule: QualityRule, passed: Ints) -> Floats:
    """Return how much an index can grow in so many microseconds."""
    if rule.step is None:
        return np.full(len(passed), np.inf)
    return rule.step + rule.fastest_per_minute * passed / MINUTE_US


def _rolled_over(former: Floats, value: Floats, most: Floats) -> Floats:
    """Return what was consumed where an index passed the end of its register, NaN where it did not."""
    over = np.full(len(former), np.nan)
    for capacity in sorted(METER_CAPACITIES, reverse=True):
        amount = capacity - former + value
        likely = (value < former) & (former < capacity) & (amount <= np.minimum(most, ROLL_OVER_SHARE_MAX * capacity))
        over = np.where(likely, amount, over)
    return over


def _find_spikes(traces: Traces, rule: QualityRule) -> Mask:
    """Return which readings leave both neighbours that follow each other; zeros are held against what is not zero."""
    position = np.arange(len(traces))
    zero = traces.raw == 0
    left, right = position - 1, position + 1
    if zero.any() and not zero.all():
        told = np.flatnonzero(~zero)
        place = np.searchsorted(told, position[zero])
        left[zero] = np.where(place > 0, told[np.maximum(place - 1, 0)], -1)
        right[zero] = np.where(place < len(told), told[np.minimum(place, len(told) - 1)], len(traces))
    within = (left >= 0) & (right < len(traces))
    left, right = np.where(within, left, position), np.where(within, right, position)
    same = (traces.series[left] == traces.series[position]) & (traces.series[right] == traces.series[position])
    passed = traces.times[right] - traces.times[left]
    former, value, latter = traces.raw[left], traces.raw, traces.raw[right]
    follow_each_other = (latter >= former) & (latter - former <= _most(rule, passed))
    leaves = (value > latter + rule.back_step) | (value < former - rule.back_step)
    spikes: Mask = within & same & (passed <= NEAR_US_MAX) & follow_each_other & leaves
    return spikes


def consumed(traces: Traces, rule: QualityRule, series: Ints, starts: Ints, ends: Ints) -> Floats:
    """Return what each series consumed in the step ``[start, end)`` beside it, microseconds; NaN where it is unknown.

    Between readings at most `SPREAD_US_MAX` apart an index grows evenly. A step that begins or ends inside a longer
    silence, before the first reading or after the last, or that holds an unknown amount, is unknown.
    """
    increments = follow(traces, rule)
    meter = Meter(traces.taken(increments.counts), increments.amounts[increments.counts])
    at_start, part_start = meter.read(series, starts)
    at_end, part_end = meter.read(series, ends)
    return np.where(part_start == part_end, at_end - at_start, np.nan)


class Meter:
    """The indexes of some series as one that never goes back, to be read at any instant."""

    def __init__(self, traces: Traces, amounts: Floats) -> None:
        self._traces = traces
        self._total = np.cumsum(np.nan_to_num(amounts))
        # Totals before and after an unknown amount do not compare: they are of different parts.
        self._part = np.cumsum(np.isnan(amounts))
        self._ids, rank = np.unique(traces.series, return_inverse=True)
        self._first = int(traces.times.min()) if len(traces) else 0
        self._room = (int(traces.times.max()) - self._first) // 1_000 + 3 if len(traces) else 3
        self._keys = self._key(rank.astype(np.int64), traces.times)

    def _key(self, rank: Ints, times: Ints) -> Ints:
        """Return numbers that are in order of series and time, to the millisecond."""
        key: Ints = rank * self._room + np.clip((times - self._first) // 1_000, -1, self._room - 2) + 1
        return key

    def read(self, series: Ints, instants: Ints) -> tuple[Floats, Floats]:
        """Return the totals at instants of the series beside them, and the part each is of; NaN where not known."""
        total, part = np.full(len(instants), np.nan), np.full(len(instants), np.nan)
        if not len(self._traces):
            return total, part
        rank = np.searchsorted(self._ids, series)
        present = self._ids[np.minimum(rank, len(self._ids) - 1)] == series
        last = np.searchsorted(self._keys, self._key(rank, instants), side="right") - 1
        here, after = np.maximum(last, 0), np.minimum(last + 1, len(self._keys) - 1)
        times, owners = self._traces.times, self._traces.series
        present &= (last >= 0) & (owners[here] == series)
        since = np.maximum(instants - times[here], 0)
        apart = times[after] - times[here]
        between = (owners[after] == series) & (self._part[after] == self._part[here]) & (apart <= SPREAD_US_MAX)
        exact = since < 1_000
        share = np.where(exact | ~between, 0.0, since / np.maximum(apart, 1))
        known = present & (exact | (between & (after > here)))
        total[known] = (self._total[here] + share * (self._total[after] - self._total[here]))[known]
        part[known] = self._part[here][known]
        return total, part
