"""Episodes: when a condition held, from where it holds and where it is over, reading by reading.

Every condition comes to a `Signal`; `replay` walks along it. The order of arrival plays no part, and a replay from any
instant on ends as one of the whole would:

- what is open at that instant is told by the known episodes, which rest on earlier readings alone;
- what is only under way there (a run that was not long enough yet, to raise or to clear) is found again from the
  readings of the lookback: such a run began at most its minimum duration and one link before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

import numpy as np

from core.alarms import Episode
from core.columns import Ints, Mask, from_microseconds, to_microseconds
from core.decisions import Value
from services.alarms.track import State

Figures: TypeAlias = Callable[[int], Mapping[str, Value]]
"""What was seen at the reading that confirmed an episode, by its position in the signal."""


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """What a condition makes of readings; one element of each column is one reading, ascending in time.

    Parameters
    ----------
    times
        Microseconds since `core.clock.EPOCH`.
    holds, clears
        Whether the condition holds there, and whether it is over; neither where it is in between.
    held_since, cleared_since
        Where it does: since when, without a gap.
    confirm_us, clear_us
        How long it must hold to be an episode, and be over to end it, microseconds.
    link_us
        How far apart two readings of one run may be, microseconds.
    """

    times: Ints
    holds: Mask
    clears: Mask
    held_since: Ints
    cleared_since: Ints
    confirm_us: int
    clear_us: int
    link_us: int

    @classmethod
    def of(cls, times: Ints, holds: Mask, clears: Mask, lasts: tuple[int, int, int]) -> Self:
        """Return the signal in which runs begin where they do; ``lasts``: confirm, clear and link, microseconds."""
        link_us = lasts[2]
        linked = np.diff(times) <= link_us
        return cls(times, holds, clears, run_starts(times, holds, linked), run_starts(times, clears, linked), *lasts)

    def confirms(self) -> Mask:
        """Return the readings at which the condition has held for long enough."""
        return self.holds & (self.times - self.held_since >= self.confirm_us)

    def ends(self) -> Mask:
        """Return the readings at which it has been over for long enough."""
        return self.clears & (self.times - self.cleared_since >= self.clear_us)


def run_starts(times: Ints, inside: Mask, linked: Mask) -> Ints:
    """Return when the run began that each reading is of, where it is ``inside`` one; ``linked`` to the one before."""
    begins = np.ones(len(times), dtype=np.bool_)
    begins[1:] = ~(inside[1:] & inside[:-1] & linked)
    return times[np.maximum.accumulate(np.where(begins, np.arange(len(times)), 0))] if len(times) else times


def replay(signal: Signal, state: State, figures: Figures) -> list[Episode]:
    """Return the episodes that stand instead of the known ones, oldest first.

    What ended before the state's ``from_us`` is returned as it was known.
    """
    found = state.before()
    is_open = bool(found) and not _over(signal, found[-1], state.from_us)
    if not is_open and not signal.holds.any():
        return found
    raises = _later(signal, signal.confirms(), state.from_us)
    ends = _later(signal, signal.ends(), state.from_us)
    at = -1
    if is_open:
        found[-1] = replace(found[-1], until=None)
    while True:
        if is_open:
            at = _next(ends, at)
            if at < 0:
                return found
            found[-1] = replace(found[-1], until=from_microseconds(int(signal.cleared_since[at])))
        else:
            at = _next(raises, at)
            if at < 0:
                return found
            since, confirmed = int(signal.held_since[at]), int(signal.times[at])
            found.append(Episode(from_microseconds(since), None, from_microseconds(confirmed), figures(at)))
        is_open = not is_open


def lookback_of(confirm_us: int, clear_us: int, link_us: int) -> int:
    """Return how far before an instant the readings begin that a replay from it needs, microseconds."""
    return max(confirm_us, clear_us) + 2 * link_us


def _later(signal: Signal, wanted: Mask, from_us: int) -> Ints:
    """Return the positions of the wanted readings that are replayed."""
    return np.flatnonzero(wanted & (signal.times >= from_us))


def _next(places: Sequence[int] | Ints, after: int) -> int:
    """Return the first of ascending positions beyond one, -1 where there is none."""
    place = int(np.searchsorted(places, after, side="right"))
    return int(places[place]) if place < len(places) else -1


def _over(signal: Signal, episode: Episode, from_us: int) -> bool:
    """Whether a known episode had ended, for good, by readings before ``from_us``."""
    if episode.until is None:
        return False
    until = to_microseconds(episode.until)
    if until + signal.clear_us + signal.link_us < from_us:
        return True
    ended = signal.clears & (signal.cleared_since == until) & (signal.times < from_us)
    return bool((ended & (signal.times - until >= signal.clear_us)).any())
