"""Adeunis: a frame code, a status byte, what the code says, and four bytes of clock when the status says so; port 1.

::

    +------+--------+---------+---------------------+
    | code | status | content | clock (status, bit 2) |        big-endian
    +------+--------+---------+---------------------+
      1      1        by code   4

One published frame, of a PULSE::

    5A  67  00000127  0001 0002 0003 0004      14ABA3E9
    A       295       before: -1 -2 -3 -4      (2023-12-28 19:22:17)

Codes: 46 both indexes of a PULSE, 5A and 5B that of input A and B with its history; 4C temperature and humidity;
6A the same with CO2; 6D TVOC, PM10, PM2.5, PM1; 49 a meter's TIC. Others are settings, alarms and daily extremes.

Of a history only the newest values are read: how long apart they lie is a setting that the frame does not carry. The
time is the network's: the device's clock is set by whoever installs it. A TIC label that the meter does not give is
``80000000``. The TIC's meter number (ADCO) points to a person and is not read.

Source: TheThingsNetwork/lorawan-devices, ``vendor/adeunis/*_lib.js`` and their codecs' examples; the maker's older
library in sln-nc/adeunis-codecs-lib, with its tests' frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.places import SensorKind
from ingestors.decoders.devices.device import Device, Field, Found, Layout, Malformed, Octets, Reader
from ingestors.decoders.fields import observe

MAKER = "Adeunis"
VERSION = 1

_INDOOR = (SensorKind.INDOOR_AIR,)
_METER = (SensorKind.METER,)

_CLOCK = 0b100
_ABSENT = 0x8000_0000
_WITHOUT_READINGS = frozenset(
    {0x10, 0x11, 0x12, 0x1F, 0x20, 0x2F, 0x30, 0x31, 0x33, 0x36, 0x37, 0x47, 0x4A, 0x4D, 0x51, 0x52, 0x6B, 0x6E}
)


@dataclass(frozen=True, slots=True)
class Content:
    """What stands in a frame of one code: the newest values, then ``history_bytes`` for each set before them."""

    layout: Layout
    history_bytes: int = 0


_CLIMATE = (Field("temperature_c", "Cel", 0.1), Field("humidity_ratio", "%RH"))
_PULSE = {
    0x46: Content(Layout(">II", (Field("pulses_1_total", "count"), Field("pulses_2_total", "count")))),
    0x5A: Content(Layout(">I", (Field("pulses_1_total", "count"),)), 2),
    0x5B: Content(Layout(">I", (Field("pulses_2_total", "count"),)), 2),
}
_COMFORT = {0x4C: Content(Layout(">hB", _CLIMATE), 3)}
_COMFORT_CO2 = {0x6A: Content(Layout(">hBH", (*_CLIMATE, Field("co2_ppm", "ppm"))), 5)}
_BREATH = {
    0x6D: Content(
        Layout(
            ">4H",
            (
                Field("tvoc_ugm3", "ug/m3"),
                Field("pm10_ugm3", "ug/m3"),
                Field("pm25_ugm3", "ug/m3"),
                Field("pm1_ugm3", "ug/m3"),
            ),
        ),
        8,
    )
}


def _content(payload: bytes, known: frozenset[int]) -> tuple[int, bytes]:
    """Return the code and the content of a frame: without its status and clock."""
    octets = Octets(payload)
    code, status = octets.byte(), octets.byte()
    if code not in known | _WITHOUT_READINGS:
        raise Malformed(f"code {code:02x} is none of its")
    clock_bytes = 4 if status & _CLOCK and code in known else 0
    return code, octets.take(octets.left - clock_bytes)


def _reader(contents: Mapping[int, Content]) -> Reader:
    def read(f_port: int, payload: bytes, observed_at: datetime) -> Found:  # noqa: ARG001 - the port is a setting of the device
        code, inner = _content(payload, frozenset(contents))
        if code not in contents:
            return
        content = contents[code]
        octets = Octets(inner)
        yield from octets.laid_out(content.layout, observed_at)
        if octets.left % content.history_bytes if content.history_bytes else octets.left:
            raise Malformed(f"{octets.left} bytes behind its values")

    return read


def _read_mono(f_port: int, payload: bytes, observed_at: datetime) -> Found:  # noqa: ARG001 - the port is a setting of the device
    """Yield the index of a single-phase Linky: BASE, or the sum of HCHC and HCHP, all in Wh."""
    yield from _tic(payload, observed_at, ((16,), (36, 40)))


def _read_tri(f_port: int, payload: bytes, observed_at: datetime) -> Found:  # noqa: ARG001 - the port is a setting of the device
    """Yield the index of a three-phase Linky: BASE, in Wh."""
    yield from _tic(payload, observed_at, ((12,),))


def _tic(payload: bytes, observed_at: datetime, indexes: tuple[tuple[int, ...], ...]) -> Found:
    code, inner = _content(payload, frozenset({0x49}))
    if code != 0x49:
        return
    if len(inner) != 48:
        raise Malformed(f"{len(inner)} bytes of labels, it has 48")
    for places in indexes:
        labels = [int.from_bytes(inner[place : place + 4], "big") for place in places]
        if _ABSENT not in labels:
            yield observe("electricity_kwh", sum(labels), "Wh", observed_at)


BREATH = Device("adeunis-breath", MAKER, "Breath", _INDOOR, _reader(_BREATH), VERSION, ("adeunis/breath",))
COMFORT = Device("adeunis-comfort", MAKER, "Comfort", _INDOOR, _reader(_COMFORT), VERSION, ("adeunis/comfort",))
COMFORT_CO2 = Device(
    "adeunis-comfort-co2", MAKER, "Comfort CO2", _INDOOR, _reader(_COMFORT_CO2), VERSION, ("adeunis/comfort-co2",)
)
PULSE = Device("adeunis-pulse", MAKER, "Pulse", _METER, _reader(_PULSE), VERSION, ("adeunis/pulse", "adeunis/pulse-4"))
TIC_LINKY_MONO = Device(
    "adeunis-tic-linky-mono",
    MAKER,
    "TIC CBE/Linky, monophasé",
    _METER,
    _read_mono,
    VERSION,
    ("adeunis/tic-cbe-linky-mono",),
)
TIC_LINKY_TRI = Device(
    "adeunis-tic-linky-tri",
    MAKER,
    "TIC CBE/Linky, triphasé",
    _METER,
    _read_tri,
    VERSION,
    ("adeunis/tic-cbe-linky-tri",),
)
