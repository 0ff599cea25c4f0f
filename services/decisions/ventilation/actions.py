"""A room's plan as actions: runs of one fan level, and airings of ten minutes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from core.clock import Window
from core.decisions import Action
from services.decisions.ventilation.equipment import AIRING_S
from services.decisions.ventilation.room_plan import RoomPlan
from services.decisions.ventilation.situation import STEP

UNIT = "m³/h"


def actions_of(plan: RoomPlan, window: Window) -> Iterator[Action]:
    """Yield what is to be done in a room, in order: first the fan's runs, then the airings."""
    named = {"name": plan.room.name}
    if len(plan.room.levels_m3_h) > 1:
        quarters = enumerate(choice.level_m3_h for choice in plan.proposed.choices)
        for level, run in groupby(quarters, key=lambda pair: pair[1]):
            places = [place for place, _ in run]
            held = Window(window.start + places[0] * STEP, window.start + (places[-1] + 1) * STEP)
            yield Action(plan.room.code, "airflow", held, level, UNIT, named)
    for place, choice in enumerate(plan.proposed.choices):
        if choice.airs:
            start = window.start + place * STEP
            opened = Window(start, start + timedelta(seconds=AIRING_S))
            yield Action(plan.room.code, "airing", opened, plan.room.airing_m3_h, UNIT, named)
