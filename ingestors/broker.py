"""MQTT: the only user of paho.

Both directions speak MQTT 5 and fall back to 3.1.1 when the broker refuses version 5 or closes the line on it.
"""

from __future__ import annotations

import math
import threading
import uuid
from dataclasses import dataclass
from queue import Empty, Queue
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from core.clock import now
from core.errors import SettingInvalid
from core.instruments import BROKER_CONNECTED, MESSAGES_IN_FLIGHT, MESSAGES_RECEIVED
from core.readings import Message

SESSION_KEPT_S = 7 * 24 * 3600
"""How long the broker keeps an absent subscriber's messages (MQTT 5; in 3.1.1 the broker decides)."""
KEEPALIVE_S = 30
RETRY_S_MAX = 30
ANSWER_S_MAX = 5.0
PROPERTIES_MAX = 16
PROPERTY_CHARACTERS_MAX = 256
_IN_FLIGHT_MAX = 65_535

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens, and who we are to it.

    Raises
    ------
    SettingInvalid
        From `parse`, when the URL is no ``mqtt://[user:password@]host[:port]`` or ``mqtts://...``.
    """

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    encrypted: bool = False

    @classmethod
    def parse(cls, url: str) -> BrokerAddress:
        """Parse a broker URL; the port defaults to 1883, or 8883 when encrypted. The URL is never echoed."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise SettingInvalid("VIGIE_BROKER_URL: not a URL with a host and a port") from None
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise SettingInvalid("VIGIE_BROKER_URL: expected mqtt://[user:password@]host[:port] or mqtts://...")
        encrypted = parts.scheme == "mqtts"
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname, port or (8883 if encrypted else 1883), user, password, encrypted)


@dataclass(frozen=True, slots=True)
class Received:
    """A message that waits for its acknowledgement.

    Parameters
    ----------
    packet_id, qos
        What the broker wants to hear back.
    line
        Which connection brought it: packet ids mean nothing on another one.
    """

    message: Message
    packet_id: int
    qos: int
    line: int


@dataclass(frozen=True, slots=True)
class PayloadLimits:
    """Bytes of a payload: over ``accepted`` it will be refused, and only its first ``kept`` stay in memory."""

    accepted: int
    kept: int


