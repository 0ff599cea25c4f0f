"""Classrooms and reading rooms: CO2, temperature and humidity of one well-mixed zone.

Mass balance ``V dC/dt = Q (C_out - C) + 1e6 G`` with the exact step of a zone whose flow and source hold for
five minutes. CO2 per person: 3.35e-6 m3/s for a child of 6-11 years and 5.3e-6 m3/s (19 L/h) for an adult, both
at 1.4 met (Persily & de Jonge 2017, doi 10.1111/ina.12383). Windows are opened at breaks, more often when
it is mild: by habit, not by the CO2 read, so two days of spin-up forget any starting value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from core.places import Sensor
from models.simulation.days import (
    DAY_S,
    HOUR_S,
    LocalTimes,
    SeededDay,
    is_public_holiday,
    is_school_holiday,
    weekday_on,
)
from models.simulation.draws import draws, phase_s
from models.simulation.traces import Trace
from models.simulation.weather import Weather, saturation_hpa, weather_at

OUTDOOR_CO2_PPM = 425.0
CHILD_M3_S = 3.35e-6
ADULT_M3_S = 5.3e-6
STEP_S = 600
SPIN_UP_DAYS = 2
_SUB_STEP_S = 300
_AIRING_PER_H = 5.0
_AIRING_HOURS = 0.25
_ROOM_TIME_CONSTANT_S = 8 * HOUR_S


@dataclass(frozen=True, slots=True)
class Timetable:
    """When people are in a room.

    Parameters
    ----------
    weekdays
        Days on which it opens, 0 for Monday.
    lessons
        ``(start, end, share)``: local hours, and the share of its full head count that comes.
    keeps_school_holidays
        Whether it also closes during the school holidays of zone C. On public holidays all close.
    """

    weekdays: frozenset[int]
    lessons: tuple[tuple[float, float, float], ...]
    keeps_school_holidays: bool

    def opens(self, ordinal: int) -> bool:
        """Whether the room opens on this local date."""
        if is_public_holiday(ordinal) or (self.keeps_school_holidays and is_school_holiday(ordinal)):
            return False
        return weekday_on(ordinal) in self.weekdays


PRIMARY_SCHOOL = Timetable(
    frozenset({0, 1, 3, 4}),
    ((8.5, 10.0, 1.0), (10.25, 11.5, 1.0), (13.5, 15.0, 1.0), (15.25, 16.5, 1.0)),
    keeps_school_holidays=True,
)
"""The week of four days of French primary schools: Wednesday free."""

LIBRARY = Timetable(
    frozenset({1, 2, 3, 4, 5}),
    ((10.0, 12.0, 0.4), (12.0, 14.0, 0.25), (14.0, 16.0, 0.7), (16.0, 18.0, 0.9), (18.0, 19.0, 0.4)),
    keeps_school_holidays=False,
)


@dataclass(frozen=True, slots=True)
class Room:
    """A room with its sensor.

    Parameters
    ----------
    volume_m3
        Volume of the zone.
    heads
        Children and adults when it is full.
    air_changes_per_h
        Through leaks at any time (above 0), and by the fan in opening hours (0 without one).
    """

    sensor: Sensor
    timetable: Timetable
    volume_m3: float
    heads: tuple[int, int]
    air_changes_per_h: tuple[float, float]

    def traces(self, day: SeededDay) -> Sequence[Trace]:
        """Return CO2, temperature and humidity every ten minutes."""
        seed, name = day.seed, self.sensor.external_id
        start_s = day.start_s - SPIN_UP_DAYS * DAY_S + phase_s(seed, name, STEP_S)
        times = np.arange(start_s, day.start_s + DAY_S, _SUB_STEP_S, dtype=np.int64)
        weather, local = weather_at(seed, times), LocalTimes.at(times)
        present, changes = self.occupancy(seed, local), self.air_changes(seed, local, weather)
        rates = changes / HOUR_S
        co2 = relax(OUTDOOR_CO2_PPM, steady_state_ppm(self.source_m3_s(present), rates * self.volume_m3), rates)
        warm = relax(19.0, self._warmth(weather, local, present), np.full(len(times), 1 / _ROOM_TIME_CONSTANT_S))
        vapour = relax(10.0, weather.vapour_hpa + 2.5 * present, rates)

        shown = slice(SPIN_UP_DAYS * DAY_S // _SUB_STEP_S, None, STEP_S // _SUB_STEP_S)
        observed = times[shown]
        noise = draws(seed, name, "noise", day.ordinal).standard_normal((3, len(observed)))
        humid = np.clip(vapour[shown] / saturation_hpa(warm[shown]), 0.1, 0.95)
        return (
            Trace.of(self.sensor, "co2_ppm", observed, co2[shown] * (1 + 0.006 * noise[0]) + 4 * noise[0]),
            Trace.of(self.sensor, "temperature_c", observed, warm[shown] + 0.06 * noise[1]),
            Trace.of(self.sensor, "humidity_ratio", observed, humid + 0.004 * noise[2]),
        )

    def occupancy(self, seed: int, local: LocalTimes) -> NDArray[np.float64]:
        """Return the share of the full head count that is present, 0 to 1.

        Attendance varies by day; now and then a class is out for a half-day (sport, an outing).
        """
        present = np.zeros(len(local.hours))
        for ordinal in np.unique(local.ordinals).tolist():
            if not self.timetable.opens(ordinal):
                continue
            register = draws(seed, self.sensor.external_id, "register", ordinal)
            attendance = register.uniform(0.82, 1.0)
            out_morning, out_afternoon = register.random(2) < 0.07
            today = local.ordinals == ordinal
            for start, end, share in self.timetable.lessons:
                if out_morning if start < 12 else out_afternoon:
                    continue
                present[today & (local.hours >= start) & (local.hours < end)] = share * attendance
        return present

    def air_changes(self, seed: int, local: LocalTimes, weather: Weather) -> NDArray[np.float64]:
        """Return the air changes per hour: leaks (more in wind), the fan in opening hours, windows after lessons."""
        leak, fan = self.air_changes_per_h
        changes = leak * (0.7 + 0.1 * weather.wind_ms)
        opening, closing = self.timetable.lessons[0][0], self.timetable.lessons[-1][1]
        for ordinal in np.unique(local.ordinals).tolist():
            if not self.timetable.opens(ordinal):
                continue
            today = local.ordinals == ordinal
            changes[today & (local.hours >= opening - 1) & (local.hours < closing + 1)] += fan
            moods = draws(seed, self.sensor.external_id, "airing", ordinal).random(len(self.timetable.lessons))
            for (_, end, _), mood in zip(self.timetable.lessons, moods, strict=True):
                willing = mood < np.clip(0.3 + 0.03 * (weather.temperature_c - 6), 0.2, 0.95)
                airing = (local.hours >= end) & (local.hours < end + _AIRING_HOURS)
                changes[today & airing & willing] += _AIRING_PER_H
        return changes

    def source_m3_s(self, present: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the CO2 breathed out, m3/s, by the share of people present."""
        children, adults = self.heads
        return present * (children * CHILD_M3_S + adults * ADULT_M3_S)

    def _warmth(self, weather: Weather, local: LocalTimes, present: NDArray[np.float64]) -> NDArray[np.float64]:
        working = (local.hours >= 6) & (local.hours < 18) & (local.weekdays < 5)
        heated = np.where(working, 20.5, 17.0)
        free = weather.temperature_c + 3.5
        return np.maximum(heated, free) + 2.0 * present


def steady_state_ppm(source_m3_s: NDArray[np.float64], flow_m3_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the CO2 to which a zone tends: ``C_out + 1e6 G / Q``."""
    return OUTDOOR_CO2_PPM + 1e6 * source_m3_s / flow_m3_s


def relax(start: float, targets: NDArray[np.float64], rates_per_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a state that is drawn to ``targets`` at ``rates_per_s``, each held for one step of five minutes.

    Element ``k`` is the state before step ``k``: the exact solution ``x' = target + (x - target) exp(-rate dt)``.
    """
    kept = np.exp(-rates_per_s * _SUB_STEP_S)
    added = targets * (1 - kept)
    steps = zip(kept[:-1].tolist(), added[:-1].tolist(), strict=True)
    return np.array(list(accumulate(steps, lambda state, step: state * step[0] + step[1], initial=start)))
