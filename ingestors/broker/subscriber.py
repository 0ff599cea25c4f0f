"""The way in: a persistent session, read and acknowledged by the one thread that owns it.

paho's loop asks the system before every packet whether there is one, and hands each to a callback. Its external-loop
interface lets the owner decide: here the socket is read until it is dry, and acknowledgements go out together.
docs/adr/0008 has the figures.
"""

from __future__ import annotations

import math
import select
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, NamedTuple

import structlog
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from core.clock import now
from core.instruments import BROKER_CONNECTED
from core.readings import Message
from ingestors.broker.address import BrokerAddress
from ingestors.broker.line import ANSWER_S_MAX, RETRY_S_MAX, connect_later, new_client, settle_protocol

PROPERTIES_MAX = 16
PROPERTY_CHARACTERS_MAX = 256
BURST_MESSAGES = 256
"""So many are read at once before acknowledgements get their turn."""
MISC_S = 1.0
RETRY_S_MIN = 0.5

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Received(NamedTuple):
    """A message that waits for its acknowledgement.

    Parameters
    ----------
    qos
        With the message's packet id, what the broker wants to hear back.
    line
        Which connection brought it: packet ids mean nothing on another one.
    """

    message: Message
    qos: int
    line: int


@dataclass(frozen=True, slots=True)
class PayloadLimits:
    """Bytes of a payload: over ``accepted`` it will be refused, and only its first ``kept`` stay in memory."""

    accepted: int
    kept: int


class Room(NamedTuple):
    """How much more may be received: messages, and bytes of payload (the last message may go over)."""

    messages: int
    payload_bytes: int

    @property
    def is_left(self) -> bool:
        """Whether there is room for a message."""
        return self.messages > 0 and self.payload_bytes > 0


