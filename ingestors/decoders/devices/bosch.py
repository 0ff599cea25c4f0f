"""Bosch TPS110 parking lot sensor: what a frame is follows from its port.

::

    port 1, a change     | x |            port 2, heartbeat    | x | temperature °C |
    port 3, start-up     | debug 12 | firmware 3 | cause of the restart 1 | x |
                                          x: bit 0 set while a vehicle stands above

One published frame: ``01`` on port 1, occupied. Its temperature is the housing's, in the ground, and left out.

Source: TheThingsNetwork/lorawan-devices, ``vendor/bosch/tpl110-0292.js`` and its codec's examples.
"""

from __future__ import annotations

from datetime import datetime

from core.places import SensorKind
from ingestors.decoders.devices.device import Device, Found, Malformed
from ingestors.decoders.fields import observe

MAKER = "Bosch"
VERSION = 1

# Port to the sizes of its frames, and where the occupied bit stands.
_FRAMES = {1: ((1,), 0), 2: ((1, 2), 0), 3: ((17,), 16)}
_OTHERS = frozenset({4, 5, 6})  # device information, usage, debug


def _read(f_port: int, payload: bytes, observed_at: datetime) -> Found:
    """Yield what a frame holds."""
    if f_port in _OTHERS:
        return
    if f_port not in _FRAMES:
        raise Malformed(f"port {f_port} is none of its")
    sizes, place = _FRAMES[f_port]
    if len(payload) not in sizes:
        raise Malformed(f"{len(payload)} bytes on port {f_port}")
    yield observe("occupied", payload[place] & 1, "", observed_at)


TPS110 = Device(
    "bosch-tps110", MAKER, "Parking Lot Sensor TPS110", (SensorKind.BAY,), _read, VERSION, ("bosch/tps110",)
)
