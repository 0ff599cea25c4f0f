"""A lane: one persistent session at the broker, read by a thread of its own, and what waits between it and the store.

The thread that reads keeps the line to the broker alive whatever the store does; the one that writes never waits for
the broker. Between them lies a bounded list, handed over a burst at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

import structlog

from core.clock import now
from core.instruments import MESSAGES_IN_FLIGHT, MESSAGES_RECEIVED
from core.places import communes, current_commune
from core.settings import IngestSettings
from ingestors.broker import BrokerAddress, PayloadLimits, Received, Room, Subscriber
from ingestors.heartbeat import EVERY_S, format_heartbeat, heartbeat_topic

# A broker that allows few unacknowledged messages (rumqttd 100, Mosquitto 20 unless told) sends no more until we
# commit: a batch that has this many, and to which nothing more comes so long, is all there is to wait for.
BURST_MESSAGES = 16
BURST_ENDED_S = 0.01
LOOK_S = 0.5
"""How long the thread that reads waits for something to do."""
OVERHEAD_BYTES = 1_000
"""What a message costs in memory beside its payload, about."""
_NO_ROOM = Room(0, 0)

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def filters_of(settings: IngestSettings) -> list[str]:
    """Return the topic filters of a lane: its communes' native topics, its own topics, and its heartbeat.

    A commune that merged into one of them still counts: its sensors may not know it yet.
    """
    chosen = [insee.strip() for insee in settings.communes.split(",") if insee.strip()]
    merged = [insee for insee in communes() if insee not in chosen and current_commune(insee).insee in chosen]
    filters = [f"vigie/v1/{insee}/#" for insee in (*chosen, *merged)]
    filters += [topic.strip() for topic in settings.topics.split(",") if topic.strip()]
    return [*(filters or settings.all_topics), heartbeat_topic(settings.lane)]


@dataclass(slots=True)
class Waiting:
    """What was received and is not settled: bounded in messages and bytes, shared by two threads.

    In flight is what waits here or is being written; it is exact at any time.
    """

    lane: str
    messages_max: int
    bytes_max: int
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _messages: list[Received] = field(default_factory=list)
    _settled: list[Received] = field(default_factory=list)
    _bytes: int = 0
    _under_way: int = 0
    _since_s: float = 0.0
    _awaited: int = 1
    _computing: bool = False

    def room(self) -> Room:
        """Return how much more there is room for."""
        with self._changed:
            return Room(self.messages_max - len(self._messages) - self._under_way, self.bytes_max - self._bytes)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Have the thread that reads stand back: the one that writes has much to compute.

        The interpreter runs one thread at a time, and two busy ones take it from each other at every system call: a
        message took 95 µs to write while others were read, 52 once nothing was left to read. The wait for the store is
        time enough to read. How much of the difference this gives back was not told apart from the noise.
        """
        with self._changed:
            self._computing = True
        try:
            yield
        finally:
            with self._changed:
                self._computing = False
                self._changed.notify_all()

    def await_turn(self) -> None:
        """Wait while the thread that writes computes, but no longer than the line may be left alone."""
        with self._changed:
            self._changed.wait_for(lambda: not self._computing, LOOK_S)

    def put(self, received: Sequence[Received]) -> None:
        """Add what was received."""
        with self._changed:
            if not self._messages:
                self._since_s = monotonic()
            self._messages += received
            self._bytes += _size(received)
            self._told()
            if len(self._messages) >= self._awaited:
                self._changed.notify_all()
        MESSAGES_RECEIVED.labels(self.lane).inc(len(received))

    def take(self, messages_max: int, age_s_max: float, stop: threading.Event) -> list[Received]:
        """Return the next batch: full, old enough, or all that a burst brought; empty when nothing came in time."""
        with self._changed:
            if not self._messages and not stop.is_set():
                self._await(1, age_s_max)
            while self._messages and len(self._messages) < messages_max and not stop.is_set():
                left_s = self._since_s + age_s_max - monotonic()
                if left_s <= 0 or not self._grows(messages_max, left_s):
                    break
            batch, self._messages = self._messages[:messages_max], self._messages[messages_max:]
            self._since_s = monotonic()
            self._under_way += len(batch)
            return batch

    def settle(self, batch: Sequence[Received]) -> None:
        """Have a batch that was taken acknowledged: it is committed.

        In the order in which the broker sent it ([MQTT-4.6.0-2]): rumqttd closes the line over any other.
        """
        with self._changed:
            self._under_way -= len(batch)
            self._bytes -= _size(batch)
            self._settled += batch
            self._told()

    def take_settled(self) -> list[Received]:
        """Return what is to be acknowledged."""
        with self._changed:
            settled, self._settled = self._settled, []
            return settled

    def give_back(self) -> int:
        """Leave all that is unsettled to the broker, which keeps it; return how many messages that were."""
        with self._changed:
            given = len(self._messages) + self._under_way
            self._messages, self._under_way, self._bytes = [], 0, 0
            self._told()
            return given

    def wake(self) -> None:
        """End the wait of `take`."""
        with self._changed:
            self._changed.notify_all()

    def _await(self, messages: int, timeout_s: float) -> None:
        self._awaited = messages
        self._changed.wait(timeout_s)

    def _grows(self, messages_max: int, left_s: float) -> bool:
        """Wait for more, and return whether to wait on."""
        waiting = len(self._messages)
        if waiting < BURST_MESSAGES:
            self._await(min(BURST_MESSAGES, messages_max), left_s)
            return True
        self._await(messages_max, min(left_s, BURST_ENDED_S))
        return len(self._messages) > waiting

    def _told(self) -> None:
        MESSAGES_IN_FLIGHT.labels(self.lane).set(len(self._messages) + self._under_way)


