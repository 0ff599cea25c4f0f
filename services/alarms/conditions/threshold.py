"""Threshold: beyond a limit for so long, over when back beyond another for so long.

A value, or the mean of the last minutes, at ``raise`` or beyond for ``minutes`` without a gap raises; one short of
``clear`` for ``clear_minutes`` ends it. In between nothing changes. Outside of its local hours and weekdays it is over.
Only good readings are looked at.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from core.alarms import Episode
from core.clock import PARIS
from core.columns import MICROSECOND, Floats, Ints, Mask, from_microseconds
from core.quality.completeness import VALID_SHARE
from core.quality.traces import DAY_US, HOUR_US
from services.alarms.conditions.parameters import Threshold, minutes_us
from services.alarms.episodes import Signal, lookback_of, replay
from services.alarms.track import LINK_INTERVALS, State, Track

_MONDAY_US = 2 * DAY_US
"""`core.clock.EPOCH` was a Saturday: two days later it was Monday."""


def lookback_us(parameters: Threshold, _: str, interval_us: int) -> int:
    """Return how far before an instant the readings begin that a replay from it needs, microseconds."""
    link_us = LINK_INTERVALS * interval_us
    lasts = lookback_of(minutes_us(parameters.minutes), minutes_us(parameters.clear_minutes), link_us)
    return lasts + (minutes_us(parameters.mean_minutes) + link_us if parameters.mean_minutes else 0)


def episodes(track: Track, parameters: Threshold, state: State) -> list[Episode]:
    """Return when the series was beyond the limit."""
    good = track.good()
    value = good.value
    if parameters.mean_minutes:
        value = means(good, minutes_us(parameters.mean_minutes))
        good, value = good.where(np.isfinite(value)), value[np.isfinite(value)]
    if parameters.side == "above":
        holds, clears = value >= parameters.raised_at, value < parameters.cleared_at
    else:
        holds, clears = value <= parameters.raised_at, value > parameters.cleared_at
    if not (holds.any() or state.known):
        return []
    if parameters.hours is not None or parameters.weekdays is not None:
        inside = in_local_hours(good.observed, parameters)
        holds, clears = holds & inside, clears | ~inside
    lasts = (minutes_us(parameters.minutes), minutes_us(parameters.clear_minutes), track.link_us)
    signal = Signal.of(good.observed, holds, clears, lasts)
    limit = parameters.raised_at
    return replay(signal, state, lambda place: {"value": float(value[place]), "limit": limit})


def means(track: Track, mean_us: int) -> Floats:
    """Return the mean of the time ``(t - mean_us, t]`` at each reading; NaN where less than three quarters is known.

    A reading stands for the time since the one before it, for one expected interval at most. Each window is added up by
    itself, in order of time, so that a mean has the same bits wherever the track begins.
    """
    times = track.observed
    if not len(times):
        return track.value
    stands = np.minimum(np.diff(times, prepend=times[0] - track.interval_us), track.interval_us).astype(np.float64)
    firsts = np.searchsorted(times, times - mean_us, side="right")
    # One more element than there are readings: the last window may end behind the last of them.
    bounds = np.column_stack((firsts, np.arange(len(times)) + 1)).reshape(-1)
    known = np.add.reduceat(np.append(stands, 0.0), bounds)[::2]
    total = np.add.reduceat(np.append(stands * track.value, 0.0), bounds)[::2]
    mean: Floats = np.where(known >= VALID_SHARE * mean_us, total / known, np.nan)
    return mean


def in_local_hours(times: Ints, parameters: Threshold) -> Mask:
    """Return which instants lie in the parameters' hours and weekdays of Europe/Paris."""
    local = times + _offsets(times)
    inside = np.ones(len(times), dtype=np.bool_)
    if parameters.hours is not None:
        first, end = parameters.hours
        hour = local % DAY_US // HOUR_US
        inside = (hour >= first) & (hour < end) if first < end else (hour >= first) | (hour < end)
    if parameters.weekdays is not None:
        inside &= np.isin((local - _MONDAY_US) // DAY_US % 7, parameters.weekdays)
    return inside


def _offsets(times: Ints) -> Ints:
    """Return how far the clocks of Paris are ahead of UTC, microseconds; it changes on whole hours of UTC."""
    hours, place = np.unique(times // HOUR_US, return_inverse=True)
    offsets: Ints = np.array([_offset(hour) for hour in hours.tolist()], dtype=np.int64)[place]
    return offsets


@lru_cache(100_000)
def _offset(hour: int) -> int:
    ahead = from_microseconds(hour * HOUR_US).astimezone(PARIS).utcoffset()
    assert ahead is not None, "Paris has an offset at every instant"
    return ahead // MICROSECOND
