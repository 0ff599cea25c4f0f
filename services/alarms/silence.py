"""Silence of sensors: all channels of one together, one channel of a node that speaks, what the lane explains. Pure.

A sensor is silent when none of its channels was heard for longer than the most talkative of them makes usual. A channel
is silent by itself when its node was heard all the while: beyond what is usual for it, and once more an expected
interval later. Time in which the lane itself was silent says nothing of who comes by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.alarms import Episode
from core.columns import Ints, from_microseconds, to_microseconds
from services.alarms.conditions import silence
from services.alarms.conditions.parameters import Silence
from services.alarms.rhythm import Rhythm
from services.alarms.track import State, Track

Stretch = tuple[int, int]
"""``[start, end)``, microseconds since `core.clock.EPOCH`."""
SILENCE_INTERVALS = 4
"""How many expected intervals before a touched hour are read, to meet the reading before it."""


def united(tracks: Sequence[Track], from_us: int) -> Track:
    """Return the channels of a sensor as one track: heard when any of them was, silent as soon as the first would be.

    It begins `SILENCE_INTERVALS` of the most talkative channel before ``from_us``: from there on all of them are known.
    """
    fastest = min(tracks, key=lambda one: one.interval_us)
    heard: Ints = np.unique(np.concatenate([one.observed for one in tracks]))
    heard = heard[heard >= from_us - SILENCE_INTERVALS * fastest.interval_us]
    nothing = np.zeros(len(heard), dtype=np.int64)
    return replace(
        fastest,
        observed=heard,
        value=nothing.astype(np.float64),
        quality=nothing,
        flags=nothing,
        end_us=max(one.end_us for one in tracks),
        rhythm=_earliest(tracks),
    )


def sensor_episodes(
    united_track: Track, parameters: Silence, state: State, outages: Sequence[Stretch]
) -> list[Episode]:
    """Return when none of a sensor's channels was heard, though its lane was."""
    found = silence.episodes(united_track, parameters, state)
    counted = [_counted(one, united_track.end_us, outages) for one in found]
    return [one for one in counted if one is not None]


def channel_episodes(track: Track, node: Track, parameters: Silence, state: State) -> list[Episode]:
    """Return when one channel was not heard though its node was.

    Parameters
    ----------
    node
        All channels together, from the same instant on.
    """
    found = []
    known = {one.since: one for one in state.known}
    first = int(node.observed[0]) if len(node) else track.end_us
    for one in silence.episodes(track, parameters, state):
        if one.since in known and to_microseconds(one.confirmed_at) < first:
            # What the node did then is known already.
            found.append(replace(known[one.since], until=one.until))
            continue
        end = track.end_us if one.until is None else to_microseconds(one.until)
        confirmed = _heard_twice(node.observed, to_microseconds(one.confirmed_at), track.interval_us)
        if confirmed is not None and confirmed < end:
            found.append(replace(one, confirmed_at=from_microseconds(confirmed)))
    return found


def _heard_twice(heard: Ints, confirmed_us: int, interval_us: int) -> int | None:
    """Return when a node was heard again, an interval after it was first heard since an instant."""
    place = int(np.searchsorted(heard, confirmed_us))
    if place >= len(heard):
        return None
    again = int(np.searchsorted(heard, heard[place] + interval_us))
    return int(heard[again]) if again < len(heard) else None


def _counted(episode: Episode, end_us: int, outages: Sequence[Stretch]) -> Episode | None:
    """Return a silence with the lane's own taken off, None where too little of it is left."""
    since, confirmed = to_microseconds(episode.since), to_microseconds(episode.confirmed_at)
    until = end_us if episode.until is None else to_microseconds(episode.until)
    for start, end in sorted(outages):
        if start < confirmed and end > since:
            confirmed += min(end, until) - max(start, since)
    if confirmed > until:
        return None
    return replace(episode, confirmed_at=from_microseconds(confirmed))


def _earliest(tracks: Sequence[Track]) -> Rhythm:
    """Return the shortest of the channels' rhythms, whenever one of them changed."""
    changes: Ints = np.unique(np.concatenate([one.rhythm.since for one in tracks]))
    if not len(changes):
        return Rhythm.unknown()
    shortest = np.min([one.rhythm.silent_after(changes, one.interval_us) for one in tracks], axis=0)
    return Rhythm(changes, shortest)