class Subscriber:
    """A persistent session that hands over messages and acknowledges them when told to.

    At most ``queue_messages_max`` messages wait in memory: MQTT 5 brokers are told (receive maximum), others are
    held back by not reading on. What was handed over and not acknowledged comes again after a reconnection.

    Parameters
    ----------
    client_id
        Names the session on the broker.
    """

    def __init__(self, address: BrokerAddress, client_id: str, queue_messages_max: int, limits: PayloadLimits) -> None:
        self._address = address
        self._client_id = client_id
        self._limits = limits
        self._queue_messages_max = queue_messages_max
        self._queue: Queue[Received] = Queue(maxsize=queue_messages_max)
        self._filters: list[str] = []
        self._line = 0
        self._closing = False
        self._subscribed = threading.Event()
        self._client: Client | None = None

    def open(self, filters: list[str], stop: threading.Event) -> bool:
        """Subscribe at QoS 1 to the topic filters, waiting for the broker as long as it takes.

        Returns
        -------
        bool
            False when ``stop`` was set before the broker answered.
        """
        self._filters = filters
        protocol = _settle_protocol(self._address, stop)
        if protocol is None:
            return False
        client = _client(self._address, self._client_id, protocol, persistent=True)
        client.manual_ack_set(True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._granted
        client.on_message = self._received
        self._client = client
        _start(client, self._address, self._queue_messages_max)
        # Not for ever: messages already on their way may fill the queue before the confirmation can be read.
        return _wait(self._subscribed, stop, ANSWER_S_MAX) or not stop.is_set()

    def receive(self, timeout_s: float) -> Received | None:
        """Return the next message, or None when none came within ``timeout_s``; 0 does not wait."""
        try:
            return self._queue.get(timeout=timeout_s) if timeout_s > 0 else self._queue.get_nowait()
        except Empty:
            return None

    def acknowledge(self, received: list[Received]) -> None:
        """Tell the broker that these are settled; what an earlier connection brought will come again."""
        assert self._client is not None, "nothing is received before open"
        for one in received:
            if one.line == self._line:
                self._client.ack(one.packet_id, one.qos)

    def pause(self) -> None:
        """Take no more messages: what comes from now on stays with the broker."""
        self._closing = True

    def close(self) -> None:
        """Send what is left to say and leave; the session and its messages stay with the broker."""
        self.pause()
        if self._client is not None:
            if self._client.is_connected():
                # A line closed while the broker still sends on it is reset, and acknowledgements under way are lost
                # with it. The broker answers in order: once it confirms this, it has read them.
                self._subscribed.clear()
                self._subscribe(self._client)
                self._subscribed.wait(ANSWER_S_MAX)
            self._client.disconnect()
            self._client.loop_stop()
            BROKER_CONNECTED.set(0)

    def _connected(
        self, client: Client, _userdata: object, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            _log.warning("broker_refused", reason=str(reason))
            return
        self._line += 1
        if flags.session_present:
            self._subscribed.set()
        self._subscribe(client)
        BROKER_CONNECTED.set(1)
        _log.info("broker_connected", session_present=flags.session_present, mqtt=int(client.protocol))

    def _subscribe(self, client: Client) -> None:
        if client.protocol == MQTTv5:
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            client.subscribe([(topic, options) for topic in self._filters])
        else:
            client.subscribe([(topic, 1) for topic in self._filters])

    def _granted(
        self, _client: Client, _userdata: object, _packet_id: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        refused = [topic for topic, reason in zip(self._filters, reasons, strict=False) if reason.is_failure]
        if refused:
            _log.error("subscription_refused", topics=refused)
        self._subscribed.set()

    def _disconnected(self, _client: Client, _userdata: object, _flags: Any, reason: ReasonCode, _p: object) -> None:
        BROKER_CONNECTED.set(0)
        if not self._closing:
            _log.warning("broker_lost", reason=str(reason))

    def _received(self, _client: Client, _userdata: object, raw: MQTTMessage) -> None:
        if self._closing:
            return
        size = len(raw.payload)
        payload = bytes(raw.payload if size <= self._limits.accepted else raw.payload[: self._limits.kept])
        message = Message(_topic(raw), payload, now(), size, _user_properties(raw))
        MESSAGES_RECEIVED.inc()
        MESSAGES_IN_FLIGHT.inc()
        # Full only with a broker that knows no receive maximum: not reading on is what holds it back.
        self._queue.put(Received(message, raw.mid, raw.qos, self._line))


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
        protocol = _settle_protocol(self._address, stop)
        if protocol is None:
            return False
        client = _client(self._address, self._client_id, protocol, persistent=False)
        client.max_inflight_messages_set(self._bound)
        client.on_connect = self._connected_now
        client.on_publish = self._confirmed_one
        self._client = client
        _start(client, self._address, _IN_FLIGHT_MAX)
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


def _client(address: BrokerAddress, client_id: str, protocol: MQTTProtocolVersion, *, persistent: bool) -> Client:
    clean = None if protocol == MQTTv5 else not persistent
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean, protocol=protocol)
    if address.user is not None:
        client.username_pw_set(address.user, address.password)
    if address.encrypted:
        client.tls_set()
    client.reconnect_delay_set(min_delay=1, max_delay=RETRY_S_MAX)
    client.user_data_set(persistent)
    return client


def _start(client: Client, address: BrokerAddress, receive_messages_max: int) -> None:
    if client.protocol == MQTTv5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho leaves it so
        properties.ReceiveMaximum = receive_messages_max
        persistent = bool(client.user_data_get())
        properties.SessionExpiryInterval = SESSION_KEPT_S if persistent else 0
        client.connect_async(address.host, address.port, KEEPALIVE_S, clean_start=not persistent, properties=properties)
    else:
        client.connect_async(address.host, address.port, KEEPALIVE_S)
    client.loop_start()


def _wait(event: threading.Event, stop: threading.Event, timeout_s: float = math.inf) -> bool:
    deadline = monotonic() + timeout_s
    while not event.wait(0.05):
        if stop.is_set() or monotonic() > deadline:
            return False
    return True


def _settle_protocol(address: BrokerAddress, stop: threading.Event) -> MQTTProtocolVersion | None:
    """Return the newest protocol version the broker speaks, or None when ``stop`` was set first.

    A throw-away session asks, so that the real one never connects with a version it would have to leave.
    """
    wait_s = 0.2
    while not stop.is_set():
        for protocol in (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311):
            if _answers(address, protocol):
                return protocol
        _log.warning("broker_absent", host=address.host, port=address.port, retry_s=wait_s)
        stop.wait(wait_s)
        wait_s = min(wait_s * 2, RETRY_S_MAX)
    return None


def _answers(address: BrokerAddress, protocol: MQTTProtocolVersion) -> bool:
    answered = threading.Event()
    ended = threading.Event()

    def connected(_c: Client, _u: object, _f: object, reason: ReasonCode, _p: object) -> None:
        if not reason.is_failure:
            answered.set()
        ended.set()

    client = _client(address, f"vigie-probe-{uuid.uuid4().hex[:12]}", protocol, persistent=False)
    client.on_connect = connected
    client.on_disconnect = lambda *_: ended.set()
    try:
        client.connect(address.host, address.port, KEEPALIVE_S)
    except OSError:
        return False
    client.loop_start()
    ended.wait(ANSWER_S_MAX)
    client.disconnect()
    client.loop_stop()
    return answered.is_set()


def _topic(raw: MQTTMessage) -> str:
    try:
        return raw.topic
    except UnicodeDecodeError:
        return "\ufffd"


def _user_properties(raw: MQTTMessage) -> dict[str, str]:
    pairs = getattr(raw.properties, "UserProperty", None) or []
    return {name[:PROPERTY_CHARACTERS_MAX]: value[:PROPERTY_CHARACTERS_MAX] for name, value in pairs[:PROPERTIES_MAX]}
