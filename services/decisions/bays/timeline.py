"""From readings to stays: runs of a place's state become intervals, debounced, with what is unknown left open.

A stay that began or ended in a silence has no length: it counts as occupied time and not as a dwell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.decisions.bays.situation import PlaceRuns, Seconds

SHORTEST_STAY_S = 60
SHORTEST_GAP_S = 45
LONGEST_STAY_S = 86_400
"""Published lists of defects of such sensors name negative stays and stays of days: they are unknown, not stays."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Stays:
    """Stays with their ends: ``complete`` where both the arrival and the departure were seen.

    ``began`` and ``ended`` say which of the two was seen; lengths are in seconds.
    """

    start_s: Seconds
    end_s: Seconds
    began: NDArray[np.bool_]
    ended: NDArray[np.bool_]

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Where the whole stay was seen."""
        return self.began & self.ended

    @property
    def length_s(self) -> Seconds:
        """How long each stay was seen to last."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Intervals ``[start, end)`` of known state in order; between an end and a later start nothing is known."""

    start_s: Seconds
    end_s: Seconds
    occupied: Seconds

    def place_at(self, at_s: Seconds) -> Seconds:
        """Return the index of the interval that holds each instant, -1 where nothing is known."""
        if not len(self.start_s):
            return np.full(at_s.shape, -1, dtype=np.int64)
        found = np.searchsorted(self.start_s, at_s, side="right") - 1
        known = (found >= 0) & (at_s < self.end_s[found])
        return np.where(known, found, -1)

    def occupied_at(self, at_s: Seconds) -> Floats:
        """Return 1, 0, or NaN where the state is not known."""
        found = self.place_at(at_s)
        states = np.append(self.occupied.astype(np.float64), np.nan)
        return states[found]

    def since_at(self, at_s: Seconds) -> Seconds:
        """Return how long each instant's state had lasted, in seconds; 0 where it is not known."""
        found = self.place_at(at_s)
        return np.where(found >= 0, at_s - np.append(self.start_s, 0)[found], 0)

    def until(self, at_s: int) -> Timeline:
        """Return the intervals that began before ``at_s``, cut there."""
        kept = int(np.searchsorted(self.start_s, at_s, side="left"))
        return Timeline(self.start_s[:kept], np.minimum(self.end_s[:kept], at_s), self.occupied[:kept])

    def stays(self) -> Stays:
        """Return the stays, in order."""
        joined = np.concatenate([[False], self.start_s[1:] == self.end_s[:-1], [False]])
        taken = self.occupied == 1
        return Stays(self.start_s[taken], self.end_s[taken], joined[:-1][taken], joined[1:][taken])


def raw_timeline(runs: PlaceRuns, silence_s: int, at_s: int) -> Timeline:
    """Return what the sensor said: a state holds until the next reading, unless that is over ``silence_s`` away."""
    if not len(runs.start_s):
        return Timeline(runs.start_s, runs.seen_s, runs.occupied)
    heard_s = np.append(runs.start_s[1:], at_s)
    until_s = np.append(runs.start_s[1:], at_s + 1)
    end_s = np.where(heard_s - runs.seen_s > silence_s, runs.seen_s + 1, until_s)
    return _joined(runs.start_s, end_s, runs.occupied)


def timeline(raw: Timeline) -> Timeline:
    """Return the debounced intervals.

    Gaps under 45 s between two stays are filled, then stays under 60 s are dropped, both only where the
    neighbours are known; then stays over 24 h become unknown.
    """
    filled = _flipped(raw, state=0, shorter_than_s=SHORTEST_GAP_S)
    dropped = _flipped(filled, state=1, shorter_than_s=SHORTEST_STAY_S)
    kept = (dropped.occupied == 0) | (dropped.end_s - dropped.start_s <= LONGEST_STAY_S)
    return Timeline(dropped.start_s[kept], dropped.end_s[kept], dropped.occupied[kept])


def _flipped(given: Timeline, state: int, shorter_than_s: int) -> Timeline:
    if len(given.start_s) < 3:
        return given
    joined = given.start_s[1:] == given.end_s[:-1]
    inner = np.concatenate([[False], joined[:-1] & joined[1:], [False]])
    short = inner & (given.occupied == state) & (given.end_s - given.start_s < shorter_than_s)
    return _joined(given.start_s, given.end_s, np.where(short, 1 - state, given.occupied))


def _joined(start_s: Seconds, end_s: Seconds, occupied: Seconds) -> Timeline:
    """Make one interval of touching ones of equal state."""
    new = np.concatenate([[True], (start_s[1:] != end_s[:-1]) | (occupied[1:] != occupied[:-1])])
    first = np.flatnonzero(new)
    last = np.append(first[1:] - 1, len(start_s) - 1)
    return Timeline(start_s[first], end_s[last], occupied[first])
