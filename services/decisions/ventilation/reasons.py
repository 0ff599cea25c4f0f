"""The plan in sentences: keys of ``decision.ventilation`` in the words, with their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.clock import Window, format_instant
from core.decisions import Phrase, Value
from services.decisions.ventilation.equipment import Choice
from services.decisions.ventilation.figures import Way, figures_of
from services.decisions.ventilation.outdoor import Advice, advice
from services.decisions.ventilation.policy import Room
from services.decisions.ventilation.room_plan import QUANTILES, Footing, RoomPlan
from services.decisions.ventilation.situation import STEP, RoomState, Situation
from services.decisions.ventilation.zone import Floats

ROOMS_TOLD_MAX = 3
_P50, _P90 = QUANTILES.index(0.5), QUANTILES.index(0.9)


@dataclass(frozen=True, slots=True)
class Story:
    """What the sentences are about: the plans of the rooms that have one, and the rooms that have none."""

    situation: Situation
    window: Window
    plans: tuple[RoomPlan, ...]
    unknown: tuple[Room, ...]
    colder_k: Floats | None

    def state(self, plan: RoomPlan) -> RoomState:
        """Return what is known of a plan's room."""
        return next(state for state in self.situation.rooms if state.code == plan.room.code)

    def at(self, quarter: int) -> str:
        """Return when a quarter of the window starts, as JSON writes instants."""
        return format_instant(self.window.start + quarter * STEP)


def first_extra(plan: RoomPlan) -> int | None:
    """Return the first quarter in which more is proposed than usual, None where nothing is."""
    pairs = zip(plan.proposed.choices, plan.idle.choices, strict=True)
    return next((place for place, (proposed, idle) in enumerate(pairs) if _moves_more(proposed, idle)), None)


def _moves_more(proposed: Choice, idle: Choice) -> bool:
    return proposed.airs or proposed.level_m3_h > idle.level_m3_h


def headline_of(story: Story) -> Phrase:
    """Return the plan in one sentence."""
    until = format_instant(story.window.end)
    if not story.plans:
        return Phrase("nothing_known", {"n": len(story.unknown)})
    needing = sorted(
        ((first, plan.room.name) for plan in story.plans if (first := first_extra(plan)) is not None),
        key=lambda pair: pair[0],
    )
    beyond = sum(is_beyond(plan) for plan in story.plans)
    if not needing:
        return Phrase("beyond" if beyond else "holds", {"n": beyond or len(story.plans), "until": until})
    first, room = needing[0]
    values: Mapping[str, Value] = {"n": len(needing), "until": until, "room": room, "at": story.at(first)}
    return Phrase("needs_beyond", {**values, "beyond": beyond}) if beyond else Phrase("needs", values)


def is_beyond(plan: RoomPlan) -> bool:
    """Whether the limit is passed again even with all that the room can do, at the 90 % quantile."""
    return bool(plan.over_to_the_end().any())


def reasons_of(story: Story) -> tuple[Phrase, ...]:
    """Return why, the weightiest first."""
    if not story.plans:
        return tuple(_unknown(story))
    return (
        *_above_now(story),
        *_beyond(story),
        *_footings(story),
        *_peaks(story),
        *_source(story),
        *_outdoor(story),
        _heat(story),
    )


def _unknown(story: Story) -> Iterator[Phrase]:
    for room in story.unknown[:ROOMS_TOLD_MAX]:
        yield Phrase("room_unknown", {"room": room.name})
    yield from _rest(len(story.unknown))


def _rest(count: int) -> Iterator[Phrase]:
    if count > ROOMS_TOLD_MAX:
        yield Phrase("more_rooms", {"n": count - ROOMS_TOLD_MAX})


def _beyond(story: Story) -> Iterator[Phrase]:
    plans = [plan for plan in story.plans if is_beyond(plan)]
    for plan in plans[:ROOMS_TOLD_MAX]:
        over = np.flatnonzero(plan.over_to_the_end())
        peak = float(plan.proposed.paths[_P90].peaks_ppm[over].max())
        yield Phrase(
            "room_beyond",
            {
                "room": plan.room.name,
                "limit_ppm": plan.room.limit_ppm,
                "from": story.at(int(over[0])),
                "until": story.at(int(over[-1]) + 1),
                "peak_ppm": round(peak),
                "needed_m3h": round(max(plan.needed_m3_h[place] for place in over)),
            },
        )
    yield from _rest(len(plans))


