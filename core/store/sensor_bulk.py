"""Many sensors at once in the store: what a file names, and what its plan writes, a few statements for all."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from core.errors import SensorConflict
from core.places import Sensor, Site
from core.registry_plan import Plan, PlannedLine, Registered, Step
from core.sensor_life import Change, SensorChange, Signature, described, difference
from core.store.audit import record_all
from core.store.devices import read_device_models
from core.store.places import read_sites
from core.store.pool import Connection
from core.store.sensors import acts_of, read_sensors_named, tell_sensors
from core.store.touched import touch_sensors

SITES_MAX = 100_000


def read_registered(connection: Connection, external_ids: Sequence[str], *, hold: bool = False) -> Registered:
    """Return the registry as far as a file with these sensors may name it.

    With ``hold``, nobody else changes these sensors until the transaction ends.
    """
    if hold:
        connection.execute(
            "SELECT FROM sensor WHERE external_id = ANY(%s) ORDER BY sensor_id FOR NO KEY UPDATE", (list(external_ids),)
        )
    return Registered.of(
        read_sensors_named(connection, external_ids),
        read_sites(connection, limit=SITES_MAX),
        read_device_models(connection),
    )


def write_plan(connection: Connection, plan: Plan, signed: Signature) -> None:
    """Do all that a plan without errors says, in the caller's transaction, and tell the ingest processes once.

    Raises
    ------
    SensorConflict
        If somebody adopted one of its new sensors meanwhile; the caller rolls back.
    """
    assert not plan.faults, "a plan with errors is not done"
    changing = [*plan.doing(Step.ADOPT), *plan.doing(Step.EDIT)]
    if not changing:
        return
    sensors = [(line, line.sensor) for line in changing if line.sensor is not None]
    _write_sites(connection, [sensor.site for _, sensor in sensors])
    ids = _adopt(connection, [sensor for line, sensor in sensors if line.step is Step.ADOPT], signed)
    _edit(connection, [sensor for line, sensor in sensors if line.step is Step.EDIT])
    touch_sensors(
        connection,
        [
            sensor.sensor_id
            for line, sensor in sensors
            if line.before and sensor.sensor_id is not None and line.before.interval_s != sensor.interval_s
        ],
    )
    _write_changes(connection, [(line, sensor, ids.get(sensor.external_id)) for line, sensor in sensors], signed)
    tell_sensors(connection, "")


def _write_sites(connection: Connection, sites: Sequence[Site]) -> None:
    """Write the sites that are new, and the points that are given; a known site keeps its name."""
    distinct: dict[tuple[str, str], Site] = {}
    for site in sites:
        key = (site.commune_insee, site.code)
        if key not in distinct or site.longitude is not None:
            distinct[key] = site
    rows = [(one.commune_insee, one.code, one.name, one.longitude, one.latitude) for one in distinct.values()]
    connection.execute(
        """
        INSERT INTO site (commune_insee, code, name, longitude, latitude)
        SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::double precision[], %s::double precision[])
        ON CONFLICT (commune_insee, code) DO UPDATE
           SET longitude = excluded.longitude, latitude = excluded.latitude
         WHERE excluded.longitude IS NOT NULL
           AND (site.longitude, site.latitude) IS DISTINCT FROM (excluded.longitude, excluded.latitude)
        """,
        [list(column) for column in zip(*rows, strict=True)],
    )


def _adopt(connection: Connection, sensors: Sequence[Sensor], signed: Signature) -> dict[str, int]:
    """Write new sensors; return their ids by external id."""
    if not sensors:
        return {}
    rows = [
        (one.external_id, one.kind.value, one.name, one.model, one.interval_s, one.site.commune_insee, one.site.code)
        for one in sensors
    ]
    written = connection.execute(
        """
        INSERT INTO sensor (external_id, kind, name, site_id, origin, adopted_at, model, interval_s)
        SELECT external_id, kind, asked.name, site_id, 'field', %s, model, interval_s
          FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::integer[], %s::text[], %s::text[])
               WITH ORDINALITY
               AS asked (external_id, kind, name, model, interval_s, commune_insee, code, position)
          JOIN site ON site.commune_insee = asked.commune_insee AND site.code = asked.code
         ORDER BY position
        ON CONFLICT (external_id) DO NOTHING
        RETURNING external_id, sensor_id
        """,
        (signed.at, *(list(column) for column in zip(*rows, strict=True))),
    ).fetchall()
    if len(written) != len(sensors):
        lost = min({one.external_id for one in sensors} - {external_id for external_id, _ in written})
        raise SensorConflict(f"the sensor {lost!r} was adopted meanwhile: look at the file again")
    return dict(written)


def _edit(connection: Connection, sensors: Sequence[Sensor]) -> None:
    if not sensors:
        return
    rows = [(one.sensor_id, one.kind.value, one.name, one.model, one.interval_s) for one in sensors]
    connection.execute(
        """
        UPDATE sensor SET kind = asked.kind, name = asked.name, model = asked.model, interval_s = asked.interval_s
          FROM unnest(%s::integer[], %s::text[], %s::text[], %s::text[], %s::integer[])
               AS asked (sensor_id, kind, name, model, interval_s)
         WHERE sensor.sensor_id = asked.sensor_id
        """,
        [list(column) for column in zip(*rows, strict=True)],
    )


def _write_changes(
    connection: Connection, done: Sequence[tuple[PlannedLine, Sensor, int | None]], signed: Signature
) -> None:
    changes = [(_change(line, sensor, new_id, signed), sensor.site.commune_insee) for line, sensor, new_id in done]
    rows = [(one.sensor_id, one.what, Jsonb(one.before), Jsonb(one.after)) for one, _ in changes]
    connection.execute(
        """
        INSERT INTO sensor_change (sensor_id, what, before, after, changed_at, author)
        SELECT asked.*, %s, %s FROM unnest(%s::integer[], %s::text[], %s::jsonb[], %s::jsonb[]) AS asked
        """,
        (signed.at, signed.author, *(list(column) for column in zip(*rows, strict=True))),
    )
    record_all(connection, [act for change, commune in changes for act in acts_of(change, commune)])


def _change(line: PlannedLine, sensor: Sensor, new_id: int | None, signed: Signature) -> SensorChange:
    sensor_id = sensor.sensor_id or new_id
    assert sensor_id is not None, "a sensor of a plan is in the store, or was just written"
    before, after = difference(described(line.before) if line.before else {}, described(sensor))
    return SensorChange(sensor_id, Change.EDITED if line.before else Change.ADOPTED, before, after, signed)
