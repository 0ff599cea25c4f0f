"""What a lane takes in, and what waits between its two threads: bounds, batches, and an exact account."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from prometheus_client import REGISTRY
from pydantic import SecretStr

from core.readings import Message
from core.settings import IngestSettings
from ingestors.broker import Received
from ingestors.heartbeat import format_heartbeat, heartbeat_topic, parse_heartbeat
from ingestors.lane import OVERHEAD_BYTES, Waiting, filters_of

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
NEVER = threading.Event()


def received(count: int, topic: str = "t", payload: bytes = b"12345678") -> list[Received]:
    return [Received(Message(topic, payload, AT, len(payload)), 1, 1) for _ in range(count)]


def settings(**given: str) -> IngestSettings:
    return IngestSettings(database_url=SecretStr("postgresql://x"), **given)  # type: ignore[arg-type] # as read


def in_flight(lane: str) -> float | None:
    return REGISTRY.get_sample_value("vigie_ingest_messages_in_flight", {"lane": lane})


def test_room_is_what_is_not_settled_yet() -> None:
    waiting = Waiting("room", messages_max=10, bytes_max=100_000)
    waiting.put(received(4))
    assert waiting.room() == (6, 100_000 - 4 * (8 + OVERHEAD_BYTES))
    batch = waiting.take(3, 0, NEVER)
    assert (len(batch), waiting.room().messages, in_flight("room")) == (3, 6, 4)
    waiting.settle(batch)
    assert (waiting.room().messages, in_flight("room")) == (9, 1)
    assert waiting.take_settled() == batch
    assert waiting.take_settled() == []


def test_large_messages_fill_the_bytes_first() -> None:
    waiting = Waiting("bytes", messages_max=10, bytes_max=10_000)
    waiting.put(received(1, payload=b"x" * 9_500))
    assert not waiting.room().is_left


def test_what_is_given_back_is_counted_and_leaves_nothing() -> None:
    waiting = Waiting("back", messages_max=10, bytes_max=100_000)
    waiting.put(received(5))
    waiting.take(2, 0, NEVER)
    assert waiting.give_back() == 5
    assert (waiting.room(), in_flight("back")) == ((10, 100_000), 0)


def test_all_is_acknowledged_in_the_order_it_came_in() -> None:
    waiting = Waiting("order", messages_max=10, bytes_max=100_000)
    came = [*received(2), *received(1, heartbeat_topic("order"), format_heartbeat(AT)), *received(1)]
    waiting.put(came)
    waiting.settle(waiting.take(3, 0, NEVER))
    waiting.settle(waiting.take(3, 0, NEVER))
    assert waiting.take_settled() == came


def test_at_the_stop_what_waits_is_taken_at_once() -> None:
    waiting = Waiting("stop", messages_max=10, bytes_max=100_000)
    stop = threading.Event()
    stop.set()
    assert waiting.take(10, 60, stop) == []
    waiting.put(received(2))
    assert len(waiting.take(10, 60, stop)) == 2


def test_a_heartbeat_says_when_it_was_sent() -> None:
    assert parse_heartbeat(format_heartbeat(AT)) == AT
    for nonsense in (b"", b"[]", b"{}", b'{"sent_at":7}', b'{"sent_at":"2026-03-02T09:00:00"}', b"[" * 100_000):
        assert parse_heartbeat(nonsense) is None


def test_a_lane_takes_in_its_communes_and_those_that_merged_into_them() -> None:
    assert filters_of(settings(lane="east", communes="93066,94028")) == [
        "vigie/v1/93066/#",
        "vigie/v1/94028/#",
        "vigie/v1/93059/#",
        "vigie/heartbeat/v1/east",
    ]


def test_a_lane_may_be_of_networks_and_without_a_choice_it_is_of_all() -> None:
    assert filters_of(settings(lane="lora", topics="v3/+/devices/+/up")) == [
        "v3/+/devices/+/up",
        "vigie/heartbeat/v1/lora",
    ]
    assert filters_of(settings())[0] == "vigie/v1/#"
    assert settings(lane="east").session_name == "vigie-ingest-east"
    assert settings(lane="east", client_id="own").session_name == "own"
