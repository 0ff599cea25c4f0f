"""A plan as a decision tells it: actions, inputs, figures, reasons, and what the page draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from core.clock import Window, format_instant
from core.decisions import Action, Input, Phrase
from services.decisions.rounds.opening import Opening
from services.decisions.rounds.overflow import Source
from services.decisions.rounds.plan import Figures, Known, Planned, chances
from services.decisions.rounds.policy import RoundPolicy, Spot
from services.decisions.rounds.reasons import reasons_in, reasons_out
from services.decisions.rounds.task import SITE, TimedRun, Visit


def figures(one: Figures) -> dict[str, float]:
    """Return the figures that every alternative has too."""
    return {
        "distance_km": one.distance_km,
        "duration_h": one.duration_h,
        "bins": one.bins,
        "fill_ratio": one.fill_ratio,
        "overflows": one.overflows,
        "cost_eur": one.cost_eur,
    }


def why(plan: Planned, own: Figures, fixed: Figures) -> tuple[Phrase, ...]:
    """Return the reasons for the whole, the weightiest first."""
    left = [one for number, one in enumerate(plan.known) if one.required and number not in plan.collected]
    nothing = sum(chances(plan.known, ()))
    sources = [one.outlook.source for one in plan.known]
    phrases = [
        Phrase("why_out_of_reach", {"n": len(left)}) if left else None,
        Phrase("why_avoided", {"avoided": round(nothing - own.overflows, 1), "cost_eur": own.cost_eur})
        if plan.runs
        else Phrase("why_nothing", {"overflows": own.overflows}),
        Phrase("why_fixed", {**asdict(fixed), "own_overflows": own.overflows})
        if fixed.bins
        else Phrase("why_no_fixed"),
        _counted("why_required", [one for one in plan.known if one.required and one.candidate]),
        _counted("why_inflow", [one for one in sources if one is Source.INFLOW]),
        _counted("why_silent", [one for one in sources if one is Source.SILENT]),
        _counted("why_unknown", [one for one in sources if one is Source.UNKNOWN]),
        Phrase("why_estimated") if plan.task.matrix.estimated else None,
        Phrase("why_by_time") if plan.routed.by_time else None,
    ]
    return tuple(phrase for phrase in phrases if phrase is not None)


def _counted(key: str, found: Sequence[object]) -> Phrase | None:
    return Phrase(key, {"n": len(found)}) if found else None


def inputs_of(plan: Planned) -> tuple[Input, ...]:
    """Return what each bin's chances were made from: its forecast, or what stood in."""
    return tuple(_input(one) for one in plan.known)


def _input(one: Known) -> Input:
    state, source = one.state, one.outlook.source
    if source is Source.FORECAST and state.fan is not None:
        return Input(state.name, state.fan.issued_at, state.series_id)
    why_not = source.value if source is not Source.INFLOW else state.fallback or "stale_forecast"
    return Input(state.name, state.observed_at, state.series_id, why_not)


def actions_of(plan: Planned, opening: Opening, policy: RoundPolicy) -> tuple[Action, ...]:
    """Return what the trucks do: each bin collected, each emptying at the site."""
    actions = []
    for out in plan.timed:
        truck = policy.trucks[out.run.truck].code
        for visit in out.visits[1:-1]:
            window = Window(_at(opening, visit.start_s), _at(opening, visit.leave_s))
            if visit.candidate is None:
                actions.append(Action(truck, "unload", window, detail={"truck": truck}))
            else:
                one = plan.known[plan.numbers[visit.candidate]]
                litres = round(one.container.litres * one.outlook.fill_ratio)
                detail = {"truck": truck, "name": one.state.name}
                actions.append(Action(one.container.sensor, "collect", window, litres, "L", detail))
    return tuple(actions)