def _above_now(story: Story) -> Iterator[Phrase]:
    plans = [plan for plan in story.plans if plan.over_at_first().any()]
    for plan in plans[:ROOMS_TOLD_MAX]:
        last = int(np.flatnonzero(plan.over_at_first())[-1])
        yield Phrase(
            "room_above_now",
            {
                "room": plan.room.name,
                "ppm": round(plan.start_ppm),
                "limit_ppm": plan.room.limit_ppm,
                "until": story.at(last + 1),
            },
        )
    yield from _rest(len(plans))


def _footings(story: Story) -> Iterator[Phrase]:
    yield from _unknown(story)
    stale = [plan for plan in story.plans if plan.footing is Footing.STALE]
    for plan in stale[:ROOMS_TOLD_MAX]:
        seen = story.state(plan).co2
        values: Mapping[str, Value] = {"room": plan.room.name, "design_m3h": round(max(plan.needed_m3_h))}
        yield (
            Phrase("room_stale_since", {**values, "at": format_instant(seen[-1][0])})
            if seen
            else Phrase("room_stale", values)
        )
    yield from _rest(len(stale))
    new = [plan for plan in story.plans if plan.footing is Footing.NEW]
    for plan in new[:ROOMS_TOLD_MAX]:
        yield Phrase("room_new", {"room": plan.room.name, "design_m3h": round(max(plan.needed_m3_h))})
    yield from _rest(len(new))
    few = [plan for plan in story.plans if plan.footing is Footing.FEW_DAYS]
    if few:
        yield Phrase("few_days", {"n": min(story.state(plan).days for plan in few)})


def _peaks(story: Story) -> Iterator[Phrase]:
    def idle_peak(plan: RoomPlan) -> float:
        return float(np.where(plan.occupied, plan.idle.paths[_P90].peaks_ppm, 0.0).max()) - plan.room.limit_ppm

    plans = [plan for plan in story.plans if plan.is_forecast and plan.over_limit(plan.idle, _P90).any()]
    for plan in sorted(plans, key=idle_peak, reverse=True)[:ROOMS_TOLD_MAX]:
        idle = np.where(plan.occupied, plan.idle.paths[_P90].peaks_ppm, 0.0)
        place = int(np.argmax(idle))
        yield Phrase(
            "room_peak",
            {
                "room": plan.room.name,
                "at": story.at(place),
                "p50_ppm": round(float(plan.idle.paths[_P50].peaks_ppm[place])),
                "p90_ppm": round(float(idle[place])),
                "planned_ppm": round(float(plan.proposed.paths[_P90].peaks_ppm[place])),
                "limit_ppm": plan.room.limit_ppm,
            },
        )


def _source(story: Story) -> Iterator[Phrase]:
    plans = [plan for plan in story.plans if plan.is_forecast]
    if plans:
        yield Phrase("source", {"n": min(story.state(plan).days for plan in plans)})
        yield Phrase("habit")


def _outdoor(story: Story) -> Iterator[Phrase]:
    words = advice(story.situation)
    if set(words) == {Advice.UNKNOWN}:
        yield Phrase("outdoor_unknown")
        return
    highest = {name: _highest(story, metric) for name, metric in (("no2", "no2_ugm3"), ("pm25", "pm25_ugm3"))}
    poor = [place for place, word in enumerate(words) if word is Advice.NO] or [
        place for place, word in enumerate(words) if word is Advice.SHORT
    ]
    told = {name: value for name, value in highest.items() if value is not None}
    one = next(iter(told)) if len(told) == 1 else "both"
    if not poor:
        yield Phrase(f"outdoor_good_{one}", told)
        return
    kind = "bad" if words[poor[0]] is Advice.NO else "short"
    yield Phrase(f"outdoor_{kind}_{one}", {**told, "from": story.at(poor[0]), "until": story.at(poor[-1] + 1)})


def _highest(story: Story, metric: str) -> float | None:
    known = [value for value in story.situation.outdoor_values(metric) if value is not None]
    return max(known) if known else None


def _heat(story: Story) -> Phrase:
    if story.colder_k is None:
        return Phrase("heat_unknown")

    def heat(way: Way) -> float:
        return figures_of(story.plans, way, story.colder_k)["heat_kwh"]

    return Phrase("heat", {"heat_kwh": heat("proposed"), "more_kwh": round(heat("proposed") - heat("idle"), 2)})


def last_seen(state: RoomState) -> datetime | None:
    """Return when a room was last observed within the last hours."""
    return state.co2[-1][0] if state.co2 else None
