"""ELSYS: figures one behind the other, each opened by its type, big-endian; usually port 5.

::

    +------+-------+------+-------+---
    | type | value | type | value | ...     value: as long as its type says
    +------+-------+------+-------+---

One published frame, of an ERS CO2::

    01 00E2  02 29  04 0027  05 06    06 0308
    22.6 °C  41 %   (39 lx)  (motion) 776 ppm

Two-byte pulse counts are those since the last frame, and left out; the four-byte ones are totals. TVOC in ppb is left
out: its mass depends on the mixture.

Source: ELSYS "simple payload decoder" in TheThingsNetwork/lorawan-devices, ``vendor/elsys/elsys.js``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from core.places import SensorKind
from core.readings import Reason
from ingestors.decoders.devices.device import NOTHING, Device, Field, Found, Layout, Octets
from ingestors.decoders.frame import Refusal

MAKER = "ELSYS"
VERSION = 1

_TYPES: Mapping[int, Layout] = {
    0x01: Layout(">h", (Field("temperature_c", "Cel", 0.1),)),
    0x02: Layout(">B", (Field("humidity_ratio", "%RH"),)),
    0x03: NOTHING[3],  # acceleration
    0x04: NOTHING[2],  # light
    0x05: NOTHING[1],  # motion
    0x06: Layout(">H", (Field("co2_ppm", "ppm"),)),
    0x07: Layout(">H", (Field("battery_v", "mV"),)),
    0x08: NOTHING[2],  # analogue input
    0x09: NOTHING[6],  # position
    0x0A: NOTHING[2],  # pulses since the last frame, input 1
    0x0B: Layout(">I", (Field("pulses_1_total", "count"),)),
    0x0C: NOTHING[2],  # temperature of an outside probe
    0x0D: NOTHING[1],  # digital input
    0x0E: Layout(">H", (Field("distance_mm", "mm"),)),
    0x0F: NOTHING[1],  # vibration
    0x10: NOTHING[4],  # infrared temperatures
    0x11: NOTHING[1],  # somebody at the desk
    0x12: NOTHING[1],  # water leak
    0x14: Layout(">i", (Field("pressure_hpa", "hPa", 0.001),)),
    0x15: NOTHING[2],  # sound: its weighting is not documented
    0x16: NOTHING[2],  # pulses since the last frame, input 2
    0x17: Layout(">I", (Field("pulses_2_total", "count"),)),
    0x18: NOTHING[2],  # analogue input 2
    0x19: NOTHING[2],  # temperature of an outside probe 2
    0x1A: NOTHING[1],  # digital input 2
    0x1B: NOTHING[4],  # load cell
    0x1C: NOTHING[2],  # TVOC in ppb
    0x3D: NOTHING[4],  # for the maker
}


def _read(f_port: int, payload: bytes, observed_at: datetime) -> Found:  # noqa: ARG001 - the port is a setting of the device
    """Yield what a frame of any ELSYS sensor holds."""
    octets = Octets(payload)
    while octets.left:
        kind = octets.byte()
        layout = _TYPES.get(kind)
        if layout is None:
            yield Refusal(Reason.MALFORMED, f"type {kind:02x} is unknown")
            return
        yield from octets.laid_out(layout, observed_at)


ERS_CO2 = Device(
    "elsys-ers-co2",
    MAKER,
    "ERS CO2",
    (SensorKind.INDOOR_AIR,),
    _read,
    VERSION,
    ("elsys/ers-co2", "elsys/ers-co2-lite"),
)
ELT_ULTRASONIC = Device(
    "elsys-elt-ultrasonic", MAKER, "ELT Ultrasonic", (SensorKind.BIN,), _read, VERSION, ("elsys/elt-ultrasonic",)
)
