"""The device models that the ingest processes decode, for all that only knows the database."""

from __future__ import annotations

from collections.abc import Iterable

from core.places import SensorKind
from core.sensor_life import DeviceModel
from core.store.pool import Connection


def write_device_models(connection: Connection, models: Iterable[DeviceModel]) -> None:
    """Write the device models that are decoded, and no others. Each ingest process does so at its start.

    A sensor may go on naming a model that is decoded no more: its bytes then wait as rejections.
    """
    rows = [(one.model, one.maker, one.title, list(one.kinds)) for one in models]
    with connection.transaction():
        # Processes that start together take turns; who only reads does not wait.
        connection.execute("LOCK TABLE device_model IN SHARE ROW EXCLUSIVE MODE")
        connection.execute("DELETE FROM device_model WHERE NOT model = ANY(%s)", ([row[0] for row in rows],))
        with connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO device_model (model, maker, title, kinds) VALUES (%s, %s, %s, %s)
                ON CONFLICT (model) DO UPDATE SET maker = excluded.maker, title = excluded.title, kinds = excluded.kinds
                 WHERE (device_model.maker, device_model.title, device_model.kinds)
                       IS DISTINCT FROM (excluded.maker, excluded.title, excluded.kinds)
                """,
                rows,
            )


def read_device_models(connection: Connection) -> dict[str, DeviceModel]:
    """Return the device models that the ingest processes decode, by their name."""
    rows = connection.execute("SELECT model, maker, title, kinds FROM device_model ORDER BY model")
    return {
        model: DeviceModel(model, maker, title, tuple(SensorKind(kind) for kind in kinds))
        for model, maker, title, kinds in rows
    }


def read_device_owner(connection: Connection, external_id: str) -> int | None:
    """Return the id of the sensor that a device is, or was until it was replaced; None where it is no sensor's."""
    row = connection.execute(
        """
        SELECT sensor_id FROM (
            SELECT sensor_id, 0 AS former FROM sensor WHERE external_id = %(external_id)s
            UNION ALL SELECT sensor_id, 1 FROM former_device WHERE external_id = %(external_id)s) AS owner
         ORDER BY former LIMIT 1
        """,
        {"external_id": external_id},
    ).fetchone()
    return None if row is None else int(row[0])
