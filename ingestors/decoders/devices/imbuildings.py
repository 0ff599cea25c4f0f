"""IMBUILDINGS LoRaWAN People Counter, payload variant 6: with its header on port 1, bare on port 26.

::

    +----+----+-----------+--------+----------------+-----------+-----------+--------+-------------+-------------+----+
    | 02 | 06 | device id | status | battery 0.01 V | a now     | b now     | sensor | a all       | b all       | no |
    +----+----+-----------+--------+----------------+-----------+-----------+--------+-------------+-------------+----+
      1    1    8           1        2                2           2           1        2             2             1

One published frame::

    02 06  0004A30B00F0D40E  00  0100    0000 0000  20  000D   000A   6A
                                 2.56 V  (0)  (0)       13 in  10 out

In is counter A. "Now" is since the last frame and left out; the totals have 16 bits. Variant 5 has no totals and holds
nothing for Vigie; no frame is published of variant 7.

Source: TheThingsNetwork/lorawan-devices, ``vendor/imbuildings/imbuildings.js`` and its codec's example.
"""

from __future__ import annotations

from datetime import datetime

from core.places import SensorKind
from ingestors.decoders.devices.device import Device, Field, Found, Layout, Malformed, Octets

MAKER = "IMBUILDINGS"
VERSION = 1

_HEADED_PORT, _BARE_PORT = 1, 26
_WITHOUT_TOTALS, _WITH_TOTALS = b"\x02\x05", b"\x02\x06"
_COUNTS = Layout(
    ">xH4xxHHx",
    (Field("battery_v", "V", 0.01), Field("passages_in_total", "count"), Field("passages_out_total", "count")),
)


def _read(f_port: int, payload: bytes, observed_at: datetime) -> Found:
    """Yield what a frame holds."""
    if f_port not in {_HEADED_PORT, _BARE_PORT}:
        raise Malformed(f"port {f_port} is none of its")
    octets = Octets(payload)
    if f_port == _HEADED_PORT:
        variant = octets.take(2)
        if variant == _WITHOUT_TOTALS:
            return
        if variant != _WITH_TOTALS:
            raise Malformed(f"payload {variant.hex()} is unknown")
        octets.take(8)
    yield from octets.laid_out(_COUNTS, observed_at)
    if octets.left:
        raise Malformed(f"{octets.left} bytes behind its end")


PEOPLE_COUNTER = Device(
    "imbuildings-people-counter",
    MAKER,
    "People Counter",
    (SensorKind.COUNTER,),
    _read,
    VERSION,
    ("imbuildings/imbuildings-people-counter",),
)
