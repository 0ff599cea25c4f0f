"""Stuck: the same value for longer than can be true.

The rule of the metric's quality says for how long, and where it may rest for ever (`core.quality.rules`). A bin or a
bay may truly stay as it is: there a run is stuck that lasts longer than ``times_longest`` the longest run that the
series had in the 28 days before it, twelve expected intervals and two days at least; an empty bin and a full one stay
so until somebody comes. What else may stand still for ever (a battery, a closed lid, the index of an empty flat) is
never stuck unless a rule names its minutes. Readings that quality calls bad for being stuck are what is looked for;
other bad ones are left out. The first other value ends it.

A run goes on across a gap of less than half of what it must last: to find the very same value again is no news of a
change. It counts from six readings on.
"""

from __future__ import annotations

import numpy as np

from core.alarms import Episode
from core.columns import Ints, Mask
from core.decisions import Value
from core.metrics import Nature, metric_named
from core.quality.rule import STUCK_INTERVALS
from core.quality.rules import QUALITY_RULES
from core.quality.traces import DAY_US
from core.readings import Flag, Quality
from services.alarms.conditions.parameters import Stuck, minutes_us
from services.alarms.episodes import Signal, lookback_of, replay
from services.alarms.track import LINK_INTERVALS, State, Track

READINGS_MIN = 6
"""Equal readings of a run: fewer may be alike by chance."""
LEARNING = frozenset({"fill_ratio", "distance_mm", "occupied"})
"""Metrics of which a series' own past says how long it may stand still."""
LEARN_US = 28 * DAY_US
LEARN_US_MIN = 14 * DAY_US
"""Nothing is stuck, by its own past, that was known for less."""
LEARNT_US_MIN = 2 * DAY_US
"""No shorter run is stuck by the series' own past."""
LEARNT_US_MAX = 14 * DAY_US
"""A longer run is stuck, whatever the series did before."""


def lookback_us(parameters: Stuck, metric: str, interval_us: int) -> int:
    """Return how far before an instant the readings begin that a replay from it needs, microseconds."""
    shortest = _shortest(metric, interval_us, parameters)
    link_us = max(LINK_INTERVALS * interval_us, shortest // 2)
    # A run that is long enough may still lack readings.
    if parameters.minutes is None and QUALITY_RULES[metric].stuck_hours is None and metric in LEARNING:
        return lookback_of(max(LEARNT_US_MAX, READINGS_MIN * link_us), 0, link_us) + LEARN_US
    return lookback_of(max(shortest, READINGS_MIN * link_us), 0, link_us)


def episodes(track: Track, parameters: Stuck, state: State) -> list[Episode]:
    """Return when the series stood still for too long."""
    seen = track.where((track.quality != int(Quality.BAD)) | ((track.flags & int(Flag.STUCK)) != 0))
    times, rule = seen.observed, QUALITY_RULES[track.metric]
    if not len(times):
        return state.before()
    equal = np.zeros(len(times), dtype=np.bool_)
    equal[1:] = np.abs(np.diff(seen.value)) <= rule.tolerance
    shortest = _shortest(track.metric, track.interval_us, parameters)
    linked = np.append(False, np.diff(times) <= max(track.link_us, shortest // 2))
    goes_on = equal & linked & ~_rests(seen)
    places = np.arange(len(times))
    first = np.maximum.accumulate(np.where(goes_on, 0, places))
    since = times[first]
    limits = _limits(seen, parameters, goes_on, since)
    holds = goes_on & (times - since >= limits) & (places - first + 1 >= READINGS_MIN)
    signal = Signal(times, holds, ~equal, since, times, 0, 0, track.link_us)

    def figures(place: int) -> dict[str, Value]:
        count, stuck_after_s = place - int(first[place]) + 1, int(limits[place]) // 1_000_000
        return {"value": float(seen.value[place]), "readings": count, "stuck_after_s": stuck_after_s}

    return replay(signal, state, figures)


def _shortest(metric: str, interval_us: int, parameters: Stuck) -> int:
    """Return how long a run must last at least, microseconds, whatever the series did before."""
    rule = QUALITY_RULES[metric]
    if parameters.minutes is not None:
        return minutes_us(parameters.minutes)
    if rule.stuck_hours is not None:
        return int(rule.stuck_after(np.array([interval_us]))[0])
    return LEARNT_US_MIN


def _limits(track: Track, parameters: Stuck, goes_on: Mask, since: Ints) -> Ints:
    """Return for each reading how long its run must last to be stuck, microseconds."""
    ones = np.ones(len(track), dtype=np.int64)
    if parameters.minutes is not None or QUALITY_RULES[track.metric].stuck_hours is not None:
        return ones * _shortest(track.metric, track.interval_us, parameters)
    least = max(LEARNT_US_MIN, STUCK_INTERVALS * track.interval_us)
    if track.metric not in LEARNING or least > LEARNT_US_MAX:
        return ones * 2**62
    starts = np.flatnonzero(~goes_on)
    limits = _learnt(track.observed, starts, least, parameters.times_longest)
    return limits[np.searchsorted(track.observed[starts], since)]


def _rests(track: Track) -> Mask:
    """Return where a value is one that it may stay at for ever."""
    resting, metric = QUALITY_RULES[track.metric].rests_at(track.value), metric_named(track.metric)
    if track.metric not in LEARNING or metric.nature is Nature.STATE:
        return resting
    return resting | (track.value <= metric.low) | (track.value >= metric.high)


def _learnt(times: Ints, starts: Ints, least: int, times_longest: float) -> Ints:
    """Return, for the runs that begin at these positions, the limits that the runs of the 28 days before them make.

    Never where the series is too young to say.
    """
    lasted = times[np.append(starts[1:], len(times)) - 1] - times[starts]
    begins = times[starts]
    limits = np.full(len(starts), 2**62, dtype=np.int64)
    # Only a run that is long at all is compared with those before it.
    for place in np.flatnonzero(lasted >= least).tolist():
        first = int(np.searchsorted(begins, begins[place] - LEARN_US))
        if begins[place] - begins[first] < LEARN_US_MIN:
            continue
        longest = int(lasted[first:place].max())
        limits[place] = min(max(round(times_longest * longest), least), LEARNT_US_MAX)
    return limits
