"""Sensors in the store: who is adopted, as what, where; what they were before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from core.audit import Act, What
from core.errors import AlreadyAdopted
from core.places import Origin, Sensor, SensorKind, Site
from core.sensor_life import (
    Change,
    Device,
    FormerDevice,
    FormerPlace,
    SensorChange,
    Signature,
    described,
    difference,
)
from core.store.audit import record_all
from core.store.places import write_site
from core.store.pool import Connection, is_in_transaction

SENSORS_CHANGED = "vigie_sensors"
"""Channel that tells ingest processes that a sensor was adopted or changed."""
UNSIGNED = "vigie"
"""Author of what a program of ours declares, and of what nobody signed."""


def listen_sensors(connection: Connection) -> None:
    """Have this connection (in autocommit) told when a sensor is adopted or changed."""
    connection.execute(f"LISTEN {SENSORS_CHANGED}")


def hear_sensors(connection: Connection) -> bool:
    """Whether a sensor was adopted or changed since the last call, without waiting."""
    return bool(list(connection.notifies(timeout=0)))


def tell_sensors(connection: Connection, what: str) -> None:
    """Tell the ingest processes, when this transaction commits, that sensors changed."""
    connection.execute("SELECT pg_notify(%s, %s)", (SENSORS_CHANGED, what))


def adopt_sensor(connection: Connection, sensor: Sensor, adopted_at: datetime, author: str = UNSIGNED) -> int:
    """Write a new sensor and its site, tell the ingest processes, and return the sensor's id.

    Messages kept aside for it are taken in by the next ingest process that hears of it. Whether its model is known is
    for whoever asks a person (`core.sensor_life.check_model`).

    Raises
    ------
    AlreadyAdopted
        If a sensor has this external id.
    """
    site_id = write_site(connection, sensor.site)
    row = connection.execute(
        """
        INSERT INTO sensor (external_id, kind, name, site_id, origin, adopted_at, model, interval_s)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (external_id) DO NOTHING
        RETURNING sensor_id
        """,
        (
            sensor.external_id,
            sensor.kind,
            sensor.name,
            site_id,
            sensor.origin,
            adopted_at,
            sensor.model,
            sensor.interval_s,
        ),
    ).fetchone()
    if row is None:
        raise AlreadyAdopted(f"the sensor {sensor.external_id!r} is adopted already")
    sensor_id = int(row[0])
    change = SensorChange(sensor_id, Change.ADOPTED, {}, described(sensor), Signature(author, adopted_at))
    write_change(connection, change)
    tell_sensors(connection, sensor.external_id)
    return sensor_id


def declare_sensor(connection: Connection, sensor: Sensor, at: datetime) -> int:
    """Adopt a sensor that a program knows (a simulated town, replayed files), or bring it up to date; return its id.

    Its kind, name and site follow; the rest stays. It is no move: what it measured, it measured where it stands now.
    """
    known = read_sensor_named(connection, sensor.external_id)
    if known is None:
        return adopt_sensor(connection, sensor, at)
    assert known.sensor_id is not None, "a sensor of the store has its id"
    site_id = write_site(connection, sensor.site)
    changed = ("kind", "name", "commune_insee", "site")
    before, after = (
        {name: value for name, value in described(one).items() if name in changed} for one in (known, sensor)
    )
    if before != after:
        connection.execute(
            "UPDATE sensor SET kind = %s, name = %s, site_id = %s WHERE sensor_id = %s",
            (sensor.kind, sensor.name, site_id, known.sensor_id),
        )
        signed = Signature(UNSIGNED, at)
        write_change(connection, SensorChange(known.sensor_id, Change.EDITED, *difference(before, after), signed))
        tell_sensors(connection, sensor.external_id)
    return known.sensor_id


_SENSORS = """
    SELECT sensor.sensor_id, sensor.external_id, sensor.kind, sensor.name, sensor.origin, sensor.adopted_at,
           sensor.model, sensor.interval_s, sensor.retired_at,
           site.site_id, site.commune_insee, site.code, site.name, site.longitude, site.latitude
      FROM sensor JOIN site USING (site_id)
     WHERE (%(commune)s::text IS NULL OR site.commune_insee = %(commune)s)
       AND (%(kind)s::text IS NULL OR sensor.kind = %(kind)s)
       AND (%(sensor_id)s::integer IS NULL OR sensor.sensor_id = %(sensor_id)s)
       AND (%(external_ids)s::text[] IS NULL OR sensor.external_id = ANY(%(external_ids)s))
       AND (%(sensor_ids)s::integer[] IS NULL OR sensor.sensor_id = ANY(%(sensor_ids)s))
       AND sensor.sensor_id > %(after)s
     ORDER BY sensor.sensor_id
     LIMIT %(limit)s
