"""The live feed in the store: events in commit order, a channel that wakes the listeners."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.clock import Window
from core.roles import Grant, Role
from core.store.pool import AsyncConnection, Connection

LIVE = "vigie_live"
"""Channel that says there are new live events; listeners then read what follows the last they saw."""
DOORS = "vigie_doors"
"""Channel that says that passes changed: the id of one, or nothing for many."""
LIVE_KEPT = timedelta(hours=1)
RECEPTION_KEPT = timedelta(days=2)
_LIVE_LOCK = 0x7619_1E


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One event of a commune's feed. ``event_id`` grows in commit order: what follows an id is all that came later.

    Parameters
    ----------
    text
        What happened, as it was written: a JSON list. Hundreds are sent it as it is; few read it.
    """

    event_id: int
    commune_insee: str
    kind: str
    text: str

    @property
    def items(self) -> list[dict[str, Any]]:
        """What happened, one item each."""
        items: list[dict[str, Any]] = json.loads(self.text)
        return items


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


def write_live_alarms(connection: Connection, created_at: datetime, bodies: Mapping[str, list[dict[str, Any]]]) -> None:
    """Write one ``alarms`` event per commune (INSEE code to what moved), in the caller's transaction."""
    lock_live(connection)
    _write_events(connection, created_at, "alarms", sorted(bodies.items()))


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
    """Have this connection (in autocommit) told of new live events, and of passes that changed."""
    await connection.execute(f"LISTEN {LIVE}")
    await connection.execute(f"LISTEN {DOORS}")


async def read_live(
    connection: AsyncConnection, *, after: int, communes: Sequence[str] | None = None, limit: int = 500
) -> list[LiveEvent]:
    """Return the events of some communes, or of all, that follow the id ``after``, in order."""
    cursor = await connection.execute(
        """
        SELECT event_id, commune_insee, kind, body::text FROM live_event
         WHERE event_id > %(after)s AND (%(communes)s::text[] IS NULL OR commune_insee = ANY(%(communes)s))
         ORDER BY event_id LIMIT %(limit)s
        """,
        {"after": after, "communes": communes, "limit": limit},
    )
    return [LiveEvent(*row) for row in await cursor.fetchall()]


async def count_live(connection: AsyncConnection, *, after: int, communes: Sequence[str] | None, limit: int) -> int:
    """Return how many events of some communes, or of all, follow the id ``after``; stops counting at ``limit``."""
    cursor = await connection.execute(
        """
        SELECT count(*) FROM (
            SELECT FROM live_event
             WHERE event_id > %(after)s AND (%(communes)s::text[] IS NULL OR commune_insee = ANY(%(communes)s))
             LIMIT %(limit)s
        ) AS counted
        """,
        {"after": after, "communes": communes, "limit": limit},
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


async def read_series_sites(connection: AsyncConnection, series_ids: Sequence[int]) -> dict[int, int]:
    """Return the site that each of these series stands on now."""
    cursor = await connection.execute(
        "SELECT series_id, site_id FROM series JOIN sensor USING (sensor_id) WHERE series_id = ANY(%s)",
        (list(series_ids),),
    )
    return {int(series_id): int(site_id) for series_id, site_id in await cursor.fetchall()}


async def read_subject_sites(
    connection: AsyncConnection, subjects: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], int | None]:
    """Return the site of each of these decision subjects (kind, code), None where it has none."""
    cursor = await connection.execute(
        """
        SELECT kind, code, site_id
          FROM decision_subject JOIN unnest(%s::text[], %s::text[]) AS asked (kind, code) USING (kind, code)
        """,
        ([kind for kind, _ in subjects], [code for _, code in subjects]),
    )
    return {(kind, code): site_id for kind, code, site_id in await cursor.fetchall()}


async def keep_open_passes(connection: AsyncConnection, pass_ids: Sequence[int]) -> dict[int, list[Grant]]:
    """Note that these passes are in use, by an open feed; return what those give that still let in."""
    # A page that is left open on a wall is used: it is no idle session.
    cursor = await connection.execute(
        """
        WITH let_in AS (
            SELECT pass_id, used_at FROM pass
             WHERE pass_id = ANY(%(pass_ids)s) AND revoked_at IS NULL AND expires_at > now()
               AND (idle_s IS NULL OR coalesce(used_at, made_at) > now() - make_interval(secs => idle_s))
        ), noted AS (
            UPDATE pass SET used_at = now() FROM let_in
             WHERE pass.pass_id = let_in.pass_id
               AND (let_in.used_at IS NULL OR let_in.used_at < now() - interval '1 minute')
        )
        SELECT pass_id, role, commune_insee, site_id FROM let_in JOIN pass_grant USING (pass_id)
        """,
        {"pass_ids": list(pass_ids)},
    )
    found: dict[int, list[Grant]] = {}
    for pass_id, role, commune_insee, site_id in await cursor.fetchall():
        found.setdefault(pass_id, []).append(Grant(Role(role), commune_insee, site_id))
    return found


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
