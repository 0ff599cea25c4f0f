"""Dragino's LDDS75, an ultrasonic distance sensor, as firmware 1.1.4 sends it: one frame, port 2, big-endian.

::

    +------------+----------+-----------+----------------+--------+
    | battery mV | distance | interrupt | temperature    | sensor |
    | in 14 bits | mm       |           | 0.1 °C, signed | flag   |
    +------------+----------+-----------+----------------+--------+
      2            2          1           2                1

One published frame::

    0D3B     0AEF     00  0000       01
    3.387 V  2799 mm      0, or none is there

What stands above the battery's 14 bits is left out, and so is whether an interrupt sent the frame.

It measures from 280 mm on: a distance below, 0 above all, is none. So is one beside a sensor flag of 0; the published
frame has 1, and neither source says more of it than its name.

The DS18B20 is an optional probe. The published frame holds 0 for it, and nothing tells a probe at 0 °C from none: 0 is
left out.

Older firmware sends 4 or 5 bytes: its published sample and its published decoder contradict each other, and it is
refused.

Source: TheThingsNetwork/lorawan-devices, ``vendor/dragino/ldds75-114-codec.yaml`` (port, frame and its meaning; commit
60263a4); dragino/dragino-end-node-decoder, ``LDDS75/LDDS75_Decoder_V1.1.4.js`` (layout; commit 0bcfda3); the maker's
LDDS75 user manual, 1.2 (range). Of older firmware: ``ldds75-codec.yaml`` and ``ldds75.js`` beside the first (0874a8f).
"""

from __future__ import annotations

from datetime import datetime

from core.places import SensorKind
from ingestors.decoders.devices.device import Device, Found, Malformed, Octets
from ingestors.decoders.fields import observe

MAKER = "Dragino"
VERSION = 1

_PORT = 2
_BATTERY_BITS = 0x3FFF
_NEAREST_MM = 280


def _read_ldds75(f_port: int, payload: bytes, observed_at: datetime) -> Found:
    """Yield what a frame holds."""
    if f_port != _PORT:
        raise Malformed(f"port {f_port} is none of its")
    octets = Octets(payload)
    battery_mv = int.from_bytes(octets.take(2), "big") & _BATTERY_BITS
    distance_mm = int.from_bytes(octets.take(2), "big")
    octets.take(1)
    tenths_c = int.from_bytes(octets.take(2), "big", signed=True)
    has_sensor = octets.byte() != 0
    if octets.left:
        raise Malformed(f"{octets.left} bytes behind its end")
    yield observe("battery_v", battery_mv, "mV", observed_at)
    if has_sensor and distance_mm >= _NEAREST_MM:
        yield observe("distance_mm", distance_mm, "mm", observed_at)
    if tenths_c != 0:
        yield observe("temperature_c", tenths_c * 0.1, "Cel", observed_at)


LDDS75 = Device("dragino-ldds75", MAKER, "LDDS75", (SensorKind.BIN,), _read_ldds75, VERSION, ("dragino/ldds75",))
