from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Mosquitto
from ingesting import START, adopt, count_stored, ingest_running, pack, publisher_to, sensor, wait_until
from prometheus_client import REGISTRY
from pydantic import SecretStr

from core.clock import now
from core.metrics import METRICS
from core.readings import Message, Reason
from core.settings import IngestSettings
from core.store.asides import read_unknown_sensors
from core.store.pool import connected
from core.store.rejections import read_rejection, read_rejections
from ingestors.adopted import AdoptedSensors
from ingestors.batch import BatchWriter, Outcome
from ingestors.broker import BrokerAddress, PayloadLimits, Received, Room, Subscriber
from ingestors.decoders.senml import format_pack
from ingestors.pipeline import Examined, refuse_whole
from ingestors.process import run_ingest
from ingestors.topics import uplink_topic
from ingestors.validate import Limits

pytestmark = pytest.mark.integration

TOPIC = "vigie/v1/93066/indoor_air/room-0/up"
LIMITS = Limits(262_144, 16_384, timedelta(seconds=300))
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_each_bad_input_becomes_a_rejection_with_its_reason(
    mosquitto: Mosquitto, database_url: str, tmp_path: Path
) -> None:
    adopt(database_url, [sensor(0)])
    tomorrow = format_pack(now() + timedelta(days=1), [(METRICS["co2_ppm"], 500.0)])
    co2 = {"bt": START.timestamp(), "n": "co2"}
    bad = [
        (TOPIC, b'[{"n":', Reason.MALFORMED),
        (TOPIC, b"[" * 100_000, Reason.MALFORMED),
        (TOPIC, b'[{"bt":1772442000,"n":"co2","u":"ppm","v":NaN}]', Reason.MALFORMED),
        (TOPIC, json.dumps([co2 | {"u": "furlong", "v": 500}]).encode(), Reason.UNKNOWN_UNIT),
        (TOPIC, json.dumps([co2 | {"n": "co\u0000", "u": "ppm", "v": 500}]).encode(), Reason.UNKNOWN_METRIC),
        (TOPIC, json.dumps([co2 | {"n": "co2\ud800", "u": "ppm", "v": 500}]).encode(), Reason.MALFORMED),
        (TOPIC, json.dumps([co2 | {"u": "ppm", "v": 50_000}]).encode(), Reason.OUT_OF_BOUNDS),
        (TOPIC, tomorrow, Reason.IN_FUTURE),
        (TOPIC, b'[{"bt":800000000,"n":"co2","u":"ppm","v":500}]', Reason.TOO_OLD),
        (TOPIC, b"x" * 10_000_000, Reason.TOO_LARGE),
        ("vigie/v1/93066/indoor_air/room-0/down", pack(0), Reason.WRONG_TOPIC),
        ("vigie/v1/75056/indoor_air/room-0/up", pack(0), Reason.WRONG_TOPIC),
    ]
    with ingest_running(mosquitto.url, database_url, tmp_path), publisher_to(mosquitto.url) as publisher:
        for topic, payload, _ in bad:
            publisher.publish(topic, payload)
        publisher.publish(TOPIC, pack(1))
        wait_until(lambda: count_stored(database_url) == 2)
    with connected(database_url) as connection:
        whole = (read_rejection(connection, one.rejection_id) for one in read_rejections(connection))
        kept = [one.rejection for one in whole if one is not None]
    assert sorted(one.reason for one in kept) == sorted(reason for _, _, reason in bad)
    huge = next(one for one in kept if one.reason is Reason.TOO_LARGE)
    assert (huge.message.size_bytes, len(huge.message.payload)) == (10_000_000, 16_384)


def test_an_unknown_sensor_is_kept_aside_and_taken_in_when_adopted(
    mosquitto: Mosquitto, database_url: str, tmp_path: Path
) -> None:
    with ingest_running(mosquitto.url, database_url, tmp_path), publisher_to(mosquitto.url) as publisher:
        for step in range(50):
            publisher.publish(uplink_topic(sensor(7)), pack(step))

        def kept_aside() -> int:
            with connected(database_url) as connection:
                return sum(one.messages for one in read_unknown_sensors(connection))

        wait_until(lambda: kept_aside() == 50)
        assert count_stored(database_url) == 0
        adopt(database_url, [sensor(7)])
        wait_until(lambda: count_stored(database_url) == 100, 10)
        assert kept_aside() == 0
        publisher.publish(uplink_topic(sensor(7)), pack(50))
        wait_until(lambda: count_stored(database_url) == 102, 10)


def message(payload: bytes, topic: str = TOPIC) -> Message:
    return Message(topic, payload, AT, len(payload))


def test_what_was_received_is_accounted_for_and_a_second_delivery_counts_once(database_url: str) -> None:
    adopt(database_url, [sensor(0)])
    other_value = pack(0).replace(b"400", b"401")
    messages = [
        message(pack(0)),
        message(pack(0)),
        message(other_value),
        message(b"?"),
        message(pack(1), TOPIC[:-4] + "9/up"),
    ]
    with connected(database_url) as connection:
        connection.autocommit = True
        writer = BatchWriter(connection, AdoptedSensors(), LIMITS)
        writer.adopted.refresh(connection)
        first = writer.write(messages, AT)
        again = writer.write(messages, AT)
        reasons = sorted(one.rejection.reason for one in read_rejections(connection))
    assert first.messages == {Outcome.STORED: 1, Outcome.DUPLICATE: 1, Outcome.REJECTED: 2, Outcome.ASIDE: 1}
    assert first.readings == {Outcome.STORED: 2, Outcome.DUPLICATE: 3, Outcome.REJECTED: 1}
    assert again.messages == {Outcome.DUPLICATE: 2, Outcome.REJECTED: 2, Outcome.ASIDE: 1}
    assert again.readings[Outcome.STORED] == 0
    assert reasons == [Reason.CONFLICT, Reason.MALFORMED]
    assert count_stored(database_url) == 2


