"""Street bins and glass columns: filled by passers-by, emptied by fixed rounds, read by ultrasound every hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.places import Sensor
from models.simulation.days import DAY_S, HOUR_S, LocalTimes, SeededDay, local_hour_s, weekday_on
from models.simulation.draws import draws, phase_s
from models.simulation.traces import Trace
from models.simulation.weather import weather_at

LOOK_BACK_DAYS = 9
"""Longer than the longest time between two collections: a week, and a day of catching up after a holiday."""


class Stream(StrEnum):
    """What is thrown in; gives the bin its habits."""

    STREET = "street"
    GLASS = "glass"
    PACKAGING = "packaging"


@dataclass(frozen=True, slots=True)
class Habit:
    """How a stream fills over a week.

    Parameters
    ----------
    by_hour
        Share of a day's inflow in each local hour; sums to 1.
    by_weekday
        Inflow of each day relative to the average, Monday first.
    summer_gain
        Relative gain of inflow from mid-winter to mid-summer.
    lumps
        How many drops make a full container: fewer is more irregular.
    """

    by_hour: NDArray[np.float64]
    by_weekday: NDArray[np.float64]
    summer_gain: float
    lumps: float


def _shares(*weights: float) -> NDArray[np.float64]:
    row = np.array(weights, dtype=np.float64)
    shares: NDArray[np.float64] = row / row.sum()
    return shares


HABITS = {
    Stream.STREET: Habit(
        _shares(2, 1, 1, 0, 0, 1, 2, 4, 5, 5, 5, 6, 10, 9, 6, 6, 7, 8, 9, 8, 6, 5, 4, 3),
        np.array([0.95, 0.95, 1.0, 0.95, 1.1, 1.25, 0.8]),
        0.4,
        120,
    ),
    Stream.GLASS: Habit(
        _shares(0, 0, 0, 0, 0, 0, 0, 2, 4, 7, 9, 9, 7, 5, 6, 7, 8, 9, 9, 7, 4, 2, 1, 0),
        np.array([1.1, 0.8, 0.9, 0.85, 0.9, 1.35, 1.1]),
        0.1,
        250,
    ),
    Stream.PACKAGING: Habit(
        _shares(0, 0, 0, 0, 0, 0, 1, 4, 6, 6, 6, 6, 6, 5, 5, 5, 6, 8, 10, 9, 7, 4, 2, 1),
        np.array([1.0, 0.95, 0.95, 0.95, 1.0, 1.15, 1.0]),
        0.0,
        90,
    ),
}


@dataclass(frozen=True, slots=True)
class Bin:
    """A container with its level sensor.

    Parameters
    ----------
    depth_mm
        From the sensor to the bottom of the empty container.
    days_to_fill
        Days in which average inflow would fill it.
    collection
        When its round goes: weekdays (0 for Monday), and the local hour at which the lorry is here.
    """

    sensor: Sensor
    stream: Stream
    depth_mm: int
    days_to_fill: float
    collection: tuple[frozenset[int], float]

    def traces(self, day: SeededDay) -> Sequence[Trace]:
        """Return the fill every hour and the battery once a day."""
        seed, name = day.seed, self.sensor.external_id
        times = day.grid(HOUR_S, phase_s(seed, name, HOUR_S))
        draw = draws(seed, name, "level", day.ordinal)
        # Ultrasound reads the top of a heap, not its mean: some centimetres of scatter, whatever the depth.
        level = self.fill(day, times) + draw.normal(0.0, 12.0, len(times)) / self.depth_mm
        noon = times[12:13]
        return (
            Trace.of(self.sensor, "fill_ratio", times, np.clip(level, 0, 1)),
            Trace.of(self.sensor, "battery_v", noon, self._battery_v(seed, noon)),
        )

    def fill(self, day: SeededDay, times: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the true fill (0 to 1) at instants of this day; above 1 people leave their bags beside."""
        first = day.ordinal - LOOK_BACK_DAYS
        hourly = [_inflow(self, day.seed, ordinal) for ordinal in range(first, day.ordinal + 1)]
        thrown = np.concatenate([np.zeros(1), np.cumsum(np.concatenate(hourly))])
        edges = day.start_s - LOOK_BACK_DAYS * DAY_S + HOUR_S * np.arange(len(thrown))
        emptied = np.array(self.collections(day.seed, range(first, day.ordinal + 2)), dtype=np.int64)
        last = emptied[np.searchsorted(emptied, times, side="right") - 1]
        since = np.interp(times, edges, thrown) - np.interp(last, edges, thrown)
        full: NDArray[np.float64] = np.minimum(self._left(day.seed, last) + since, 1.0)
        return full

    def collections(self, seed: int, ordinals: range) -> list[int]:
        """Return when the bin is emptied (seconds since 1970) on these local dates, in order.

        The lorry comes within half an hour of its time. On 1 January, 1 May and 25 December no round goes;
        it is caught up on the next day.
        """
        weekdays, hour = self.collection
        instants = []
        for ordinal in ordinals:
            due = weekday_on(ordinal) in weekdays and not _without_rounds(ordinal)
            caught_up = weekday_on(ordinal - 1) in weekdays and _without_rounds(ordinal - 1)
            if due or caught_up:
                delay_s = draws(seed, self.sensor.external_id, "round", ordinal).integers(-1800, 1801)
                instants.append(local_hour_s(ordinal, hour) + int(delay_s))
        return instants

    def _left(self, seed: int, emptied: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what stays in the container after these collections, a few percent at most."""
        instants, place = np.unique(emptied, return_inverse=True)
        name = self.sensor.external_id
        return np.array([draws(seed, name, "left", instant).uniform(0, 0.04) for instant in instants.tolist()])[place]

    def _battery_v(self, seed: int, times: NDArray[np.int64]) -> NDArray[np.float64]:
        """Lithium cell of 3.6 V: a slow fall over years, lower in the cold."""
        bought_s = phase_s(seed, self.sensor.external_id + " battery", 5 * 365 * DAY_S)
        age_years = ((times + bought_s) % (5 * 365 * DAY_S)) / (365 * DAY_S)
        cold = np.clip(15 - weather_at(seed, times).temperature_c, 0, 30)
        fallen: NDArray[np.float64] = 3.65 - 0.06 * age_years - 0.004 * cold
        return fallen


@lru_cache(maxsize=2048)
def _inflow(container: Bin, seed: int, ordinal: int) -> NDArray[np.float64]:
    """Share of the container thrown in during each UTC hour of one date."""
    habit = HABITS[container.stream]
    hours = SeededDay(seed, ordinal).grid(HOUR_S)
    local, weather = LocalTimes.at(hours), weather_at(seed, hours)
    expected = (
        habit.by_hour[local.hours.astype(np.int64)]
        * habit.by_weekday[np.where(local.days_off(), 6, local.weekdays)]
        * (1 + habit.summer_gain * (weather.summer_ratio - 0.5))
        * (1 - 0.3 * weather.rain_ratio)
        / container.days_to_fill
    )
    draw = draws(seed, container.sensor.external_id, "inflow", ordinal)
    mood = draw.lognormal(-0.02, 0.2)
    # A gamma of this shape is a sum of drops, each 1/lumps of the container.
    return draw.gamma(expected * mood * habit.lumps) / habit.lumps


def _without_rounds(ordinal: int) -> bool:
    day = date.fromordinal(ordinal)
    return (day.month, day.day) in {(1, 1), (5, 1), (12, 25)}