def _size(received: Sequence[Received]) -> int:
    return sum(len(one.message.payload) for one in received) + OVERHEAD_BYTES * len(received)


class Reader:
    """The thread that reads a lane: it opens the session, hands on what comes, acknowledges, and sends heartbeats."""

    def __init__(self, settings: IngestSettings, waiting: Waiting) -> None:
        self._settings = settings
        self._waiting = waiting
        self._paused = threading.Event()
        self._end = threading.Event()
        self._beat_due_s = 0.0
        self._subscriber = Subscriber(
            BrokerAddress.parse(settings.broker_url.get_secret_value(), settings.broker_ca_file),
            settings.session_name,
            settings.queue_messages_max,
            PayloadLimits(settings.payload_bytes_max, settings.kept_bytes_max),
        )
        self._thread = threading.Thread(target=self._run, name=f"lane-{settings.lane}")
        self.failure: Exception | None = None
        """Why the thread ended by itself: a mistake of ours."""

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def settled(self) -> None:
        """Have what was settled meanwhile acknowledged at once."""
        self._subscriber.wake()

    def pause(self) -> None:
        """Take no more messages: what comes from now on stays with the broker."""
        self._paused.set()

    def close(self) -> None:
        """Acknowledge what is settled, leave, and end the thread; the session stays with the broker."""
        self._end.set()
        self._subscriber.wake()
        self._thread.join()

    def _run(self) -> None:
        try:
            if self._subscriber.open(filters_of(self._settings), self._end):
                while not self._end.is_set():
                    self._turn()
                self._subscriber.acknowledge(self._waiting.take_settled())
        except Exception as error:  # noqa: BLE001 - raised again in the thread that looks after this one
            self.failure = error
            self._waiting.wake()
        finally:
            self._subscriber.close()

    def _turn(self) -> None:
        self._waiting.await_turn()
        settled = self._waiting.take_settled()
        if settled:
            self._subscriber.acknowledge(settled)
        room = _NO_ROOM if self._paused.is_set() else self._waiting.room()
        received = self._subscriber.receive(room, LOOK_S)
        if received:
            self._waiting.put(received)
        if monotonic() >= self._beat_due_s and self._subscriber.publish(
            heartbeat_topic(self._settings.lane), format_heartbeat(now())
        ):
            self._beat_due_s = monotonic() + EVERY_S
