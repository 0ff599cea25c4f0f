"""Messages without a time of their own count once, whatever is killed between the commit and the acknowledgement."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Mosquitto
from ingesting import adopt, ingest_running, publisher_to, sensor, wait_until

from core.readings import Message
from core.store.pool import connected
from core.store.timeless import Packet, forget_timeless, write_timeless
from ingestors.adopted import AdoptedSensors
from ingestors.batch import BatchWriter, Outcome
from ingestors.topics import uplink_topic
from ingestors.validate import Limits

pytestmark = pytest.mark.integration
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
LIMITS = Limits(262_144, 16_384, timedelta(seconds=300))
PAYLOAD = b'[{"n":"co2","u":"ppm","v":500}]'


def delivered(packet_id: int, at: datetime = AT, *, again: bool = False) -> Message:
    return Message(uplink_topic(sensor(0)), PAYLOAD, at, len(PAYLOAD), packet_id=packet_id, redelivered=again)


def test_a_second_delivery_of_the_same_packet_is_a_duplicate_and_another_packet_is_not(database_url: str) -> None:
    adopt(database_url, [sensor(0)])
    later, latest = AT + timedelta(minutes=1), AT + timedelta(minutes=2)
    with connected(database_url) as connection:
        connection.autocommit = True
        writer = BatchWriter(connection, AdoptedSensors(), LIMITS, lane="all")
        writer.adopted.refresh(connection)
        assert writer.write([delivered(7)], AT).messages == {Outcome.STORED: 1}
        assert writer.write([delivered(7, later, again=True)], later).messages == {Outcome.DUPLICATE: 1}
        # Within one batch, too; and a new message of the same bytes is another observation.
        both = [delivered(8, later), delivered(8, latest, again=True), delivered(9, latest)]
        assert writer.write(both, latest).messages == {Outcome.STORED: 2, Outcome.DUPLICATE: 1}


def test_a_packet_is_forgotten_once_its_acknowledgement_must_have_been_heard(database_url: str) -> None:
    with connected(database_url) as connection:
        packets = [Packet(packet_id, b"d", redelivered=False) for packet_id in (65_530, 5)]
        assert write_timeless(connection, "all", packets, AT) == set()
        again = [replace(packets[0], redelivered=True)]
        assert forget_timeless(connection, "all", 14, 19)
        assert write_timeless(connection, "all", again, AT) == {0}
        # Packet ids run from 1 to 65,535, and from 1 again: 15 is 20 after 65,530.
        assert forget_timeless(connection, "all", 15, 19)
        assert write_timeless(connection, "all", again, AT) == set()


def test_kills_double_no_message_without_a_time(mosquitto: Mosquitto, database_url: str, tmp_path: Path) -> None:
    adopt(database_url, [sensor(0)])
    messages = 400

    def stored() -> list[float]:
        with connected(database_url) as connection:
            return [value for (value,) in connection.execute("SELECT value FROM reading ORDER BY value")]

    def publish() -> None:
        for number in range(messages):
            payload = b'[{"n":"co2","u":"ppm","v":%d}]' % (400 + number)
            publisher.publish(uplink_topic(sensor(0)), payload)
            pause.wait(0.01)

    pause = threading.Event()
    with ingest_running(mosquitto.url, database_url, tmp_path) as ingest, publisher_to(mosquitto.url) as publisher:
        traffic = threading.Thread(target=publish)
        traffic.start()
        for reached in (50, 150, 250):
            wait_until(lambda reached=reached: len(stored()) > reached)  # type: ignore[misc] # bound now
            ingest.end(signal.SIGKILL)
            ingest.start()
        traffic.join()
        wait_until(lambda: len(stored()) >= messages)
    assert stored() == [400.0 + number for number in range(messages)]
