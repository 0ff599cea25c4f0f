"""Soundness: what of a history cannot be true, and what makes its series less sure at its end.

What cannot be true becomes unknown; nothing is filled in. Everything is learnt from the history itself, so that
examining what was known at an instant gives what was said then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.forecasts import Doubt
from core.metrics import Family, Nature
from models.habits import Habits
from models.history import Floats, History
from models.runs import Mask, Runs, known_share, runs_of, stuck_steps

KNOWN_SHARE_MIN = 0.5
"""A series of whose last day less was known than this share of what is usual for it has gaps."""
GAP_HOURS = 24
YOUNG_DAYS = 14
"""A series that was first heard of fewer days ago is new."""
TOLD_DAYS = 7
"""Zeros left out and resets are told for so many days."""
RESET_TIMES = 5.0
"""A value is a reset if it is beyond so many times the greatest that a series else shows."""
RESET_SHARE_MAX = 0.002
"""And if it is one of very few: of what comes more often, nothing says that it is wrong."""
RESET_HOURS_MAX = 3
"""Or of so many hours: what a meter caught up with may be spread over some."""
RESET_SHARE_SEEN = 0.9
"""What all but very few values stay below is hardly under the mean, as long as none is a reset."""
METERED = (Family.ENERGY, Family.MOBILITY)
"""Families whose values are differences of what a meter or a counter adds up."""
SWITCHED = frozenset({"gas_power_kw"})
"""Metrics whose zeros mean that nothing was drawn, for days as well: boilers are switched off."""
ZERO_SHARE_MAX = 0.3
"""A series that is zero for more of the time than this is one that is often at zero."""
ZERO_FREE_SHARE = 0.3
"""Far above zero: even the lowest hundredth of the other values is above this share of their median."""
ZERO_RUNS_A_MONTH = 4.0
"""A load that falls to zero more often is switched off and on."""
ZERO_DAYS_MAX = 7
"""A load that is at zero for longer than this is off."""


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """A history whose values can be true.

    Parameters
    ----------
    history
        The same, with what cannot be true as NaN.
    doubts
        Per series, what makes it less sure at the history's ``as_of``. Of `Doubt.NO_WEATHER` nothing is known here.
    """

    history: History
    doubts: tuple[frozenset[Doubt], ...]


def examine(history: History) -> Examined:
    """Examine the series of a history."""
    if not history.values.size:
        return Examined(history, (frozenset(),) * len(history.series_ids))
    resets = _resets(history)
    zeros = _missing_zeros(_without(history, resets))
    sound = _without(history, resets | zeros)
    runs = runs_of(sound.values)
    at_rest = _at_rest(sound, runs)
    stuck = stuck_steps(sound, runs, at_rest)
    cleaned = _without(sound, stuck)
    habits = Habits.of(cleaned)
    lately = TOLD_DAYS * history.steps_per_day
    found = {
        Doubt.STUCK: _newest_is(sound, stuck) | _says_one_thing(sound, runs, at_rest),
        Doubt.GAPS: _has_gaps(cleaned),
        Doubt.LEVEL_SHIFT: habits.shifted(),
        Doubt.RESET: resets[:, -lately:].any(axis=1),
        Doubt.REGIME_CHANGE: habits.broken(),
        Doubt.ZEROS_MISSING: zeros[:, -lately:].any(axis=1),
        Doubt.NEW_SERIES: _is_young(cleaned),
    }
    told = zip(*(np.where(mask, doubt, "").tolist() for doubt, mask in found.items()), strict=True)
    return Examined(cleaned, tuple(frozenset(Doubt(word) for word in words if word) for words in told))


def _without(history: History, wrong: Mask) -> History:
    return replace(history, values=np.where(wrong, np.nan, history.values)) if wrong.any() else history


def _resets(history: History) -> Mask:
    """Return values that only a meter that began anew, or overflowed, gives: alone, and far beyond all others.

    Only of what meters and counters give: fine particles do reach such heights, on the night of a fireworks.
    """
    found = np.zeros(history.values.shape, dtype=np.bool_)
    if history.metric.family not in METERED:
        return found
    size = np.abs(history.values)
    count = np.isfinite(size).sum(axis=1)
    # Most series have nothing so far above their mean, and need not be sorted.
    mean = np.nansum(size, axis=1) / np.maximum(count, 1)
    rows = np.flatnonzero(np.fmax.reduce(size, axis=1) > RESET_TIMES * RESET_SHARE_SEEN * mean)
    few = np.maximum(RESET_SHARE_MAX * count[rows], RESET_HOURS_MAX * history.steps_per_hour)
    place = np.maximum(np.floor(count[rows] - few).astype(np.int64) - 1, 0)
    usual = np.take_along_axis(np.sort(size[rows], axis=1), place[:, None], axis=1)
    found[rows] = (usual > 0) & (size[rows] > RESET_TIMES * usual)
    return found


def _missing_zeros(history: History) -> Mask:
    """Return zeros that can only mean that nothing was measured.

    Of a level that is else far above zero and falls to exactly zero for whole hours, now and then. Never of counts
    or shares, nor of what is often at zero, such as the sun's power or a load that is switched.
    """
    found = np.zeros(history.values.shape, dtype=np.bool_)
    rows = np.flatnonzero((history.values == 0).any(axis=1))
    metric = history.metric
    if metric.nature is not Nature.LEVEL or metric.high <= 1 or metric.name in SWITCHED or not rows.size:
        return found
    values = history.values[rows]
    known, zero = np.isfinite(values).sum(axis=1), values == 0
    lowest, median = _low_and_median(np.where(zero, np.nan, np.abs(values)))
    rare = zero.sum(axis=1) <= ZERO_SHARE_MAX * known
    steps = runs_of(values).steps
    long = zero & (steps >= history.steps_per_hour) & (steps <= ZERO_DAYS_MAX * history.steps_per_day)
    begins = long & ~np.pad(long, ((0, 0), (1, 0)))[:, :-1]
    seldom = begins.sum(axis=1) <= ZERO_RUNS_A_MONTH * np.maximum(known / history.steps_per_day / 30, 1)
    found[rows] = long & ((lowest > ZERO_FREE_SHARE * median) & rare & seldom)[:, None]
    return found


def _low_and_median(values: Floats) -> tuple[Floats, Floats]:
    """Return the lowest hundredth and the median of each row's known values, NaN where there is none."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1, keepdims=True)
    low = np.take_along_axis(ordered, count // 100, axis=1)
    return low[:, 0], np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=1)[:, 0]


