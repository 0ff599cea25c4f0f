"""Rejections laid into a database, and their replay, for the tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from acting import acting_as
from pydantic import SecretStr

from core.clock import now
from core.intakes import Intake, IntakeKind, IntakeState, RejectionFilter
from core.metrics import METRICS
from core.places import Sensor, SensorKind, Site
from core.readings import Message, Reason, Rejection
from core.settings import IngestSettings
from core.store.intakes import ask_intake, hold_intake, read_intake
from core.store.pool import Connection, connected
from core.store.rejections import write_rejections
from core.store.roles import Login, as_login
from core.store.sensors import adopt_sensor
from ingestors.decoders.senml import format_pack
from ingestors.intake_run import IntakeRun
from ingestors.intakes import intake_run, run_intake
from ingestors.topics import uplink_topic

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
SITE = Site("93066", "ecole", "École")
ROOM = Sensor("room-1", SensorKind.INDOOR_AIR, "Room 1", SITE)
ALL = RejectionFilter()


def settings_of(database_url: str) -> IngestSettings:
    """Return the settings of an ingest process on this database."""
    return IngestSettings(database_url=SecretStr(as_login(database_url, Login.INGEST)))


@contextmanager
def autocommitting(database_url: str) -> Iterator[Connection]:
    """Give a connection as the ingest process has it."""
    with connected(database_url) as connection:
        connection.autocommit = True
        yield connection


def message(step: int, *, sensor: Sensor = ROOM, co2_ppm: float = 600.0) -> Message:
    """Return a good message of one reading, observed and received at the ``step``-th minute."""
    at = T0 + timedelta(minutes=step)
    payload = format_pack(at, [(METRICS["co2_ppm"], co2_ppm)])
    return Message(uplink_topic(sensor), payload, at, len(payload))


def refused(one: Message, reason: Reason = Reason.UNKNOWN_UNIT, sensor: Sensor = ROOM) -> Rejection:
    """Return a message as it was refused, by what has been mended since."""
    return Rejection(one, reason, "as it was then", sensor.external_id, sensor.site.commune_insee, "senml/1")


def lay(connection: Connection, rejections: list[Rejection], *adopted: Sensor) -> None:
    """Write rejections, and adopt the sensors."""
    for one in adopted:
        adopt_sensor(connection, one, T0)
    write_rejections(connection, rejections)


def held_replay(connection: Connection, wanted: RejectionFilter = ALL) -> IntakeRun:
    """Ask for a replay, and return its run."""
    with connection.transaction():
        asked = ask_intake(connection, IntakeKind.REPLAY, "Camille", wanted.arguments(), now())
        held = hold_intake(connection, asked.intake_id, now())
    assert held is not None
    return intake_run(connection, settings_of(connection.info.dsn), held, threading.Event())


def replay(connection: Connection, wanted: RejectionFilter = ALL) -> Intake:
    """Ask for a replay, carry it out, and return it as it is kept then."""
    with acting_as(connection, Login.INGEST):
        run = held_replay(connection, wanted)
        assert run_intake(run) is IntakeState.DONE
    kept = read_intake(connection, run.intake.intake_id)
    assert kept is not None
    return kept
