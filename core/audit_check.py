"""Whether the record of acts still holds: its chain computed anew, and the first place where it does not."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from core.audit import Entry, Head, chained

AHEAD = 64
"""Entries that are looked at behind the first that does not fit, to say what became of it."""


class Trace(StrEnum):
    """What was done to a chain, as it looks from what is left."""

    CHANGED = "changed"
    """The entry of this number is not what was written after the one before it."""
    REMOVED = "removed"
    """What was written with this number is not there."""
    INSERTED = "inserted"
    """The entry that stands here was never written here."""
    REORDERED = "reordered"
    """The entry that stands here was written at another place."""
    CUT = "cut"
    """From this number on the end is missing."""
    REWRITTEN = "rewritten"
    """The chain holds in itself, but the entry of this number is not the one whose hash was noted."""
    UNCOMPARED = "uncompared"
    """The noted head is of entries that were pruned since: nothing can be said of it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place where a chain does not hold."""

    trace: Trace
    number: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check came to: the entries that hold, the last of them, and the first fault."""

    entries: int
    end: Head
    fault: Fault | None


def check(entries: Iterable[Entry], start: Head, head: Head, noted: Head | None = None) -> Verdict:
    """Compute a chain anew, a few entries in memory at a time.

    Parameters
    ----------
    entries
        In the order of their numbers.
    start
        What the first of them follows.
    head
        Where the store says that the chain ends.
    noted
        A head that was noted elsewhere, at any time before.
    """
    if noted is not None and noted.number < start.number:
        return Verdict(0, start, Fault(Trace.UNCOMPARED, noted.number))
    end, kept = start, 0
    window, following = deque[Entry](), iter(entries)
    while True:
        if noted is not None and noted.number == end.number and noted.hash != end.hash:
            return Verdict(kept, end, Fault(Trace.REWRITTEN, noted.number))
        _fill(window, following)
        if not window:
            break
        one = window[0]
        if one.number != end.number + 1 or chained(end.hash, one) != one.hash:
            return Verdict(kept, end, _fault(end, list(window)))
        window.popleft()
        end, kept = Head(one.number, one.hash), kept + 1
    return Verdict(kept, end, _end_fault(end, head, noted))


def _fill(window: deque[Entry], following: Iterator[Entry]) -> None:
    window.extend(islice(following, AHEAD - len(window)))


def _end_fault(end: Head, head: Head, noted: Head | None) -> Fault | None:
    last = max(head.number, noted.number if noted else 0)
    if end.number < last:
        return Fault(Trace.CUT, end.number + 1)
    if end.number > head.number:
        return Fault(Trace.INSERTED, head.number + 1)
    return Fault(Trace.REWRITTEN, end.number) if end.hash != head.hash else None


def _fault(end: Head, window: list[Entry]) -> Fault:
    """Return what is wrong with the first entry of the window, which does not follow ``end``."""
    one, others = window[0], window[1:]
    number = end.number + 1
    if one.number < number:
        return Fault(Trace.INSERTED, one.number)
    belongs = [other for other in others if _fits(other, number, end.hash)]
    if belongs:
        hashes = [end.hash, *(other.hash for other in others)]
        moved = any(_fits(one, other.number, hash_before) for other in others for hash_before in hashes)
        return Fault(Trace.REORDERED if moved else Trace.INSERTED, number)
    if one.number > number or _was_shifted(window):
        return Fault(Trace.REMOVED, number)
    return Fault(Trace.CHANGED, number)


def _was_shifted(window: list[Entry]) -> bool:
    """Whether entries follow each other with higher numbers than they have: some went, and these took their place."""
    if len(window) < 2 or _fits(window[1], window[1].number, window[0].hash):
        return False
    return any(_fits(window[1], window[1].number + by, window[0].hash) for by in range(1, AHEAD))


def _fits(entry: Entry, number: int, hash_before: bytes) -> bool:
    return chained(hash_before, replace(entry, number=number)) == entry.hash
