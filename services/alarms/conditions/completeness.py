"""Completeness: local days running with too few of the readings that were due.

One element of the track is one local day: its start, and the share of due readings that came and were not bad. A day in
which nothing came is none of them: silence tells of it. A day is judged when it is over.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.alarms import Episode
from core.columns import Ints
from core.quality.days import day_start, days_of
from core.quality.traces import DAY_US, HOUR_US
from core.readings import Quality
from services.alarms.conditions.parameters import Completeness
from services.alarms.episodes import Signal, replay
from services.alarms.track import State, Track

DAY_US_MAX = 25 * HOUR_US


def lookback_us(parameters: Completeness, _: str, __: int) -> int:
    """Return how far before an instant the days begin that a replay from it needs, microseconds."""
    return (parameters.days + 2) * DAY_US_MAX


def episodes(track: Track, parameters: Completeness, state: State) -> list[Episode]:
    """Return when so many days running were incomplete, from the start of the first to that of the next complete one.

    Parameters
    ----------
    track
        Of days (`days_of_readings`, or the roll-ups of days).
    """
    days = days_of(track.observed)
    ends = np.array([day_start(day + 1) for day in days.tolist()], dtype=np.int64)
    over = ends <= track.end_us
    starts, ratio, days, ends = track.observed[over], track.value[over], days[over], ends[over]
    poor = ratio < parameters.ratio
    goes_on = np.append(False, poor[1:] & poor[:-1] & (np.diff(days) == 1))[: len(days)]
    first = np.maximum.accumulate(np.where(goes_on, 0, np.arange(len(days)))) if len(days) else days
    holds = poor & (days - days[first] + 1 >= parameters.days)
    signal = Signal(ends, holds, ~poor, starts[first], starts, 0, 0, track.link_us)
    told = {"limit": parameters.ratio, "days": parameters.days}
    return replay(signal, state, lambda place: {"value": float(ratio[place]), **told})


def days_of_readings(track: Track) -> Track:
    """Return the whole local days of a track of readings, each with its share of due readings.

    Due is one reading in each expected interval, counted on the grid of these; more in one count once. The day of the
    first reading is left out: nobody knows what was due before it.
    """
    seen = track.where(track.quality != int(Quality.BAD))
    if not len(seen):
        return replace(Track.plain(track.metric, seen.observed, seen.value, DAY_US), end_us=track.end_us)
    filled = np.unique(seen.observed // track.interval_us) * track.interval_us
    # The first slot may have begun on the day before the first reading, which is the one left out.
    filled = np.maximum(filled, seen.observed[0])
    days, count = np.unique(days_of(filled), return_counts=True)
    days, count = days[1:], count[1:]
    starts: Ints = np.array([day_start(day) for day in days.tolist()], dtype=np.int64)
    lasts = np.array([day_start(day + 1) for day in days.tolist()], dtype=np.int64) - starts
    due = np.maximum(lasts // track.interval_us, 1)
    ratio = np.minimum(count / due, 1.0)
    return replace(Track.plain(track.metric, starts, ratio, DAY_US), end_us=track.end_us)
