"""nke Watteco: reports of one attribute, or batches of many samples (`nke_batch`); port 125, big-endian.

::

    +---------+---------+---------+-----------+--------+------+-------+--------+
    | control | command | cluster | attribute | status | type | value | causes |
    +---------+---------+---------+-----------+--------+------+-------+--------+
      1         1         2         2           1        1              of an alarm
    control: bit 0 set (a batch has 0); endpoint in bits 5-7, and 1-2 above them
    command: 0A a report, 8A an alarm, 01 an answer (it alone has the status)

One published report, of any sensor with a thermometer::

    11  0A   0402 0000  29   0B89
    0   says temperature i16 29.53 °C

A Triphas'O speaks for each phase and, at endpoint 3, for the sum, which alone is read: its power is what is drawn less
what is fed in, its index what was drawn. A pulse's worth is the meter's business: pulses are stored as they are.

Source: Watteco/Codec-API-LoRaWAN, ``codec/standard.js`` and each device's ``examples.json``, commit 42c0f10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from core.places import SensorKind
from ingestors.decoders.devices.device import Device, Field, Found, Layout, Malformed, Octets, Reader
from ingestors.decoders.devices.nke_batch import Batches, Label, read_batch
from ingestors.decoders.fields import observe

MAKER = "nke Watteco"
VERSION = 1

_PORT = 125
_REPORT, _ALARM, _ANSWER = 0x0A, 0x8A, 0x01
_SETTINGS = frozenset({0x00, 0x05, 0x06, 0x07, 0x09, 0x50})
_SUM = 3
_MAINS = 0x01

Attribute = tuple[int, int, int]
"""Cluster, attribute, and the type of its value."""
Value = Callable[[int, Octets, datetime], Found]
"""(endpoint, the bytes from the value on, observed_at) to what the value holds."""


@dataclass(frozen=True, slots=True)
class Reports:
    """What Vigie reads of a device's reports, by attribute, and of its batches."""

    attributes: Mapping[Attribute, Value]
    batches: Batches | None = None


def _figure(layout: Layout, *others: Layout) -> Value:
    """Return how to read one figure: of endpoint 0, of endpoint 1 ..."""
    by_endpoint = (layout, *others)

    def read(endpoint: int, octets: Octets, observed_at: datetime) -> Found:
        if endpoint < len(by_endpoint):
            yield from octets.laid_out(by_endpoint[endpoint], observed_at)

    return read


def _battery(endpoint: int, octets: Octets, observed_at: datetime) -> Found:  # noqa: ARG001 - a device has one
    """Yield the voltage of the battery among the sources: length, mode, sources there, 2 bytes of mV for each."""
    octets.take(2)
    sources = octets.byte()
    for source in (_MAINS, 0x02, 0x04):
        if sources & source:
            millivolts = int.from_bytes(octets.take(2), "big")
            if source != _MAINS:
                yield observe("battery_v", millivolts, "mV", observed_at)


def _energy_and_power(endpoint: int, octets: Octets, observed_at: datetime) -> Found:
    """Yield the sum's: length, active energy drawn and fed in (Wh), reactive twice, active power likewise (W)."""
    octets.take(1)
    drawn_wh, _, _, _, drawn_w, fed_in_w = (int.from_bytes(octets.take(4), "big") for _ in range(6))
    if endpoint == _SUM:
        yield observe("electricity_kwh", drawn_wh, "Wh", observed_at)
        yield observe("power_kw", drawn_w - fed_in_w, "W", observed_at)


_TEMPERATURE = Field("temperature_c", "Cel", 0.01)
_HUMIDITY = Field("humidity_ratio", "%RH", 0.01)
_PRESSURE = Field("pressure_hpa", "hPa")
_CO2 = Field("co2_ppm", "ppm")
_BATTERY = Field("battery_v", "mV")
_PULSES = tuple(Field(f"pulses_{number}_total", "count") for number in (1, 2, 3))

