"""What a plan brings and costs, and its alternatives in the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from services.decisions.ventilation.equipment import moved_m3
from services.decisions.ventilation.room_plan import QUANTILES, RoomPlan
from services.decisions.ventilation.zone import Floats

Way = Literal["idle", "proposed", "full"]
_P50, _P90 = QUANTILES.index(0.5), QUANTILES.index(0.9)


def figures_of(plans: Sequence[RoomPlan], way: Way, colder_k: Floats | None) -> dict[str, float]:
    """Return the figures of one way through the window, over all rooms.

    ``over_limit_*_h`` count quarters in which somebody is in and the limit is passed; ``excess_p90_ppmh`` is the area
    above the limit; rooms on a design footing count in neither. ``heat_kwh`` is absent where outdoor temperature is
    not known.
    """
    ways = [(plan, getattr(plan, way)) for plan in plans]
    figures = {
        "over_limit_p50_h": 0.25 * sum(int(plan.over_limit(one, _P50).sum()) for plan, one in ways),
        "over_limit_p90_h": 0.25 * sum(int(plan.over_limit(one, _P90).sum()) for plan, one in ways),
        "excess_p90_ppmh": round(
            sum(_excess_ppmh(plan, one.paths[_P90].peaks_ppm) for plan, one in ways if one.paths), 1
        ),
        "airings": float(sum(choice.airs for _, one in ways for choice in one.choices)),
        "air_m3": round(sum(moved_m3(plan.room, choice) for plan, one in ways for choice in one.choices), 1),
    }
    if colder_k is not None:
        figures["heat_kwh"] = round(sum(plan.heat(one, colder_k) for plan, one in ways), 2)
    return figures


def _excess_ppmh(plan: RoomPlan, peaks_ppm: Floats) -> float:
    return 0.25 * float(np.where(plan.occupied, np.maximum(0.0, peaks_ppm - plan.room.limit_ppm), 0.0).sum())
