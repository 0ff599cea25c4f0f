"""Delivery bays: vans arrive, stay and leave; the bay says so at each change and at least every five minutes.

Arrivals are a Poisson stream whose rate follows local hours (morning peak), stays are log-normal (median about a
quarter of an hour by day, longer at night when residents park). A van that finds the bay taken goes on. Every
bay is cleared before the street sweeper at 05:00, so each service day stands on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.places import Sensor
from models.simulation.days import DAY_S, HOUR_S, LocalTimes, SeededDay, local_hour_s
from models.simulation.draws import draws, phase_s
from models.simulation.traces import Trace

HEARTBEAT_S = 300
SWEEPER_HOUR = 5.0
SHORTEST_STAY_S = 60
SHORTEST_FREE_S = 30

_WORKDAY_RATE = np.array(
    [
        [0.3, 0.2, 0.1, 0.1, 0.2, 0.8, 2.0, 3.4, 4.2, 4.4, 4.2, 3.6],
        [2.4, 2.2, 2.6, 2.6, 2.2, 2.0, 2.0, 2.2, 1.8, 1.2, 0.8, 0.5],
    ]
).ravel()
"""Arrivals per hour at an average bay, by local hour."""
_SUNDAY_RATE = np.array(
    [
        [0.5, 0.4, 0.3, 0.1, 0.1, 0.2, 0.4, 0.8, 1.2, 1.6, 1.8, 1.8],
        [1.6, 1.2, 1.0, 1.0, 1.0, 1.2, 1.6, 1.8, 1.4, 1.0, 0.8, 0.6],
    ]
).ravel()
_WEEKDAY_GAIN = np.array([0.9, 1.05, 1.0, 1.05, 1.1, 0.9, 1.0])
"""Arrivals of each weekday relative to an average workday, Monday first."""


@dataclass(frozen=True, slots=True)
class Bay:
    """A delivery bay of one place, with its sensor in the ground.

    Parameters
    ----------
    demand
        Arrivals relative to an average bay.
    stay_minutes
        Median stay by day.
    """

    sensor: Sensor
    demand: float
    stay_minutes: float

    def traces(self, day: SeededDay) -> Sequence[Trace]:
        """Return the state at each change and at each heartbeat."""
        name = self.sensor.external_id
        stays = np.concatenate([self.sessions(day.seed, ordinal) for ordinal in (day.ordinal - 1, day.ordinal)])
        changes = stays.ravel()
        today = changes[(changes >= day.start_s) & (changes < day.start_s + DAY_S)]
        times = np.union1d(day.grid(HEARTBEAT_S, phase_s(day.seed, name, HEARTBEAT_S)), today)
        arrived = np.searchsorted(stays[:, 0], times, side="right")
        left = np.searchsorted(stays[:, 1], times, side="right")
        return (Trace.of(self.sensor, "occupied", times, (arrived - left).astype(np.float64)),)

    def sessions(self, seed: int, ordinal: int) -> NDArray[np.int64]:
        """Return the stays of one service day (05:00 to 05:00 local): rows of arrival and departure, in order.

        Seconds since 1970. Stays last at least a minute and never overlap.
        """
        opening, closing = local_hour_s(ordinal, SWEEPER_HOUR), local_hour_s(ordinal + 1, SWEEPER_HOUR)
        draw = draws(seed, self.sensor.external_id, "sessions", ordinal)
        busiest = self.demand * _WORKDAY_RATE.max() * _WEEKDAY_GAIN.max()
        knocks = np.sort(draw.integers(opening, closing, draw.poisson(busiest * (closing - opening) / HOUR_S)))
        local = LocalTimes.at(knocks)
        # Thinning (Lewis & Shedler 1979): each knock is kept with the ratio of its rate to the busiest one.
        kept = draw.random(len(knocks)) * busiest < self.demand * _rate(local)
        night = (local.hours >= 20) | (local.hours < 6)
        medians = np.where(night, 45.0, self.stay_minutes) * 60
        stays_s = np.maximum(medians * draw.lognormal(0.0, 0.8, len(knocks)), SHORTEST_STAY_S).astype(np.int64)
        sessions: list[tuple[int, int]] = []
        free_from = opening
        for arrival, stay_s in zip(knocks[kept].tolist(), stays_s[kept].tolist(), strict=True):
            departure = min(arrival + stay_s, closing - SHORTEST_FREE_S)
            if arrival >= free_from and departure - arrival >= SHORTEST_STAY_S:
                sessions.append((arrival, departure))
                free_from = departure + SHORTEST_FREE_S
        return np.array(sessions, dtype=np.int64).reshape(-1, 2)


def _rate(local: LocalTimes) -> NDArray[np.float64]:
    quiet = (local.weekdays == 6) | local.days_off()
    hour = local.hours.astype(np.int64)
    rate: NDArray[np.float64] = np.where(quiet, _SUNDAY_RATE[hour], _WORKDAY_RATE[hour])
    return rate * np.where(quiet, 1.0, _WEEKDAY_GAIN[local.weekdays])
