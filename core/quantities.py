"""What metrics are called outside: names and URIs in public vocabularies, units as UCUM writes them.

Pollutants are those of the European Environment Agency (http://dd.eionet.europa.eu/vocabulary/aq/pollutant/), other
quantities kinds of QUDT where there is one that says the same; what no vocabulary names has a URN of ours. UCUM has no
code for an A-weighted level nor for decibels over a milliwatt: theirs are the nearest that it has, and say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from core.metrics import METRICS, Metric, Nature

_EEA = "http://dd.eionet.europa.eu/vocabulary/aq/pollutant/"
_QUDT = "http://qudt.org/vocab/quantitykind/"
_OWN = "urn:vigie:metric:"
_OBSERVATION_TYPES = "http://www.opengis.net/def/observationType/OGC-OM/2.0/"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measurement; all None of what has no unit because it is true or false.

    Parameters
    ----------
    name, symbol
        As a person writes them.
    ucum
        Its code in the Unified Code for Units of Measure.
    """

    name: str | None
    symbol: str | None
    ucum: str | None

    def as_json(self) -> dict[str, str | None]:
        """Return it as SensorThings writes a unit; the definition is a URI."""
        definition = None if self.ucum is None else f"ucum:{quote(self.ucum, safe='/')}"
        return {"name": self.name, "symbol": self.symbol, "definition": definition}


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a metric is for others.

    Parameters
    ----------
    definition
        URI that says what it is.
    observation_type
        URI of the kind of result, of OGC Observations and Measurements 2.0.
    """

    name: str
    definition: str
    description: str
    observation_type: str
    unit: Unit


_NO_UNIT = Unit(None, None, None)
_RATIO = Unit("ratio", "1", "1")
_COUNT = Unit("count", "1", "{count}")
_UNITS = {
    "ppm": Unit("parts per million", "ppm", "[ppm]"),
    "µg/m³": Unit("microgram per cubic metre", "µg/m³", "ug/m3"),
    "°C": Unit("degree Celsius", "°C", "Cel"),
    "hPa": Unit("hectopascal", "hPa", "hPa"),
    "dB(A)": Unit("A-weighted decibel", "dB(A)", "dB[SPL]"),
    "mm": Unit("millimetre", "mm", "mm"),
    "kg": Unit("kilogram", "kg", "kg"),
    "°": Unit("degree", "°", "deg"),
    "kW": Unit("kilowatt", "kW", "kW"),
    "kWh": Unit("kilowatt hour", "kWh", "kW.h"),
    "m³": Unit("cubic metre", "m³", "m3"),
    "V": Unit("volt", "V", "V"),
    "dBm": Unit("decibel over one milliwatt", "dBm", "dB{mW}"),
    "dB": Unit("decibel", "dB", "dB"),
}
_NAMES: dict[str, tuple[str, str]] = {
    "co2_ppm": ("Carbon dioxide", _EEA + "71"),
    "pm1_ugm3": ("PM1", _EEA + "6002"),
    "pm25_ugm3": ("PM2.5", _EEA + "6001"),
    "pm10_ugm3": ("PM10", _EEA + "5"),
    "no2_ugm3": ("Nitrogen dioxide", _EEA + "8"),
    "o3_ugm3": ("Ozone", _EEA + "7"),
    "tvoc_ugm3": ("Total volatile organic compounds", _OWN + "tvoc_ugm3"),
    "temperature_c": ("Temperature", _QUDT + "Temperature"),
    "humidity_ratio": ("Relative humidity", _QUDT + "RelativeHumidity"),
    "pressure_hpa": ("Atmospheric pressure", _QUDT + "AtmosphericPressure"),
    "noise_dba": ("Noise", _QUDT + "SoundPressureLevel"),
    "fill_ratio": ("Fill level", _OWN + "fill_ratio"),
    "distance_mm": ("Distance", _QUDT + "Distance"),
    "weight_kg": ("Weight", _QUDT + "Mass"),
    "tilt_deg": ("Tilt", _QUDT + "Angle"),
    "occupied": ("Occupied", _OWN + "occupied"),
    "closed": ("Closed", _OWN + "closed"),
    "power_kw": ("Active power", _QUDT + "ActivePower"),
    "electricity_kwh": ("Electricity meter", _QUDT + "ActiveEnergy"),
    "gas_kwh": ("Gas meter", _QUDT + "Energy"),
    "gas_power_kw": ("Gas power", _QUDT + "Power"),
    "heat_kwh": ("Heat meter", _QUDT + "Energy"),
    "water_m3": ("Water meter", _QUDT + "Volume"),
    "pulses_1_total": ("Pulses, channel 1", _OWN + "pulses_1_total"),
    "pulses_2_total": ("Pulses, channel 2", _OWN + "pulses_2_total"),
    "pulses_3_total": ("Pulses, channel 3", _OWN + "pulses_3_total"),
    "bikes_count": ("Bicycles", _OWN + "bikes_count"),
    "vehicles_count": ("Vehicles", _OWN + "vehicles_count"),
    "pedestrians_count": ("Pedestrians", _OWN + "pedestrians_count"),
    "passages_in_total": ("Passages in", _OWN + "passages_in_total"),
    "passages_out_total": ("Passages out", _OWN + "passages_out_total"),
    "battery_v": ("Battery voltage", _QUDT + "Voltage"),
    "battery_ratio": ("Battery level", _OWN + "battery_ratio"),
    "rssi_dbm": ("Received signal strength", _OWN + "rssi_dbm"),
    "snr_db": ("Signal-to-noise ratio", _OWN + "snr_db"),
}
_WHAT = {
    Nature.LEVEL: "sampled at an instant",
    Nature.STATE: "true or false, holds until the next observation",
    Nature.INDEX: "cumulative index of a meter: differences count, resets happen",
    Nature.COUNT: "counted in the interval that starts at the phenomenon time",
}
_OBSERVATION_TYPE = {
    Nature.LEVEL: "OM_Measurement",
    Nature.STATE: "OM_TruthObservation",
    Nature.INDEX: "OM_Measurement",
    Nature.COUNT: "OM_CountObservation",
}


def _unit(metric: Metric) -> Unit:
    if metric.nature is Nature.STATE:
        return _NO_UNIT
    if metric.unit:
        return _UNITS[metric.unit]
    return _COUNT if metric.name.endswith(("_count", "_total")) else _RATIO


def _quantity(metric: Metric) -> Quantity:
    name, definition = _NAMES[metric.name]
    return Quantity(
        name=name,
        definition=definition,
        description=f"{name}, {_WHAT[metric.nature]}",
        observation_type=_OBSERVATION_TYPES + _OBSERVATION_TYPE[metric.nature],
        unit=_unit(metric),
    )


QUANTITIES: dict[str, Quantity] = {metric.name: _quantity(metric) for metric in METRICS.values()}
"""What each metric is for others, by the metric's name."""
