"""What the page draws of the bays: state and chances, use by hour of the week, lengths of stays, scores, rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from core.clock import format_instant
from services.decisions.bays.availability import LEADS_MIN, Availability, Source
from services.decisions.bays.local import HOUR_S, instant_of, local_days
from services.decisions.bays.look import Looked
from services.decisions.bays.study import BayStudy, CommuneStudy
from services.decisions.bays.usage import DWELL_EDGES_MIN, STAYS_PUBLISHED_MIN, WeekUse, arrivals_between

HEAT_BAYS_MAX = 24
"""Bays that have a heat map of their own; beyond it only all of them together are drawn."""
DAY_HOUR = 6


def picture(found: CommuneStudy, looked: Looked | None) -> dict[str, Any]:
    """Return the picture as JSON."""
    drawn = [one for one in found.bays if len(found.bays) <= HEAT_BAYS_MAX or (looked and one is looked.study)]
    return {
        "at": format_instant(found.at),
        "days": found.days,
        "bays": [_row(one) for one in found.bays],
        "stays_today": _stays_today(found),
        "dwell_edges_min": list(DWELL_EDGES_MIN),
        "heat": {"": _heat(found.week), **{one.bay.code: _heat(one.week) for one in drawn}},
        "scores": _scores(found.availability),
        "rules": _rules(looked),
    }


def _row(one: BayStudy) -> dict[str, Any]:
    return {
        "code": one.bay.code,
        "name": one.bay.name,
        "places": one.bay.places,
        "free_places": one.free_places,
        "state": one.state.value,
        "seen_at": None if one.seen_s is None else format_instant(datetime.fromtimestamp(one.seen_s, tz=UTC)),
        "since_min": None if one.since_s is None else one.since_s // 60,
        "max_stay_min": one.bay.max_stay_min,
        "over_min": one.over_min,
        "chances": [
            {"lead_min": c.lead_min, "free_ratio": c.free_ratio, "source": c.source.value} for c in one.chances
        ],
        "stays": one.dwell.stays,
        "judged": one.dwell.judged,
        "median_min": one.dwell.median_min,
        "over_ratio": one.dwell.over_ratio,
        "over_median_min": one.dwell.over_median_min,
        "leech_ratio": one.dwell.leech_ratio,
        "histogram": list(one.dwell.histogram),
    }


def _heat(week: WeekUse) -> dict[str, Any]:
    """Return a heat map's cells, from Monday 00:00; both the share and the count are None under five stays."""
    stays = [int(count) if count >= STAYS_PUBLISHED_MIN else None for count in week.stays.tolist()]
    return {"occupied_ratio": week.published(), "stays": stays}


def _stays_today(found: CommuneStudy) -> int | None:
    """Return how many stays began since 6 in the morning, None under five and before six."""
    at_s = int(found.at.timestamp())
    day = int(local_days(np.array([at_s], dtype=np.int64))[0])
    from_s = instant_of(day, DAY_HOUR)
    if at_s < from_s + HOUR_S // 2:
        return None
    count = sum(arrivals_between(one.places, from_s, at_s + 1) for one in found.bays)
    return count if count >= STAYS_PUBLISHED_MIN else None


def _scores(availability: Availability | None) -> list[dict[str, Any]]:
    if availability is None:
        return []
    return [
        {
            "lead_min": lead_min,
            "spoken": judged.spoken.value,
            "origins": judged.origins,
            "days": judged.days,
            "brier": {source.value: judged.brier[source] for source in Source},
        }
        for lead_min, judged in ((lead_min, availability.judged[lead_min]) for lead_min in LEADS_MIN)
    ]


def _rules(looked: Looked | None) -> dict[str, Any] | None:
    if looked is None:
        return None
    rows = [
        {
            "max_stay_min": one.max_stay_min,
            "arrivals": one.arrivals,
            "over_ratio": one.over_ratio,
            "refused_ratio": one.refused_ratio,
        }
        for one in looked.replays
    ]
    bay = looked.study.bay
    return {
        "code": bay.code,
        "name": bay.name,
        "max_stay_min": bay.max_stay_min,
        "followers_ratio": looked.followers_ratio,
        "rows": rows,
    }
