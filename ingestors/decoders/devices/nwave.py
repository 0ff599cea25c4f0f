"""Nwave NPS405 parking sensor, surface or flush mounted: what a frame is follows from its port.

::

    port 1, a change      | x, duration of the former state |
    port 2, heartbeat     | x, health | battery | temperature | ...      battery: 2500 mV + 4 mV each
    port 3, start-up      | firmware 3 | cause of the restart 1 | o |
    port 10, a tag        | x, duration | tag ...                        x: bit 7, o: bit 0, set while occupied

One published frame: ``95`` on port 1, occupied. A frame with a driver's tag counts for the bay when its bit 7 is set;
the tag is not read. The duration is coarse and follows from the changes; the temperature is the housing's.

Source: TheThingsNetwork/lorawan-devices, ``vendor/nwave/nps405.js`` and its codec's examples.
"""

from __future__ import annotations

from datetime import datetime

from core.places import SensorKind
from ingestors.decoders.devices.device import Device, Found, Malformed
from ingestors.decoders.fields import observe

MAKER = "Nwave"
VERSION = 1

_CHANGE, _HEARTBEAT, _START_UP, _DEBUG, _TAG = 1, 2, 3, 6, 10
_BYTES_MIN = {_CHANGE: 1, _HEARTBEAT: 3, _START_UP: 5, _DEBUG: 0, _TAG: 5}


def _read(f_port: int, payload: bytes, observed_at: datetime) -> Found:
    """Yield what a frame holds."""
    if f_port not in _BYTES_MIN:
        raise Malformed(f"port {f_port} is none of its")
    if len(payload) < _BYTES_MIN[f_port]:
        raise Malformed(f"{len(payload)} bytes on port {f_port}")
    if f_port in {_CHANGE, _HEARTBEAT}:
        yield observe("occupied", payload[0] >> 7, "", observed_at)
    if f_port == _HEARTBEAT:
        yield observe("battery_v", 2_500 + 4 * payload[1], "mV", observed_at)
    if f_port == _START_UP:
        yield observe("occupied", payload[4] & 1, "", observed_at)
    if f_port == _TAG and payload[0] >> 7:
        yield observe("occupied", 1, "", observed_at)


NPS405 = Device(
    "nwave-nps405", MAKER, "NPS405", (SensorKind.BAY,), _read, VERSION, ("nwave/nps405sm", "nwave/nps405fm")
)
