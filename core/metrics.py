"""The metrics: each measured quantity with its one stored unit. A new quantity is one row here.

``low`` and ``high`` are physical bounds: a value outside cannot be true and is refused. They are not
alarm limits. Sources: EN 50464-type sensor ranges and datasheets of the families named in docs/sensors.md;
gases in µg/m³ at 20 °C and 1013 hPa (Directive 2008/50/EC, annex VI).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from core.errors import UnknownMetric


class Family(StrEnum):
    """What a metric is about; the page filters and the models are set by family."""

    AIR = "air"
    BIN = "bin"
    BAY = "bay"
    ENERGY = "energy"
    MOBILITY = "mobility"
    HEALTH = "health"


class Nature(StrEnum):
    """How values of a metric combine over time."""

    LEVEL = "level"
    """Sampled quantity: averaged over a step."""
    STATE = "state"
    """0 or 1: its share of time over a step."""
    INDEX = "index"
    """Cumulative meter index: differences count, resets happen."""
    COUNT = "count"
    """Counted in the interval that starts at ``observed_at``: summed over a step."""


@dataclass(frozen=True, slots=True)
class ForecastPlan:
    """How far and how finely a metric is forecast: ``step`` divides ``horizon``; issued every ``every``.

    Parameters
    ----------
    cumulates
        Whether what comes in adds up until somebody empties it. Then what is forecast is the level were nobody to
        empty it: what comes in from the origin on, on top of the level there.
    """

    step: timedelta
    horizon: timedelta
    every: timedelta
    cumulates: bool = False

    @property
    def steps(self) -> int:
        """Number of steps up to the horizon."""
        return self.horizon // self.step


INDOOR = ForecastPlan(timedelta(minutes=5), timedelta(hours=6), timedelta(minutes=15))
"""A lesson is over in an hour: a room's air is told to five minutes, and not beyond the school day."""
OUTDOOR = ForecastPlan(timedelta(hours=1), timedelta(hours=48), timedelta(hours=1))
INFLOW = ForecastPlan(timedelta(hours=1), timedelta(days=7), timedelta(hours=3), cumulates=True)
"""Rounds are planned some days ahead, and a street bin takes days to fill."""
OCCUPANCY = ForecastPlan(timedelta(minutes=15), timedelta(hours=24), timedelta(minutes=15))
LOAD = ForecastPlan(timedelta(hours=1), timedelta(hours=48), timedelta(hours=1))
MOBILITY = ForecastPlan(timedelta(hours=1), timedelta(hours=48), timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured quantity.

    Parameters
    ----------
    name
        Quantity and stored unit, unit last: ``co2_ppm``.
    quantity
        Its SenML name, without the unit: ``co2``.
    unit
        Stored unit as written for a person: ``ppm``. Ratios and states have ``""``.
    low, high
        Physical bounds in the stored unit, both allowed.
    step
        Expected time between two readings; a series is silent after three of them.
    plan
        How it is forecast, or None when it is not.
    """

    name: str
    quantity: str
    family: Family
    unit: str
    low: float
    high: float
    step: timedelta
    nature: Nature = Nature.LEVEL
    plan: ForecastPlan | None = None

    def admits(self, value: float) -> bool:
        """Whether ``value`` (stored unit) is physically possible. NaN and infinities are not."""
        return self.low <= value <= self.high


_MINUTES_10 = timedelta(minutes=10)
_MINUTES_15 = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
_A, _B, _Y, _E, _M, _H = Family.AIR, Family.BIN, Family.BAY, Family.ENERGY, Family.MOBILITY, Family.HEALTH
_STATE, _INDEX, _COUNT = Nature.STATE, Nature.INDEX, Nature.COUNT

_ROWS = (
    Metric("co2_ppm", "co2", _A, "ppm", 300, 40_000, _MINUTES_10, plan=INDOOR),
    Metric("pm1_ugm3", "pm1", _A, "µg/m³", 0, 5_000, _MINUTES_10),
    Metric("pm25_ugm3", "pm25", _A, "µg/m³", 0, 5_000, _MINUTES_10, plan=OUTDOOR),
    Metric("pm10_ugm3", "pm10", _A, "µg/m³", 0, 10_000, _MINUTES_10, plan=OUTDOOR),
    Metric("no2_ugm3", "no2", _A, "µg/m³", 0, 5_000, _HOUR, plan=OUTDOOR),
    Metric("o3_ugm3", "o3", _A, "µg/m³", 0, 2_000, _HOUR, plan=OUTDOOR),
    Metric("tvoc_ugm3", "tvoc", _A, "µg/m³", 0, 100_000, _MINUTES_10),
    Metric("temperature_c", "temperature", _A, "°C", -50, 85, _MINUTES_10),
    Metric("humidity_ratio", "humidity", _A, "", 0, 1, _MINUTES_10),
    Metric("pressure_hpa", "pressure", _A, "hPa", 850, 1_100, _MINUTES_10),
    Metric("noise_dba", "noise", _A, "dB(A)", 0, 140, _MINUTES_10),
    Metric("fill_ratio", "fill", _B, "", 0, 1, _HOUR, plan=INFLOW),
    Metric("distance_mm", "distance", _B, "mm", 0, 10_000, _HOUR),
    Metric("weight_kg", "weight", _B, "kg", 0, 20_000, _HOUR),
    Metric("tilt_deg", "tilt", _B, "°", 0, 180, _HOUR),
    Metric("occupied", "occupied", _Y, "", 0, 1, _MINUTES_15, _STATE, OCCUPANCY),
    Metric("closed", "closed", _Y, "", 0, 1, _MINUTES_15, _STATE),
    Metric("power_kw", "power", _E, "kW", -50_000, 50_000, _MINUTES_15, plan=LOAD),
    Metric("electricity_kwh", "electricity", _E, "kWh", 0, 1e10, _MINUTES_15, _INDEX),
    Metric("gas_kwh", "gas", _E, "kWh", 0, 1e10, _HOUR, _INDEX),
    Metric("gas_power_kw", "gas_power", _E, "kW", 0, 50_000, _HOUR, plan=LOAD),
    Metric("heat_kwh", "heat", _E, "kWh", 0, 1e10, _HOUR, _INDEX),
    Metric("water_m3", "water", _E, "m³", 0, 1e9, _HOUR, _INDEX),
    Metric("pulses_1_total", "pulses_1", _E, "", 0, 2**32 - 1, _HOUR, _INDEX),
    Metric("pulses_2_total", "pulses_2", _E, "", 0, 2**32 - 1, _HOUR, _INDEX),
    Metric("pulses_3_total", "pulses_3", _E, "", 0, 2**32 - 1, _HOUR, _INDEX),
    Metric("bikes_count", "bikes", _M, "", 0, 20_000, _HOUR, _COUNT, MOBILITY),
    Metric("vehicles_count", "vehicles", _M, "", 0, 20_000, _HOUR, _COUNT, MOBILITY),
    Metric("pedestrians_count", "pedestrians", _M, "", 0, 50_000, _HOUR, _COUNT, MOBILITY),
    Metric("passages_in_total", "passages_in", _M, "", 0, 2**32 - 1, _HOUR, _INDEX),
    Metric("passages_out_total", "passages_out", _M, "", 0, 2**32 - 1, _HOUR, _INDEX),
    Metric("battery_v", "battery", _H, "V", 0, 60, timedelta(hours=24)),
    Metric("battery_ratio", "battery_level", _H, "", 0, 1, timedelta(hours=24)),
    Metric("rssi_dbm", "rssi", _H, "dBm", -200, 20, timedelta(hours=24)),
    Metric("snr_db", "snr", _H, "dB", -50, 50, timedelta(hours=24)),
)

METRICS: dict[str, Metric] = {row.name: row for row in _ROWS}
BY_QUANTITY: dict[str, Metric] = {row.quantity: row for row in _ROWS}


def metric_named(name: str) -> Metric:
    """Return the metric of this name.

    Raises
    ------
    UnknownMetric
        If there is none.
    """
    try:
        return METRICS[name]
    except KeyError:
        raise UnknownMetric(f"no metric is named {name!r}") from None


def expected_interval(name: str, interval_s: int | None) -> timedelta:
    """Return how often a series of this metric should speak: as its sensor says, or else as the metric expects."""
    return metric_named(name).step if interval_s is None else timedelta(seconds=interval_s)


def forecast_metrics() -> Iterator[tuple[Metric, ForecastPlan]]:
    """Yield the metrics that are forecast, each with its plan."""
    for metric in METRICS.values():
        if metric.plan is not None:
            yield metric, metric.plan
