"""The plan of one room: its forecast source, what it would do unplanned, what is proposed, what is needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from services.decisions.ventilation.equipment import (
    STEP_S,
    Choice,
    Path,
    Steps,
    choices_of,
    heat_kwh,
    march,
    moved_m3,
)
from services.decisions.ventilation.outdoor import WEIGHT, advice
from services.decisions.ventilation.policy import Room, VentilationPolicy
from services.decisions.ventilation.schedule import Task, schedule, strongest_of
from services.decisions.ventilation.situation import STEP, STEPS, RoomState, Situation, window_of
from services.decisions.ventilation.source import is_open
from services.decisions.ventilation.zone import Floats

QUANTILES = (0.1, 0.5, 0.9)
DAYS_LEAST = 3
DAYS_SURE = 9
"""The highest of nine days is passed on one day in ten: fewer cannot promise 90 %."""
_ADULT_M3_S = 5.3e-6
_FAN_KWH_M3 = 0.4e-3
"""Electricity of moved air: a specific fan power of 1.4 kW per m3/s, class SFP 4 of EN 16798-3."""
_AIRING_KWH = 0.2
"""What an airing is taken to disturb, in heat's worth."""
_COLDER_K_UNKNOWN = 10.0
"""Where outdoor temperature is unknown, air is priced as if outdoors were so much colder; no heat is then reported."""


class Footing(StrEnum):
    """What a room's plan stands on."""

    FORECAST = "forecast"
    FEW_DAYS = "few_days"
    """On three to eight comparable days: their highest source stands for the quantile."""
    NEW = "new"
    """Under three comparable days: the design flow."""
    STALE = "stale"
    """Its newest reading is over an hour old: the design flow."""
    UNKNOWN = "unknown"
    """No reading in the last hours, none in comparable quarters of four weeks: nothing is proposed."""


def footing_of(state: RoomState, now: datetime) -> Footing:
    """Return what the plan of a room can stand on."""
    if not state.co2 and not any(state.sources):
        return Footing.UNKNOWN
    if not state.is_fresh(now):
        return Footing.STALE
    if state.days < DAYS_LEAST:
        return Footing.NEW
    return Footing.FORECAST if state.days >= DAYS_SURE else Footing.FEW_DAYS


@dataclass(frozen=True, slots=True)
class Variant:
    """One way through the window.

    Parameters
    ----------
    choices
        One per quarter.
    paths
        CO2 for the 10 %, 50 % and 90 % quantiles of the source; empty where CO2 is not known.
    """

    choices: tuple[Choice, ...]
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """What is proposed for a room.

    Parameters
    ----------
    sources
        Quantiles (rows) of the source in each quarter, m3/s; the full room's on a design footing.
    occupied
        Where people are expected and the limit counts.
    unholdable
        Where the strongest choices would pass the limit even if the room had started with outdoor air.
    needed_m3_h
        Least flow for each quarter, beside leaks, that keeps CO2 under the limit with 90 % probability, whatever the
        equipment.
    idle, proposed, full
        Usual flow with windows shut; what is proposed; the strongest choice in every open quarter.
    """

    room: Room
    footing: Footing
    sources: Floats
    occupied: NDArray[np.bool_]
    unholdable: NDArray[np.bool_]
    needed_m3_h: tuple[float, ...]
    idle: Variant
    proposed: Variant
    full: Variant

    @property
    def is_forecast(self) -> bool:
        """Whether it stands on a forecast, not on the design flow."""
        return self.footing in {Footing.FORECAST, Footing.FEW_DAYS}

    @property
    def airings(self) -> int:
        """How many times its windows are opened."""
        return sum(choice.airs for choice in self.proposed.choices)

    def over_limit(self, variant: Variant, quantile: int) -> NDArray[np.bool_]:
        """Return in which occupied quarters the limit is passed, for a quantile by its place in `QUANTILES`."""
        if not variant.paths:
            return np.zeros(STEPS, dtype=np.bool_)
        over: NDArray[np.bool_] = (variant.paths[quantile].peaks_ppm > self.room.limit_ppm) & self.occupied
        return over

    def over_at_first(self) -> NDArray[np.bool_]:
        """Return the occupied quarters over the limit that only wait for CO2 of before the plan to be aired away."""
        over: NDArray[np.bool_] = self.over_limit(self.proposed, len(QUANTILES) - 1) & ~self.unholdable
        return over

    def over_to_the_end(self) -> NDArray[np.bool_]:
        """Return the occupied quarters over the limit in spite of all that the room can do."""
        over: NDArray[np.bool_] = self.over_limit(self.proposed, len(QUANTILES) - 1) & self.unholdable
        return over

    @property
    def start_ppm(self) -> float:
        """CO2 when the window starts, at the 90 % quantile; 0 on a design footing."""
        return float(self.proposed.paths[-1].ppm[0]) if self.proposed.paths else 0.0

    def heat(self, variant: Variant, colder_k: Floats) -> float:
        """Return the heat that the air of a variant takes out, kWh, when outdoors is so much colder by quarter."""
        pairs = zip(variant.choices, colder_k.tolist(), strict=True)
        return sum(heat_kwh(self.room, choice, colder) for choice, colder in pairs)