class Subscriber:
    """A persistent session that hands over messages and acknowledges them when told to.

    One thread opens, reads, acknowledges and closes it; `wake` may be called from others. What was handed over and not
    acknowledged comes again after a reconnection.

    Parameters
    ----------
    client_id
        Names the session on the broker.
    receive_messages_max
        MQTT 5 brokers are told to send no more unacknowledged ones (receive maximum); others are held back by not
        reading on.
    """

    def __init__(
        self, address: BrokerAddress, client_id: str, receive_messages_max: int, limits: PayloadLimits
    ) -> None:
        self._address = address
        self._client_id = client_id
        self._receive_messages_max = receive_messages_max
        self._limits = limits
        self._filters: Sequence[str] = ()
        self._line = 0
        self._closing = False
        self._subscribed = False
        self._client: Client | None = None
        self._retry_s = RETRY_S_MIN
        self._retry_due_s = 0.0
        self._answer_due_s = math.inf
        self._misc_due_s = 0.0
        self._received: list[Received] = []
        self._received_bytes = 0
        self._more = False
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)

    def open(self, filters: Sequence[str], stop: threading.Event) -> bool:
        """Subscribe at QoS 1 to the topic filters, waiting for the broker as long as it takes.

        Returns
        -------
        bool
            False when ``stop`` was set before the broker answered.
        """
        self._filters = filters
        protocol = settle_protocol(self._address, stop)
        if protocol is None:
            return False
        client = new_client(self._address, self._client_id, protocol, persistent=True, acknowledging=False)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._granted
        client.on_message = self._take
        # With this set, paho leaves it to the owner to write what waits.
        client.on_socket_register_write = lambda *_: None
        connect_later(client, self._address, self._receive_messages_max)
        self._client = client
        return True

    @property
    def is_subscribed(self) -> bool:
        """Whether the broker granted the topics, on the present connection or on an earlier one."""
        return self._subscribed

    def receive(self, room: Room, timeout_s: float) -> list[Received]:
        """Return what came, at most a burst and what there is room for; wait for it up to ``timeout_s``.

        Also keeps the line: writes what waits, pings, connects again. Without room nothing is read, and so the broker
        held back.
        """
        client = self._connecting(room)
        if client is None:
            self._sleep(timeout_s)
            return []
        if not room.is_left and _hung_up(client.socket()):
            self._sleep(timeout_s)
            return []
        self._wait(client, room, timeout_s)
        if room.is_left:
            self._read(client, Room(min(room.messages, BURST_MESSAGES), room.payload_bytes))
        # A broker that died before it saved what it sent us will not send it again: while its last words are still to
        # be read, nothing is written, for a write that fails would close the line over them.
        if not _hung_up(client.socket()):
            if client.want_write():
                client.loop_write()
            if monotonic() >= self._misc_due_s:
                self._misc_due_s = monotonic() + MISC_S
                client.loop_misc()
        received, self._received, self._received_bytes = self._received, [], 0
        return received

    def acknowledge(self, received: Sequence[Received]) -> None:
        """Tell the broker, at the next `receive`, that these are settled; those of an earlier connection come again."""
        client = self._client
        assert client is not None, "nothing is received before open"
        line = self._line
        for one in received:
            if one.line == line:
                client.ack(one.message.packet_id, one.qos)

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish one message of our own at QoS 1 on this very line; False while there is no connection."""
        client = self._client
        if client is None or not client.is_connected():
            return False
        return client.publish(topic, payload, qos=1).rc is MQTTErrorCode.MQTT_ERR_SUCCESS

    def wake(self) -> None:
        """End the wait of `receive` in the thread that owns this: there is something to acknowledge."""
        try:
            self._waker.send(b"\0")
        except OSError:
            # Full of wakes that nobody heard yet, or closed: either way nobody is to be woken.
            return

    def close(self) -> None:
        """Send what is left to say and leave; the session and its messages stay with the broker."""
        client = self._client
        self._closing = True
        if client is not None:
            if client.is_connected():
                # A line closed while the broker still sends on it is reset, and acknowledgements under way are lost
                # with it. The broker answers in order: once it confirms this, it has read them.
                self._subscribed = False
                self._subscribe(client)
                deadline = monotonic() + ANSWER_S_MAX
                while not self._subscribed and client.is_connected() and monotonic() < deadline:
                    self.receive(Room(BURST_MESSAGES, 2**31), 0.1)
            client.disconnect()
            client.loop_write()
            BROKER_CONNECTED.set(0)
        self._woken.close()
        self._waker.close()

    def _connecting(self, room: Room) -> Client | None:
        """Return the client if it has a line, after trying to give it one when it is time.

        Without room none is sought: what a new line brings first is what waits here already. A line on which the
        broker does not answer in time is left for another.
        """
        client = self._client
        assert client is not None, "open comes first"
        if client.socket() is not None and monotonic() < self._answer_due_s:
            return client
        if self._closing or not room.is_left or monotonic() < self._retry_due_s:
            return None
        if client.socket() is not None:
            _log.warning("broker_silent", host=self._address.host, port=self._address.port)
        # Until a connection is granted, each try waits longer for the next.
        self._retry_due_s = monotonic() + self._retry_s
        self._retry_s = min(self._retry_s * 2, RETRY_S_MAX)
        # From here on what came on an earlier line cannot be acknowledged: its packet ids may name others here, even
        # before this one is granted.
        self._line += 1
        self._answer_due_s = math.inf
        try:
            client.reconnect()
            self._answer_due_s = monotonic() + ANSWER_S_MAX
        except OSError as error:
            _log.warning("broker_absent", host=self._address.host, port=self._address.port, reason=str(error))
            return None
        return client

    def _wait(self, client: Client, room: Room, timeout_s: float) -> None:
        line: Any = client.socket()
        readable = [self._woken, line] if room.is_left else [self._woken]
        writable = [line] if client.want_write() else []
        # What a full burst left behind may lie in the encryption's own buffer, where the system does not see it.
        woken, _, _ = select.select(readable, writable, [], 0 if self._more else timeout_s)
        if self._woken in woken:
            self._woken.recv(4_096)

    def _sleep(self, timeout_s: float) -> None:
        woken, _, _ = select.select([self._woken], [], [], timeout_s)
        if woken:
            self._woken.recv(4_096)

    def _read(self, client: Client, room: Room) -> None:
        """Read packets until the socket is dry, or there is no room."""
        received = self._received
        self._more = False
        while len(received) < room.messages and self._received_bytes < room.payload_bytes:
            before = len(received)
            # A read that brings no message found the socket dry, or another kind of packet: the next wait tells.
            if client.loop_read() is not MQTTErrorCode.MQTT_ERR_SUCCESS or len(received) == before:
                return
        self._more = True

    def _connected(
        self, client: Client, _userdata: object, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            _log.warning("broker_refused", reason=str(reason))
            return
        self._answer_due_s = math.inf
        self._retry_s = RETRY_S_MIN
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
        self._subscribed = True

    def _disconnected(self, _client: Client, _userdata: object, _flags: Any, reason: ReasonCode, _p: object) -> None:
        BROKER_CONNECTED.set(0)
        if not self._closing:
            _log.warning("broker_lost", reason=str(reason))

    def _take(self, _client: Client, _userdata: object, raw: MQTTMessage) -> None:
        if self._closing:
            return
        payload = raw.payload
        size = len(payload)
        if size > self._limits.accepted:
            payload = payload[: self._limits.kept]
        properties = _user_properties(raw) if raw.properties is not None else {}
        # Each its own instant: messages without a time take it for theirs.
        message = Message(_topic(raw), bytes(payload), now(), size, properties, raw.mid, redelivered=bool(raw.dup))
        self._received_bytes += len(payload)
        self._received.append(Received(message, raw.qos, self._line))


def _hung_up(line: Any) -> bool:
    """Whether the other end closed this socket; what it sent before may still wait to be read."""
    if line is None:
        return False
    poll = select.poll()
    poll.register(line, select.POLLRDHUP)
    return bool(poll.poll(0))


def _topic(raw: MQTTMessage) -> str:
    try:
        return raw.topic
    except UnicodeDecodeError:
        return "\ufffd"


def _user_properties(raw: MQTTMessage) -> dict[str, str]:
    # Straight from the instance: asked for a property that is not there, paho goes through all that there could be.
    pairs = vars(raw.properties).get("UserProperty")
    if not pairs:
        return {}
    return {name[:PROPERTY_CHARACTERS_MAX]: value[:PROPERTY_CHARACTERS_MAX] for name, value in pairs[:PROPERTIES_MAX]}
