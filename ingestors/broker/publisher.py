"""The way out: messages published at QoS 1."""

from __future__ import annotations

import threading
import uuid
from time import monotonic

import structlog
from paho.mqtt.client import Client
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingestors.broker.address import BrokerAddress
from ingestors.broker.line import connect_later, new_client, settle_protocol

IN_FLIGHT_MAX = 65_535
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Publisher:
    """Publishes at QoS 1 and keeps what is not confirmed, over the broker's restarts too.

    Parameters
    ----------
    in_flight_messages_max
        Bound of unconfirmed messages; `publish` waits at it.
    """

    def __init__(self, address: BrokerAddress, *, client_id: str = "", in_flight_messages_max: int = 500) -> None:
        self._address = address
        self._client_id = client_id or f"vigie-publish-{uuid.uuid4().hex[:12]}"
        self._bound = in_flight_messages_max
        self._room = threading.Semaphore(in_flight_messages_max)
        self._settled = threading.Condition()
        self._connected = threading.Event()
        self._published = 0
        self._confirmed = 0
        self.refused = 0
        self._client: Client | None = None

    def open(self, stop: threading.Event) -> bool:
        """Connect, waiting for the broker as long as it takes; False when ``stop`` was set first."""
        protocol = settle_protocol(self._address, stop)
        if protocol is None:
            return False
        client = new_client(self._address, self._client_id, protocol, persistent=False)
        client.max_inflight_messages_set(self._bound)
        client.on_connect = self._connected_now
        client.on_publish = self._confirmed_one
        self._client = client
        connect_later(client, self._address, IN_FLIGHT_MAX)
        client.loop_start()
        # What paho is given while it connects, it may send twice.
        return _wait(self._connected, stop)

    def publish(self, topic: str, payload: bytes, stop: threading.Event | None = None) -> bool:
        """Publish one message, waiting while the bound is reached.

        Returns
        -------
        bool
            False when ``stop`` was set while waiting: the message was not taken.
        """
        assert self._client is not None, "open comes first"
        while not self._room.acquire(timeout=0.2):
            if stop is not None and stop.is_set():
                return False
        with self._settled:
            self._published += 1
        self._client.publish(topic, payload, qos=1)
        return True

    def drain(self, timeout_s: float) -> int:
        """Wait until the broker confirmed everything, or ``timeout_s``; return how many are unconfirmed."""
        deadline = monotonic() + timeout_s
        with self._settled:
            while self._confirmed < self._published and (left := deadline - monotonic()) > 0:
                self._settled.wait(left)
            return self._published - self._confirmed

    def close(self) -> None:
        """Leave; what is unconfirmed by now is given up."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()

    def _connected_now(
        self, _client: Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            _log.warning("broker_refused", reason=str(reason))
        else:
            self._connected.set()

    def _confirmed_one(
        self, _client: Client, _userdata: object, _packet_id: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        with self._settled:
            self._confirmed += 1
            if reason.is_failure:
                self.refused += 1
            self._settled.notify_all()
        self._room.release()


def _wait(event: threading.Event, stop: threading.Event) -> bool:
    while not event.wait(0.05):
        if stop.is_set():
            return False
    return True