def plan_room(situation: Situation, policy: VentilationPolicy, place: int) -> RoomPlan:
    """Return the plan of the room at this place of the policy; its footing must not be `Footing.UNKNOWN`."""
    room, state = policy.rooms[place], situation.rooms[place]
    window = window_of(situation.now)
    opened = np.array([is_open(policy, window.start + quarter * STEP) for quarter in range(STEPS)])
    footing = footing_of(state, situation.now)
    if footing in {Footing.STALE, Footing.NEW}:
        return _design_plan(policy, room, footing, opened)
    sources = np.array([np.quantile(quarter, QUANTILES, method="weibull") for quarter in state.sources]).T
    occupied: NDArray[np.bool_] = sources[-1] > max(_ADULT_M3_S, 0.1 * room.full_source_m3_s)
    steps = Steps.of(room, room.zone(policy.outdoor_ppm))
    choices = choices_of(room)
    allowed = _allowed(room, choices, opened)
    starts = [_start_ppm(policy, room, state, situation.now, source) for source in sources[:, 0]]
    task = Task(starts[-1], sources[-1], occupied, allowed, _costs(situation, policy, room), room.limit_ppm)

    clean = march(steps, policy.outdoor_ppm, sources[-1], strongest_of(task))

    def variant(picks: list[int]) -> Variant:
        paths = tuple(march(steps, start, source, picks) for start, source in zip(starts, sources, strict=True))
        return Variant(tuple(choices[pick] for pick in picks), paths)

    return RoomPlan(
        room,
        footing,
        sources,
        occupied,
        clean.peaks_ppm > room.limit_ppm,
        _needed(policy, room, task),
        variant(_idle(room, choices, opened)),
        variant(schedule(steps, task)),
        variant(_full(choices, opened)),
    )


def _idle(room: Room, choices: tuple[Choice, ...], opened: NDArray[np.bool_]) -> list[int]:
    return [choices.index(Choice(room.usual_m3_h if is_open_now else 0.0, airs=False)) for is_open_now in opened]


def _full(choices: tuple[Choice, ...], opened: NDArray[np.bool_]) -> list[int]:
    return [len(choices) - 1 if is_open_now else 0 for is_open_now in opened]


def _allowed(room: Room, choices: tuple[Choice, ...], opened: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which choices may be picked: in open hours never less than the usual level, else nobody opens windows."""
    usual = np.array([choice.level_m3_h >= room.usual_m3_h for choice in choices])
    shut = np.array([not choice.airs for choice in choices])
    allowed: NDArray[np.bool_] = np.where(opened[:, None], usual[None, :], shut[None, :])
    return allowed


def colder_k(situation: Situation, policy: VentilationPolicy) -> Floats | None:
    """Return how much colder outdoors is than indoors in each quarter, K; None when its temperature is not known."""
    outside = situation.outdoor_values("temperature_c")
    if any(value is None for value in outside):
        return None
    return np.array([policy.indoor_c - value for value in outside if value is not None])


def _costs(situation: Situation, policy: VentilationPolicy, room: Room) -> Floats:
    """Return what each choice is taken to cost in each quarter: heat, fan, disturbance, dearer in bad outdoor air."""
    known = colder_k(situation, policy)
    colder = np.full(STEPS, _COLDER_K_UNKNOWN) if known is None else known
    weights = [WEIGHT[word] for word in advice(situation)]
    rows = [
        [
            weight * (heat_kwh(room, choice, cold) + _FAN_KWH_M3 * moved_m3(room, choice)) + _AIRING_KWH * choice.airs
            for choice in choices_of(room)
        ]
        for weight, cold in zip(weights, colder.tolist(), strict=True)
    ]
    return np.array(rows)


def _start_ppm(policy: VentilationPolicy, room: Room, state: RoomState, now: datetime, source: float) -> float:
    """Return CO2 when the window starts: the newest reading, carried on with the first quarter's source."""
    observed_at, ppm = state.co2[-1]
    flow = room.leak_m3_h + (room.usual_m3_h if is_open(policy, now) else 0.0)
    seconds = (window_of(now).start - observed_at).total_seconds()
    zone = room.zone(policy.outdoor_ppm)
    return zone.after(ppm, source, flow, seconds)


def _needed(policy: VentilationPolicy, room: Room, task: Task) -> tuple[float, ...]:
    zone = room.zone(policy.outdoor_ppm)
    needed, now = [], task.start_ppm
    for source, counts in zip(task.sources.tolist(), task.occupied.tolist(), strict=True):
        flow = zone.needed_m3_h(now, source, room.limit_ppm, STEP_S) if counts else 0.0
        flow = max(flow, room.leak_m3_h)
        now = zone.after(now, source, flow, STEP_S)
        needed.append(round(flow - room.leak_m3_h, 1))
    return tuple(needed)


def _design_plan(policy: VentilationPolicy, room: Room, footing: Footing, opened: NDArray[np.bool_]) -> RoomPlan:
    """Return the plan that would hold the limit with everybody in, through all open hours."""
    choices = choices_of(room)
    design = room.design_m3_h(policy.outdoor_ppm) - room.leak_m3_h
    allowed = [choice for choice in choices if choice.level_m3_h >= room.usual_m3_h]
    enough = next((choice for choice in allowed if moved_m3(room, choice) * 3600 / STEP_S >= design), choices[-1])
    picks = [choices.index(enough) if is_open_now else 0 for is_open_now in opened]
    sources = np.tile(room.full_source_m3_s * opened, (len(QUANTILES), 1))
    needed = tuple(round(max(0.0, design), 1) * float(is_open_now) for is_open_now in opened)

    def variant(chosen: list[int]) -> Variant:
        return Variant(tuple(choices[pick] for pick in chosen), ())

    return RoomPlan(
        room,
        footing,
        sources,
        opened,
        np.zeros(STEPS, dtype=np.bool_),
        needed,
        variant(_idle(room, choices, opened)),
        variant(picks),
        variant(_full(choices, opened)),
    )