_ALL: dict[Attribute, Value] = {(0x0050, 0x0006, 0x41): _battery}
_CLIMATE: dict[Attribute, Value] = {
    **_ALL,
    (0x0402, 0x0000, 0x29): _figure(Layout(">h", (_TEMPERATURE,))),
    (0x0405, 0x0000, 0x21): _figure(Layout(">H", (_HUMIDITY,))),
    (0x0403, 0x0000, 0x29): _figure(Layout(">h", (_PRESSURE,))),
}
_VAQAO = Reports(
    {
        **_CLIMATE,
        # Endpoint 0 is an index of the sensor's maker.
        (0x800C, 0x0000, 0x21): _figure(Layout("2x"), Layout(">H", (_CO2,))),
    },
    Batches(
        3,
        {
            0: Label(8),  # somebody is there
            1: Label(16, 10, _TEMPERATURE, signed=True),
            2: Label(16, 100, _HUMIDITY),
            3: Label(16, 10, _CO2),
            4: Label(16, 10),  # index of the sensor's maker
            5: Label(16, 10),  # light
            6: Label(16, 10, Field("pressure_hpa", "hPa", 0.1)),
        },
    ),
)
_ATMO = Reports(
    _CLIMATE,
    Batches(
        3,
        {
            0: Label(16, 1, _TEMPERATURE, signed=True),
            1: Label(16, 1, _HUMIDITY),
            2: Label(16, 1, _PRESSURE, signed=True),
            3: Label(32),  # pulses of a wind or rain gauge
            4: Label(32),
            5: Label(16, 1, _BATTERY),
        },
    ),
)
_PULSE_SENSO = Reports(
    {**_ALL, (0x000F, 0x0402, 0x23): _figure(*(Layout(">I", (pulses,)) for pulses in _PULSES))},
    Batches(
        4,
        {
            **{number: Label(32, 1, pulses) for number, pulses in enumerate(_PULSES)},
            **{number: Label(1) for number in (3, 4, 5)},  # open or closed
            6: Label(16, 100, _BATTERY),
            7: Label(16),
        },
    ),
)
_TRIPHASO = Reports(
    {
        **_ALL,
        (0x800A, 0x0000, 0x41): _energy_and_power,
        (0x8010, 0x0000, 0x41): _figure(Layout(">25xI4x", (Field("electricity_kwh", "Wh"),))),
        (0x8010, 0x0001, 0x41): _figure(Layout(">25xi4x", (Field("power_kw", "W"),))),
    },
)


def _reader(reports: Reports) -> Reader:
    def read(f_port: int, payload: bytes, observed_at: datetime) -> Found:
        if f_port != _PORT:
            raise Malformed(f"port {f_port} is none of its")
        octets = Octets(payload)
        control = octets.byte()
        if not control & 1:
            if reports.batches is None:
                return
            yield from read_batch(reports.batches, payload, observed_at)
            return
        command = octets.byte()
        if command in _SETTINGS:
            return
        if command not in {_REPORT, _ALARM, _ANSWER}:
            raise Malformed(f"command {command:02x} is unknown")
        endpoint = control >> 5 | (control & 0b110) << 2
        cluster, attribute = (int.from_bytes(octets.take(2), "big") for _ in range(2))
        if command == _ANSWER and octets.byte():
            return
        value = reports.attributes.get((cluster, attribute, octets.byte()))
        if value is not None:
            yield from value(endpoint, octets, observed_at)

    return read


VAQAO = Device(
    "nke-vaqao", MAKER, "Vaqa'o", (SensorKind.INDOOR_AIR,), _reader(_VAQAO), VERSION, ("nke-watteco/vaqao-sensor",)
)
ATMO = Device(
    "nke-atmo",
    MAKER,
    "Atm'o",
    (SensorKind.OUTDOOR_AIR,),
    _reader(_ATMO),
    VERSION,
    ("nke-watteco/atmo-sensor", "watteco/atmo"),
)
PULSE_SENSO = Device(
    "nke-pulse-senso",
    MAKER,
    "Pulse Sens'O",
    (SensorKind.METER,),
    _reader(_PULSE_SENSO),
    VERSION,
    (
        "nke-watteco/pulse-senso-sensor",
        "nke-watteco/pulse-senso-atex-zone-1-sensor",
        "watteco/pulse-senso",
        "watteco/pulse-senso-atex",
    ),
)
TRIPHASO = Device("nke-triphaso", MAKER, "Triphas'O", (SensorKind.METER,), _reader(_TRIPHASO), VERSION)
