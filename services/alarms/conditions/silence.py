"""Silence: nothing heard for longer than the series' own rhythm makes usual.

Of two readings that follow each other too late, the episode lasts from the first to the second; confirmed when the
silence became unusual. Any reading breaks it, whatever its quality: a sensor that says nonsense does speak.
"""

from __future__ import annotations

import numpy as np

from core.alarms import Episode
from core.columns import Ints, from_microseconds, to_microseconds
from services.alarms.conditions.parameters import Silence
from services.alarms.track import State, Track


def lookback_us(_: Silence, __: str, interval_us: int) -> int:
    """Return how far before an instant the readings begin that a replay from it needs, microseconds.

    One interval, for the track to have a beginning; the reading before is told by the state's ``heard_us``.
    """
    return interval_us


def episodes(track: Track, parameters: Silence, state: State) -> list[Episode]:
    """Return when nothing was heard; the last one is open when nothing came until the track's end."""
    heard = track.observed
    if state.heard_us is not None:
        heard = np.append(np.int64(state.heard_us), heard)
    if not len(heard):
        return list(state.known)
    after = track.rhythm.silent_after(heard, track.interval_us, parameters.factor)
    until = np.append(heard[1:], max(track.end_us, int(heard[-1])))
    silent = np.flatnonzero(until - heard > after)
    last = len(heard) - 1
    found = [_episode(int(heard[i]), None if i == last else int(until[i]), int(after[i])) for i in silent.tolist()]
    return _before(heard, state) + found


def _before(heard: Ints, state: State) -> list[Episode]:
    """Return the known episodes that had ended when what is looked at begins."""
    first = int(heard[0])
    kept = [one for one in state.known if to_microseconds(one.since) < first]
    return sorted(kept, key=lambda one: one.since)


def _episode(since: int, until: int | None, after: int) -> Episode:
    return Episode(
        from_microseconds(since),
        None if until is None else from_microseconds(until),
        from_microseconds(since + after),
        {"silent_after_s": after // 1_000_000},
    )
