"""Runs: stretches in which a series says one and the same value, and how long such runs usually are for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.history import Floats, History, Indices

Mask = npt.NDArray[np.bool_]

STUCK_HOURS_MIN = 8
"""No shorter run is called stuck, whatever the series does else."""
COARSE_STEPS = 10
"""Values so few of a sensor's smallest steps away from zero are coarse: they repeat by chance."""
STUCK_COARSE_HOURS_MIN = 48
"""No shorter run of coarse values is called stuck, nor of a count's zeros: nobody passes by at night."""
FINEST_SHARE = 0.05
"""A sensor's smallest step is the size that so small a share of its changes stays below."""
FINEST_STEPS = 1_000
"""Of so many newest steps of the grid."""
USUAL_SHARE = 0.9
"""A run is usual for a series if so large a share of its days have none that is longer."""
STUCK_TIMES_USUAL = 3.0
"""A run that is longer than the usual one by this factor is stuck."""
DAYS_MIN = 7
"""A series that was seen on fewer days, the longest runs aside, is judged by what is usual for its fellows."""
RUNS_ASIDE = 2
"""So many of the longest runs do not count as usual: they are what is judged."""
_ALIKE = 1e-9
# A mean of equal readings differs from them in its last bits.


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Every known step's run.

    Parameters
    ----------
    number
        Shape (series, steps): which run the step belongs to, over all series; steps without a value belong to the
        run before them.
    steps
        Shape (series, steps): known steps of that run; 0 where the step is not known.
    finest
        Per series, the smallest step between two values that it shows, 0 where it never changed.
    """

    number: Indices
    steps: Indices
    finest: Floats


def runs_of(values: Floats) -> Runs:
    """Return the runs of each series; a gap neither ends a run nor counts in it."""
    known = np.isfinite(values)
    before = previous_known(values)
    change = np.abs(values - before)
    begins = known & ~(change <= _ALIKE * np.abs(before))
    begins[:, :1] = True
    number = np.cumsum(begins.reshape(-1)).reshape(values.shape) - 1
    count = np.bincount(number[known], minlength=int(number.max(initial=0)) + 1)
    return Runs(number, np.where(known, count[number], 0), _finest(change, begins))


def previous_known(values: Floats) -> Floats:
    """Return, per step, the newest known value before it, NaN where there is none."""
    place = np.where(np.isfinite(values), np.arange(values.shape[1]), -1)
    before = np.full(values.shape, -1, dtype=np.int64)
    before[:, 1:] = np.maximum.accumulate(place, axis=1)[:, :-1]
    found = np.take_along_axis(values, np.maximum(before, 0), axis=1) if values.size else values
    return np.where(before >= 0, found, np.nan)


def known_share(values: Floats) -> Floats:
    """Return on what share of its steps, since its first value, each series says anything; 1 where it never did.

    A sensor that speaks each hour says something of every fourth quarter.
    """
    known = np.isfinite(values)
    began = known.any(axis=1)
    age = np.where(began, known.shape[1] - np.argmax(known, axis=1), 1)
    return np.where(began, known.sum(axis=1) / age, 1.0)


def _finest(change: Floats, begins: Mask) -> Floats:
    """Return the size that a small share of each series' newest changes stays below."""
    newest = slice(max(change.shape[1] - FINEST_STEPS, 0), None)
    sizes = np.sort(np.where(begins[:, newest], change[:, newest], np.nan), axis=1)
    count = np.isfinite(sizes).sum(axis=1)
    place = np.floor(FINEST_SHARE * count).astype(np.int64)
    return np.where(count > 0, np.take_along_axis(sizes, place[:, None], axis=1)[:, 0], 0.0)


def stuck_steps(history: History, runs: Runs, exempt: Mask) -> Mask:
    """Return the steps of runs that are longer than their series' runs ever usually are, shape (series, steps).

    What is usual is learnt from the series' own other days, so that a night load, a closed site's weekends or a
    full bin are what they are. A series that has never said anything else is left alone: nothing tells a sensor that
    is stuck from a quantity that stands still.

    Parameters
    ----------
    exempt
        Shape (series, steps): values at which standing still says nothing, such as an empty bay's.
    """
    hours = np.where(exempt, 0, runs.steps) / (history.steps_per_hour * known_share(history.values)[:, None])
    limit = _limits(history, runs, hours)
    coarse = np.abs(history.values) <= COARSE_STEPS * runs.finest[:, None]
    floor = np.where(coarse, STUCK_COARSE_HOURS_MIN, STUCK_HOURS_MIN)
    says_one_thing = (runs.steps == np.isfinite(history.values).sum(axis=1)[:, None]) & (runs.steps > 0)
    found: Mask = (hours >= np.maximum(limit[:, None], floor)) & ~says_one_thing
    return found


def _limits(history: History, runs: Runs, hours: Floats) -> Floats:
    """Return per series the hours from which on a run is not usual any more; infinite where nothing tells."""
    others = np.where(np.isfinite(history.values), hours, np.nan)
    for _ in range(RUNS_ASIDE):
        longest = np.nanargmax(np.where(np.isnan(others), -1.0, others), axis=1) if others.shape[1] else []
        theirs = np.take_along_axis(runs.number, np.asarray(longest, dtype=np.int64)[:, None], axis=1)
        others[runs.number == theirs] = np.nan
    daily = _daily_maxima(others, history.steps_per_day)
    days = np.isfinite(daily).sum(axis=1)
    place = np.maximum(np.ceil(USUAL_SHARE * days).astype(np.int64) - 1, 0)
    usual = np.take_along_axis(np.sort(daily, axis=1), place[:, None], axis=1)[:, 0]
    own = np.where(days >= DAYS_MIN, usual * STUCK_TIMES_USUAL, np.nan)
    of_fellows = float(np.median(own[np.isfinite(own)])) if np.isfinite(own).any() else np.inf
    return np.where(np.isfinite(own), own, of_fellows)


def _daily_maxima(hours: Floats, steps_per_day: int) -> Floats:
    """Return each day's longest run, shape (series, days), NaN where nothing is known; days end at the history's."""
    days = max(-(-hours.shape[1] // steps_per_day), 1)
    padded = np.full((len(hours), days * steps_per_day), np.nan)
    padded[:, padded.shape[1] - hours.shape[1] :] = hours
    maxima: Floats = np.fmax.reduce(padded.reshape(len(hours), days, steps_per_day), axis=2)
    return maxima
