"""Decentlab: blocks of 16-bit words, big-endian, and flags that say which blocks are there; port 1.

::

    +----+-----------+-----------+---------+---------+---
    | 02 | device id | flags     | block 0 | block 2 | ...     block n is there where bit n of flags is set
    +----+-----------+-----------+---------+---------+---
      1    2           2           2 per word

One published frame, of a DL-MBX::

    02  012F  0003  04D2 0001          0BB1
        303   0, 1  1234 mm (1 sample) 2.993 V

Source: decentlab/decentlab-decoders (MIT), the Python decoder of each model, commit ae766f0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.places import SensorKind
from ingestors.decoders.devices.device import Device, Field, Found, Layout, Malformed, Octets, Reader

MAKER = "Decentlab"
VERSION = 1

_PROTOCOL = 2


@dataclass(frozen=True)
class Sampled(Layout):
    """A figure made from samples: none where the block counts no valid one, in the word at byte ``counted_at``."""

    counted_at: int = 0

    def read(self, piece: bytes, observed_at: datetime) -> Found:
        """Yield what the block holds."""
        if any(piece[self.counted_at : self.counted_at + 2]):
            yield from super().read(piece, observed_at)


_BATTERY = Layout(">H", (Field("battery_v", "mV"),))
_PRESSURE = Layout(">H", (Field("pressure_hpa", "Pa", 2),))
_DISTANCE = Field("distance_mm", "mm")
_IAM = (
    _BATTERY,
    Layout(
        ">HH",
        (Field("temperature_c", "Cel", 175 / 65_535, -45), Field("humidity_ratio", "%RH", 100 / 65_535)),
    ),
    _PRESSURE,
    Layout("4x"),  # light
    Layout(">H4x", (Field("co2_ppm", "ppm", 1, -32_768),)),
    Layout("2x"),  # motion
    Layout("2x"),  # TVOC in ppb
)
_PM = (
    _BATTERY,
    Layout(
        ">HHxxH12x",
        (Field("pm1_ugm3", "ug/m3", 0.1), Field("pm25_ugm3", "ug/m3", 0.1), Field("pm10_ugm3", "ug/m3", 0.1)),
    ),
    Layout(
        ">HH",
        (Field("temperature_c", "Cel", 175.72 / 65_536, -46.85), Field("humidity_ratio", "%RH", 125 / 65_536, -6)),
    ),
    _PRESSURE,
)
_MBX = (Sampled(">Hxx", (_DISTANCE,), counted_at=2), _BATTERY)
# The median of its samples: what a bin's lid or a bag's fold reflects now and then does not move it.
_LID = (Sampled(">6xH14x", (_DISTANCE,), counted_at=18), _BATTERY)


def _reader(blocks: Sequence[Layout]) -> Reader:
    def read(f_port: int, payload: bytes, observed_at: datetime) -> Found:  # noqa: ARG001 - all frames are alike
        octets = Octets(payload)
        if (protocol := octets.byte()) != _PROTOCOL:
            raise Malformed(f"protocol {protocol}, not {_PROTOCOL}")
        octets.take(2)
        flags = int.from_bytes(octets.take(2), "big")
        if flags >> len(blocks):
            raise Malformed(f"flags {flags:04x}, it has {len(blocks)} blocks")
        for bit, block in enumerate(blocks):
            if flags >> bit & 1:
                yield from octets.laid_out(block, observed_at)
        if octets.left:
            raise Malformed(f"{octets.left} bytes behind its blocks")

    return read


DL_IAM = Device(
    "decentlab-dl-iam", MAKER, "DL-IAM", (SensorKind.INDOOR_AIR,), _reader(_IAM), VERSION, ("decentlab/dl-iam",)
)
DL_PM = Device(
    "decentlab-dl-pm",
    MAKER,
    "DL-PM",
    (SensorKind.INDOOR_AIR, SensorKind.OUTDOOR_AIR),
    _reader(_PM),
    VERSION,
    ("decentlab/dl-pm",),
)
DL_LID = Device("decentlab-dl-lid", MAKER, "DL-LID", (SensorKind.BIN,), _reader(_LID), VERSION, ("decentlab/dl-lid",))
DL_MBX = Device("decentlab-dl-mbx", MAKER, "DL-MBX", (SensorKind.BIN,), _reader(_MBX), VERSION, ("decentlab/dl-mbx",))
