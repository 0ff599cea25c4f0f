"""P(a place free) in 5, 15, 30 and 60 minutes: calibrated, judged on days it had not seen, silent where it loses.

The days are cut in three. On the first half habits are learnt (`behaviour`); on the next quarter a logistic
regression and an isotonic one, on alternate days, turn the two-state probability, the usual one and the state into a
calibrated one; on the last quarter it is judged by Brier score beside two yardsticks: the profile of the hour of
the week, and persistence (how often a bay seen free, or full, was free after that lead time). The one with the
lowest score speaks, for each lead time on its own. Then habits are learnt again from all days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from services.decisions.bays.behaviour import Behaviour, learn
from services.decisions.bays.local import instant_of, local_days
from services.decisions.bays.situation import Seconds
from services.decisions.bays.timeline import Floats, Timeline, timeline

LEADS_MIN = (5, 15, 30, 60)
DAYS_MIN = 8
ORIGIN_S = 600
ORIGINS_MAX = 60_000
SEED = 20_260_101
_NEVER_SURE = 0.005
"""No probability closer to 0 or 1 than this is said: a few weeks cannot carry more."""


class Source(StrEnum):
    """Who speaks for a lead time."""

    MODEL = "model"
    PROFILE = "profile"
    PERSISTENCE = "persistence"


@dataclass(frozen=True, slots=True)
class Judged:
    """Brier scores of one lead time on the held-out days: mean squared error of the probability, lower is better."""

    lead_min: int
    origins: int
    days: int
    brier: Mapping[Source, float]

    @property
    def spoken(self) -> Source:
        """The source with the lowest score: a yardstick wins a tie."""
        return min((Source.PROFILE, Source.PERSISTENCE, Source.MODEL), key=lambda source: self.brier[source])


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """One lead time's calibrated model and persistence: ``kept`` is P(free) after having been full, and free."""

    weights: Floats
    offset: float
    steps: tuple[Floats, Floats]
    kept: Floats

    def apply(self, seen: Seen) -> dict[Source, Floats]:
        """Return every source's probability; NaN where the bay was not known, except for the profile."""
        score = _logistic(seen.features() @ self.weights + self.offset)
        calibrated = np.interp(score, *self.steps)
        known = ~np.isnan(seen.free)
        kept = self.kept[np.where(known, seen.free, 0).astype(np.int64)]
        return {
            Source.MODEL: np.where(known, _held(calibrated), np.nan),
            Source.PROFILE: _held(seen.profile),
            Source.PERSISTENCE: np.where(known, _held(kept), np.nan),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What can be said of bays at some instants for one lead time.

    ``free`` is 1 or 0 whether a place was free then, NaN unknown; ``two_state`` and ``profile`` are probabilities.
    """

    free: Floats
    two_state: Floats
    profile: Floats

    def features(self) -> Floats:
        """Return the inputs of the logistic regression, 0 where the bay was not known."""
        columns = np.stack([_logit(self.two_state), _logit(self.profile), self.free], axis=1)
        return np.nan_to_num(columns)

    def at(self, chosen: NDArray[np.bool_]) -> Seen:
        """Return those of the chosen instants."""
        return Seen(self.free[chosen], self.two_state[chosen], self.profile[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Availability:
    """The models of all bays: behaviours in the bays' order, a calibration and its score for each lead time."""

    behaviours: Sequence[Behaviour]
    calibrations: Mapping[int, Calibration]
    judged: Mapping[int, Judged]

    def chances(self, bay: int, places: Sequence[Timeline], at_s: Seconds, lead_min: int) -> dict[Source, Floats]:
        """Return every source's P(a place free) of one bay, ``lead_min`` after each instant.

        Parameters
        ----------
        places
            Raw timelines: what the sensors said.
        """
        return self.calibrations[lead_min].apply(seen_at(self.behaviours[bay], places, at_s, lead_min))


def seen_at(behaviour: Behaviour, places: Sequence[Timeline], at_s: Seconds, lead_min: int) -> Seen:
    """Return what is known of a bay at some instants; its places are taken to change hands independently."""
    lead_s = lead_min * 60
    full, states = np.ones(len(at_s)), np.zeros((len(places), len(at_s)))
    for row, place in enumerate(places):
        full *= 1 - behaviour.free_after(place, at_s, lead_s)
        states[row] = place.occupied_at(at_s)
    profile = 1 - (1 - behaviour.profile_at(at_s + lead_s)) ** len(places)
    return Seen(any_free(states), 1 - full, profile)


def any_free(states: Floats) -> Floats:
    """Return 1 where a place is free, 0 where all are taken, NaN where that is not known; states (places, instants)."""
    free = (states == 0).any(axis=0)
    unknown = np.isnan(states).any(axis=0) & ~free
    return np.where(unknown, np.nan, free.astype(np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class _Origins:
    """Instants to learn from: for each bay, on a ten-minute grid, thinned to `ORIGINS_MAX` in all."""

    instants: Sequence[Seconds]
    days: NDArray[np.int64]


def fit(bays: Sequence[Sequence[Timeline]]) -> Availability | None:
    """Fit the models of all bays of a commune, or return None with under eight local days of history.

    Parameters
    ----------
    bays
        For each bay the raw timelines of its places.
    """
    days = _days_known(bays)
    if len(days) < DAYS_MIN:
        return None
    tuned_from, judged_from = days[len(days) // 2], days[len(days) * 3 // 4]
    learnt = learn([[timeline(place.until(instant_of(tuned_from, 0))) for place in places] for places in bays])
    truths = [[timeline(place) for place in places] for places in bays]
    origins = _origins(bays, instant_of(tuned_from, 0))
    tuning, judging = origins.days < judged_from, origins.days >= judged_from
    calibrations, judged = {}, {}
    for lead_min in LEADS_MIN:
        seen, truth = _gathered(learnt, bays, truths, origins, lead_min)
        usable = ~np.isnan(truth) & ~np.isnan(seen.free) & ~np.isnan(seen.two_state)
        calibrations[lead_min] = _calibrated(seen, truth, usable & tuning, origins.days)
        judged[lead_min] = _judged(calibrations[lead_min], seen, truth, (usable & judging, origins.days, lead_min))
    return Availability(learn(truths), calibrations, judged)


def _days_known(bays: Sequence[Sequence[Timeline]]) -> list[int]:
    """Return the local days from the first to the last reading of any bay, the first, which is cut, left out."""
    starts = [int(place.start_s[0]) for places in bays for place in places if len(place.start_s)]
    ends = [int(place.end_s[-1]) for places in bays for place in places if len(place.end_s)]
    if not starts:
        return []
    first, last = local_days(np.array([min(starts), max(ends)], dtype=np.int64)).tolist()
    return list(range(first + 1, last + 1))


def _origins(bays: Sequence[Sequence[Timeline]], from_s: int) -> _Origins:
    until_s = max(int(place.end_s[-1]) for places in bays for place in places if len(place.end_s))
    grid = np.arange(from_s, until_s, ORIGIN_S, dtype=np.int64)
    each = max(ORIGINS_MAX // len(bays), 8)
    draw = np.random.default_rng(SEED)
    instants = [
        grid if len(grid) <= each else np.sort(draw.choice(grid, each, replace=False)) for _ in range(len(bays))
    ]
    return _Origins(instants, local_days(np.concatenate(instants)))


def _gathered(
    learnt: Sequence[Behaviour],
    bays: Sequence[Sequence[Timeline]],
    truths: Sequence[Sequence[Timeline]],
    origins: _Origins,
    lead_min: int,
) -> tuple[Seen, Floats]:
    """Return what was known of every bay at its origins, and whether a place then was free after the lead time."""
    seen, truth = [], []
    for behaviour, places, true_places, at_s in zip(learnt, bays, truths, origins.instants, strict=True):
        seen.append(seen_at(behaviour, places, at_s, lead_min))
        truth.append(any_free(np.stack([place.occupied_at(at_s + lead_min * 60) for place in true_places])))
    columns = [np.concatenate([getattr(one, name) for one in seen]) for name in ("free", "two_state", "profile")]
    return Seen(*columns), np.concatenate(truth)


def _calibrated(seen: Seen, truth: Floats, usable: NDArray[np.bool_], days: NDArray[np.int64]) -> Calibration:
    even, odd = usable & (days % 2 == 0), usable & (days % 2 == 1)
    kept = np.array(
        [
            (truth[usable & (seen.free == state)].sum() + 1) / ((usable & (seen.free == state)).sum() + 2)
            for state in (0, 1)
        ]
    )
    identity = (np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    if len(np.unique(truth[even])) < 2 or len(np.unique(truth[odd])) < 2:
        return Calibration(np.array([1.0, 0.0, 0.0]), 0.0, identity, kept)
    regression = LogisticRegression().fit(seen.at(even).features(), truth[even])
    weights, offset = regression.coef_[0], float(regression.intercept_[0])
    score = _logistic(seen.at(odd).features() @ weights + offset)
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(score, truth[odd])
    # Half of the isotonic steps and half of the logistic curve: steps alone follow the few odd days too closely.
    softened = (isotonic.y_thresholds_ + isotonic.X_thresholds_) / 2
    return Calibration(weights, offset, (isotonic.X_thresholds_, softened), kept)


def _judged(
    calibration: Calibration, seen: Seen, truth: Floats, held_out: tuple[NDArray[np.bool_], NDArray[np.int64], int]
) -> Judged:
    chosen, days, lead_min = held_out
    spoken = calibration.apply(seen.at(chosen))
    if not chosen.any():
        return Judged(lead_min, 0, 0, dict.fromkeys(Source, 0.25))
    brier = {source: round(float(np.mean((p - truth[chosen]) ** 2)), 5) for source, p in spoken.items()}
    return Judged(lead_min, int(chosen.sum()), len(np.unique(days[chosen])), brier)


def _logit(p: Floats) -> Floats:
    held = np.clip(p, _NEVER_SURE, 1 - _NEVER_SURE)
    return np.log(held / (1 - held))


def _logistic(score: Floats) -> Floats:
    return 1 / (1 + np.exp(-score))


def _held(p: Floats) -> Floats:
    return np.clip(p, _NEVER_SURE, 1 - _NEVER_SURE)