def picture_of(plan: Planned, opening: Opening, policy: RoundPolicy) -> dict[str, Any]:
    """Return what the page draws: places, trucks, stops in order, bins left out, each with its reason."""
    why_in, why_out = reasons_in(plan), reasons_out(plan)
    stops = []
    for out in plan.timed:
        visits = [visit for visit in out.visits if visit.candidate is not None]
        for order, visit in enumerate(visits, start=1):
            number = plan.numbers[visit.candidate or 0]
            stop = {
                "truck": policy.trucks[out.run.truck].code,
                "order": order,
                "arrive": format_instant(_at(opening, visit.arrive_s)),
            }
            stops.append({**stop, **_bin(plan.known[number], why_in[number])})
    left = sorted(why_out, key=lambda number: (-plan.known[number].outlook.full_left, number))
    return {
        "day": opening.day.isoformat(),
        "next_at": format_instant(opening.next_at),
        "garage": _spot(policy.garage),
        "unloading": _spot(policy.unloading.spot),
        "trucks": [_truck(plan, out, opening, policy) for out in plan.timed],
        "stops": stops,
        "left_out": [_bin(plan.known[number], why_out[number]) for number in left],
        "overflows_range": list(count_range(chances(plan.known, plan.collected))),
        "distances": {"provider": plan.task.matrix.provider, "estimated": plan.task.matrix.estimated},
        "search": {
            "searches": plan.routed.searches,
            "iterations": plan.routed.iterations,
            "by_time": plan.routed.by_time,
        },
        "unanswered": {"key": "unanswered", "values": {}},
    }


def count_range(probabilities: Sequence[float]) -> tuple[int, int]:
    """Return the counts between which the number of overflows lies 9 times out of 10, were bins independent."""
    spread = [1.0]
    for chance in probabilities:
        spread = [
            (spread[count] if count < len(spread) else 0.0) * (1 - chance)
            + (spread[count - 1] * chance if count else 0.0)
            for count in range(len(spread) + 1)
        ]
    total, low, high = 0.0, None, len(spread) - 1
    for count, probability in enumerate(spread):
        total += probability
        if low is None and total >= 0.05:
            low = count
        if total >= 0.95:
            high = count
            break
    return low or 0, high


def _bin(one: Known, reason: Phrase) -> dict[str, Any]:
    known = one.outlook.source is not Source.UNKNOWN
    return {
        "sensor": one.container.sensor,
        "name": one.state.name,
        "longitude": one.state.longitude,
        "latitude": one.state.latitude,
        "level": one.state.level,
        "observed_at": format_instant(one.state.observed_at) if one.state.observed_at else None,
        "fill_ratio": one.outlook.fill_ratio if known else None,
        "probability": one.outlook.full_left if known else None,
        "source": one.outlook.source.value,
        "kg": round(one.container.litres * one.outlook.fill_ratio * one.container.kg_per_litre) if known else None,
        "fixed": one.fixed,
        "reason": {"key": reason.key, "values": dict(reason.values)},
    }


def _truck(plan: Planned, out: TimedRun, opening: Opening, policy: RoundPolicy) -> dict[str, Any]:
    truck, shift = policy.trucks[out.run.truck], opening.shifts[out.run.truck]
    loads = [sum(plan.task.candidates[one].litres for one in trip) for trip in out.run.trips]
    weights = [sum(plan.task.candidates[one].kg for one in trip) for trip in out.run.trips]
    share = max(
        max(loads) / max(plan.task.wheels[out.run.truck].litres, 1),
        max(weights) / max(plan.task.wheels[out.run.truck].kg, 1),
    )
    emptyings = [visit for visit in out.visits if visit.point == SITE]
    return {
        "code": truck.code,
        "name": truck.name,
        "stops": len(out.run.collected),
        "distance_km": round(out.metres / 1000, 2),
        "start": format_instant(_at(opening, out.visits[0].leave_s)),
        "end": format_instant(_at(opening, out.visits[-1].arrive_s)),
        "shift": {"start": format_instant(shift.start), "end": format_instant(shift.end)},
        "unloadings": [format_instant(_at(opening, visit.start_s)) for visit in emptyings],
        "unloaded_after": _unloaded_after(out.visits),
        "load_kg": sum(weights),
        "load_ratio": round(share, 3),
    }


def _unloaded_after(visits: Sequence[Visit]) -> list[int]:
    """Return how many stops were made by each emptying."""
    stops, found = 0, []
    for visit in visits:
        stops += visit.candidate is not None
        if visit.point == SITE:
            found.append(stops)
    return found


def _spot(spot: Spot) -> dict[str, Any]:
    return {"name": spot.name, "longitude": spot.longitude, "latitude": spot.latitude}


def _at(opening: Opening, seconds: int) -> datetime:
    return opening.window.start + timedelta(seconds=seconds)
