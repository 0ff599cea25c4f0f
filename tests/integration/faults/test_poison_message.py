"""A message that breaks its decoder, inside the running loop: it is kept, and holds nothing else back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from conftest import Mosquitto
from ingesting import Traffic, adopt, count_stored, pack, publisher_to, sensor, wait_until
from pydantic import SecretStr

from core.readings import Message, Reason
from core.settings import IngestSettings
from core.store.pool import connected
from core.store.rejections import read_rejections
from ingestors.broker import Publisher
from ingestors.decoders import DECODERS, senml
from ingestors.decoders.frame import Decoded, Refusal
from ingestors.process import Ingest
from ingestors.topics import Network, uplink_topic

pytestmark = pytest.mark.integration

POISON = b'[{"n":"co2","u":"ppm","v":666}]'
STEPS = 100


def brittle(payload: bytes, received_at: datetime) -> Decoded | Refusal:
    """Decode as ever, but for one payload: stands for a mistake of ours that one message brings to light."""
    if payload == POISON:
        raise ZeroDivisionError
    return senml.decode_senml(payload, received_at)


@contextmanager
def ingest_looping(broker_url: str, database_url: str) -> Iterator[None]:
    """Run the loop in a thread of this process; at the end it leaves by itself, and nothing may have broken it."""
    stop = threading.Event()
    broken: list[Exception] = []
    settings = IngestSettings(
        broker_url=SecretStr(broker_url), database_url=SecretStr(database_url), past_days_max=10_000
    )

    def run() -> None:
        try:
            Ingest(settings, stop).run()
        except Exception as error:  # noqa: BLE001 - raised again below
            broken.append(error)

    thread = threading.Thread(target=run, name="ingest")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert broken == []


def arrives(publisher: Publisher, database_url: str) -> bool:
    """Publish the first message of the traffic (again), and return whether one was stored."""
    publisher.publish(uplink_topic(sensor(0)), pack(0))
    return count_stored(database_url) > 0


def kept(database_url: str) -> list[tuple[Message, Reason, str]]:
    with connected(database_url) as connection:
        found = [one.rejection for one in read_rejections(connection)]
    return [(one.message, one.reason, one.detail) for one in found]


def test_a_poison_message_is_kept_and_the_others_are_stored(
    mosquitto: Mosquitto, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DECODERS, Network.NATIVE, brittle)
    rooms = [sensor(0), sensor(1)]
    adopt(database_url, rooms)
    with publisher_to(mosquitto.url) as publisher:
        with ingest_looping(mosquitto.url, database_url):
            traffic = Traffic(publisher, rooms, STEPS)
            wait_until(lambda: arrives(publisher, database_url))
            traffic.start()
            publisher.publish(uplink_topic(rooms[0]), POISON)
            traffic.join()
            wait_until(lambda: count_stored(database_url) == traffic.readings)
            wait_until(lambda: len(kept(database_url)) == 1)
        # It was acknowledged: to the next process that takes the session it does not come again.
        with ingest_looping(mosquitto.url, database_url):
            publisher.publish(uplink_topic(rooms[1]), pack(STEPS))
            wait_until(lambda: count_stored(database_url) == traffic.readings + 2)
    [(message, reason, detail)] = kept(database_url)
    assert (message.payload, reason) == (POISON, Reason.DECODER_FAILED)
    assert "ZeroDivisionError" in detail
