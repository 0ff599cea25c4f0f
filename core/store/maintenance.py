"""Maintenance windows in the store: while somebody works there, nobody is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Work at a place: a commune, one of its sites, or a sensor.

    Parameters
    ----------
    start_at, end_at
        Half-open, on our clock.
    cancelled_at
        Since when it does not count any more, None while it does.
    """

    maintenance_id: int
    commune_insee: str
    site_id: int | None
    sensor_id: int | None
    start_at: datetime
    end_at: datetime
    why: str
    made_at: datetime
    made_by: str
    cancelled_at: datetime | None = None


def read_maintenance(
    connection: Connection, *, ending_after: datetime, commune: str | None = None, limit: int = 1_000
) -> list[Maintenance]:
    """Return the windows that end after an instant, of a commune or of all, the earliest first; cancelled ones too."""
    rows = connection.execute(
        """
        SELECT maintenance_id, commune_insee, site_id, sensor_id, start_at, end_at, why, made_at, made_by, cancelled_at
          FROM maintenance WHERE end_at > %(after)s AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
         ORDER BY start_at, maintenance_id LIMIT %(limit)s
        """,
        {"after": ending_after, "commune": commune, "limit": limit},
    )
    return [Maintenance(*row) for row in rows]


def read_one_maintenance(connection: Connection, maintenance_id: int) -> Maintenance | None:
    """Return one window, or None."""
    row = connection.execute(
        """
        SELECT maintenance_id, commune_insee, site_id, sensor_id, start_at, end_at, why, made_at, made_by, cancelled_at
          FROM maintenance WHERE maintenance_id = %s
        """,
        (maintenance_id,),
    ).fetchone()
    return None if row is None else Maintenance(*row)


def write_maintenance(connection: Connection, window: Maintenance) -> int:
    """Write a new window (its ``maintenance_id`` says nothing); return its id."""
    row = connection.execute(
        """
        INSERT INTO maintenance (commune_insee, site_id, sensor_id, start_at, end_at, why, made_at, made_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING maintenance_id
        """,
        (
            window.commune_insee,
            window.site_id,
            window.sensor_id,
            window.start_at,
            window.end_at,
            window.why,
            window.made_at,
            window.made_by,
        ),
    ).fetchone()
    assert row is not None, "an insert returns its row"
    return int(row[0])


def cancel_maintenance(connection: Connection, maintenance_id: int, at: datetime) -> bool:
    """Let a window count no longer; return whether it did, and whoever asks may cancel it."""
    cursor = connection.execute(
        "UPDATE maintenance SET cancelled_at = %s WHERE maintenance_id = %s AND cancelled_at IS NULL",
        (at, maintenance_id),
    )
    return cursor.rowcount == 1
