"""A sensor's life in the store: edit, move, retire, replace. Each change is kept and told to the ingest processes."""

from __future__ import annotations

from datetime import datetime

from core.clock import format_instant
from core.errors import SensorConflict, UnknownSensor
from core.places import Sensor, Site
from core.sensor_life import (
    Change,
    Device,
    SensorChange,
    Signature,
    check_in_service,
    check_instant,
    check_model,
    described,
    difference,
)
from core.store.devices import read_device_models
from core.store.places import write_site
from core.store.pool import Connection
from core.store.sensors import (
    read_former_devices,
    read_former_places,
    read_sensor,
    read_sensor_named,
    tell_sensors,
    write_change,
)
from core.store.touched import touch_sensors


def hold_sensor(connection: Connection, sensor_id: int) -> Sensor:
    """Return a sensor for a change: until this transaction ends, nobody else changes it.

    Raises
    ------
    UnknownSensor
        If there is none of this id.
    """
    connection.execute("SELECT FROM sensor WHERE sensor_id = %s FOR NO KEY UPDATE", (sensor_id,))
    sensor = read_sensor(connection, sensor_id)
    if sensor is None:
        raise UnknownSensor(f"there is no sensor {sensor_id}")
    return sensor


def edit_sensor(connection: Connection, held: Sensor, wanted: Sensor, signed: Signature) -> None:
    """Bring a held sensor's name, kind, model, interval and its site's point to what is wanted.

    With another interval, other readings were due: its history is judged again. A retirement can be taken back here,
    with ``wanted.retired_at`` None. The point is the site's: it moves for all sensors of it. An edit that changes
    nothing is not kept.

    Raises
    ------
    UnknownModel
        If the model is none, or not one of the kind.
    """
    if (wanted.model, wanted.kind) != (held.model, held.kind):
        check_model(wanted.model, wanted.kind, read_device_models(connection))
    retired_at = held.retired_at if wanted.retired_at is not None else None
    connection.execute(
        "UPDATE sensor SET name = %s, kind = %s, model = %s, interval_s = %s, retired_at = %s WHERE sensor_id = %s",
        (wanted.name, wanted.kind, wanted.model, wanted.interval_s, retired_at, held.sensor_id),
    )
    point = (wanted.site.longitude, wanted.site.latitude)
    if point != (held.site.longitude, held.site.latitude):
        connection.execute(
            "UPDATE site SET longitude = %s, latitude = %s WHERE site_id = %s", (*point, held.site.site_id)
        )
    if wanted.interval_s != held.interval_s:
        touch_sensors(connection, [_id(held)])
    restored = held.retired_at is not None and retired_at is None
    _keep(connection, held, Change.RESTORED if restored else Change.EDITED, signed)


def move_sensor(connection: Connection, held: Sensor, site: Site, moved_at: datetime, signed: Signature) -> None:
    """Put a held sensor on another site, from an instant on. Its series and their history stay its own.

    What was observed before still counts on the native topics of the commune that it leaves.

    Raises
    ------
    SensorConflict
        If it is retired, stands there already, or the instant is in the future or not after its last move.
    """
    check_in_service(held)
    if (site.commune_insee, site.code) == (held.site.commune_insee, held.site.code):
        raise SensorConflict(f"the sensor {held.external_id!r} stands on this site already")
    places = read_former_places(connection, sensor_id=_id(held))
    check_instant("moved_at", moved_at, places[-1].left_at if places else None, signed.at)
    connection.execute(
        "INSERT INTO former_place (sensor_id, site_id, left_at) VALUES (%s, %s, %s)",
        (held.sensor_id, held.site.site_id, moved_at),
    )
    site_id = write_site(connection, site)
    connection.execute("UPDATE sensor SET site_id = %s WHERE sensor_id = %s", (site_id, held.sensor_id))
    _keep(connection, held, Change.MOVED, signed, {"moved_at": format_instant(moved_at)})


def retire_sensor(connection: Connection, held: Sensor, retired_at: datetime, signed: Signature) -> None:
    """Take a held sensor out of service: it takes no reading observed from then on. Its history stays.

    Raises
    ------
    SensorConflict
        If it is retired already, or the instant is in the future.
    """
    check_in_service(held)
    check_instant("retired_at", retired_at, None, signed.at)
    connection.execute("UPDATE sensor SET retired_at = %s WHERE sensor_id = %s", (retired_at, held.sensor_id))
    _keep(connection, held, Change.RETIRED, signed)


def replace_device(
    connection: Connection, held: Sensor, device: Device, replaced_at: datetime, signed: Signature
) -> None:
    """Put another device in a held sensor's place, from an instant on: its id, its series and their history stay.

    What the former device still sends, observed before, counts; so does nothing that the new one observed before, in
    the workshop. A device that was this sensor's before may come back.

    Raises
    ------
    SensorConflict
        If the sensor is retired, the device is a sensor's, or the instant is in the future or not after the last one.
    UnknownModel
        If the device's model is none, or not one of the sensor's kind.
    """
    check_in_service(held)
    check_model(device.model, held.kind, read_device_models(connection))
    if read_sensor_named(connection, device.external_id) is not None:
        raise SensorConflict(f"the device {device.external_id!r} is a sensor's already")
    devices = read_former_devices(connection, sensor_id=_id(held))
    check_instant("replaced_at", replaced_at, devices[-1].removed_at if devices else None, signed.at)
    # Back on its sensor, it is no former one. A device of another sensor stays that one's former device.
    connection.execute(
        "DELETE FROM former_device WHERE external_id = %s AND sensor_id = %s", (device.external_id, held.sensor_id)
    )
    connection.execute(
        """
        INSERT INTO former_device (external_id, sensor_id, removed_at, model) VALUES (%s, %s, %s, %s)
        ON CONFLICT (external_id) DO UPDATE
           SET sensor_id = excluded.sensor_id, removed_at = excluded.removed_at, model = excluded.model
        """,
        (held.external_id, held.sensor_id, replaced_at, held.model),
    )
    connection.execute(
        "UPDATE sensor SET external_id = %s, model = %s WHERE sensor_id = %s",
        (device.external_id, device.model, held.sensor_id),
    )
    _keep(connection, held, Change.REPLACED, signed, {"replaced_at": format_instant(replaced_at)})


def _keep(
    connection: Connection, held: Sensor, what: Change, signed: Signature, said: dict[str, str] | None = None
) -> None:
    """Keep what became of a held sensor, with what else was ``said``, and tell it; nothing, if nothing changed."""
    present = read_sensor(connection, _id(held))
    assert present is not None, "sensors are never deleted"
    before, after = difference(described(held), described(present))
    if after:
        write_change(connection, SensorChange(_id(held), what, before, after | (said or {}), signed))
        tell_sensors(connection, present.external_id)


def _id(sensor: Sensor) -> int:
    assert sensor.sensor_id is not None, "a held sensor was read from the store"
    return sensor.sensor_id
