"""Past stays replayed under another longest stay: who would have found a place, who would have overstayed.

A bay's sensor sees no vehicle that found it full and went on. Those are drawn: while the bay was full, at the rate
at which vehicles arrived when it was free at that hour of the week, with a stay drawn from the bay's own. The draws are
seeded and the same for every rule, so that rules differ only by the rule. Drivers who keep the present rule follow a
shorter one with the policy's share; those who overstay today go on overstaying; a longer rule changes no stay.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.decisions.bays.behaviour import Behaviour
from services.decisions.bays.local import DAY_S, is_daytime, week_hours
from services.decisions.bays.policy import Bay
from services.decisions.bays.situation import Seconds
from services.decisions.bays.timeline import Floats, Stays, Timeline
from services.decisions.bays.usage import judged_s

RULES_MIN = (15, 20, 30, 45, 60)
DAYS_MAX = 28
STEP_S = 60
SEED = 20_260_102


@dataclass(frozen=True, slots=True)
class RuleReplay:
    """What a longest stay would have given.

    Parameters
    ----------
    arrivals
        Vehicles that wanted the bay while its rule held: seen ones and drawn ones.
    over_ratio
        Share of the stays beyond this rule.
    refused_ratio
        Share of arrivals that found no place.
    """

    max_stay_min: int
    arrivals: int
    over_ratio: float
    refused_ratio: float


@dataclass(frozen=True, slots=True, eq=False)
class _Demand:
    """Vehicles that want a bay, in order: when, for how long, which part of it is judged, and who follows rules."""

    start_s: Seconds
    length_s: Seconds
    judged_s: Seconds
    follows: NDArray[np.bool_]


def replay(bay: Bay, places: Sequence[Timeline], behaviour: Behaviour, followers_ratio: float) -> list[RuleReplay]:
    """Return what each rule of `RULES_MIN`, and the bay's own, would have given over the last four weeks."""
    demand = _demand(bay, places, behaviour, followers_ratio)
    rules = sorted({*RULES_MIN, bay.max_stay_min})
    return [_replayed(bay, demand, rule_min) for rule_min in rules] if len(demand.start_s) else []


def _replayed(bay: Bay, demand: _Demand, rule_min: int) -> RuleReplay:
    limit_s = rule_min * 60
    kept_today = demand.judged_s <= bay.max_stay_min * 60
    shortened = demand.follows & kept_today & (demand.judged_s > limit_s)
    cut_s = np.where(shortened, demand.judged_s - limit_s, 0)
    length_s, judged = demand.length_s - cut_s, demand.judged_s - cut_s
    found = _queued(demand.start_s, length_s, bay.places)
    counted = demand.judged_s > 0
    stayed = found & counted
    return RuleReplay(
        rule_min,
        int(counted.sum()),
        round(float((judged[stayed] > limit_s).mean()) if stayed.any() else 0.0, 4),
        round(float(1 - found[counted].mean()) if counted.any() else 0.0, 4),
    )


def _queued(start_s: Seconds, length_s: Seconds, places: int) -> NDArray[np.bool_]:
    """Return which vehicles find one of so many places; a vehicle that finds none goes on."""
    leaving: list[int] = []
    found = np.zeros(len(start_s), dtype=np.bool_)
    for place, (start, length) in enumerate(zip(start_s.tolist(), length_s.tolist(), strict=True)):
        while leaving and leaving[0] <= start:
            heapq.heappop(leaving)
        if len(leaving) < places:
            heapq.heappush(leaving, start + length)
            found[place] = True
    return found


def _demand(bay: Bay, places: Sequence[Timeline], behaviour: Behaviour, followers_ratio: float) -> _Demand:
    until_s = max((int(place.end_s[-1]) for place in places if len(place.end_s)), default=0)
    from_s = until_s - DAYS_MAX * DAY_S
    stays = [place.stays() for place in places]
    chosen = [part.complete & (part.start_s >= from_s) for part in stays]
    seen_s = np.concatenate([part.start_s[kept] for part, kept in zip(stays, chosen, strict=True)])
    lengths_s = np.concatenate([part.length_s[kept] for part, kept in zip(stays, chosen, strict=True)])
    draw = np.random.default_rng([SEED, zlib.crc32(bay.code.encode())])
    unseen_s = _unseen(places, behaviour, np.arange(from_s, until_s, STEP_S, dtype=np.int64), draw)
    start_s = np.concatenate([seen_s, unseen_s])
    length_s = np.concatenate([lengths_s, _drawn_lengths(unseen_s, seen_s, lengths_s, draw)])
    order = np.argsort(start_s, kind="stable")
    start_s, length_s = start_s[order], length_s[order]
    ends = np.ones(len(start_s), dtype=np.bool_)
    judged = judged_s(bay, Stays(start_s, start_s + length_s, ends, ends))
    return _Demand(start_s, length_s, judged, draw.random(len(start_s)) < followers_ratio)


def _unseen(places: Sequence[Timeline], behaviour: Behaviour, grid_s: Seconds, draw: np.random.Generator) -> Seconds:
    """Return when vehicles came while every place was taken, drawn."""
    states: Floats = np.stack([place.occupied_at(grid_s) for place in places])
    free = (states == 0).sum(axis=0)
    full = (states == 1).all(axis=0)
    # Rates are per free place; a bay with room had so many of them free on average.
    per_bay = float(free[free > 0].mean()) if (free > 0).any() else 1.0
    chance = behaviour.arrivals_per_s[week_hours(grid_s)] * per_bay * STEP_S
    came: Seconds = grid_s[full & (draw.random(len(grid_s)) < chance)]
    return came


def _drawn_lengths(at_s: Seconds, seen_s: Seconds, lengths_s: Seconds, draw: np.random.Generator) -> Seconds:
    """Return a stay for each instant, drawn from those seen in the same part of the day."""
    drawn = np.zeros(len(at_s), dtype=np.int64)
    for day in (False, True):
        wanted = is_daytime(at_s) == day
        known = lengths_s[is_daytime(seen_s) == day]
        known = known if len(known) else lengths_s
        if wanted.any() and len(known):
            drawn[wanted] = draw.choice(known, int(wanted.sum()))
    return drawn
