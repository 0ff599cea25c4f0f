"""A line to a broker: how a client of ours is made, and which protocol version it speaks."""

from __future__ import annotations

import threading
import uuid

import structlog
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingestors.broker.address import BrokerAddress

SESSION_KEPT_S = 7 * 24 * 3600
"""How long the broker keeps an absent subscriber's messages (MQTT 5; in 3.1.1 the broker decides)."""
KEEPALIVE_S = 20
"""A line over which nothing is heard for so long is asked; without an answer in as long again, it is given up."""
RETRY_S_MAX = 4
"""A broker that is back is found within so long: its clients of ours are a handful."""
ANSWER_S_MAX = 5.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def new_client(
    address: BrokerAddress,
    client_id: str,
    protocol: MQTTProtocolVersion,
    *,
    persistent: bool,
    acknowledging: bool = True,
) -> Client:
    """Return a client that knows who it is; ``acknowledging`` ones confirm what they receive by themselves."""
    clean = None if protocol == MQTTv5 else not persistent
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=clean,
        protocol=protocol,
        manual_ack=not acknowledging,
    )
    if address.user is not None:
        client.username_pw_set(address.user, address.password)
    if address.encrypted:
        client.tls_set(ca_certs=str(address.ca_file) if address.ca_file else None)
    client.reconnect_delay_set(min_delay=1, max_delay=RETRY_S_MAX)
    client.user_data_set(persistent)
    return client


def connect_later(client: Client, address: BrokerAddress, receive_messages_max: int) -> None:
    """Tell a client of `new_client` where to connect; it does when its loop starts, or at `Client.reconnect`."""
    if client.protocol == MQTTv5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho leaves it so
        properties.ReceiveMaximum = receive_messages_max
        persistent = bool(client.user_data_get())
        properties.SessionExpiryInterval = SESSION_KEPT_S if persistent else 0
        client.connect_async(address.host, address.port, KEEPALIVE_S, clean_start=not persistent, properties=properties)
    else:
        client.connect_async(address.host, address.port, KEEPALIVE_S)


def settle_protocol(address: BrokerAddress, stop: threading.Event) -> MQTTProtocolVersion | None:
    """Return the newest protocol version the broker speaks, or None when ``stop`` was set first.

    A throw-away session asks, so that the real one never connects with a version it would have to leave. A broker that
    came between the two questions did not hear the first: it is asked that one again.
    """
    wait_s = 0.2
    while not stop.is_set():
        if _answers(address, MQTTProtocolVersion.MQTTv5):
            return MQTTProtocolVersion.MQTTv5
        if _answers(address, MQTTProtocolVersion.MQTTv311):
            again = _answers(address, MQTTProtocolVersion.MQTTv5)
            return MQTTProtocolVersion.MQTTv5 if again else MQTTProtocolVersion.MQTTv311
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

    client = new_client(address, f"vigie-probe-{uuid.uuid4().hex[:12]}", protocol, persistent=False)
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
