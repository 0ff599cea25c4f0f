"""Interventions and their pictures in the store; each is noted, and removed, with its act on record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.audit import Act, What
from core.clock import format_instant
from core.interventions import PHOTOS_MAX, Deed, Intervention, Picture
from core.places import Sensor
from core.store.audit import record
from core.store.pool import Connection

_PHOTO_LOCK = 0x50484F54  # "PHOT"


def write_intervention(connection: Connection, one: Intervention, sensor: Sensor) -> int:
    """Note an intervention at a sensor; return its id."""
    with connection.transaction():
        row = connection.execute(
            """
            INSERT INTO intervention (sensor_id, at, what, said, by, role, made_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING intervention_id
            """,
            (one.sensor_id, one.at, one.what, one.said, one.by, one.role, one.made_at),
        ).fetchone()
        assert row is not None, "an insert returns its row"
        record(connection, _act(What.INTERVENTION_NOTED, sensor, after={"intervention_id": row[0]} | _told(one)))
    return int(row[0])


def read_interventions(
    connection: Connection, sensor_id: int, *, before: tuple[datetime, int] | None = None, limit: int = 100
) -> list[Intervention]:
    """Return what was done at a sensor, the newest first, from before an instant and an id."""
    at, last = before or (None, 0)
    rows = connection.execute(
        """
        SELECT intervention_id, sensor_id, at, what, said, by, role, made_at,
               ARRAY(SELECT photo_id FROM photo
                      WHERE photo.intervention_id = intervention.intervention_id ORDER BY photo_id)
          FROM intervention
         WHERE sensor_id = %(sensor_id)s
           AND (%(at)s::timestamptz IS NULL OR (at, intervention_id) < (%(at)s::timestamptz, %(last)s::integer))
         ORDER BY at DESC, intervention_id DESC LIMIT %(limit)s
        """,
        {"sensor_id": sensor_id, "at": at, "last": last, "limit": limit},
    )
    return [_intervention(row) for row in rows]


def read_intervention(connection: Connection, intervention_id: int) -> Intervention | None:
    """Return an intervention, or None."""
    row = connection.execute(
        """
        SELECT intervention_id, sensor_id, at, what, said, by, role, made_at,
               ARRAY(SELECT photo_id FROM photo
                      WHERE photo.intervention_id = intervention.intervention_id ORDER BY photo_id)
          FROM intervention WHERE intervention_id = %s
        """,
        (intervention_id,),
    ).fetchone()
    return None if row is None else _intervention(row)


def remove_intervention(connection: Connection, one: Intervention, sensor: Sensor) -> None:
    """Remove an intervention with its pictures."""
    with connection.transaction():
        connection.execute("DELETE FROM intervention WHERE intervention_id = %s", (one.intervention_id,))
        told = {"intervention_id": one.intervention_id} | _told(one)
        record(connection, _act(What.INTERVENTION_REMOVED, sensor, before=told))


def add_photo(connection: Connection, of: Intervention, picture: Picture, sensor: Sensor) -> int | None:
    """Keep a picture of an intervention; return its id, None where there are `PHOTOS_MAX` already."""
    with connection.transaction():
        # Two pictures at once are counted one after the other; the api has no right to hold the row itself.
        connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_PHOTO_LOCK, of.intervention_id))
        row = connection.execute(
            """
            INSERT INTO photo (intervention_id, media_type, width, height, bytes, small)
            SELECT %(intervention_id)s, %(media_type)s, %(width)s, %(height)s, %(full)b, %(small)b
             WHERE (SELECT count(*) FROM photo WHERE intervention_id = %(intervention_id)s) < %(most)s
            RETURNING photo_id
            """,
            {
                "intervention_id": of.intervention_id,
                "media_type": picture.media_type,
                "width": picture.width,
                "height": picture.height,
                "full": picture.full,
                "small": picture.small,
                "most": PHOTOS_MAX,
            },
        ).fetchone()
        if row is None:
            return None
        told = {"intervention_id": of.intervention_id, "photo_id": row[0], "bytes": len(picture.full)}
        record(connection, _act(What.PHOTO_ADDED, sensor, after=told))
    return int(row[0])


def read_photo(connection: Connection, photo_id: int, *, small: bool) -> tuple[str, bytes] | None:
    """Return a picture's media type and bytes, the small ones or the full ones; None where there is none."""
    row = connection.execute(
        "SELECT media_type, CASE WHEN %s THEN small ELSE bytes END FROM photo WHERE photo_id = %s", (small, photo_id)
    ).fetchone()
    return None if row is None else (row[0], bytes(row[1]))


def read_photo_owner(connection: Connection, photo_id: int) -> Intervention | None:
    """Return the intervention that a picture is of, or None."""
    row = connection.execute("SELECT intervention_id FROM photo WHERE photo_id = %s", (photo_id,)).fetchone()
    return None if row is None else read_intervention(connection, row[0])


def remove_photo(connection: Connection, photo_id: int, of: Intervention, sensor: Sensor) -> None:
    """Remove a picture of an intervention."""
    with connection.transaction():
        connection.execute("DELETE FROM photo WHERE photo_id = %s", (photo_id,))
        told = {"intervention_id": of.intervention_id, "photo_id": photo_id}
        record(connection, _act(What.PHOTO_REMOVED, sensor, before=told))


def _told(one: Intervention) -> dict[str, Any]:
    return {"what": one.what.value, "at": format_instant(one.at), "said": one.said}


def _act(what: What, sensor: Sensor, **told: dict[str, Any]) -> Act:
    return Act(what, f"sensor:{sensor.sensor_id}", sensor.site.commune_insee, told.get("before"), told.get("after"))


def _intervention(row: tuple[Any, ...]) -> Intervention:
    intervention_id, sensor_id, at, what, said, by, role, made_at, photos = row
    return Intervention(sensor_id, at, Deed(what), said, by, role, made_at, intervention_id, tuple(photos))
