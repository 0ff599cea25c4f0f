"""A database whose readings are judged: written in batches, as ingest writes them, and judged as the worker does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from acting import acting_as

from core.places import Sensor, SensorKind, Site
from core.readings import Batch, Flag, Message, Reading
from core.store.batches import write_batch
from core.store.places import write_series
from core.store.pool import Connection
from core.store.roles import Login
from core.store.sensors import adopt_sensor
from services.quality import Judged, judge_touched

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
COMMUNE = "93051"
_MESSAGE = Message("vigie/v1/93051/indoor_air/salle-2/up", b"", T0, 0)
_KINDS = {"co2_ppm": SensorKind.INDOOR_AIR, "bikes_count": SensorKind.COUNTER}


def adopt(connection: Connection, name: str, *metrics: str, at: datetime = T0) -> list[int]:
    """Adopt a sensor; return the ids of its series."""
    site = Site(COMMUNE, "ecole", "École Jaurès")
    kind = _KINDS.get(metrics[0], SensorKind.METER)
    sensor_id = adopt_sensor(connection, Sensor(name, kind, name, site), at)
    return [write_series(connection, sensor_id, metric) for metric in metrics]


def write(connection: Connection, readings: Iterable[tuple[int, datetime, float]], at: datetime = T0) -> None:
    """Write readings in one batch."""
    rows = [Reading(*one) for one in readings]
    with acting_as(connection, Login.INGEST):
        write_batch(connection, Batch(at, readings=rows, origins=[_MESSAGE] * len(rows)))


def judge_all(connection: Connection) -> Judged:
    """Judge until no hour is left touched; return what it came to."""
    judged = Judged()
    with acting_as(connection, Login.WORKER):
        while (one := judge_touched(connection)).hours_touched:
            judged += one
    return judged


@dataclass
class Tables:
    """What judging writes, whole."""

    readings: list[tuple[Any, ...]]
    latest: list[tuple[Any, ...]]
    hours: list[tuple[Any, ...]]
    days: list[tuple[Any, ...]]


def tables(connection: Connection) -> Tables:
    """Return the judged tables; figures to a precision that the order of additions does not move."""
    return Tables(
        connection.execute(
            "SELECT series_id, observed_at, value, quality, flags FROM reading ORDER BY series_id, observed_at"
        ).fetchall(),
        connection.execute("SELECT series_id, observed_at, quality, flags FROM latest ORDER BY series_id").fetchall(),
        connection.execute(
            """
            SELECT series_id, hour, count, good, slots, round(mean::numeric, 9), low, high, last,
                   round(increment::numeric, 6), known_s
              FROM rollup_hour ORDER BY series_id, hour
            """
        ).fetchall(),
        connection.execute(
            """
            SELECT series_id, day, count, good, slots, hours, hours_valid, round(mean::numeric, 9), low, high, last,
                   round(increment::numeric, 6), known_s
              FROM rollup_day ORDER BY series_id, day
            """
        ).fetchall(),
    )


def flags_of(connection: Connection, series_id: int) -> list[Flag]:
    """Return the stored flags of a series, oldest first."""
    rows = connection.execute("SELECT flags FROM reading WHERE series_id = %s ORDER BY observed_at", (series_id,))
    return [Flag(flags) for (flags,) in rows]
