"""Parametric PCR2 radar counter of people, bicycles or vehicles; port 14.

::

    +----+----+----+-----------+-----------+-----------+-----------+---------+--------+------+
    | BE | 01 | v  | right now | left now  | right all | left all  | battery | solar  | temp |     v: 3 or 4
    +----+----+----+-----------+-----------+-----------+-----------+---------+--------+------+
                     2           2           2           2           v3 1, v4 2  2        2

One published frame::

    BE 01 04  0001 0002  0003  0004  1C20    0CE4 0139
              (1)  (2)   3 in  4 out 7.200 V      (31.3 °C)

In is from left to right, as seen by the device. "Now" is since the last frame and left out; the totals since
power-up have 16 bits and begin again from 0 after 65,535. The battery is the solar charger's: 0 where there is none;
version 3 gives a level without its scale. The short and the Cayenne payloads have no totals and hold nothing for Vigie.

Source: TheThingsNetwork/lorawan-devices, ``vendor/parametric/pcr2-decoder.js`` and its codec's examples.
"""

from __future__ import annotations

from datetime import datetime

from core.places import SensorKind
from ingestors.decoders.devices.device import Device, Field, Found, Layout, Malformed, Octets

MAKER = "Parametric"
VERSION = 1

_COUNTS, _SETTINGS = 14, 190
_TOTALS = (Field("passages_in_total", "count"), Field("passages_out_total", "count"))
_BY_VERSION = {
    3: Layout(">4xHH5x", _TOTALS),
    4: Layout(">4xHHH4x", (*_TOTALS, Field("battery_v", "mV"))),
}
_NO_CHARGER = Layout(">4xHH6x", _TOTALS)


def _read(f_port: int, payload: bytes, observed_at: datetime) -> Found:
    """Yield what a frame holds."""
    if f_port == _SETTINGS:
        return
    if f_port != _COUNTS:
        raise Malformed(f"port {f_port} is none of its")
    octets = Octets(payload)
    opening = octets.byte()
    if opening in {0x00, 0x0A}:
        return
    if (opening, octets.byte()) != (0xBE, 0x01):
        raise Malformed("it opens with another device's mark")
    version = octets.byte()
    if version not in _BY_VERSION:
        raise Malformed(f"payload version {version} is unknown")
    layout = _BY_VERSION[version]
    if version == 4 and payload[11:13] == b"\0\0":
        layout = _NO_CHARGER
    yield from octets.laid_out(layout, observed_at)
    if octets.left:
        raise Malformed(f"{octets.left} bytes behind its end")


PCR2 = Device(
    "parametric-pcr2",
    MAKER,
    "PCR2",
    (SensorKind.COUNTER,),
    _read,
    VERSION,
    ("parametric/pcr2-id", "parametric/pcr2-od", "parametric/pcr2-ods"),
)
