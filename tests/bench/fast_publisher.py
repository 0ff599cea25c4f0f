"""A publisher faster than any client library: whole PUBLISH packets of MQTT 3.1.1, QoS 1, written to the socket.

A process of its own: ``fast_publisher.py PORT FIRST MESSAGES PER_S``; 0 messages a second is as fast as the broker
takes them. Message i is of sensor i % `SENSORS` and carries three readings observed now (or, without a pace, one minute
after its sensor's last). It ends once the broker confirmed all, and prints how many.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from dataclasses import dataclass

SENSORS = 2_000
COMMUNES = ("93066", "93051", "94028", "92050")
START_S = 1_788_000_000
WINDOW = 20_000
"""Most unconfirmed messages."""


def topic_of(number: int) -> str:
    """Return the topic of message ``number``."""
    sensor = number % SENSORS
    return f"vigie/v1/{COMMUNES[sensor % len(COMMUNES)]}/indoor_air/bench-{sensor}/up"


def payload_of(number: int, time_s: float) -> bytes:
    """Return a pack of three readings."""
    values = (400 + number % 1_000, 20 + number % 10, 40 + number % 20)
    return (
        b'[{"bt":%.6f},{"n":"co2","v":%d,"u":"ppm"},{"n":"temperature","v":%d,"u":"Cel"},'
        b'{"n":"humidity","v":%d,"u":"%%RH"}]' % (time_s, *values)
    )


def packet_of(number: int, time_s: float) -> bytes:
    """Return a whole PUBLISH packet."""
    topic = topic_of(number).encode()
    packet_id = (number % 65_535 + 1).to_bytes(2, "big")
    body = len(topic).to_bytes(2, "big") + topic + packet_id + payload_of(number, time_s)
    return b"\x32" + _length(len(body)) + body


def _length(number: int) -> bytes:
    low, high = number % 128, number // 128
    return bytes([low | 128, high]) if high else bytes([low])


@dataclass
class FastPublisher:
    """One session, and how many of its messages the broker confirmed."""

    port: int
    client_id: str
    confirmed: int = 0

    def __post_init__(self) -> None:
        """Connect."""
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        name = self.client_id.encode()
        body = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(name).to_bytes(2, "big") + name
        self.socket.sendall(b"\x10" + _length(len(body)) + body)
        assert self.socket.recv(4) == b"\x20\x02\x00\x00", "the broker takes us"
        self._rest = 0

    def publish(self, first: int, messages: int, per_s: float) -> None:
        """Publish messages ``first`` and following, at a pace or as fast as they are confirmed."""
        began_s = time.monotonic()
        sent = 0
        while sent < messages:
            due = min(messages, int((time.monotonic() - began_s) * per_s)) if per_s else messages
            count = min(due - sent, 500, WINDOW - (sent - self.confirmed))
            if count > 0:
                # Even or odd microseconds: two publishers at once never observe the same sensor at the same instant.
                now_s = (time.time_ns() // 2_000 * 2 + (first > 0)) / 1e6
                numbers = range(first + sent, first + sent + count)
                self.socket.sendall(
                    b"".join(
                        packet_of(number, now_s if per_s else START_S + number // SENSORS * 60) for number in numbers
                    )
                )
                sent += count
            self._confirm(0 if count == 500 else 0.001)
        while self.confirmed < messages:
            self._confirm(1)

    def _confirm(self, timeout_s: float) -> None:
        while select.select([self.socket], [], [], timeout_s)[0]:
            came = len(self.socket.recv(65_536))
            assert came, "the broker hung up"
            # A confirmation is four bytes.
            confirmed, self._rest = divmod(self._rest + came, 4)
            self.confirmed += confirmed
            timeout_s = 0


def main(port: int, first: int, messages: int, per_s: float) -> None:
    """Publish, and say how many messages were confirmed."""
    publisher = FastPublisher(port, f"fast-{first}")
    publisher.publish(first, messages, per_s)
    publisher.socket.close()
    print(publisher.confirmed)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
