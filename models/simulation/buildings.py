"""Municipal buildings: electric power every quarter of an hour, and the meter's index that goes with it.

``power_kw`` is the mean power since the sensor's reading before; the index grows by exactly that energy. Power
is a base load, use in opening hours, electric heating below 15 °C and cooling above 23 °C, and noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.places import Sensor
from models.simulation.days import DAY_S, HOUR_S, OPENED, LocalTimes, SeededDay
from models.simulation.draws import draws, phase_s, wander
from models.simulation.traces import Trace, resolved
from models.simulation.weather import weather_at

STEP_S = 900
STEP_HOURS = STEP_S / HOUR_S
STEPS_PER_DAY = DAY_S // STEP_S
HEATING_BELOW_C = 15.0
COOLING_ABOVE_C = 23.0
_CLOSED = (np.inf, -np.inf)
_AUGUST_SHARE = 0.6
_HOLIDAY_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Opening:
    """When a building is in use.

    Parameters
    ----------
    hours
        Local opening and closing hour of each weekday, Monday first; None on a closed day.
    keeps_school_holidays
        Whether it is nearly empty during the school holidays of zone C.
    """

    hours: tuple[tuple[float, float] | None, ...]
    keeps_school_holidays: bool = False

    def use(self, local: LocalTimes) -> NDArray[np.float64]:
        """Return how far the building is in use, 0 to 1, rising and falling over an hour around its opening."""
        opens, closes = np.array([span or _CLOSED for span in self.hours]).T
        rising, falling = local.hours - opens[local.weekdays] + 1, closes[local.weekdays] + 1 - local.hours
        share = np.where(local.days_off(), 0.0, np.clip(np.minimum(rising, falling), 0, 1))
        if self.keeps_school_holidays:
            return np.where(local.school_holidays(), _HOLIDAY_SHARE * share, share)
        return np.where(local.in_month(8), _AUGUST_SHARE * share, share)


@dataclass(frozen=True, slots=True)
class Building:
    """A building with its meter.

    Parameters
    ----------
    base_kw, use_kw
        Power that is always drawn, and what full use adds.
    kw_per_c
        Heating and cooling: added for each degree outdoors below 15 °C, and above 23 °C, in full use.
    """

    sensor: Sensor
    opening: Opening
    base_kw: float
    use_kw: float
    kw_per_c: tuple[float, float]

    def traces(self, day: SeededDay) -> Sequence[Trace]:
        """Return power and index every quarter of an hour."""
        today = range(day.ordinal, day.ordinal + 1)
        times, power = self.times(day.seed, today), self.power_kw(day.seed, today)
        index = self.index_before_kwh(day.seed, day.ordinal) + np.cumsum(power) * STEP_HOURS
        return (
            Trace.of(self.sensor, "power_kw", times, power),
            Trace.of(self.sensor, "electricity_kwh", times, index),
        )

    def times(self, seed: int, ordinals: range) -> NDArray[np.int64]:
        """Return when the meter is read on these UTC dates, seconds since 1970."""
        start_s = SeededDay(seed, ordinals.start).start_s + phase_s(seed, self.sensor.external_id, STEP_S)
        return start_s + STEP_S * np.arange(len(ordinals) * STEPS_PER_DAY, dtype=np.int64)

    def power_kw(self, seed: int, ordinals: range) -> NDArray[np.float64]:
        """Return the mean power of the quarter hours that end when the meter is read on these UTC dates."""
        middles = self.times(seed, ordinals) - STEP_S // 2
        weather, local = weather_at(seed, middles), LocalTimes.at(middles)
        use = self.opening.use(local)
        heating, cooling = self.kw_per_c
        cold = np.clip(HEATING_BELOW_C - weather.temperature_c, 0, None) * (0.3 + 0.7 * use)
        heat = np.clip(weather.temperature_c - COOLING_ABOVE_C, 0, None) * use
        smooth = self.base_kw + self.use_kw * use + heating * cold + cooling * heat
        name = self.sensor.external_id
        white = np.concatenate([draws(seed, name, "noise", day).standard_normal(STEPS_PER_DAY) for day in ordinals])
        noise = 1 + 0.06 * wander(seed, name, middles, 2 * HOUR_S) + 0.025 * white
        return resolved("power_kw", smooth * np.clip(noise, 0.5, 1.5))

    def index_before_kwh(self, seed: int, ordinal: int) -> float:
        """Return the index at the end of the day before this one: all energy since the town was opened."""
        day = date.fromordinal(ordinal)
        months = [(year, month) for year in range(OPENED.year, day.year + 1) for month in range(1, 13)]
        whole = sum(_month_kwh(self, seed, *month) for month in months if month < (day.year, day.month))
        return whole + sum(_day_kwh(self, seed, before) for before in range(ordinal - day.day + 1, ordinal))


@lru_cache(maxsize=4096)
def _month_kwh(building: Building, seed: int, year: int, month: int) -> float:
    first, end = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
    return float(building.power_kw(seed, range(first.toordinal(), end.toordinal())).sum()) * STEP_HOURS


@lru_cache(maxsize=1024)
def _day_kwh(building: Building, seed: int, ordinal: int) -> float:
    return float(building.power_kw(seed, range(ordinal, ordinal + 1)).sum()) * STEP_HOURS