def _at_rest(history: History, runs: Runs) -> Mask:
    """Return the values at which standing still says nothing: zero and next to it, and the bounds of a share.

    The zero of a count does say something: sooner or later somebody passes by.
    """
    metric, values = history.metric, history.values
    if metric.nature is Nature.COUNT:
        return np.zeros(values.shape, dtype=np.bool_)
    at_rest: Mask = np.abs(values) <= runs.finest[:, None]
    return at_rest | (values >= metric.high) | (values <= metric.low) if metric.high <= 1 else at_rest


def _newest_is(history: History, stuck: Mask) -> Mask:
    newest = history.newest()
    found: Mask = stuck[np.arange(len(newest)), np.maximum(newest, 0)] & (newest >= 0)
    return found


def _says_one_thing(history: History, runs: Runs, at_rest: Mask) -> Mask:
    """Whether a series has said nothing but one value, not zero, for as long as others need to be known."""
    known = np.isfinite(history.values).sum(axis=1)
    newest = runs.steps[np.arange(len(known)), np.maximum(history.newest(), 0)]
    found: Mask = (newest == known) & (known >= TOLD_DAYS * history.steps_per_day) & ~at_rest.any(axis=1)
    return found


def _has_gaps(history: History) -> Mask:
    """Whether much less was known of the last day than is usual for the series."""
    known = np.isfinite(history.values)
    steps = GAP_HOURS * history.steps_per_hour
    lately, usually = known[:, -steps:].mean(axis=1), known_share(history.values)
    found: Mask = np.any(known[:, :-steps], axis=1) & (lately < KNOWN_SHARE_MIN * usually)
    return found


def _is_young(history: History) -> Mask:
    known = np.isfinite(history.values)
    age = np.where(known.any(axis=1), known.shape[1] - np.argmax(known, axis=1), 0)
    found: Mask = (age > 0) & (age < YOUNG_DAYS * history.steps_per_day)
    return found
