"""What the Air page draws: each room's CO2 with and without the plan, what it needs, what is proposed; outdoor air."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.clock import format_instant
from services.decisions.ventilation.outdoor import advice
from services.decisions.ventilation.reasons import Story, first_extra, is_beyond
from services.decisions.ventilation.room_plan import QUANTILES, RoomPlan, Variant
from services.decisions.ventilation.situation import STEP
from services.decisions.ventilation.zone import Floats

_NAMES = tuple(f"p{round(100 * quantile)}" for quantile in QUANTILES)


def picture_of(story: Story) -> dict[str, Any]:
    """Return the picture, JSON; rooms by expected need, the worst first."""
    plans = sorted(story.plans, key=lambda plan: (-_need(plan), plan.room.name))
    return {
        "unanswered": {"key": "unanswered", "values": {}},
        "start": format_instant(story.window.start),
        "step_s": int(STEP.total_seconds()),
        "rooms": [_room(story, plan) for plan in plans],
        "unknown": [{"code": room.code, "name": room.name} for room in story.unknown],
        "outdoor": {
            "advice": [word.value for word in advice(story.situation)],
            **{state.metric: list(state.values) for state in story.situation.outdoor},
        },
    }


def _need(plan: RoomPlan) -> float:
    """Return how far a room would go over its limit unplanned, ppm; a design footing comes first."""
    if not plan.idle.paths:
        return float("inf") if any(plan.occupied) else 0.0
    peaks = np.where(plan.occupied, plan.idle.paths[-1].peaks_ppm - plan.room.limit_ppm, -plan.room.limit_ppm)
    return float(peaks.max())


def _room(story: Story, plan: RoomPlan) -> dict[str, Any]:
    room, state = plan.room, story.state(plan)
    first = first_extra(plan)
    return {
        "code": room.code,
        "name": room.name,
        "sensor": room.sensor,
        "series_id": state.series_id,
        "footing": plan.footing.value,
        "limit_ppm": room.limit_ppm,
        "trend": [[format_instant(at), ppm] for at, ppm in state.co2],
        "occupied": [bool(one) for one in plan.occupied],
        "needed_m3_h": list(plan.needed_m3_h),
        "levels_m3_h": list(room.levels_m3_h),
        "level_m3_h": [choice.level_m3_h for choice in plan.proposed.choices],
        "usual_m3_h": [choice.level_m3_h for choice in plan.idle.choices],
        "airs": [choice.airs for choice in plan.proposed.choices],
        "can_air": room.airing_m3_h > 0,
        "first_at": None if first is None else story.at(first),
        "beyond": is_beyond(plan),
        "above": bool(plan.over_at_first().any()),
        "without": _variant(plan, plan.idle),
        "with": _variant(plan, plan.proposed),
    }


def _variant(plan: RoomPlan, variant: Variant) -> dict[str, Any] | None:
    """Return CO2 along one way by quantile, its highest while somebody is in, and the hours over the limit."""
    if not variant.paths:
        return None
    return {
        **{name: _whole(path.ppm) for name, path in zip(_NAMES, variant.paths, strict=True)},
        "peak": {
            name: round(float(path.peaks_ppm[plan.occupied].max())) if plan.occupied.any() else None
            for name, path in zip(_NAMES, variant.paths, strict=True)
        },
        "over_limit_h": {name: 0.25 * int(plan.over_limit(variant, place).sum()) for place, name in enumerate(_NAMES)},
    }


def _whole(ppm: Floats) -> list[int]:
    return [round(value) for value in ppm.tolist()]
