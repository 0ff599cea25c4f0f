"""The yardstick: a subscriber that only counts and acknowledges, by paho as its users run it, or by gmqtt.

A process of its own: ``bare_subscriber.py PORT MESSAGES paho|gmqtt``. It drains its session and prints messages a
second and microseconds of processor time a message.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

RECEIVE_MAX = 15_000
"""As an ingest process asks for."""


def connect(client_id: str, port: int, *, clean_start: bool = False, kept_s: int = 3_600) -> Client:
    """Return a paho client with a persistent session of MQTT 5, connecting."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho leaves it so
    properties.SessionExpiryInterval = kept_s
    properties.ReceiveMaximum = RECEIVE_MAX
    client.connect("127.0.0.1", port, 60, clean_start=clean_start, properties=properties)
    return client


def drain_by_paho(port: int, messages: int) -> None:
    """Drain the session ``bare-paho``."""
    client = connect("bare-paho", port)
    left = messages

    def count(_client: Client, _userdata: object, _message: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            client.disconnect()

    client.on_message = count
    client.loop_forever()


async def drain_by_gmqtt(port: int, messages: int) -> None:
    """Drain the session ``bare-gmqtt``."""
    from gmqtt import Client as GmqttClient  # noqa: PLC0415 - a peer, there with --peer only

    done = asyncio.Event()
    left = messages

    def count(*_: Any) -> int:
        nonlocal left
        left -= 1
        if not left:
            done.set()
        return 0

    client = GmqttClient("bare-gmqtt", clean_session=False, receive_maximum=RECEIVE_MAX, session_expiry_interval=3_600)
    client.on_message = count
    await client.connect("127.0.0.1", port)
    await done.wait()
    await client.disconnect()


def main(port: int, messages: int, by: str) -> None:
    """Drain, and print how fast."""
    began_s, used_s = time.perf_counter(), time.process_time()
    if by == "gmqtt":
        import uvloop  # noqa: PLC0415 - a peer, there with --peer only

        uvloop.run(drain_by_gmqtt(port, messages))
    else:
        drain_by_paho(port, messages)
    rate = messages / (time.perf_counter() - began_s)
    print(rate, (time.process_time() - used_s) / messages * 1e6)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
