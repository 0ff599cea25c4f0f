"""The ingest process: from the broker to the store, acknowledged after the commit."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

import structlog

from core.clock import now
from core.errors import StoreAbsent
from core.instruments import (
    COMMIT_SECONDS,
    EVENT_LAG_SECONDS,
    HEARTBEAT,
    MESSAGES,
    MESSAGES_IN_FLIGHT,
    READINGS,
    REJECTIONS,
)
from core.settings import IngestSettings
from core.store.live import prune_live
from core.store.places import hear_sensors, listen_sensors
from core.store.pool import Connection, connected, store_absence_told
from ingestors.adopted import AdoptedSensors
from ingestors.batch import Account, BatchWriter
from ingestors.broker import BrokerAddress, PayloadLimits, Received, Subscriber
from ingestors.outbox import publishing_outbox
from ingestors.validate import Limits

TAKE_IN_S = 5.0
"""How often what another process laid aside meanwhile is looked for."""
PRUNE_S = 60.0
RETRY_S_MIN = 0.2
# A broker that allows few unacknowledged messages (rumqttd 100, Mosquitto 20 unless told) sends no more until we
# commit: a batch that has this many, and to which nothing more comes so long, is all there is to wait for.
BURST_MESSAGES = 16
BURST_ENDED_S = 0.01

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def run_ingest(settings: IngestSettings, stop: threading.Event) -> None:
    """Take messages from the broker into the store until ``stop``, then write what was received and leave.

    A message is acknowledged after its readings, or its rejection, are committed. While the store is absent
    nothing is acknowledged; what is unwritten at the stop stays with the broker.
    """
    limits = Limits(settings.payload_bytes_max, settings.kept_bytes_max, timedelta(seconds=settings.future_s_max))
    subscriber = Subscriber(
        BrokerAddress.parse(settings.broker_url.get_secret_value()),
        settings.client_id,
        settings.queue_messages_max,
        PayloadLimits(settings.payload_bytes_max, settings.kept_bytes_max),
    )
    filters = [topic.strip() for topic in settings.topics.split(",") if topic.strip()]
    _log.info("ingest_started", client_id=settings.client_id, topics=filters)
    try:
        if subscriber.open(filters, stop):
            with publishing_outbox(settings):
                Ingest(settings, limits, subscriber, stop).run()
    finally:
        subscriber.close()
    _log.info("ingest_stopped")


@dataclass(slots=True)
class Ingest:
    """The loop of the ingest process. ``unsettled`` outlives the loss of the store."""

    settings: IngestSettings
    limits: Limits
    subscriber: Subscriber
    stop: threading.Event
    unsettled: list[Received] = field(default_factory=list)
    retry_s: float = RETRY_S_MIN

    def run(self) -> None:
        """Run until ``stop`` and until what was received is written, or the store is absent."""
        while True:
            try:
                with store_absence_told(), connected(self.settings.dsn) as connection:
                    connection.autocommit = True
                    self._run_on(connection)
                    return
            except StoreAbsent as absent:
                _log.warning("store_absent", reason=str(absent), unsettled=len(self.unsettled), retry_s=self.retry_s)
            if self.stop.wait(self.retry_s):
                self.subscriber.pause()
                return
            self.retry_s = min(self.retry_s * 2, self.settings.retry_s_max)

    def _run_on(self, connection: Connection) -> None:
        writer = BatchWriter(connection, AdoptedSensors(), self.limits)
        chores = _Chores(writer, self.settings.batch_messages_max)
        while True:
            chores.run(monotonic())
            if self.stop.is_set():
                self.subscriber.pause()
            if not self.unsettled:
                self.unsettled = self._collect()
            if self.unsettled:
                self._settle(writer)
            elif self.stop.is_set():
                return

    def _collect(self) -> list[Received]:
        """Return the next batch: full, old enough, or all that a burst brought; empty when nothing came in time."""
        first = self.subscriber.receive(0 if self.stop.is_set() else self.settings.batch_age_s_max)
        if first is None:
            return []
        batch = [first]
        deadline = monotonic() + self.settings.batch_age_s_max
        while len(batch) < self.settings.batch_messages_max and (left := deadline - monotonic()) > 0:
            if self.stop.is_set():
                left = 0.0
            following = self.subscriber.receive(min(left, BURST_ENDED_S) if len(batch) >= BURST_MESSAGES else left)
            if following is not None:
                batch.append(following)
            elif len(batch) >= BURST_MESSAGES or self.stop.is_set():
                break
        return batch

    def _settle(self, writer: BatchWriter) -> None:
        """Write, commit, acknowledge, count: in this order."""
        received = self.unsettled
        started = monotonic()
        at = now()
        account = writer.write([one.message for one in received], at)
        commit_s = monotonic() - started
        self.unsettled = []
        self.retry_s = RETRY_S_MIN
        self.subscriber.acknowledge(received)
        MESSAGES_IN_FLIGHT.dec(len(received))
        for outcome, count in account.messages.items():
            MESSAGES.labels(outcome).inc(count)
        _count(account, at, commit_s)
        oldest_s = (at - received[0].message.received_at).total_seconds()
        _log.info("batch_written", **_facts(account), commit_s=round(commit_s, 4), oldest_s=round(oldest_s, 3))


@dataclass(slots=True)
class _Chores:
    """What the loop does between batches: hear of adoptions, take in what was aside, prune the live feed.

    Adoptions are told on the very connection that writes: as long as it lives, none is missed.
    """

    writer: BatchWriter
    asides_max: int
    listening: bool = False
    take_in_due_s: float = 0.0
    prune_due_s: float = 0.0

    def run(self, instant_s: float) -> None:
        connection = self.writer.connection
        if not self.listening:
            listen_sensors(connection)
        if hear_sensors(connection) or not self.listening:
            self.listening = True
            self.writer.adopted.refresh(connection)
            self.take_in_due_s = instant_s
        if instant_s >= self.take_in_due_s:
            self.take_in_due_s = instant_s + (0.0 if self._take_in() else TAKE_IN_S)
        if instant_s >= self.prune_due_s:
            self.prune_due_s = instant_s + PRUNE_S
            prune_live(connection, now())

    def _take_in(self) -> bool:
        """Take in one batch of what was aside, not to keep the broker waiting; return whether there may be more."""
        started = monotonic()
        at = now()
        account = self.writer.take_in(at, self.asides_max)
        if account.messages:
            commit_s = monotonic() - started
            _count(account, at, commit_s)
            _log.info("asides_taken_in", **_facts(account), commit_s=round(commit_s, 4))
        return account.messages.total() == self.asides_max


def _count(account: Account, at: datetime, commit_s: float) -> None:
    for outcome, count in account.readings.items():
        READINGS.labels(outcome).inc(count)
    for reason, count in account.reasons.items():
        REJECTIONS.labels(reason).inc(count)
    COMMIT_SECONDS.observe(commit_s)
    HEARTBEAT.set(at.timestamp())
    if account.newest_observed_at is not None:
        EVENT_LAG_SECONDS.observe(max(0.0, (at - account.newest_observed_at).total_seconds()))


def _facts(account: Account) -> dict[str, int]:
    messages = {f"messages_{outcome}": count for outcome, count in sorted(account.messages.items()) if count}
    readings = {f"readings_{outcome}": count for outcome, count in sorted(account.readings.items()) if count}
    return messages | readings
