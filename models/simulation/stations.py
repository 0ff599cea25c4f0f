"""Outdoor air: hourly NO2, O3, PM2.5, PM10 and temperature from traffic, wind and season.

Each value is the mean of the clock hour that starts at ``observed_at``, published some minutes after the hour has
passed. NO2 follows traffic and fades with wind, O3 follows the sun and is eaten by fresh NO, fine particles
build up over still days. Shapes and levels are of the order of a Paris background or roadside station.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.places import Sensor
from models.simulation.days import DAY_S, HOUR_S, LocalTimes, SeededDay
from models.simulation.draws import draws, phase_s, wander
from models.simulation.traces import Trace
from models.simulation.weather import Weather, weather_at

PUBLISHING_S = 600
"""Hourly means are published within this many seconds after their hour."""

_WORKDAY_TRAFFIC = np.array(
    [
        [0.75, 0.6, 0.5, 0.45, 0.5, 0.75, 1.15, 1.6, 1.7, 1.45, 1.15, 1.0],
        [0.95, 0.9, 0.95, 1.0, 1.15, 1.35, 1.45, 1.4, 1.3, 1.2, 1.1, 0.95],
    ]
).ravel()
_FREE_DAY_TRAFFIC = np.array(
    [
        [1.0, 0.9, 0.8, 0.7, 0.6, 0.6, 0.65, 0.7, 0.75, 0.8, 0.8, 0.8],
        [0.75, 0.7, 0.7, 0.7, 0.75, 0.85, 0.95, 1.05, 1.1, 1.1, 1.05, 0.95],
    ]
).ravel()


@dataclass(frozen=True, slots=True)
class Station:
    """An outdoor station.

    Parameters
    ----------
    traffic_ugm3
        NO2 that passing traffic adds on average, µg/m³.
    background_ugm3
        NO2 of the town without it, µg/m³.
    """

    sensor: Sensor
    traffic_ugm3: float
    background_ugm3: float

    def traces(self, day: SeededDay) -> Sequence[Trace]:
        """Return four pollutants and the temperature for the 24 clock hours of the day."""
        seed, name = day.seed, self.sensor.external_id
        hours = day.grid(HOUR_S)
        middles = hours + HOUR_S // 2
        weather, local = weather_at(seed, middles), LocalTimes.at(middles)
        noise = draws(seed, name, "noise", day.ordinal).standard_normal((4, len(hours)))
        no2 = self.no2_ugm3(seed, middles, weather, local) * np.exp(0.10 * noise[0])
        still = np.exp(0.5 * wander(seed, "still air", middles, 60 * HOUR_S)) * (3.0 / weather.wind_ms) ** 0.3
        fine = (7.5 + 5.0 * (1 - weather.summer_ratio) + 0.06 * no2) * still * (1 - 0.4 * weather.rain_ratio)
        coarse = 5.0 + 0.12 * self.traffic_ugm3 * traffic(local)
        values = {
            "no2_ugm3": no2,
            "o3_ugm3": ozone_ugm3(weather, no2, middles) + 3.0 * noise[1],
            "pm25_ugm3": fine * np.exp(0.06 * noise[2]),
            "pm10_ugm3": fine * np.exp(0.06 * noise[2]) + coarse * np.exp(0.12 * noise[3]),
            "temperature_c": weather.temperature_c,
        }
        late = np.full_like(hours, HOUR_S + phase_s(seed, name, PUBLISHING_S))
        traces = (Trace.of(self.sensor, metric, hours, column) for metric, column in values.items())
        return tuple(replace(trace, delay_s=late) for trace in traces)

    def no2_ugm3(
        self, seed: int, epoch_s: NDArray[np.int64], weather: Weather, local: LocalTimes
    ) -> NDArray[np.float64]:
        """Return NO2 before the sensor's own noise, µg/m³."""
        thinning = (3.0 / weather.wind_ms) ** 0.5 * (1.2 - 0.35 * weather.summer_ratio)
        mood = np.exp(0.25 * wander(seed, "emissions", epoch_s, 12 * HOUR_S))
        no2: NDArray[np.float64] = (self.background_ugm3 + self.traffic_ugm3 * traffic(local)) * thinning * mood
        return no2


def traffic(local: LocalTimes) -> NDArray[np.float64]:
    """Return road traffic relative to its average, about 1."""
    free = (local.weekdays >= 5) | local.days_off()
    hour = local.hours.astype(np.int64)
    return np.where(free, _FREE_DAY_TRAFFIC[hour], _WORKDAY_TRAFFIC[hour])


def ozone_ugm3(weather: Weather, no2: NDArray[np.float64], epoch_s: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ozone, µg/m³: made by afternoon sun and heat, brought by wind, eaten by fresh NO."""
    sun = np.clip(np.cos(2 * np.pi * ((epoch_s % DAY_S) / HOUR_S - 14) / 24), 0, None)
    made = (10 + 45 * weather.summer_ratio) * sun * np.clip(0.6 + 0.03 * (weather.temperature_c - 10), 0.2, 1.8)
    ozone: NDArray[np.float64] = 42 + 4 * (weather.wind_ms - 3) + 12 * weather.summer_ratio + made - 0.65 * no2
    return ozone
