"""The live feed in the store: events in commit order, a channel that wakes the listeners."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.clock import Window
from core.store.pool import AsyncConnection, Connection

LIVE = "vigie_live"
"""Channel that says there are new live events; listeners then read what follows the last they saw."""
LIVE_KEPT = timedelta(hours=1)
RECEPTION_KEPT = timedelta(days=2)
_LIVE_LOCK = 0x7619_1E


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One event of a commune's feed. ``event_id`` grows in commit order: what follows an id is all that came later."""

    event_id: int
    commune_insee: str
    kind: str
    body: list[dict[str, Any]]


def lock_live(connection: Connection) -> None:
    """Hold the live feed until the commit.

    Ids are handed out before the commit; the lock, held until it, makes their order the commits' order.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LIVE_LOCK,))


def write_live_bodies(connection: Connection, created_at: datetime, bodies: Sequence[tuple[str, str]]) -> None:
    """Write one ``readings`` event per commune (INSEE code, its body as JSON), and wake the listeners at commit.

    The caller holds `lock_live`.
    """
    _insert_events(connection, created_at, "readings", bodies)


def write_live_forecasts(connection: Connection, created_at: datetime, bodies: dict[str, list[dict[str, Any]]]) -> None:
    """Write one ``forecasts`` event per commune (INSEE code to what was issued), in the caller's transaction."""
    lock_live(connection)
    _write_events(connection, created_at, "forecasts", sorted(bodies.items()))


def write_live_decisions(
    connection: Connection, created_at: datetime, commune: str, items: list[dict[str, Any]]
) -> None:
    """Write one ``decisions`` event of a commune (what was proposed or answered), in the caller's transaction."""
    lock_live(connection)
    _write_events(connection, created_at, "decisions", [(commune, items)])


def _write_events(
    connection: Connection, created_at: datetime, kind: str, bodies: Sequence[tuple[str, list[dict[str, Any]]]]
) -> None:
    _insert_events(connection, created_at, kind, [(insee, json.dumps(body)) for insee, body in bodies])


def _insert_events(connection: Connection, created_at: datetime, kind: str, bodies: Sequence[tuple[str, str]]) -> None:
    if not bodies:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO live_event (created_at, commune_insee, kind, body) VALUES (%s, %s, %s, %s)",
            [(created_at, insee, kind, body) for insee, body in bodies],
        )
    connection.execute("SELECT pg_notify(%s, '')", (LIVE,))


async def listen_live(connection: AsyncConnection) -> None:
    """Have this connection (in autocommit) told when there are new live events."""
    await connection.execute(f"LISTEN {LIVE}")


async def read_live(
    connection: AsyncConnection, *, after: int, commune: str | None = None, limit: int = 500
) -> list[LiveEvent]:
    """Return the events of a commune, or of all, that follow the id ``after``, in order."""
    cursor = await connection.execute(
        """
        SELECT event_id, commune_insee, kind, body FROM live_event
         WHERE event_id > %(after)s AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
         ORDER BY event_id LIMIT %(limit)s
        """,
        {"after": after, "commune": commune, "limit": limit},
    )
    return [LiveEvent(*row) for row in await cursor.fetchall()]


async def count_live(connection: AsyncConnection, *, after: int, commune: str | None, limit: int) -> int:
    """Return how many events of a commune, or of all, follow the id ``after``; stops counting at ``limit``."""
    cursor = await connection.execute(
        """
        SELECT count(*) FROM (
            SELECT FROM live_event
             WHERE event_id > %(after)s AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
             LIMIT %(limit)s
        ) AS counted
        """,
        {"after": after, "commune": commune, "limit": limit},
    )
    row = await cursor.fetchone()
    assert row is not None, "an aggregate returns a row"
    return int(row[0])


async def read_live_bounds(connection: AsyncConnection) -> tuple[int, int]:
    """Return the ids of the oldest and the newest event kept, (0, 0) when there is none."""
    cursor = await connection.execute("SELECT coalesce(min(event_id), 0), coalesce(max(event_id), 0) FROM live_event")
    row = await cursor.fetchone()
    assert row is not None, "an aggregate returns a row"
    return int(row[0]), int(row[1])


def prune_live(connection: Connection, now: datetime) -> int:
    """Delete the events and reception minutes that are no longer kept; return how many events."""
    connection.execute("DELETE FROM reception WHERE minute < %s", (now - RECEPTION_KEPT,))
    return connection.execute("DELETE FROM live_event WHERE created_at < %s", (now - LIVE_KEPT,)).rowcount


def read_reception(
    connection: Connection, window: Window, *, commune: str | None = None
) -> list[tuple[datetime, str, int]]:
    """Return (minute of arrival, sensor kind, readings stored) of ``window``, oldest first; idle minutes are absent."""
    rows = connection.execute(
        """
        SELECT minute, kind, sum(stored)::integer FROM reception
         WHERE minute >= %(start)s AND minute < %(end)s
           AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
         GROUP BY minute, kind ORDER BY minute, kind
        """,
        {"start": window.start, "end": window.end, "commune": commune},
    )
    return [(minute, kind, stored) for minute, kind, stored in rows]
