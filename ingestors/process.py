"""The ingest process: from the broker to the store, acknowledged after the commit."""

from __future__ import annotations

import gc
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import monotonic

import structlog

from core.clock import now
from core.errors import StoreAbsent
from core.instruments import HEARTBEAT, HEARTBEAT_SECONDS, LANE_HELD, MESSAGES
from core.readings import Message
from core.settings import IngestSettings
from core.store.devices import write_device_models
from core.store.lanes import claim_lane, write_heartbeats
from core.store.live import prune_live
from core.store.pool import Connection, connected, store_absence_told
from core.store.pruned import prune_kept
from core.store.sensors import hear_sensors, listen_sensors
from ingestors.accounting import count, facts
from ingestors.adopted import AdoptedSensors
from ingestors.backfill.asking import asking_backfills
from ingestors.batch import BatchWriter, Outcome
from ingestors.broker import Received
from ingestors.decoders.devices import device_models
from ingestors.flood import Allowance, FloodGate
from ingestors.heartbeat import heartbeat_topic, parse_heartbeat
from ingestors.intakes import running_intakes
from ingestors.lane import Reader, Waiting, filters_of
from ingestors.outbox import publishing_outbox
from ingestors.topics import parse_topic
from ingestors.validate import Limits

TAKE_IN_S = 5.0
"""How often what another process laid aside meanwhile is looked for."""
PRUNE_S = 60.0
RETRY_S_MIN = 0.2
STAND_BY_S = 1.0
"""How often a process that stands by looks whether its lane is free."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def run_ingest(settings: IngestSettings, stop: threading.Event) -> None:
    """Take messages from the broker into the store until ``stop``, then write what was received and leave.

    A message is acknowledged after its readings, or its rejection, are committed. While the store is absent
    nothing is acknowledged; what is unwritten at the stop stays with the broker.
    """
    # What a batch is made of holds no cycles: looking for them after every 700 objects took a tenth of the time.
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    _log.info("ingest_started", lane=settings.lane, session=settings.session_name, topics=filters_of(settings))
    with publishing_outbox(settings), running_intakes(settings), asking_backfills(settings):
        Ingest(settings, stop).run()
    _log.info("ingest_stopped")


@dataclass(slots=True)
class Ingest:
    """The loop that writes a lane. ``unsettled`` outlives the loss of the store, not that of the lane.

    Parameters
    ----------
    unsettled
        The batch under way, and its messages as the flood gate let them through or not: it is asked once.
    """

    settings: IngestSettings
    stop: threading.Event
    waiting: Waiting = field(init=False)
    gate: FloodGate = field(init=False)
    reader: Reader | None = None
    unsettled: tuple[Sequence[Received], Sequence[Message]] = ((), ())
    retry_s: float = RETRY_S_MIN

    def __post_init__(self) -> None:
        settings = self.settings
        self.waiting = Waiting(settings.lane, settings.queue_messages_max, settings.queue_bytes_max)
        self.gate = FloodGate(
            Allowance(settings.flood_sensor_per_s, settings.flood_sensor_burst),
            Allowance(settings.flood_commune_per_s, settings.flood_commune_burst),
        )

    def run(self) -> None:
        """Run until ``stop`` and until what was received is written, or the store is absent."""
        try:
            while not self._run_until_absent():
                if self.stop.wait(self.retry_s):
                    return
                self.retry_s = min(self.retry_s * 2, self.settings.retry_s_max)
        finally:
            self._give_up()

    def _run_until_absent(self) -> bool:
        """Work as long as the store is there; return whether all is done."""
        try:
            with store_absence_told(), connected(self.settings.dsn) as connection:
                connection.autocommit = True
                if self._hold(connection):
                    self._run_on(connection)
                return True
        except StoreAbsent as absent:
            unsettled = len(self.unsettled[0])
            _log.warning("store_absent", reason=str(absent), unsettled=unsettled, retry_s=self.retry_s)
            return False

    def _hold(self, connection: Connection) -> bool:
        """Wait until the lane is ours; False when ``stop`` was set before.

        A process that lost the store lost the lane with it. If another took it meanwhile, ours is over: what is
        unsettled comes to that one.
        """
        lane = self.settings.lane
        told = False
        while not claim_lane(connection, lane):
            LANE_HELD.labels(lane).set(0)
            self._give_up()
            if not told:
                _log.info("lane_held_elsewhere", lane=lane)
                told = True
            if self.stop.wait(STAND_BY_S):
                return False
        LANE_HELD.labels(lane).set(1)
        if self.reader is None:
            _log.info("lane_claimed", lane=lane)
            self.reader = Reader(self.settings, self.waiting)
            self.reader.start()
        return True

    def _give_up(self) -> None:
        """Leave the broker; what is unsettled stays with it."""
        if self.reader is None:
            return
        self.reader.close()
        self.reader = None
        self.unsettled = ((), ())
        returned = self.waiting.give_back()
        if returned:
            MESSAGES.labels(self.settings.lane, "returned").inc(returned)
            _log.warning("messages_returned", lane=self.settings.lane, messages=returned)

    def _run_on(self, connection: Connection) -> None:
        settings = self.settings
        # More unacknowledged messages than these cannot be; an acknowledgement is heard within twice as many.
        packets_kept = min(2 * settings.queue_messages_max, 32_000)
        writer = BatchWriter(
            connection,
            AdoptedSensors(),
            Limits.of(settings),
            settings.lane,
            packets_kept,
            self.waiting.computing,
        )
        write_device_models(connection, device_models())
        chores = _Chores(writer, settings)
        assert self.reader is not None, "a lane that is held is read"
        while True:
            chores.run(monotonic())
            if self.stop.is_set():
                self.reader.pause()
            if self.reader.failure is not None:
                raise self.reader.failure
            if not self.unsettled[0]:
                batch = self.waiting.take(settings.batch_messages_max, settings.batch_age_s_max, self.stop)
                self.unsettled = (batch, self._gated(batch, writer.adopted))
            if self.unsettled[0]:
                self._settle(writer, self.reader)
            elif self.stop.is_set():
                return

    def _gated(self, batch: Sequence[Received], adopted: AdoptedSensors) -> list[Message]:
        """Return a batch's messages, marked where the flood gate holds them back."""
        instant_s = monotonic()
        with self.waiting.computing():
            return [self._gate(one.message, adopted, instant_s) for one in batch]

    def _gate(self, message: Message, adopted: AdoptedSensors, instant_s: float) -> Message:
        address = parse_topic(message.topic)
        if address is None:
            return message
        known = adopted.named(address.external_id)
        commune = known.sensor.site.commune_insee if known else address.commune_insee
        admitted = self.gate.admits(address.external_id, commune, instant_s)
        return message if admitted else replace(message, flooded=True)

    def _settle(self, writer: BatchWriter, reader: Reader) -> None:
        """Write, commit, acknowledge, count: in this order."""
        received, messages = self.unsettled
        topic = heartbeat_topic(self.settings.lane)
        beats = [message for message in messages if message.topic == topic]
        started = monotonic()
        at = now()
        account = writer.write([message for message in messages if message.topic != topic], at)
        commit_s = monotonic() - started
        self._write_beats(writer.connection, beats)
        self.unsettled = ((), ())
        self.retry_s = RETRY_S_MIN
        self.waiting.settle(received)
        reader.settled()
        count(self.settings.lane, account, at, commit_s)
        oldest_s = (at - messages[0].received_at).total_seconds()
        _log.info("batch_written", **facts(account), commit_s=round(commit_s, 4), oldest_s=round(oldest_s, 3))

    def _write_beats(self, connection: Connection, beats: Sequence[Message]) -> None:
        """Write the heartbeats of a batch, once its messages are committed."""
        if not beats:
            return
        lane = self.settings.lane
        sent = [(parse_heartbeat(one.payload), one.received_at) for one in beats]
        known = [(sent_at, received_at) for sent_at, received_at in sent if sent_at is not None]
        at = now()
        write_heartbeats(connection, lane, known, at)
        MESSAGES.labels(lane, Outcome.STORED).inc(len(beats))
        for sent_at, _ in known:
            HEARTBEAT_SECONDS.labels(lane).observe(max(0.0, (at - sent_at).total_seconds()))
            HEARTBEAT.labels(lane).set(sent_at.timestamp())


@dataclass(slots=True)
class _Chores:
    """What the loop does between batches: hear of sensors, take in what was aside, let go of what is old.

    Changes are told on the very connection that writes: as long as it lives, none is missed.
    """

    writer: BatchWriter
    settings: IngestSettings
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
            prune_live(connection, now())
            more = prune_kept(connection, now(), self.settings)
            self.prune_due_s = instant_s + (0.0 if more else PRUNE_S)

    def _take_in(self) -> bool:
        """Take in one batch of what was aside, not to keep the broker waiting; return whether there may be more."""
        started = monotonic()
        at = now()
        account = self.writer.take_in(at, self.settings.batch_messages_max)
        if account.messages:
            commit_s = monotonic() - started
            count(self.settings.lane, account, at, commit_s, messages=False)
            _log.info("asides_taken_in", **facts(account), commit_s=round(commit_s, 4))
        return account.messages.total() == self.settings.batch_messages_max
