"""The limits of a ventilation plan, checked from its actions alone.

Independent of the schedule: flows are read back from the proposed actions, and the mass balance is integrated
numerically (Runge-Kutta of fourth order, half-minute steps) instead of by the exact step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.clock import Window
from core.decisions import Action, Check
from services.decisions.ventilation.policy import Room
from services.decisions.ventilation.zone import Floats

_TICK_S = 30
_QUARTER_S = 900
_TICKS = _QUARTER_S // _TICK_S
_PPM_OFF_MAX = 2.0
_BEYOND_FULL_PPM = 7.0
"""The planning margin (5 ppm) and the error of the two integrations."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a plan says of one room, to be checked.

    Parameters
    ----------
    start_ppm, sources_m3_s
        CO2 at the start of the window and the 90 % source of each quarter; ``start_ppm`` None on a design footing.
    ends_ppm
        CO2 at the end of each quarter, as the plan says.
    occupied, opened
        Where the limit counts, and where the site is open, by quarter.
    """

    room: Room
    outdoor_ppm: float
    start_ppm: float | None
    sources_m3_s: tuple[float, ...]
    ends_ppm: tuple[float, ...]
    occupied: tuple[bool, ...]
    opened: tuple[bool, ...]


def check_plan(claims: Sequence[Claim], actions: Sequence[Action], window: Window) -> tuple[Check, ...]:
    """Return what was checked: the equipment's limits, the mass balance, the CO2 limit."""
    by_room: dict[str, list[Action]] = {claim.room.code: [] for claim in claims}
    for action in actions:
        by_room.setdefault(action.target, []).append(action)
    faults = [fault for claim in claims for fault in _equipment_faults(claim, by_room[claim.room.code], window)]
    strangers = sorted(set(by_room) - {claim.room.code for claim in claims})
    faults += [f"{code} is no room of the plan" for code in strangers]
    checks = [Check("equipment", not faults, "; ".join(faults[:3]))]
    told = [claim for claim in claims if claim.start_ppm is not None]
    if faults or not told:
        return tuple(checks)
    flows = np.array([_flows(claim.room, by_room[claim.room.code], window) for claim in told])
    strongest = np.array([_strongest_flows(claim) for claim in told])
    ends, peaks = _integrate(told, flows)
    _, best = _integrate(told, strongest)
    off = float(np.abs(ends - np.array([claim.ends_ppm for claim in told])).max())
    checks.append(Check("mass_balance", off <= _PPM_OFF_MAX, f"{off:.2f} ppm"))
    limits = np.array([[claim.room.limit_ppm] for claim in told])
    occupied = np.array([claim.occupied for claim in told])
    bound = np.where(best <= limits - 1.0, limits + 1.0, best + _BEYOND_FULL_PPM)
    beyond = float(np.where(occupied, peaks - bound, -np.inf).max())
    checks.append(Check("under_limit", beyond <= 0, "" if beyond <= 0 else f"{beyond:.1f} ppm"))
    return tuple(checks)


def _equipment_faults(claim: Claim, actions: Sequence[Action], window: Window) -> list[str]:
    room, faults = claim.room, []
    fans = sorted((a for a in actions if a.what == "airflow"), key=lambda a: a.window.start)
    airings = sorted((a for a in actions if a.what == "airing"), key=lambda a: a.window.start)
    for action in actions:
        if action.window.start < window.start or action.window.end > window.end:
            faults.append(f"{room.code} acts outside the window")
        if action.what not in {"airflow", "airing"}:
            faults.append(f"{room.code} cannot {action.what}")
    twice = [one for row in (fans, airings) for one, after in pairwise(row) if one.window.end > after.window.start]
    faults += [f"{room.code} does two things at once" for _ in twice[:1]]
    if any(fan.value not in room.levels_m3_h for fan in fans):
        faults.append(f"{room.code} has no such fan level")
    if any(a.value != room.airing_m3_h or not a.value or a.window.length.total_seconds() != 600 for a in airings):
        faults.append(f"{room.code} cannot be aired so")
    levels = _levels(fans, window)
    opened = np.repeat(claim.opened, _TICKS)
    if len(room.levels_m3_h) > 1 and (levels[opened] < room.usual_m3_h).any():
        faults.append(f"{room.code} goes under its usual flow while open")
    return faults


def _levels(fans: Sequence[Action], window: Window) -> Floats:
    levels = np.zeros(int(window.length.total_seconds()) // _TICK_S)
    for fan in fans:
        levels[_ticks(fan, window)] = fan.value or 0.0
    return levels


def _flows(room: Room, actions: Sequence[Action], window: Window) -> Floats:
    flows = room.leak_m3_h + _levels([a for a in actions if a.what == "airflow"], window)
    for airing in (a for a in actions if a.what == "airing"):
        flows[_ticks(airing, window)] += airing.value or 0.0
    return flows


def _ticks(action: Action, window: Window) -> slice:
    first, last = ((at - window.start).total_seconds() / _TICK_S for at in (action.window.start, action.window.end))
    return slice(round(first), round(last))


def _strongest_flows(claim: Claim) -> Floats:
    """Return the most that the room can do: full fan, and ten minutes of windows in each open quarter."""
    aired = np.tile(np.arange(_TICKS) * _TICK_S < 600, len(claim.opened)) & np.repeat(claim.opened, _TICKS)
    flows: Floats = claim.room.leak_m3_h + claim.room.levels_m3_h[-1] + claim.room.airing_m3_h * aired
    return flows


def _integrate(claims: Sequence[Claim], flows_m3_h: Floats) -> tuple[Floats, Floats]:
    """Return CO2 at the end of each quarter and its highest within it, rooms in rows."""
    columns: Mapping[str, Floats] = {
        "volume": np.array([claim.room.volume_m3 for claim in claims]),
        "outdoor": np.array([claim.outdoor_ppm for claim in claims]),
    }
    sources = np.repeat(np.array([claim.sources_m3_s for claim in claims]), _TICKS, axis=1)
    now = np.array([claim.start_ppm for claim in claims], dtype=np.float64)
    trace = [now]
    for tick in range(flows_m3_h.shape[1]):
        flow, source = flows_m3_h[:, tick] / 3600, sources[:, tick]

        def slope(ppm: Floats, flow: Floats = flow, source: Floats = source) -> Floats:
            change: Floats = (flow * (columns["outdoor"] - ppm) + 1e6 * source) / columns["volume"]
            return change

        first = slope(now)
        second = slope(now + _TICK_S / 2 * first)
        third = slope(now + _TICK_S / 2 * second)
        fourth = slope(now + _TICK_S * third)
        now = now + _TICK_S / 6 * (first + 2 * second + 2 * third + fourth)
        trace.append(now)
    whole = np.array(trace).T
    quarters = (whole.shape[1] - 1) // _TICKS
    parts = [whole[:, place * _TICKS : (place + 1) * _TICKS + 1] for place in range(quarters)]
    return whole[:, _TICKS::_TICKS], np.array([part.max(axis=1) for part in parts]).T
