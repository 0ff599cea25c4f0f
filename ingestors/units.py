"""Units: from what a payload says to the one stored unit of the metric.

Names are those of the SenML registry (RFC 8428, secondary units of RFC 8798), with a few that codecs write
instead. A row is ``(factor, offset)``: stored = value x factor + offset.
"""

from __future__ import annotations

from core.metrics import METRICS, Metric, Nature

Conversion = tuple[float, float]
_SAME: Conversion = (1.0, 0.0)

_RATIO: dict[str, Conversion] = {"/": _SAME, "%": (0.01, 0), "/100": (0.01, 0), "/1000": (0.001, 0)}
_STATE: dict[str, Conversion] = {"": _SAME, "/": _SAME}
_COUNT: dict[str, Conversion] = {"count": _SAME}

_BY_UNIT: dict[str, dict[str, Conversion]] = {
    "ppm": {"ppm": _SAME, "ppb": (0.001, 0), "/": (1e6, 0)},
    "µg/m³": {"ug/m3": _SAME, "µg/m³": _SAME, "µg/m3": _SAME, "mg/m3": (1e3, 0), "kg/m3": (1e9, 0), "g/m3": (1e6, 0)},
    "°C": {"Cel": _SAME, "°C": _SAME, "K": (1, -273.15)},
    "hPa": {"hPa": _SAME, "Pa": (0.01, 0), "kPa": (10, 0)},
    "dB(A)": {"dBA": _SAME, "dB": _SAME, "dB(A)": _SAME},
    "mm": {"mm": _SAME, "cm": (10, 0), "m": (1e3, 0)},
    "kg": {"kg": _SAME, "g": (0.001, 0)},
    "°": {"deg": _SAME, "°": _SAME, "rad": (57.29577951308232, 0)},
    "kW": {"kW": _SAME, "W": (0.001, 0), "MW": (1e3, 0)},
    "kWh": {"kWh": _SAME, "Wh": (0.001, 0), "MWh": (1e3, 0), "J": (1 / 3.6e6, 0)},
    "m³": {"m3": _SAME, "m³": _SAME, "l": (0.001, 0), "L": (0.001, 0)},
    "V": {"V": _SAME, "mV": (0.001, 0)},
    "dBm": {"dBm": _SAME},
    "dB": {"dB": _SAME},
}

# Where a unit means something for one metric only. Gases: ppb at 20 °C and 1013 hPa, as Directive 2008/50/EC
# annex VI sets it, molar mass / 24.055 l: NO2 46.0055, O3 47.9982.
_BY_METRIC: dict[str, dict[str, Conversion]] = {
    "humidity_ratio": {"%RH": (0.01, 0)},
    "battery_ratio": {"%EL": (0.01, 0)},
    "no2_ugm3": {"ppb": (1.9125, 0), "ppm": (1912.5, 0)},
    "o3_ugm3": {"ppb": (1.9954, 0), "ppm": (1995.4, 0)},
}


def _of(metric: Metric) -> dict[str, Conversion]:
    if metric.nature is Nature.STATE:
        return _STATE
    if metric.nature is Nature.COUNT or (metric.nature is Nature.INDEX and not metric.unit):
        return _COUNT
    return (_BY_UNIT[metric.unit] if metric.unit else _RATIO) | _BY_METRIC.get(metric.name, {})


CONVERSIONS: dict[str, dict[str, Conversion]] = {name: _of(metric) for name, metric in METRICS.items()}
"""Per metric: each unit it may be sent in."""


def to_stored(metric: Metric, value: float, unit: str) -> float | None:
    """Return ``value`` in the metric's stored unit, or None when ``unit`` is not one of this metric."""
    conversion = CONVERSIONS[metric.name].get(unit)
    if conversion is None:
        return None
    factor, offset = conversion
    return value * factor + offset


def sent_unit(metric: Metric) -> str:
    """Return the unit in which our own publishers send a metric: one that needs no conversion."""
    return next(unit for unit, conversion in CONVERSIONS[metric.name].items() if conversion == _SAME)
