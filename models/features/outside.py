"""The weather of each row's target, as it was forecast by the row's origin, and how it differs from the days before."""

from __future__ import annotations

import numpy as np

from core.columns import MICROSECOND, to_microseconds
from core.weather import HOUR, VARIABLES
from models.features.past import Columns
from models.features.rows import Rows
from models.history import DAY, Floats, History, Indices
from models.weather import Weather

WEATHER_COLUMNS: tuple[str, ...] = (
    "temperature",
    "temperature_24h",
    "temperature_change_d1",
    "temperature_change_d7",
    "temperature_24h_change_d1",
    "temperature_24h_change_d7",
    "irradiance",
    "irradiance_change_d1",
    "irradiance_change_d7",
    "humidity",
    "wind",
)
MEAN_OVER_H: tuple[int, ...] = (0, 3, 6, 9, 12, 15, 18, 21)
"""Hours before an instant that its 24-hour mean is taken over: every third, for what walls remember is slow."""
_TEMPERATURE, _HUMIDITY, _IRRADIANCE, _WIND = (
    VARIABLES.index(name) for name in ("temperature_c", "humidity_ratio", "irradiance_wm2", "wind_ms")
)
_HOUR_US, _DAY_US = HOUR // MICROSECOND, DAY // MICROSECOND


def weather_columns(history: History, rows: Rows) -> Columns:
    """Return the weather at each row's target; NaN for rows that are blind to it, and where nobody forecast it.

    What lies before the origin is what was forecast for it at last. The weather of a commune is the same for all its
    series: it is looked up once for each (commune, origin, lead).
    """
    weather = history.around.weather if history.around is not None else None
    if weather is None or not len(weather.known_us) or not len(rows):
        return dict.fromkeys(WEATHER_COLUMNS, np.full(len(rows), np.nan))
    place = _places(history, weather)[rows.series]
    steps = history.plan.steps
    key = (place * (history.length + 1) + rows.origin) * steps + rows.lead
    found, back = np.unique(key, return_inverse=True)
    origin_and_lead = found % ((history.length + 1) * steps)
    columns = _looked_up(
        history,
        weather,
        Rows.at(found // ((history.length + 1) * steps), origin_and_lead // steps, origin_and_lead % steps),
    )
    return {name: np.where(rows.blind, np.nan, column[back]) for name, column in columns.items()}


def _places(history: History, weather: Weather) -> Indices:
    """Return for each series the row of its commune in the weather, -1 where it has none."""
    assert history.around is not None, "there is weather only around something"
    places = {place: at for at, place in enumerate(weather.places)}
    return np.array([places.get(commune, -1) for commune in history.around.communes], dtype=np.int64)


def _looked_up(history: History, weather: Weather, rows: Rows) -> Columns:
    """Return the columns of rows whose ``series`` is a place of the weather."""
    step_us, start_us = history.plan.step // MICROSECOND, to_microseconds(history.start)
    origin_us, target_us = start_us + rows.origin * step_us, start_us + rows.target * step_us

    def at(instant_us: Indices) -> Floats:
        return weather.at(rows.series, np.minimum(origin_us, instant_us), instant_us).astype(np.float64)

    def mean_temperature(instant_us: Indices) -> Floats:
        hours = np.stack([at(instant_us - back * _HOUR_US)[:, _TEMPERATURE] for back in MEAN_OVER_H])
        return np.asarray(hours.mean(axis=0))

    now, day, week = (at(target_us - days * _DAY_US) for days in (0, 1, 7))
    mean, mean_day, mean_week = (mean_temperature(target_us - days * _DAY_US) for days in (0, 1, 7))
    columns = (
        now[:, _TEMPERATURE],
        mean,
        now[:, _TEMPERATURE] - day[:, _TEMPERATURE],
        now[:, _TEMPERATURE] - week[:, _TEMPERATURE],
        mean - mean_day,
        mean - mean_week,
        now[:, _IRRADIANCE],
        now[:, _IRRADIANCE] - day[:, _IRRADIANCE],
        now[:, _IRRADIANCE] - week[:, _IRRADIANCE],
        now[:, _HUMIDITY],
        now[:, _WIND],
    )
    return dict(zip(WEATHER_COLUMNS, columns, strict=True))
