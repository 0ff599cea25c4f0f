"""Sending: the worker's thread that calls webhooks, beside its jobs.

At least once, in order as far as a receiver takes what it is sent. Only this thread speaks to the store; calls are
made by a few others, one at a time for each webhook, so that a receiver that hangs holds up nobody else. What a killed
worker had sent and not noted is sent again, under the same id, once its hold on the webhook has ended.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from time import monotonic

import structlog

from core.clock import now
from core.errors import SettingInvalid, StoreAbsent
from core.events import EventName, PlatformAlarm, Severity
from core.instruments import WEBHOOK_CALLS, WEBHOOK_GIVEN_UP, WEBHOOK_OLDEST, WEBHOOK_WAITING
from core.settings import WorkerSettings
from core.store.deliveries import (
    Due,
    GivenUp,
    Settled,
    give_up,
    hold_webhooks,
    read_heads,
    read_queue,
    release_webhooks,
    write_settled,
)
from core.store.events import DAILY, prune_events, raise_alarm
from core.store.pool import Connection, connected, store_absence_told
from services.webhooks.addresses import OutgoingRefused
from services.webhooks.outgoing import Call, NoAnswer, Outgoing
from services.webhooks.sealing import SealBroken, Sealing
from services.webhooks.settling import Outcome, outcome_name, settle
from services.webhooks.signing import signed_headers

CALLS_AT_ONCE = 8
FAILED_AT_ONCE = 4
"""Of these, calls to receivers that did not answer the last time."""
LOOK_S = 1.0
"""How often it is looked for what is to be sent."""
HELD = timedelta(seconds=60)
"""How long a webhook is held for one call; longer than a call and its look at the addresses may take."""
SWEEP_S = 60.0
RETRY_S = 5.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@contextmanager
def sending_webhooks(settings: WorkerSettings) -> Iterator[None]:
    """Send what is due from a thread of its own while in the block; without a secret in the settings, nothing.

    Raises
    ------
    SettingInvalid
        If the settings of outgoing calls are wrong.
    """
    try:
        sealing = Sealing(settings.secrets())
    except SettingInvalid as error:
        _log.warning("webhooks_unsent", reason=str(error))
        yield
        return
    sender = Sender(Outgoing(settings), sealing)
    end = threading.Event()
    thread = threading.Thread(target=_send_until, args=(settings.dsn, sender, end), name="webhooks")
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class Sender:
    """Calls webhooks."""

    outgoing: Outgoing
    sealing: Sealing

    def send(self, due: Due) -> Settled:
        """Send one delivery and return what came of it."""
        began_s, answered, failure = monotonic(), None, ""
        try:
            answered = self.outgoing.call(self.call_of(due, now()))
        except (OutgoingRefused, NoAnswer, SealBroken) as error:
            failure = str(error)
        return settle(due, Outcome(answered, failure, now(), round(1_000 * (monotonic() - began_s))), random.random)

    def call_of(self, due: Due, at: datetime) -> Call:
        """Return the request of a delivery, signed.

        Raises
        ------
        SealBroken
            If the webhook's secret cannot be read.
        """
        body = due.body.encode()
        signed = signed_headers(str(due.event_id), at, body, [self.sealing.unseal(one) for one in due.sealed])
        named = {"Content-Type": "application/json", "User-Agent": f"Vigie/{version('vigie')}"}
        return Call(due.url, "POST", {**named, **signed}, body)


def _send_until(dsn: str, sender: Sender, end: threading.Event) -> None:
    while not end.is_set():
        try:
            with (
                ThreadPoolExecutor(CALLS_AT_ONCE, "webhook") as callers,
                store_absence_told(),
                connected(dsn) as connection,
            ):
                connection.autocommit = True
                Line(connection, sender, callers).run(end)
        except StoreAbsent as error:
            _log.warning("webhooks_held_back", reason=str(error), retry_s=RETRY_S)
        except Exception:  # noqa: BLE001 - a thread has no caller: what is not told here is never seen
            _log.exception("webhooks_failed", retry_s=RETRY_S)
        end.wait(RETRY_S)


@dataclass(slots=True)
class Line:
    """What is being sent over one connection to the store."""

    connection: Connection
    sender: Sender
    callers: ThreadPoolExecutor
    under_way: dict[Future[Settled], Due] = field(default_factory=dict)
    sweep_due_s: float = 0.0

    def run(self, end: threading.Event) -> None:
        """Send what is due until ``end``; what is under way then is waited for and noted."""
        while not end.is_set():
            self.begin()
            self.sweep()
            if self.under_way:
                self.note(LOOK_S)
            else:
                end.wait(LOOK_S)
        while self.under_way:
            self.note(LOOK_S)

    def begin(self) -> None:
        """Begin as many calls as there is room for."""
        room = CALLS_AT_ONCE - len(self.under_way)
        if not room:
            return
        failed = sum(1 for due in self.under_way.values() if due.failures)
        at = now()
        until = at + HELD
        held = hold_webhooks(self.connection, at, until, (room, max(0, FAILED_AT_ONCE - failed)))
        if not held:
            return
        heads = read_heads(self.connection, held, at)
        for due in heads:
            self.under_way[self.callers.submit(self.sender.send, due)] = due
        idle = set(held) - {due.webhook_id for due in heads}
        if idle:
            release_webhooks(self.connection, sorted(idle), until)

    def note(self, wait_s: float) -> None:
        """Wait until a call has ended, so long at most, and keep what came of those that have."""
        ended, _ = wait(self.under_way, wait_s, FIRST_COMPLETED)
        for future in ended:
            due, settled = self.under_way[future], future.result()
            with self.connection.transaction():
                write_settled(self.connection, due, settled, now())
            del self.under_way[future]
            WEBHOOK_CALLS.labels(outcome_name(settled)).inc()
            _log.info(
                "event_sent",
                webhook_id=due.webhook_id,
                delivery_id=due.delivery_id,
                outcome=outcome_name(settled),
                status=settled.status,
                tries=due.tries + 1,
                duration_ms=settled.duration_ms,
            )

    def sweep(self) -> None:
        """Once a minute: give up what waited for too long, let go of what is old, and count what waits."""
        if monotonic() < self.sweep_due_s:
            return
        self.sweep_due_s = monotonic() + SWEEP_S
        with self.connection.transaction():
            for given_up in give_up(self.connection, now()):
                _tell(self.connection, given_up, now())
            prune_events(self.connection, now())
        queue = read_queue(self.connection)
        WEBHOOK_WAITING.set(queue.waiting)
        WEBHOOK_OLDEST.set(queue.oldest_at.timestamp() if queue.oldest_at else 0)


def _tell(connection: Connection, given_up: GivenUp, at: datetime) -> None:
    """Say that a webhook gave up events: to all others that want to hear of alarms."""
    WEBHOOK_GIVEN_UP.inc(given_up.events)
    communes = given_up.communes or ()
    alarm = PlatformAlarm(
        EventName.ALARM_WEBHOOK_GIVEN_UP,
        Severity.WARNING,
        given_up.since,
        f"webhook:{given_up.webhook_id}",
        communes[0] if len(communes) == 1 else None,
        {"name": given_up.name, "n": given_up.events, "reason": given_up.failure},
    )
    raise_alarm(connection, alarm, at, reminded=DAILY)
    _log.warning("events_given_up", webhook_id=given_up.webhook_id, events=given_up.events, reason=given_up.failure)
