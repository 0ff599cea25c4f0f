"""What a situation says of each bay at its instant: state, current stay, use, chances. Everything a decision needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from services.decisions.bays.availability import LEADS_MIN, Availability, Source, any_free, fit
from services.decisions.bays.policy import Bay, BayPolicy
from services.decisions.bays.situation import BaySituation, PlaceRuns
from services.decisions.bays.timeline import Stays, Timeline, raw_timeline, timeline
from services.decisions.bays.usage import Dwell, WeekUse, dwell, judged_s, week_use, whole_days


class BayState(StrEnum):
    """A bay as a driver meets it."""

    FREE = "free"
    FULL = "full"
    UNKNOWN = "unknown"
    """A place's sensor is silent, and no other place is free."""


@dataclass(frozen=True, slots=True)
class Chance:
    """P(a place free) after a lead time, and which source said it."""

    lead_min: int
    free_ratio: float
    source: Source


@dataclass(frozen=True, slots=True, eq=False)
class BayStudy:
    """One bay now, and how it is used.

    Parameters
    ----------
    seen_s
        When its least heard place was last heard of, None for never.
    since_s
        How long the longest current stay, or the emptiness, has lasted; None where unknown.
    over_min
        By how much the longest current stay exceeds the rule, 0 while it keeps it.
    chances
        Empty where the bay is unknown or history is too short.
    """

    bay: Bay
    state: BayState
    free_places: int
    seen_s: int | None
    since_s: int | None
    over_min: int
    chances: tuple[Chance, ...]
    week: WeekUse
    dwell: Dwell
    places: Sequence[Timeline]


@dataclass(frozen=True, slots=True, eq=False)
class CommuneStudy:
    """All bays of a commune at an instant; ``availability`` is None with too short a history."""

    at: datetime
    days: int
    bays: Sequence[BayStudy]
    availability: Availability | None

    @property
    def week(self) -> WeekUse:
        """Use of all bays together."""
        return sum((study.week for study in self.bays), WeekUse.none())


def study(situation: BaySituation, policy: BayPolicy) -> CommuneStudy:
    """Study every bay of the policy."""
    at_s = int(situation.at.timestamp())
    runs = [[situation.places.get(name, PlaceRuns()) for name in bay.sensors] for bay in policy.bays]
    raws = [[raw_timeline(one, policy.silence_s, at_s) for one in places] for places in runs]
    availability = fit(raws) if raws else None
    studies = [
        _studied(bay, index, (runs[index], raws[index]), availability, at_s) for index, bay in enumerate(policy.bays)
    ]
    days = max((whole_days(places) for places in raws), default=0)
    return CommuneStudy(situation.at, days, studies, availability)


def _studied(
    bay: Bay,
    index: int,
    read: tuple[Sequence[PlaceRuns], Sequence[Timeline]],
    availability: Availability | None,
    at_s: int,
) -> BayStudy:
    runs, raws = read
    places = [timeline(raw) for raw in raws]
    now_s = np.array([at_s], dtype=np.int64)
    states = np.stack([raw.occupied_at(now_s) for raw in raws])
    free = float(any_free(states)[0])
    state = BayState.UNKNOWN if np.isnan(free) else BayState.FREE if free else BayState.FULL
    lasted = [int(raw.since_at(now_s)[0]) for raw, one in zip(raws, states[:, 0], strict=True) if one == 1 - free]
    heard = [one.newest_s for one in runs]
    return BayStudy(
        bay=bay,
        state=state,
        free_places=int((states == 0).sum()),
        seen_s=None if None in heard else min(one for one in heard if one is not None),
        since_s=max(lasted, default=None),
        over_min=_over_min(bay, raws, at_s),
        chances=_chances(availability, index, raws, at_s) if state is not BayState.UNKNOWN else (),
        week=sum((week_use(place) for place in places), WeekUse.none()),
        dwell=dwell(bay, places),
        places=places,
    )


def _over_min(bay: Bay, raws: Sequence[Timeline], at_s: int) -> int:
    now_s = np.array([at_s], dtype=np.int64)
    starts = [at_s - int(raw.since_at(now_s)[0]) for raw in raws if raw.occupied_at(now_s)[0] == 1]
    if not starts:
        return 0
    start_s = np.array(starts, dtype=np.int64)
    open_ends = np.zeros(len(starts), dtype=np.bool_)
    stood_s = judged_s(bay, Stays(start_s, np.full(len(starts), at_s, dtype=np.int64), ~open_ends, open_ends))
    return max(int(stood_s.max()) // 60 - bay.max_stay_min, 0)


def _chances(availability: Availability | None, index: int, raws: Sequence[Timeline], at_s: int) -> tuple[Chance, ...]:
    if availability is None:
        return ()
    now_s = np.array([at_s], dtype=np.int64)
    chances = []
    for lead_min in LEADS_MIN:
        source = availability.judged[lead_min].spoken
        said = float(availability.chances(index, raws, now_s, lead_min)[source][0])
        # A place that is free beside a silent one is known only by what the profile says of the whole.
        if np.isnan(said):
            return ()
        chances.append(Chance(lead_min, round(said, 3), source))
    return tuple(chances)
