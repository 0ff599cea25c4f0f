"""The names that payload codecs give their decoded fields: which metric, in which unit.

A codec that writes another name is one more row. Names are compared in lower case. Only what a codec's name says
without doubt is here: ``battery`` alone may be volts or percent, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from core.metrics import METRICS, Metric, Nature
from core.readings import Reason
from ingestors.decoders.frame import READINGS_MAX, Observation, Refusal, parse_number
from ingestors.units import to_stored

FIELDS: dict[str, tuple[str, str]] = {
    "co2": ("co2_ppm", "ppm"),
    "co2_ppm": ("co2_ppm", "ppm"),
    "pm1": ("pm1_ugm3", "ug/m3"),
    "pm1_0": ("pm1_ugm3", "ug/m3"),
    "pm2_5": ("pm25_ugm3", "ug/m3"),
    "pm25": ("pm25_ugm3", "ug/m3"),
    "pm10": ("pm10_ugm3", "ug/m3"),
    "no2_ugm3": ("no2_ugm3", "ug/m3"),
    "no2_ppb": ("no2_ugm3", "ppb"),
    "o3_ugm3": ("o3_ugm3", "ug/m3"),
    "o3_ppb": ("o3_ugm3", "ppb"),
    "tvoc_ugm3": ("tvoc_ugm3", "ug/m3"),
    "temperature": ("temperature_c", "Cel"),
    "humidity": ("humidity_ratio", "%RH"),
    "relativehumidity": ("humidity_ratio", "%RH"),
    "pressure": ("pressure_hpa", "hPa"),
    "noise": ("noise_dba", "dBA"),
    "laeq": ("noise_dba", "dBA"),
    "fill_level": ("fill_ratio", "%"),
    "fill_percent": ("fill_ratio", "%"),
    "distance": ("distance_mm", "mm"),
    "distance_mm": ("distance_mm", "mm"),
    "weight_kg": ("weight_kg", "kg"),
    "tilt_deg": ("tilt_deg", "deg"),
    "occupied": ("occupied", ""),
    "power_w": ("power_kw", "W"),
    "power_kw": ("power_kw", "kW"),
    "energy_wh": ("electricity_kwh", "Wh"),
    "energy_kwh": ("electricity_kwh", "kWh"),
    "gas_kwh": ("gas_kwh", "kWh"),
    "heat_kwh": ("heat_kwh", "kWh"),
    "water_m3": ("water_m3", "m3"),
    "water_l": ("water_m3", "l"),
    "bikes": ("bikes_count", "count"),
    "vehicles": ("vehicles_count", "count"),
    "pedestrians": ("pedestrians_count", "count"),
    "battery_v": ("battery_v", "V"),
    "battery_mv": ("battery_v", "mV"),
    "battery_percent": ("battery_ratio", "%EL"),
    "battery_level": ("battery_ratio", "%EL"),
}


def observe(metric_name: str, value: float, unit: str, observed_at: datetime) -> Observation:
    """Return a network server's own figure (battery, signal) as an observation."""
    metric = METRICS[metric_name]
    stored = to_stored(metric, value, unit)
    assert stored is not None, f"{unit} is one of {metric_name}"
    return Observation(metric, observed_at, stored, (value, unit))


def decode_fields(fields: Mapping[str, object], observed_at: datetime) -> tuple[list[Observation], list[Refusal]]:
    """Return the readings among a codec's fields; fields of other names are the codec's own business.

    A field that is absent gives no reading, whatever the envelope says of zeros: only the codec knows its fields.
    """
    observations: list[Observation] = []
    refusals: list[Refusal] = []
    for name, value in list(fields.items())[:READINGS_MAX]:
        known = FIELDS.get(name.lower())
        if known is None or value is None:
            continue
        metric_name, unit = known
        number = float(value) if isinstance(value, bool) and _is_state(metric_name) else parse_number(value)
        if number is None:
            refusals.append(Refusal(Reason.MALFORMED, f"{name.lower()} is not a number"))
        else:
            observations.append(observe(metric_name, number, unit, observed_at))
    return first_of_each(observations), refusals


def format_field(metric: Metric, value: float) -> tuple[str, float]:
    """Return the name and figure that a codec would give a value (stored unit): of several names the first.

    Raises
    ------
    ValueError
        If no codec that we know names the metric.
    """
    for name, (known, unit) in FIELDS.items():
        if known == metric.name and (scale := to_stored(metric, 1.0, unit)):
            return name, round(value / scale, 6)
    raise ValueError(f"no codec names {metric.name}")


def first_of_each(observations: Iterable[Observation]) -> list[Observation]:
    """Keep the first observation of each metric: a payload may say one thing under two names."""
    by_metric: dict[str, Observation] = {}
    for one in observations:
        by_metric.setdefault(one.metric.name, one)
    return list(by_metric.values())


def best_signal(receptions: object, observed_at: datetime) -> list[Observation]:
    """Return RSSI (dBm) and SNR (dB) at the gateway that heard best; a figure that no gateway gives is absent."""
    heard = [one for one in receptions if isinstance(one, dict)] if isinstance(receptions, list) else []
    observations = []
    for name, metric_name, unit in (("rssi", "rssi_dbm", "dBm"), ("snr", "snr_db", "dB")):
        numbers = [number for one in heard if (number := parse_number(one.get(name))) is not None]
        if numbers:
            observations.append(observe(metric_name, max(numbers), unit, observed_at))
    return observations


def _is_state(metric_name: str) -> bool:
    return METRICS[metric_name].nature is Nature.STATE
