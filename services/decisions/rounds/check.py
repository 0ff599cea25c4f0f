"""Checks a plan against the limits of trucks, shifts and the site. Shares no code with what made or timed the plan."""

from __future__ import annotations

from collections.abc import Sequence

from core.decisions import Check
from services.decisions.rounds.task import GARAGE, SITE, Task, TimedRun


def check_plan(task: Task, plan: Sequence[TimedRun]) -> tuple[Check, ...]:
    """Return every limit with whether the plan keeps it, and where it does not."""
    faults: dict[str, list[str]] = {
        name: []
        for name in (
            "litres",
            "kilograms",
            "shift",
            "site_open",
            "unloaded_before_garage",
            "collected_once",
            "times",
            "distances",
        )
    }
    _once(task, plan, faults)
    for out in plan:
        _loads(task, out, faults)
        _hours(task, out, faults)
        _legs(task, out, faults)
    return tuple(Check(name, not found, "; ".join(found[:3])) for name, found in faults.items())


def _once(task: Task, plan: Sequence[TimedRun], faults: dict[str, list[str]]) -> None:
    seen: set[int] = set()
    for out in plan:
        for visit in out.visits:
            if visit.candidate is None:
                continue
            if visit.candidate in seen:
                faults["collected_once"].append(f"bin {visit.candidate} is collected twice")
            if task.candidates[visit.candidate].point != visit.point:
                faults["collected_once"].append(f"bin {visit.candidate} is not at point {visit.point}")
            seen.add(visit.candidate)
    trucks = [out.run.truck for out in plan]
    if len(set(trucks)) < len(trucks):
        faults["collected_once"].append("a truck goes out twice at once")


def _loads(task: Task, out: TimedRun, faults: dict[str, list[str]]) -> None:
    wheels = task.wheels[out.run.truck]
    litres = kg = 0
    for visit in out.visits:
        if visit.point == SITE:
            litres = kg = 0
        elif visit.candidate is not None:
            litres += task.candidates[visit.candidate].litres
            kg += task.candidates[visit.candidate].kg
        if litres > wheels.litres:
            faults["litres"].append(f"truck {out.run.truck} carries {litres} L of {wheels.litres}")
        if kg > wheels.kg:
            faults["kilograms"].append(f"truck {out.run.truck} carries {kg} kg of {wheels.kg}")
    if litres or kg:
        faults["unloaded_before_garage"].append(f"truck {out.run.truck} comes home with {litres} L")


def _hours(task: Task, out: TimedRun, faults: dict[str, list[str]]) -> None:
    wheels = task.wheels[out.run.truck]
    if out.visits[0].leave_s < wheels.start_s or out.visits[-1].arrive_s > wheels.end_s:
        faults["shift"].append(
            f"truck {out.run.truck} is out from {out.visits[0].leave_s} to {out.visits[-1].arrive_s} s"
        )
    for visit in out.visits:
        if visit.point == SITE and not (task.open_s <= visit.start_s and visit.leave_s <= task.closed_s):
            faults["site_open"].append(f"truck {out.run.truck} unloads from {visit.start_s} to {visit.leave_s} s")


def _legs(task: Task, out: TimedRun, faults: dict[str, list[str]]) -> None:
    if out.visits[0].point != GARAGE or out.visits[-1].point != GARAGE:
        faults["times"].append(f"truck {out.run.truck} does not start and end at the garage")
    metres = 0
    for before, visit in zip(out.visits, out.visits[1:], strict=False):
        metres += int(task.matrix.metres[before.point, visit.point])
        if visit.arrive_s < before.leave_s + int(task.matrix.seconds[before.point, visit.point]):
            faults["times"].append(f"truck {out.run.truck} is at point {visit.point} too soon")
        service_s = task.unloading_s if visit.point == SITE else 0
        if visit.candidate is not None:
            service_s = task.candidates[visit.candidate].service_s
        if visit.start_s < visit.arrive_s or visit.leave_s < visit.start_s + service_s:
            faults["times"].append(f"truck {out.run.truck} leaves point {visit.point} too soon")
    if metres != out.metres:
        faults["distances"].append(f"truck {out.run.truck} drives {metres} m, not {out.metres}")
