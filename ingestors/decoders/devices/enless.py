"""Enless Wireless 600 series: one layout per transmitter type, big-endian; port 1.

::

    +----+------+------+----------+--------+--------+-------+
    | id | type | seq. | firmware | values | alarms | state |      state: bits 2, 3 the battery, bit 0 an alarm frame
    +----+------+------+----------+--------+--------+-------+
      3    1      1      1          by type  2        2

One published frame, of a TX PULSE 600-036::

    000095 08   31   11   00000001 00000001 00000000 0000 0700
    149    036  49   1    1 pulse  1 pulse  0        -    100 %

The battery comes in quarters: 100, 75, 50 or 25 %. The TX CO2 600-023 is read without its CO2: the published decoder
divides it by ten, which gives the published frame 61 ppm, less than any air has. VOC in ppb has no metric.

Source: TheThingsNetwork/lorawan-devices, ``vendor/enless-wireless/enlessdecoder.js`` and its codecs' examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from core.places import SensorKind
from ingestors.decoders.devices.device import Device, Field, Found, Layout, Malformed, Octets, Reader
from ingestors.decoders.fields import observe

MAKER = "Enless Wireless"
VERSION = 1

_CLIMATE = (Field("temperature_c", "Cel", 0.1), Field("humidity_ratio", "%RH", 0.1))
_PULSES = (Field("pulses_1_total", "count"), Field("pulses_2_total", "count"), Field("pulses_3_total", "count"))
_AMBIENT = {
    0x04: Layout(">hH4x", _CLIMATE),  # 600-021
    0x05: Layout(">hH4x", _CLIMATE),  # 600-022, with VOC
    0x06: Layout(">hH4x", _CLIMATE),  # 600-023, with VOC and CO2
}
_PULSE = {
    0x08: Layout(">3I", _PULSES),  # 600-036
    0x09: Layout(">3I", _PULSES),  # 600-037, for explosive atmospheres
    0x0A: Layout(">3I", _PULSES),  # 600-038, reads the meter's light
}


def _reader(types: Mapping[int, Layout]) -> Reader:
    def read(f_port: int, payload: bytes, observed_at: datetime) -> Found:  # noqa: ARG001 - all frames are alike
        octets = Octets(payload)
        octets.take(3)
        kind = octets.byte()
        if kind not in types:
            raise Malformed(f"type {kind:02x} is another transmitter")
        octets.take(2)
        yield from octets.laid_out(types[kind], observed_at)
        octets.take(2)
        state = octets.take(2)[1]
        yield observe("battery_ratio", 100 - 25 * (state >> 2 & 3), "%EL", observed_at)
        if octets.left:
            raise Malformed(f"{octets.left} bytes behind its end")

    return read


TX_AMB = Device(
    "enless-tx-amb",
    MAKER,
    "TX T&H AMB 600-021, -022, -023",
    (SensorKind.INDOOR_AIR,),
    _reader(_AMBIENT),
    VERSION,
    ("enless-wireless/tx-trh-amb-600-021", "enless-wireless/tx-amb-600-022", "enless-wireless/tx-amb-600-023"),
)
TX_PULSE = Device(
    "enless-tx-pulse",
    MAKER,
    "TX PULSE 600-036, -037, -038",
    (SensorKind.METER,),
    _reader(_PULSE),
    VERSION,
    ("enless-wireless/tx-pulse-600", "enless-wireless/tx-pulse-atex-600-037", "enless-wireless/tx-pulse-led-600-038"),
)
