"""Milesight: channels one behind the other, in any number and order, little-endian; usually port 85.

::

    +----+------+-----------+----+------+-----------+---
    | id | type | value     | id | type | value     | ...     value: as long as (id, type) says
    +----+------+-----------+----+------+-----------+---
    id FF and FE: what the device is, and its answers to settings     id 20, 21: history, each with its own time

One published frame, of an AM307::

    0367EE00 04687C 050001 06CB02 077DA803 087D2500 09736627
    23.8 °C  62 %   (PIR) (light) 936 ppm  (IAQ)    1008.6 hPa

A channel that is not in the device's table ends the reading, for nobody knows how long it is: what stood before it
counts, the rest is refused. An answer to a setting ends it too, and is nothing to refuse.

Counts of a period are left out (the frame does not say how long the period was), totals are read. The EM500-UDL's
distance alarm is left out: the maker's table and his decoder give it in different units.

Source: Milesight-IoT/SensorDecoders, the ``README.md`` and decoder of each model, commit e79c9d8 of 2026-07-30.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.places import SensorKind
from core.readings import Reason
from ingestors.decoders.devices.device import NOTHING, Device, Field, Found, Layout, Octets, Reader
from ingestors.decoders.frame import Refusal

MAKER = "Milesight"
VERSION = 1

_INDOOR = (SensorKind.INDOOR_AIR,)
_AIR = (SensorKind.INDOOR_AIR, SensorKind.OUTDOOR_AIR)
_BIN = (SensorKind.BIN,)
_COUNTER = (SensorKind.COUNTER,)


@dataclass(frozen=True)
class Choice:
    """A piece of which one byte says what the others are; nothing that Vigie knows where it says something else."""

    size: int
    chosen_by: int
    layouts: Mapping[int, Layout]

    def read(self, piece: bytes, observed_at: datetime) -> Found:
        """Yield what the piece holds."""
        layout = self.layouts.get(piece[self.chosen_by])
        if layout is not None:
            yield from layout.read(piece, observed_at)


Channels = Mapping[tuple[int, int], Layout | Choice]

_BATTERY = Field("battery_ratio", "%EL")
_TEMPERATURE = Field("temperature_c", "Cel", 0.1)
_HUMIDITY = Field("humidity_ratio", "%RH", 0.5)
_CO2 = Field("co2_ppm", "ppm")
_TVOC = Field("tvoc_ugm3", "ug/m3")
_PRESSURE = Field("pressure_hpa", "hPa", 0.1)
_PM25 = Field("pm25_ugm3", "ug/m3")
_PM10 = Field("pm10_ugm3", "ug/m3")
_DISTANCE = Field("distance_mm", "mm")
_IN = Field("passages_in_total", "count")
_OUT = Field("passages_out_total", "count")

_DEVICE: Channels = {
    (0xFF, 0x01): NOTHING[1],  # protocol version
    (0xFF, 0x09): NOTHING[2],  # hardware version
    (0xFF, 0x0A): NOTHING[2],  # firmware version
    (0xFF, 0x0B): NOTHING[1],  # switched on
    (0xFF, 0x0F): NOTHING[1],  # LoRaWAN class
    (0xFF, 0x16): NOTHING[8],  # serial number
    (0xFF, 0xFE): NOTHING[1],  # restarted
    (0xFF, 0xFF): NOTHING[2],  # payload definition's version
    (0x01, 0x75): Layout("<B", (_BATTERY,)),
}
_AMBIENCE: Channels = {
    **_DEVICE,
    (0x03, 0x67): Layout("<h", (_TEMPERATURE,)),
    (0x04, 0x68): Layout("<B", (_HUMIDITY,)),
    (0x05, 0x00): NOTHING[1],  # motion
    (0x06, 0xCB): NOTHING[1],  # light, in five steps
    (0x07, 0x7D): Layout("<H", (_CO2,)),
    (0x08, 0x7D): NOTHING[2],  # TVOC as an index of the sensor's maker
    (0x08, 0xE6): Layout("<H", (_TVOC,)),
    (0x09, 0x73): Layout("<H", (_PRESSURE,)),
    (0x0E, 0x01): NOTHING[1],  # buzzer
}
_AM307: Channels = {
    **_AMBIENCE,
    (0x20, 0xCE): Layout("<IhHxxHxxH", (_TEMPERATURE, _HUMIDITY, _CO2, _PRESSURE), timed=True),
    (0x21, 0xCE): Layout("<IhHxxHHH", (_TEMPERATURE, _HUMIDITY, _CO2, _TVOC, _PRESSURE), timed=True),
}
# The last figure of its history is O3 or formaldehyde, and the frame does not say which.
_AM319: Channels = {
    **_AMBIENCE,
    (0x0A, 0x7D): NOTHING[2],  # formaldehyde
    (0x0B, 0x7D): Layout("<H", (_PM25,)),
    (0x0C, 0x7D): Layout("<H", (_PM10,)),
    (0x0D, 0x7D): Layout("<H", (Field("o3_ugm3", "ppm", 0.01),)),
    (0x20, 0xCE): Layout("<IhHxxHxxHHHxx", (_TEMPERATURE, _HUMIDITY, _CO2, _PRESSURE, _PM25, _PM10), timed=True),
    (0x21, 0xCE): Layout("<IhHxxHHHHHxx", (_TEMPERATURE, _HUMIDITY, _CO2, _TVOC, _PRESSURE, _PM25, _PM10), timed=True),
}
_EM500_CO2: Channels = {
    **_DEVICE,
    (0x03, 0x67): Layout("<h", (_TEMPERATURE,)),
    (0x04, 0x68): Layout("<B", (_HUMIDITY,)),
    (0x05, 0x7D): Layout("<H", (_CO2,)),
    (0x06, 0x73): Layout("<H", (_PRESSURE,)),
    (0x83, 0xD7): Layout("<hxxx", (_TEMPERATURE,)),  # with its change, and the alarm
    (0x20, 0xCE): Layout("<IHHhB", (_CO2, _PRESSURE, _TEMPERATURE, _HUMIDITY), timed=True),
}
# The equivalent level over the interval, where the device weighs by A (bits 0 and 1 of the first byte are 1).
_A_WEIGHTED = Layout("<xxxHxx", (Field("noise_dba", "dBA", 0.1),))
_WS302: Channels = {
    **_DEVICE,
    (0x05, 0x5B): Choice(7, 0, dict.fromkeys((0b0001, 0b0101, 0b1001), _A_WEIGHTED)),
}
_EM500_UDL: Channels = {
    **_DEVICE,
    (0x03, 0x82): Layout("<H", (_DISTANCE,)),
    (0x83, 0xE9): NOTHING[5],  # distance alarm
    (0x20, 0xCE): Layout("<IH", (_DISTANCE,), timed=True),
}
_EM310_UDL: Channels = {
    **_DEVICE,
    (0x03, 0x82): Layout("<H", (_DISTANCE,)),
    (0x04, 0x00): NOTHING[1],  # tilted or not
}
_EM400_TLD: Channels = {
    **_DEVICE,
    (0x03, 0x67): Layout("<h", (_TEMPERATURE,)),
    (0x04, 0x82): Layout("<H", (_DISTANCE,)),
    (0x05, 0x00): NOTHING[1],  # tilted or not
    (0x83, 0x67): Layout("<hx", (_TEMPERATURE,)),  # with the alarm
    (0x84, 0x82): Layout("<Hx", (_DISTANCE,)),  # with the alarm
}
_VS121: Channels = {
    (0xFF, 0x01): NOTHING[1],
    (0xFF, 0x08): NOTHING[6],  # serial number
    (0xFF, 0x09): NOTHING[2],
    (0xFF, 0x1F): NOTHING[4],  # firmware version
    (0x04, 0xC9): NOTHING[4],  # people in the regions
    (0x05, 0xCC): NOTHING[4],  # passed in the period
    (0x06, 0xCD): NOTHING[1],  # most people in the period
    **{(region, 0xD5): NOTHING[8] for region in (0x07, 0x08)},
    **{(flow, 0xDA): NOTHING[8] for flow in (0x09, 0x0A, 0x0B, 0x0C)},
    (0x0D, 0xCC): Layout("<HH", (_IN, _OUT)),
    (0x0E, 0xE4): NOTHING[5],  # dwell time
    (0x0F, 0x85): NOTHING[4],  # the device's clock
}
# Line 1 only: what lines 2 to 4 count stands for other doors, or for the same people again. 11 to 1E: children apart.
_VS133: Channels = {
    **_DEVICE,
    (0xFF, 0x1F): NOTHING[4],  # firmware version
    **{(total, 0xD2): NOTHING[4] for total in (0x06, 0x07, 0x09, 0x0A, 0x0C, 0x0D)},
    **{(total, 0xD2): NOTHING[4] for total in (0x11, 0x12, 0x14, 0x15, 0x17, 0x18, 0x1A, 0x1B)},
    **{(period, 0xCC): NOTHING[4] for period in (0x05, 0x08, 0x0B, 0x0E, 0x13, 0x16, 0x19, 0x1C)},
    **{(regions, 0xE3): NOTHING[4] for regions in (0x0F, 0x1D)},
    **{(dwell, 0xE4): NOTHING[5] for dwell in (0x10, 0x1E)},
    (0x50, 0xFC): NOTHING[3],  # something covers the sensor
    (0x03, 0xD2): Layout("<I", (_IN,)),
    (0x04, 0xD2): Layout("<I", (_OUT,)),
    (0x20, 0xCE): Choice(9, 4, {0x03: Layout("<IxI", (_IN,), timed=True), 0x04: Layout("<IxI", (_OUT,), timed=True)}),
}
_SETTINGS = frozenset({0xF8, 0xF9, 0xFE, 0xFF})


def _reader(channels: Channels) -> Reader:
    def read(f_port: int, payload: bytes, observed_at: datetime) -> Found:  # noqa: ARG001 - the port is a setting of the device
        octets = Octets(payload)
        while octets.left:
            channel = (octets.byte(), octets.byte())
            layout = channels.get(channel)
            if layout is not None:
                yield from layout.read(octets.take(layout.size), observed_at)
                continue
            if channel[0] not in _SETTINGS:
                yield Refusal(Reason.MALFORMED, f"channel {channel[0]:02x} of type {channel[1]:02x} is unknown")
            return

    return read


AM307 = Device(
    "milesight-am307",
    MAKER,
    "AM307",
    _INDOOR,
    _reader(_AM307),
    VERSION,
    ("milesight-iot/am307", "milesight-iot/am307l"),
)
AM319 = Device(
    "milesight-am319",
    MAKER,
    "AM319",
    _INDOOR,
    _reader(_AM319),
    VERSION,
    ("milesight-iot/am319", "milesight-iot/am319l"),
)
EM500_CO2 = Device(
    "milesight-em500-co2", MAKER, "EM500-CO2", _AIR, _reader(_EM500_CO2), VERSION, ("milesight-iot/em500-co2",)
)
WS302 = Device("milesight-ws302", MAKER, "WS302", _AIR, _reader(_WS302), VERSION, ("milesight-iot/ws302",))
EM310_UDL = Device(
    "milesight-em310-udl", MAKER, "EM310-UDL", _BIN, _reader(_EM310_UDL), VERSION, ("milesight-iot/em310-udl",)
)
EM400_TLD = Device(
    "milesight-em400-tld", MAKER, "EM400-TLD", _BIN, _reader(_EM400_TLD), VERSION, ("milesight-iot/em400-tld",)
)
EM500_UDL = Device(
    "milesight-em500-udl", MAKER, "EM500-UDL", _BIN, _reader(_EM500_UDL), VERSION, ("milesight-iot/em500-udl",)
)
VS121 = Device("milesight-vs121", MAKER, "VS121", _COUNTER, _reader(_VS121), VERSION, ("milesight-iot/vs121",))
VS133 = Device("milesight-vs133", MAKER, "VS133", _COUNTER, _reader(_VS133), VERSION, ("milesight-iot/vs133",))
