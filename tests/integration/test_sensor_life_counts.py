"""What counts after a sensor was moved, replaced or retired: by when it was observed, however late it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from ingesting import wait_until

from core.clock import Window
from core.errors import AlreadyAdopted, SensorConflict, UnknownSensor
from core.metrics import METRICS
from core.places import Sensor, SensorKind, Site
from core.readings import Message, Reason
from core.sensor_life import Device, Signature
from core.store import sensor_life as life
from core.store.places import read_series
from core.store.pool import Connection, connected
from core.store.readings import read_readings
from core.store.rejections import read_rejections
from core.store.sensors import (
    adopt_sensor,
    declare_sensor,
    hear_sensors,
    listen_sensors,
    read_changes,
    read_sensor,
)
from ingestors.adopted import AdoptedSensors
from ingestors.batch import BatchWriter
from ingestors.decoders.senml import format_pack
from ingestors.topics import topic_of
from ingestors.validate import Limits

pytestmark = pytest.mark.integration

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATER = T0 + 100 * HOUR
HERE, THERE = Site("93051", "mairie", "Mairie"), Site("93066", "gymnase", "Gymnase")
SENSOR = Sensor("bin-1", SensorKind.BIN, "Borne", HERE)
SIGNED = Signature("Nadia", LATER)


@pytest.fixture
def writer(database_url: str) -> Iterator[BatchWriter]:
    with connected(database_url) as connection:
        connection.autocommit = True
        adopt_sensor(connection, SENSOR, T0 - HOUR)
        yield BatchWriter(connection, AdoptedSensors(), Limits(262_144, 16_384, timedelta(minutes=5)))


def uplink(name: str, hour: int, insee: str = "93051") -> Message:
    payload = format_pack(T0 + hour * HOUR, [(METRICS["fill_ratio"], hour / 100)])
    return Message(topic_of(insee, SensorKind.BIN, name), payload, LATER, len(payload))


def take(writer: BatchWriter, *messages: Message) -> None:
    writer.adopted.refresh(writer.connection)
    writer.write(messages, LATER)


def stored_hours(connection: Connection) -> list[int]:
    """Return the hours of what is stored in the one series that there is."""
    [series] = read_series(connection)
    found = read_readings(connection, series.series_id, Window(T0, LATER), limit=1_000)
    return [(reading.observed_at - T0) // HOUR for reading in found]


def refused(connection: Connection) -> list[Reason]:
    return [one.rejection.reason for one in read_rejections(connection)]


def test_after_a_move_the_old_commune_counts_for_what_was_observed_before(writer: BatchWriter) -> None:
    life.move_sensor(writer.connection, life.hold_sensor(writer.connection, 1), THERE, T0 + 10 * HOUR, SIGNED)
    take(writer, uplink("bin-1", 9), uplink("bin-1", 10), uplink("bin-1", 11, "93066"), uplink("bin-1", 12, "92002"))
    assert stored_hours(writer.connection) == [9, 11]
    assert refused(writer.connection) == [Reason.WRONG_TOPIC, Reason.WRONG_TOPIC]


def test_after_a_replacement_each_device_counts_for_its_own_time(writer: BatchWriter) -> None:
    connection = writer.connection
    held = life.hold_sensor(connection, 1)
    life.replace_device(connection, held, Device("bin-9"), T0 + 10 * HOUR, SIGNED)
    take(writer, uplink("bin-1", 9), uplink("bin-1", 10), uplink("bin-9", 8), uplink("bin-9", 11))
    assert stored_hours(connection) == [9, 11]
    assert refused(connection) == [Reason.RETIRED, Reason.RETIRED]
    present = read_sensor(connection, 1)
    assert present is not None
    assert (present.sensor_id, present.external_id) == (1, "bin-9")


def test_a_removed_device_may_serve_elsewhere_from_then_on(writer: BatchWriter) -> None:
    connection = writer.connection
    life.replace_device(connection, life.hold_sensor(connection, 1), Device("bin-9"), T0 + 10 * HOUR, SIGNED)
    adopt_sensor(connection, Sensor("bin-1", SensorKind.BIN, "Borne 2", HERE), LATER)
    take(writer, uplink("bin-1", 9), uplink("bin-1", 11))
    assert stored_hours(connection) == [11]
    assert refused(connection) == [Reason.RETIRED]


def test_a_retired_sensor_counts_until_then_and_again_when_it_is_restored(writer: BatchWriter) -> None:
    connection = writer.connection
    life.retire_sensor(connection, life.hold_sensor(connection, 1), T0 + 10 * HOUR, SIGNED)
    take(writer, uplink("bin-1", 9), uplink("bin-1", 10))
    assert stored_hours(connection) == [9]
    assert refused(connection) == [Reason.RETIRED]
    held = life.hold_sensor(connection, 1)
    life.edit_sensor(connection, held, SENSOR, SIGNED)
    take(writer, uplink("bin-1", 11))
    assert stored_hours(connection) == [9, 11]


def test_each_change_is_told_to_the_ingest_processes_when_it_is_committed(database_url: str) -> None:
    with connected(database_url) as ears, connected(database_url) as hands:
        ears.autocommit = True
        listen_sensors(ears)
        adopt_sensor(hands, SENSOR, T0)
        assert not hear_sensors(ears)
        hands.commit()
        wait_until(lambda: hear_sensors(ears), 5)
        life.retire_sensor(hands, life.hold_sensor(hands, 1), T0, SIGNED)
        hands.rollback()
        life.move_sensor(hands, life.hold_sensor(hands, 1), THERE, T0, SIGNED)
        hands.commit()
        wait_until(lambda: hear_sensors(ears), 5)


def test_a_sensor_is_adopted_once_and_declared_as_often_as_one_likes(writer: BatchWriter) -> None:
    connection = writer.connection
    with pytest.raises(AlreadyAdopted):
        adopt_sensor(connection, SENSOR, LATER)
    assert declare_sensor(connection, SENSOR, LATER) == 1
    assert len(read_changes(connection, 1)) == 1
    assert declare_sensor(connection, Sensor("bin-1", SensorKind.BIN, "Borne", THERE), LATER) == 1
    assert read_changes(connection, 1)[0].after["site"] == "gymnase"
    assert declare_sensor(connection, Sensor("bin-2", SensorKind.BIN, "Borne 2", THERE), LATER) > 1


def test_what_cannot_be_done_is_refused_and_changes_nothing(writer: BatchWriter) -> None:
    connection = writer.connection
    with pytest.raises(UnknownSensor):
        life.hold_sensor(connection, 99)
    before = read_sensor(connection, 1)
    held = life.hold_sensor(connection, 1)
    refusals: list[Callable[[], None]] = [
        lambda: life.move_sensor(connection, held, HERE, T0, SIGNED),
        lambda: life.replace_device(connection, held, Device("bin-1"), T0, SIGNED),
        lambda: life.retire_sensor(connection, held, LATER + HOUR, SIGNED),
    ]
    for refuse in refusals:
        with pytest.raises(SensorConflict), connection.transaction():
            refuse()
    assert read_sensor(connection, 1) == before
    assert len(read_changes(connection, 1)) == 1