"""


_NO_FILTER = {
    "commune": None,
    "kind": None,
    "sensor_id": None,
    "external_ids": None,
    "sensor_ids": None,
    "after": 0,
    "limit": 100_000,
}


def read_sensors(
    connection: Connection,
    *,
    commune: str | None = None,
    kind: SensorKind | None = None,
    after: int = 0,
    limit: int = 100_000,
) -> list[Sensor]:
    """Return sensors in order of their id, after ``after``: a page at a time, or all."""
    filters = _NO_FILTER | {"commune": commune, "kind": kind, "after": after, "limit": limit}
    return [_sensor(row) for row in connection.execute(_SENSORS, filters)]


def read_sensor(connection: Connection, sensor_id: int) -> Sensor | None:
    """Return one sensor, or None."""
    row = connection.execute(_SENSORS, _NO_FILTER | {"sensor_id": sensor_id}).fetchone()
    return _sensor(row) if row else None


def read_sensor_named(connection: Connection, external_id: str) -> Sensor | None:
    """Return the sensor of this external id, or None."""
    found = read_sensors_named(connection, [external_id])
    return found[0] if found else None


def read_sensors_named(connection: Connection, external_ids: Sequence[str]) -> list[Sensor]:
    """Return the sensors of these external ids, in order of their id."""
    filters = _NO_FILTER | {"external_ids": list(external_ids)}
    return [_sensor(row) for row in connection.execute(_SENSORS, filters)]


def read_sensors_of(connection: Connection, sensor_ids: Sequence[int]) -> list[Sensor]:
    """Return the sensors of these ids, in order of them."""
    return [_sensor(row) for row in connection.execute(_SENSORS, _NO_FILTER | {"sensor_ids": list(sensor_ids)})]


def _sensor(row: tuple) -> Sensor:  # type: ignore[type-arg] # as wide as the SELECT above
    (
        sensor_id,
        external_id,
        kind,
        name,
        origin,
        adopted_at,
        model,
        interval_s,
        retired_at,
        site_id,
        insee,
        code,
        site_name,
        longitude,
        latitude,
    ) = row
    site = Site(insee, code, site_name, longitude, latitude, site_id)
    return Sensor(
        external_id, SensorKind(kind), name, site, Origin(origin), sensor_id, adopted_at, model, interval_s, retired_at
    )


def read_former_devices(connection: Connection, *, sensor_id: int | None = None) -> list[FormerDevice]:
    """Return the devices that were replaced, in the order of their removal."""
    rows = connection.execute(
        """
        SELECT external_id, model, sensor_id, removed_at FROM former_device
         WHERE %(sensor_id)s::integer IS NULL OR sensor_id = %(sensor_id)s
         ORDER BY removed_at, external_id
        """,
        {"sensor_id": sensor_id},
    )
    return [FormerDevice(Device(external_id, model), owner, at) for external_id, model, owner, at in rows]


def read_former_places(connection: Connection, *, sensor_id: int | None = None) -> list[FormerPlace]:
    """Return where sensors stood before they were moved, in the order in which they left."""
    rows = connection.execute(
        """
        SELECT sensor_id, commune_insee, left_at FROM former_place JOIN site USING (site_id)
         WHERE %(sensor_id)s::integer IS NULL OR sensor_id = %(sensor_id)s
         ORDER BY left_at, sensor_id
        """,
        {"sensor_id": sensor_id},
    )
    return [FormerPlace(*row) for row in rows]


def read_sensors_with_past(connection: Connection) -> tuple[list[Sensor], list[FormerDevice], list[FormerPlace]]:
    """Return all sensors with their former devices and places, as of one instant.

    Read apart, a device could be seen as a sensor's own and as a former one. Within a transaction that the caller
    began, they are read as that transaction sees them.
    """
    if is_in_transaction(connection):
        return read_sensors(connection), read_former_devices(connection), read_former_places(connection)
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return read_sensors_with_past(connection)


def write_change(connection: Connection, change: SensorChange) -> None:
    """Add to a sensor's history, and put the act on record."""
    connection.execute(
        """
        INSERT INTO sensor_change (sensor_id, changed_at, what, before, after, author) VALUES (%s, %s, %s, %s, %s, %s)
        """,
        (
            change.sensor_id,
            change.signed.at,
            change.what,
            Jsonb(change.before),
            Jsonb(change.after),
            change.signed.author,
        ),
    )
    row = connection.execute(
        "SELECT commune_insee FROM sensor JOIN site USING (site_id) WHERE sensor_id = %s", (change.sensor_id,)
    ).fetchone()
    assert row is not None, "a change is a sensor's, and sensors are never deleted"
    record_all(connection, acts_of(change, row[0]))


def acts_of(change: SensorChange, commune_insee: str) -> list[Act]:
    """Return what the record of acts says of a change to a sensor that now stands in this commune.

    A sensor that left another commune is on record there too.
    """
    what, target = What(f"sensor_{change.what}"), f"sensor:{change.sensor_id}"
    communes = dict.fromkeys([commune_insee, change.before.get("commune_insee", commune_insee)])
    return [Act(what, target, commune, change.before, change.after) for commune in communes]


def read_changes(
    connection: Connection, sensor_id: int, *, before: int | None = None, limit: int = 100
) -> list[SensorChange]:
    """Return a sensor's history, the newest first, from before the change of id ``before``."""
    rows = connection.execute(
        """
        SELECT sensor_id, what, before, after, author, changed_at, change_id FROM sensor_change
         WHERE sensor_id = %(sensor_id)s AND (%(before)s::bigint IS NULL OR change_id < %(before)s)
         ORDER BY change_id DESC LIMIT %(limit)s
        """,
        {"sensor_id": sensor_id, "before": before, "limit": limit},
    )
    return [
        SensorChange(owner, what, old, new, Signature(author, at), change_id)
        for owner, what, old, new, author, at, change_id in rows
    ]
