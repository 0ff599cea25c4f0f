"""How a place changes hands: a two-state process with arrivals by hour of the week and departures by elapsed stay.

After Tavafoghi, Poolla and Varaiya (arXiv 1908.11479): while a place is free, vehicles arrive at the rate of the hour;
while it is taken, the chance that its vehicle leaves depends on how long it has stayed. Every bay's rates are
shrunk to those of all the commune's bays, which tell what a bay with few stays is likely to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.decisions.bays.local import HOUR_S, is_daytime, week_hours
from services.decisions.bays.situation import Seconds
from services.decisions.bays.timeline import Floats, Timeline
from services.decisions.bays.usage import WeekUse, week_use

ELAPSED_EDGES_S = np.array([0, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 360, 720, 1_440], dtype=np.float64) * 60
_PRIOR_FREE_S = 2.0 * HOUR_S
_PRIOR_RATE_S = 6.0 * HOUR_S
_PRIOR_STAY_S = 4.0 * HOUR_S
_STEPS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Behaviour:
    """What was learnt of one bay's places, per place.

    Parameters
    ----------
    free_ratio
        Share of time free per local hour of the week.
    arrivals_per_s
        While free, per local hour of the week.
    hazard
        Cumulated hazard of leaving at `ELAPSED_EDGES_S`; first row for stays begun at night, second by day.
    departures_per_s
        While taken, whatever the elapsed stay.
    """

    free_ratio: Floats
    arrivals_per_s: Floats
    hazard: Floats
    departures_per_s: float

    def profile_at(self, at_s: Seconds) -> Floats:
        """Return the usual probability that a place is free."""
        return self.free_ratio[week_hours(at_s)]

    def free_after(self, place: Timeline, at_s: Seconds, lead_s: int) -> Floats:
        """Return the probability that a place is free ``lead_s`` after each instant, from what its sensor said then.

        NaN where nothing was known at the instant.
        """
        state, elapsed_s = place.occupied_at(at_s), place.since_at(at_s)
        arrive = self.arrivals_per_s[week_hours(at_s + lead_s // 2)]
        stays = self._left_first(at_s - elapsed_s, elapsed_s, lead_s)
        rest_s = lead_s * (1 - (np.arange(_STEPS) + 0.5) / _STEPS)
        after = self._still_free(arrive[:, None], rest_s[None, :])
        taken = np.sum(stays * after, axis=1)
        free = self._still_free(arrive, np.array(float(lead_s)))
        return np.where(np.isnan(state), np.nan, np.where(state == 1, taken, free))

    def _still_free(self, arrive: Floats, length_s: Floats) -> Floats:
        both = arrive + self.departures_per_s
        settled = self.departures_per_s / both
        still: Floats = settled + (1 - settled) * np.exp(-both * length_s)
        return still

    def _left_first(self, start_s: Seconds, elapsed_s: Seconds, lead_s: int) -> Floats:
        """Return the probability that the stay ends in each of the steps of the lead time, shape (instants, steps)."""
        edges = elapsed_s[:, None] + lead_s * np.arange(_STEPS + 1)[None, :] / _STEPS
        day = is_daytime(start_s)
        hazard = np.where(day[:, None], _hazard_at(self.hazard[1], edges), _hazard_at(self.hazard[0], edges))
        alive = np.exp(-(hazard - hazard[:, :1]))
        left: Floats = alive[:, :-1] - alive[:, 1:]
        return left


def _hazard_at(cumulated: Floats, elapsed_s: Floats) -> Floats:
    """Return the cumulated hazard: straight between the edges, and as in the last part beyond them."""
    last = (cumulated[-1] - cumulated[-2]) / (ELAPSED_EDGES_S[-1] - ELAPSED_EDGES_S[-2])
    beyond = np.maximum(elapsed_s - ELAPSED_EDGES_S[-1], 0) * last
    inside: Floats = np.interp(elapsed_s, ELAPSED_EDGES_S, cumulated)
    cumulated_at: Floats = inside + beyond
    return cumulated_at


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """What is counted of a bay: its week, and departures and exposure by elapsed stay, at night and by day."""

    week: WeekUse
    departures: Floats
    exposure_s: Floats

    def __add__(self, other: _Counts) -> _Counts:
        return _Counts(self.week + other.week, self.departures + other.departures, self.exposure_s + other.exposure_s)


def learn(bays: Sequence[Sequence[Timeline]]) -> list[Behaviour]:
    """Return the behaviour of each bay, given the timelines of its places."""
    counts = [_counted(places) for places in bays]
    pooled = sum(counts[1:], counts[0])
    return [_learnt(own, pooled) for own in counts]


def _counted(places: Sequence[Timeline]) -> _Counts:
    week = WeekUse.none()
    shape = (2, len(ELAPSED_EDGES_S) - 1)
    departures, exposure_s = np.zeros(shape), np.zeros(shape)
    for place in places:
        week += week_use(place)
        stays = place.stays()
        for row, part in enumerate((stays.began & ~is_daytime(stays.start_s), stays.began & is_daytime(stays.start_s))):
            length_s = stays.length_s[part].astype(np.float64)
            inside = np.clip(length_s[:, None] - ELAPSED_EDGES_S[:-1], 0, np.diff(ELAPSED_EDGES_S))
            exposure_s[row] += inside.sum(axis=0)
            departures[row] += np.histogram(length_s[stays.ended[part]], bins=ELAPSED_EDGES_S)[0]
    return _Counts(week, departures, exposure_s)


def _learnt(own: _Counts, pooled: _Counts) -> Behaviour:
    usual_free = _ratio(_hourly(pooled.week.known_s - pooled.week.occupied_s), _hourly(pooled.week.known_s), 0.5)
    cell_free = _shrunk(pooled.week.known_s - pooled.week.occupied_s, pooled.week.known_s, usual_free, _PRIOR_FREE_S)
    usual_rate = _ratio(_hourly(pooled.week.arrivals), _hourly(pooled.week.known_s - pooled.week.occupied_s), 1e-4)
    free_s = pooled.week.known_s - pooled.week.occupied_s
    cell_rate = _shrunk(pooled.week.arrivals, free_s, usual_rate, _PRIOR_RATE_S)
    every_hazard = _ratio(pooled.departures, pooled.exposure_s, 1 / 3600)
    hazard = _shrunk(own.departures, own.exposure_s, every_hazard, _PRIOR_STAY_S)
    left, taken_s = own.departures.sum(), own.exposure_s.sum()
    every = float(pooled.departures.sum() + 1) / float(pooled.exposure_s.sum() + 3600)
    cumulated = np.concatenate([np.zeros((2, 1)), np.cumsum(hazard * np.diff(ELAPSED_EDGES_S), axis=1)], axis=1)
    return Behaviour(
        free_ratio=_shrunk(own.week.known_s - own.week.occupied_s, own.week.known_s, cell_free, _PRIOR_FREE_S),
        arrivals_per_s=_shrunk(own.week.arrivals, own.week.known_s - own.week.occupied_s, cell_rate, _PRIOR_RATE_S),
        hazard=cumulated,
        departures_per_s=float((left + every * _PRIOR_STAY_S) / (taken_s + _PRIOR_STAY_S)),
    )


def _hourly(week: Floats) -> Floats:
    """Return the sums per hour of the day, laid over the week."""
    return np.tile(week.reshape(7, 24).sum(axis=0), 7)


def _ratio(part: Floats, whole: Floats, empty: float) -> Floats:
    ratio: Floats = np.divide(part, whole, out=np.full(part.shape, empty), where=whole > 0)
    return ratio


def _shrunk(part: Floats, whole: Floats, prior: Floats, weight: float) -> Floats:
    return (part + weight * prior) / (whole + weight)
