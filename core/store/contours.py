"""Contours of communes in the store: the newest import of each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from psycopg.types.json import Json

from core.contours import Contour
from core.store.pool import Connection


def write_contours(connection: Connection, contours: Iterable[Contour], *, imported_at: datetime) -> None:
    """Write contours, each in the place of the one that was known."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO contour (insee, geometry, source, licence, imported_at) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (insee) DO UPDATE
               SET geometry = excluded.geometry, source = excluded.source, licence = excluded.licence,
                   imported_at = excluded.imported_at
            """,
            [(one.insee, Json(dict(one.geometry)), one.source, one.licence, imported_at) for one in contours],
        )


def delete_contours(connection: Connection) -> int:
    """Delete all contours, so that maps draw schematic cells again; return how many there were."""
    return connection.execute("DELETE FROM contour").rowcount


def read_contours(connection: Connection) -> list[Contour]:
    """Return all contours, by code."""
    rows = connection.execute("SELECT insee, geometry, source, licence FROM contour ORDER BY insee")
    return [Contour(*row) for row in rows]


def read_contours_state(connection: Connection) -> tuple[int, datetime | None]:
    """Return how many contours are kept and when the newest came: another answer means that they changed."""
    row = connection.execute("SELECT count(*), max(imported_at) FROM contour").fetchone()
    assert row is not None, "an aggregate returns a row"
    return row[0], row[1]
