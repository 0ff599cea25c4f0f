"""The outbox: what the platform says to the outside over MQTT, published by the ingest process beside its own work.

A message is deleted in the store after the broker confirmed it: what was said is not lost, and may be heard twice.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from core.errors import StoreAbsent, VigieError
from core.settings import IngestSettings
from core.store.outbox import delete_outgoing, take_outgoing
from core.store.pool import Connection, connected, store_absence_told
from ingestors.broker import BrokerAddress, Publisher

LOOK_S = 1.0
"""How often the outbox is looked into."""
MESSAGES_MAX = 100
CONFIRM_S_MAX = 5.0
RETRY_S = 5.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Unconfirmed(VigieError):
    """The broker did not confirm, or refused, what was published: it stays in the outbox."""


@contextmanager
def publishing_outbox(settings: IngestSettings) -> Iterator[None]:
    """Publish the outbox from a thread of its own while in the block."""
    end = threading.Event()
    thread = threading.Thread(target=_publish_until, args=(settings, end), name="outbox")
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _publish_until(settings: IngestSettings, end: threading.Event) -> None:
    while not end.is_set():
        try:
            _publish_on_one_line(settings, end)
        except (StoreAbsent, Unconfirmed) as error:
            _log.warning("outbox_held_back", reason=str(error), retry_s=RETRY_S)
        except Exception:  # noqa: BLE001 - a thread has no caller: what is not told here is never seen
            _log.exception("outbox_failed", retry_s=RETRY_S)
        end.wait(RETRY_S)


def _publish_on_one_line(settings: IngestSettings, end: threading.Event) -> None:
    """Publish what comes, over one connection to the store and one to the broker, until ``end`` or a failure."""
    address = BrokerAddress.parse(settings.broker_url.get_secret_value(), settings.broker_ca_file)
    publisher = Publisher(address, in_flight_messages_max=MESSAGES_MAX)
    with store_absence_told(), connected(settings.dsn) as connection:
        connection.autocommit = True
        try:
            if not publisher.open(end):
                return
            while not end.is_set():
                if not publish_outbox(connection, publisher):
                    end.wait(LOOK_S)
        finally:
            publisher.close()


def publish_outbox(connection: Connection, publisher: Publisher) -> int:
    """Publish what waits, oldest first, delete what the broker confirmed; return how many messages that were.

    Raises
    ------
    Unconfirmed
        If the broker refused one or did not answer: all of them stay.
    """
    with connection.transaction():
        waiting = take_outgoing(connection, MESSAGES_MAX)
        if not waiting:
            return 0
        refused = publisher.refused
        for message in waiting:
            publisher.publish(message.topic, json.dumps(message.payload, ensure_ascii=False).encode())
        missing = publisher.drain(CONFIRM_S_MAX)
        if missing or publisher.refused > refused:
            raise Unconfirmed(
                f"of {len(waiting)} messages {missing} unconfirmed, {publisher.refused - refused} refused"
            )
        delete_outgoing(connection, waiting)
    _log.info("outbox_published", messages=len(waiting))
    return len(waiting)
