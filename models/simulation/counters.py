"""Bike counters: bikes that pass in each clock hour, published some minutes after the hour has passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.places import Sensor
from models.simulation.days import HOUR_S, LocalTimes, SeededDay
from models.simulation.draws import draws, phase_s
from models.simulation.traces import Trace
from models.simulation.weather import weather_at

PUBLISHING_S = 600
"""Counts are published within this many seconds after their hour."""
_CROWDING = 25.0
"""Shape of the gamma that spreads the hourly mean: counts scatter by a fifth more than a Poisson's."""

_WORKDAY = np.array(
    [
        [0.12, 0.06, 0.03, 0.02, 0.04, 0.12, 0.45, 1.4, 2.5, 1.5, 0.85, 0.8],
        [1.0, 1.0, 0.9, 0.95, 1.3, 2.1, 2.6, 1.8, 1.0, 0.65, 0.45, 0.25],
    ]
).ravel()
_FREE_DAY = np.array(
    [
        [0.2, 0.14, 0.1, 0.06, 0.05, 0.06, 0.1, 0.2, 0.35, 0.6, 0.9, 1.15],
        [1.15, 1.15, 1.3, 1.5, 1.6, 1.5, 1.3, 1.0, 0.7, 0.5, 0.4, 0.3],
    ]
).ravel()


@dataclass(frozen=True, slots=True)
class BikeCounter:
    """A loop in a cycle lane.

    Parameters
    ----------
    mean_count
        Bikes per hour on average over an ordinary workday.
    """

    sensor: Sensor
    mean_count: float

    def traces(self, day: SeededDay) -> Sequence[Trace]:
        """Return the count of each clock hour of the day."""
        seed, name = day.seed, self.sensor.external_id
        hours = day.grid(HOUR_S)
        local, weather = LocalTimes.at(hours), weather_at(seed, hours + HOUR_S // 2)
        hour = local.hours.astype(np.int64)
        free = (local.weekdays >= 5) | local.days_off()
        holidays = np.where(local.school_holidays(), 0.75, 1.0)
        pleasant = np.clip(0.75 + 0.025 * (weather.temperature_c - 5), 0.5, 1.3) * (1 - 0.55 * weather.rain_ratio)
        expected = self.mean_count * np.where(free, _FREE_DAY[hour], _WORKDAY[hour] * holidays) * pleasant
        draw = draws(seed, name, "bikes", day.ordinal)
        counts = draw.poisson(expected * draw.gamma(_CROWDING, 1 / _CROWDING, len(hours))).astype(np.float64)
        late = np.full_like(hours, HOUR_S + phase_s(seed, name, PUBLISHING_S))
        return (replace(Trace.of(self.sensor, "bikes_count", hours, counts), delay_s=late),)
