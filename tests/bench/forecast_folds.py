"""The data and folds of the forecast bench, fixed before any model was looked at (docs/forecast-protocol.md).

Reads ``VIGIE_REAL_DATA_DIR`` (default ``../shared/data`` beside the repository).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from core.clock import Window
from core.metrics import ForecastPlan, metric_named
from core.weather import VARIABLES, WeatherIssue
from models.history import Floats, History, Surroundings
from models.weather import Weather

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("VIGIE_REAL_DATA_DIR", ROOT.parent / "shared" / "data"))

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
HISTORY_MAX = 3 * 365 * DAY
"""No model is fitted on more than three years."""
BUILDINGS_LEFT_OUT = 2
"""Of Cambridge: those with the most hours missing, where the source wrote missing as 0."""
SINGAPORE_TO_PARIS = 6 * HOUR
"""Added to the times of Singapore, so that its working day falls on the local hours of Paris in summer."""
WEATHER_REACH_H = 72
"""Each midnight, so many hours of the weather that came: all models are given the same."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Real series of one metric, and the stretches that are forecast.

    Parameters
    ----------
    name
        As the table names it.
    read
        Returns the whole history on the plan's grid, as of the end of the data.
    plan
        Grid and horizon; ``every`` is the time between two origins.
    tests
        First day of each test stretch, and the first day after it; 00:00 UTC.
    """

    name: str
    read: Callable[[], History]
    plan: ForecastPlan
    tests: tuple[Window, ...]


def _stretch(first: tuple[int, int, int], days: int) -> Window:
    start = datetime(*first, tzinfo=UTC)
    return Window(start, start + days * DAY)


def _column(file: str, column: str, moved: timedelta = timedelta(0)) -> pl.DataFrame:
    """Return time, sensor and value of one column of a file, times moved."""
    return (
        pl.read_parquet(DATA / file)
        .filter(pl.col("metric").cast(pl.String) == column)
        .select(
            time=pl.col("time").cast(pl.Datetime("us", "UTC")) + moved,
            sensor=pl.col("sensor_id").cast(pl.String),
            value=pl.col("value").cast(pl.Float64),
        )
    )


def _laid(rows: pl.DataFrame, metric: str, plan: ForecastPlan, around: Callable[[list[str]], Surroundings]) -> History:
    """Lay rows on the plan's grid, the mean of each step, sensors in the order of their names."""
    first, last = rows["time"].min(), rows["time"].max()
    assert isinstance(first, datetime), "a data set has rows"
    assert isinstance(last, datetime), "a data set has rows"
    start = first.replace(hour=0, minute=0, second=0, microsecond=0)
    length = (last - start) // plan.step + 1
    means = (
        rows.with_columns(index=(pl.col("time") - start).dt.total_seconds() // int(plan.step.total_seconds()))
        .group_by("sensor", "index")
        .agg(pl.col("value").mean())
    )
    sensors = sorted(means["sensor"].unique().to_list())
    place = {sensor: row for row, sensor in enumerate(sensors)}
    values = np.full((len(sensors), length), np.nan)
    values[[place[sensor] for sensor in means["sensor"]], means["index"].to_numpy()] = means["value"].to_numpy()
    return History(
        metric_named(metric),
        plan,
        tuple(range(1, len(sensors) + 1)),
        start,
        start + length * plan.step,
        values,
        around(sensors),
    )


def _apart(commune: str) -> Callable[[list[str]], Surroundings]:
    """Return surroundings in which each sensor is a site of its own in one commune, without weather."""
    return lambda sensors: Surroundings(tuple(sensors), (commune,) * len(sensors))


def _cambridge() -> History:
    """Return every second building by name, the two with the most hours missing left out first.

    Hourly kWh are the mean kW of the hour.
    """
    rows = _column("energy/cambridge_estates/buildings_2019_2022h1.parquet", "electricity_kwh")
    known = rows.group_by("sensor").len().sort("len", "sensor")["sensor"].to_list()
    chosen = sorted(known[BUILDINGS_LEFT_OUT:])[::2]
    weather = _cambridge_weather()
    return _laid(
        rows.filter(pl.col("sensor").is_in(chosen)),
        "power_kw",
        CAMBRIDGE_PLAN,
        lambda sensors: Surroundings(tuple(sensors), ("cambridge",) * len(sensors), weather),
    )


def _cambridge_weather() -> Weather:
    """Return an issue each midnight of the 72 hours of weather that came: temperature, humidity, irradiance."""
    file = "energy/cambridge_estates/weather_carbon_2019_2022h1.parquet"
    wide = _column(file, "temperature_c").select("time", "value").sort("time").rename({"value": "temperature_c"})
    for column, scale, variable in (
        ("humidity_pct", 0.01, "humidity_ratio"),
        ("global_irradiance_wm2", 1.0, "irradiance_wm2"),
    ):
        one = _column(file, column).select("time", (pl.col("value") * scale).alias(variable))
        wide = wide.join(one, on="time", how="left").sort("time")
    start = wide["time"][0]
    values: Floats = np.full((len(wide), len(VARIABLES)), np.nan)
    for variable in wide.columns[1:]:
        values[:, VARIABLES.index(variable)] = wide[variable].to_numpy()
    assert len(wide) == (wide["time"][-1] - start) // HOUR + 1, "the weather has every hour"
    return Weather.of(
        [
            WeatherIssue(
                "cambridge", "file", start + at * HOUR, start + at * HOUR, start + at * HOUR, values[at : at + 72]
            )
            for at in range(0, len(values), 24)
        ]
    )


def _paris13(metric: str) -> History:
    return _laid(
        _column("outdoor_air/airparif_paris13/hourly_2017_2018.parquet", metric), metric, HOURLY_24, _apart("75113")
    )


def _no2() -> History:
    return _paris13("no2_ugm3")


def _o3() -> History:
    return _paris13("o3_ugm3")


def _ratp() -> History:
    return _laid(
        _column("indoor_air/ratp_chatelet/hourly_2013_2015.parquet", "co2_ppm"), "co2_ppm", HOURLY_6, _apart("75101")
    )


def _robod() -> History:
    """Return the two rooms, on the clock of Paris; days without any reading stay empty."""
    rooms = [
        _column(f"indoor_air/robod/room{room}_sep_oct2021.parquet", "co2_ppm", SINGAPORE_TO_PARIS) for room in (1, 2)
    ]
    return _laid(
        pl.concat(rooms),
        "co2_ppm",
        FIVE_MINUTES_2H,
        lambda sensors: Surroundings(("sde4",) * len(sensors), ("sde4",) * len(sensors)),
    )


def _montpellier() -> History:
    """Return the share of spaces taken of the car parks that are not stuck; polled each hour or so, hence hourly."""
    folder = "parking/montpellier_garages"
    stuck = pl.read_csv(DATA / folder / "sensors.csv").filter(pl.col("stuck"))["sensor_id"].to_list()
    rows = _column(f"{folder}/jan_may2026.parquet", "free_spaces").filter(~pl.col("sensor").is_in(stuck))
    capacity = _column(f"{folder}/jan_may2026.parquet", "capacity").rename({"value": "capacity"})
    shares = rows.join(capacity, on=["time", "sensor"]).with_columns(
        value=(1 - pl.col("value") / pl.col("capacity")).clip(0, 1)
    )
    return _laid(shares, "occupied", HOURLY_6, _apart("34172"))


def _bicycles() -> History:
    rows = _column("mobility/paris_bike_counters/sep2020_jun2021.parquet", "bikes_per_hour")
    # A counter is named after its site: two directions of one street are siblings.
    return _laid(
        rows,
        "bikes_count",
        HOURLY_48,
        lambda sensors: Surroundings(tuple(sensor.rsplit("-", 1)[0] for sensor in sensors), ("75056",) * len(sensors)),
    )


CAMBRIDGE_PLAN = HOURLY_24 = ForecastPlan(HOUR, 24 * HOUR, DAY)
HOURLY_48 = ForecastPlan(HOUR, 48 * HOUR, DAY)
HOURLY_6 = ForecastPlan(HOUR, 6 * HOUR, 6 * HOUR)
FIVE_MINUTES_2H = ForecastPlan(timedelta(minutes=5), 2 * HOUR, 2 * HOUR)

CAMBRIDGE = Dataset(
    "cambridge",
    _cambridge,
    CAMBRIDGE_PLAN,
    (
        _stretch((2019, 10, 7), 28),
        _stretch((2020, 1, 13), 28),
        _stretch((2021, 7, 5), 28),
        _stretch((2022, 5, 2), 28),
    ),
)
_PARIS13 = (_stretch((2018, 5, 1), 56), _stretch((2018, 11, 1), 56))
DATASETS: dict[str, Dataset] = {
    one.name: one
    for one in (
        CAMBRIDGE,
        Dataset("paris13_no2", _no2, HOURLY_24, _PARIS13),
        Dataset("paris13_o3", _o3, HOURLY_24, _PARIS13),
        Dataset("ratp_co2", _ratp, HOURLY_6, (_stretch((2015, 2, 2), 56), _stretch((2015, 9, 7), 56))),
        Dataset("robod_co2", _robod, FIVE_MINUTES_2H, (_stretch((2021, 9, 26), 6),)),
        Dataset("montpellier", _montpellier, HOURLY_6, (_stretch((2026, 4, 13), 28),)),
        Dataset("paris_bicycles", _bicycles, HOURLY_48, (_stretch((2021, 5, 10), 28),)),
    )
}


def before(history: History, test: Window) -> History:
    """Return the history from three years before a test stretch at most, to the horizon after its last origin."""
    plan = history.plan
    first = max(history.index_of(test.start - HISTORY_MAX), 0)
    last = min(history.index_of(test.end - plan.every + plan.horizon), history.length)
    return History(
        history.metric,
        plan,
        history.series_ids,
        history.instant_of(first),
        history.instant_of(last),
        history.values[:, first:last],
        history.around,
    )