def test_a_message_that_the_database_refuses_does_not_hold_back_the_others(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The way in leaves nothing that PostgreSQL refuses; so the cleaning is switched off for one message.
    monkeypatch.setattr("ingestors.pipeline.storable", lambda text: text)
    adopt(database_url, [sensor(0)])
    poison = Message(TOPIC, pack(1)[:-1], AT, 1, {"note": "\0"})
    with connected(database_url) as connection:
        connection.autocommit = True
        writer = BatchWriter(connection, AdoptedSensors(), LIMITS)
        writer.adopted.refresh(connection)
        monkeypatch.setattr("ingestors.batch.refuse_whole", _refuse_cleaned)
        account = writer.write([message(pack(0)), poison, message(pack(2))], AT)
        kept = [one.rejection for one in read_rejections(connection)]
    assert account.messages == {Outcome.STORED: 2, Outcome.REJECTED: 1}
    assert [one.reason for one in kept] == [Reason.MALFORMED]
    assert "the database refused it" in kept[0].detail


def _refuse_cleaned(poison: Message, detail: str, limits: Limits) -> Examined:
    return refuse_whole(Message(poison.topic, poison.payload, poison.received_at, poison.size_bytes), detail, limits)


def test_a_session_over_mqtt_keeps_what_is_not_acknowledged(mosquitto: Mosquitto) -> None:
    address = BrokerAddress.parse(mosquitto.url)
    never = threading.Event()

    def opened() -> Subscriber:
        subscriber = Subscriber(address, "session", 10, PayloadLimits(1_000, 100))
        assert subscriber.open(["t/#"], never)
        return subscriber

    def receive(subscriber: Subscriber, count: int) -> list[Received]:
        found: list[Received] = []
        while len(found) < count:
            came = subscriber.receive(Room(count - len(found), 10_000), 5)
            found += came
        return found

    with publisher_to(mosquitto.url) as publisher:
        first = opened()
        wait_until(lambda: first.receive(Room(1, 1), 0.05) == [] and first.is_subscribed)
        for number in range(50):
            publisher.publish("t/1", b"%d" % number)
        taken = receive(first, 10)
        # The bound holds: nothing more comes before something is acknowledged.
        assert first.receive(Room(10, 10_000), 0.3) == []
        first.acknowledge(taken[:4])
        receive(first, 4)
        first.close()
        second = opened()
        rest: list[int] = []
        while len(rest) < 46:
            one = receive(second, 1)
            rest += [int(each.message.payload) for each in one]
            second.acknowledge(one)
        second.close()
    assert rest == list(range(4, 50))


def test_without_room_nothing_is_read(mosquitto: Mosquitto) -> None:
    subscriber = Subscriber(BrokerAddress.parse(mosquitto.url), "held", 100, PayloadLimits(1_000, 100))
    assert subscriber.open(["t/#"], threading.Event())
    wait_until(lambda: subscriber.receive(Room(1, 1), 0.05) == [] and subscriber.is_subscribed)
    with publisher_to(mosquitto.url) as publisher:
        for number in range(20):
            publisher.publish("t/1", b"%d" % number)
    assert subscriber.receive(Room(0, 1_000), 0.1) == []
    assert subscriber.receive(Room(10, 0), 0.1) == []
    # The message that goes over the bytes is the last.
    assert [one.message.payload for one in subscriber.receive(Room(10, 3), 0.1)] == [b"0", b"1", b"2"]
    subscriber.close()


def test_the_counters_add_up(mosquitto: Mosquitto, database_url: str) -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    def settled() -> float:
        return sum(value("vigie_ingest_messages_total", lane="counted", outcome=outcome) for outcome in Outcome)

    adopt(database_url, [sensor(0)])
    settings = IngestSettings(database_url=SecretStr(database_url), broker_url=SecretStr(mosquitto.url), lane="counted")
    received_before, settled_before = value("vigie_ingest_messages_received_total", lane="counted"), settled()
    in_flight_before = value("vigie_ingest_messages_in_flight", lane="counted")
    stop = threading.Event()
    ingest = threading.Thread(target=run_ingest, args=(settings, stop))
    ingest.start()
    try:
        wait_until(lambda: value("vigie_mqtt_connected") == 1)
        with publisher_to(mosquitto.url) as publisher:
            for step in range(200):
                publisher.publish(TOPIC, pack(step % 150))
                publisher.publish(TOPIC, b"?%d" % step)
            # With the lane's own heartbeat.
            wait_until(lambda: value("vigie_ingest_messages_received_total", lane="counted") - received_before == 401)
    finally:
        # A thread that goes on would outlive the test, and the run.
        stop.set()
        ingest.join(20)
    assert not ingest.is_alive()
    assert settled() - settled_before == 401
    assert value("vigie_ingest_messages_total", lane="counted", outcome="returned") == 0
    assert value("vigie_ingest_messages_in_flight", lane="counted") == in_flight_before
    assert count_stored(database_url) == 300
