"""Lanes in the store: which process holds one, and the heartbeats that went through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.store.pool import Connection

HEARTBEATS_KEPT = timedelta(days=2)


def claim_lane(connection: Connection, lane: str) -> bool:
    """Take a lane for this connection, until it ends, however it ends; False while another connection holds it.

    A pooler between us and the server must keep one session for it.
    """
    row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"vigie.lane.{lane}",)).fetchone()
    return row == (True,)


def write_heartbeats(
    connection: Connection, lane: str, beats: Sequence[tuple[datetime, datetime]], committed_at: datetime
) -> None:
    """Write a lane's heartbeats (sent, received), and forget those that are no longer kept."""
    with connection.transaction():
        connection.execute(
            """
            INSERT INTO heartbeat (lane, sent_at, received_at, committed_at)
            SELECT %s, sent_at, received_at, %s
              FROM unnest(%s::timestamptz[], %s::timestamptz[]) AS beat (sent_at, received_at)
            ON CONFLICT DO NOTHING
            """,
            (lane, committed_at, [sent_at for sent_at, _ in beats], [received_at for _, received_at in beats]),
        )
        connection.execute("DELETE FROM heartbeat WHERE sent_at < %s", (committed_at - HEARTBEATS_KEPT,))


@dataclass(frozen=True, slots=True)
class LaneBeat:
    """The last heartbeat that went through a lane, from its sending to its commit."""

    lane: str
    sent_at: datetime
    committed_at: datetime


def read_lane_beats(connection: Connection) -> list[LaneBeat]:
    """Return the last heartbeat of each lane that had one in the last two days, by name."""
    rows = connection.execute(
        """
        SELECT DISTINCT ON (lane) lane, sent_at, committed_at FROM heartbeat ORDER BY lane, sent_at DESC
        """
    )
    return [LaneBeat(*row) for row in rows]


def read_received_since(connection: Connection, since: datetime) -> list[str]:
    """Return the communes (INSEE codes) of which readings were received after the minute of an instant."""
    rows = connection.execute(
        """
        SELECT DISTINCT commune_insee FROM reception
         WHERE minute > date_trunc('minute', %s::timestamptz) + interval '1 minute' AND stored > 0
        """,
        (since,),
    )
    return [commune for (commune,) in rows]


def read_lane_outages(connection: Connection) -> list[tuple[datetime, datetime | None, list[str]]]:
    """Return when lanes were silent, and which communes were heard meanwhile by others."""
    rows = connection.execute(
        """
        SELECT since, until, coalesce(figures ->> 'heard', '') FROM alarm
         WHERE rule_id IS NULL AND name = 'lane_silent' ORDER BY since
        """
    )
    return [(since, until, heard.split()) for since, until, heard in rows]
