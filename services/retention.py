"""Letting go of raw readings that are older than people want them kept: every night, in small steps, all counted.

A chunk (a month, or one of TimescaleDB's) goes from a family when all of it is older than the family's days: readings
are kept so long at least, and one chunk longer at most. When no family holds anything in it any more, the chunk goes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from core.metrics import Family
from core.store.chunks import Chunk, read_chunks
from core.store.pool import Connection
from core.store.retention import (
    count_readings,
    delete_readings,
    drop_readings,
    raise_kept_since,
    read_held,
    read_retention,
)

log = structlog.get_logger(__name__)

TURN_S = 20.0
"""A turn ends after the step that passes this: a worker that is told to stop does so between two turns."""
SERIES_AT_ONCE = 100
"""Deleted from in one transaction: a month of them, one reading each ten minutes, is half a million rows."""


@dataclass(frozen=True, slots=True)
class Going:
    """What goes of one family in one chunk."""

    family: Family
    chunk: Chunk
    readings: int


def cuts_of(connection: Connection, at: datetime) -> dict[Family, datetime]:
    """Return before which instant the raw readings of each family may go; a family that is kept for ever has none."""
    kept = read_retention(connection)
    return {family: at - timedelta(days=told.raw_days) for family, told in kept.items() if told.raw_days is not None}


def read_going(connection: Connection, at: datetime, cuts: dict[Family, datetime] | None = None) -> Iterator[Going]:
    """Yield what a night would let go of, the oldest first, and let go of nothing."""
    cuts = cuts_of(connection, at) if cuts is None else cuts
    for chunk in _old_chunks(connection, cuts):
        held = read_held(connection, chunk)
        for family in _passed(cuts, chunk):
            if family in held:
                yield Going(family, chunk, sum(count_readings(connection, chunk, held[family]).values()))


def let_go(connection: Connection, at: datetime, after: datetime | None = None) -> datetime | None:
    """Let go of what is older than it is to be kept, for a turn; return where the next turn goes on, None at the end.

    ``after`` is what the turn before returned. What is held by somebody else is left for another night.
    """
    begun = time.monotonic()
    cuts = cuts_of(connection, at)
    chunks = _old_chunks(connection, cuts)
    for family in cuts:
        passed = [chunk.end for chunk in chunks if family in _passed(cuts, chunk)]
        if passed:
            raise_kept_since(connection, family, max(passed))
    connection.commit()
    done = after
    for chunk in chunks:
        if after is not None and chunk.end <= after:
            continue
        for _ in _steps(connection, chunk, _passed(cuts, chunk), at):
            if time.monotonic() - begun > TURN_S:
                return done or chunk.end - timedelta(microseconds=1)
        done = chunk.end
    return None


def _old_chunks(connection: Connection, cuts: dict[Family, datetime]) -> list[Chunk]:
    return read_chunks(connection, "reading", max(cuts.values())) if cuts else []


def _passed(cuts: dict[Family, datetime], chunk: Chunk) -> list[Family]:
    return [family for family, cut in cuts.items() if chunk.end <= cut]


def _steps(connection: Connection, chunk: Chunk, passed: list[Family], at: datetime) -> Iterator[int]:
    """Let go of what goes of a chunk, and yield after each transaction how many readings went."""
    held = read_held(connection, chunk)
    connection.commit()
    if held.keys() <= set(passed):
        dropped = drop_readings(connection, chunk, held, at.date())
        log.info("chunk_held" if dropped is None else "chunk_dropped", chunk=chunk.relation, readings=dropped)
        if dropped is not None:
            yield dropped
            return
    for family in passed:
        ids = held.get(family, [])
        for first in range(0, len(ids), SERIES_AT_ONCE):
            some = ids[first : first + SERIES_AT_ONCE]
            readings = delete_readings(connection, chunk, family, some, at.date())
            log.info("readings_let_go", chunk=chunk.relation, family=family, series=len(some), readings=readings)
            yield readings
