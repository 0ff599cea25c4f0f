"""The best plan of a day: within its hard limits if any plan is, else with the least that must give way, named."""

from __future__ import annotations

from dataclasses import dataclass

from services.decisions.load_shifting.assets import STEP_H, STEPS
from services.decisions.load_shifting.balance import Course, follow_plan, left_alone
from services.decisions.load_shifting.day import Day, Steps
from services.decisions.load_shifting.formulation import Aim, Formulation, Relief
from services.decisions.load_shifting.policy import Policy
from services.decisions.load_shifting.solver import Solution

_MARGIN = 1e-6
_SHED_SMALL_KW = 0.05


@dataclass(frozen=True, slots=True)
class Shed:
    """What becomes of the shed event: honoured or not, and the most that can be shed."""

    honoured: bool
    feasible_kw: float


@dataclass(frozen=True, slots=True)
class Optimum:
    """A day's best plan.

    Parameters
    ----------
    course, alone, without_comfort, without_shed
        The plan; the day left alone; the cheapest plan that ignores comfort; the best plan had nothing been shed.
    marginal_eur_per_kwh
        What one more kilowatt-hour would cost in each step: the dual of the balance.
    relief
        How far hard limits had to give way.
    shed
        None where the day has no event.
    """

    course: Course
    alone: Course
    without_comfort: Course
    without_shed: Course
    marginal_eur_per_kwh: Steps
    relief: Relief
    shed: Shed | None


def optimise(day: Day, policy: Policy) -> Optimum | None:
    """Return the best plan; None where the solver finds none within its time."""
    alone = left_alone(day, policy)
    found = _within_limits(day, policy, alone)
    if found is None:
        return None
    relief, formulation, solution = found
    calm = follow_plan(day, policy, formulation.plan_of(solution))
    chosen, shed = calm, None
    if day.shed_steps and policy.shed:
        shed, answered = _shed(day, policy, alone, relief)
        if answered:
            formulation, solution = answered
            chosen = follow_plan(day, policy, formulation.plan_of(solution))
    aim = Aim(relief, comfort=False, shed_kw=policy.shed.power_kw if policy.shed and shed and shed.honoured else None)
    careless = _solve(day, policy, alone, aim) if policy.zone else None
    return Optimum(
        course=chosen,
        alone=alone,
        without_comfort=follow_plan(day, policy, careless[0].plan_of(careless[1])) if careless else chosen,
        without_shed=calm,
        marginal_eur_per_kwh=tuple(float(solution.row_duals[row]) / STEP_H for row in formulation.balance),
        relief=relief,
        shed=shed,
    )


def _solve(day: Day, policy: Policy, alone: Course, aim: Aim) -> tuple[Formulation, Solution] | None:
    formulation = Formulation(day, policy, aim, alone).write()
    solution = formulation.program.solve()
    return (formulation, solution) if solution else None


def _within_limits(day: Day, policy: Policy, alone: Course) -> tuple[Relief, Formulation, Solution] | None:
    none = Relief(short_kwh=(0.0,) * len(day.stays))
    found = _solve(day, policy, alone, Aim(none))
    if found:
        return none, *found
    least = _solve(day, policy, alone, Aim(None))
    if least is None:
        return None
    relief = _relief_of(day, policy, follow_plan(day, policy, least[0].plan_of(least[1])))
    found = _solve(day, policy, alone, Aim(relief))
    return (relief, *found) if found else None


def _relief_of(day: Day, policy: Policy, course: Course) -> Relief:
    """How far a course leaves the hard limits, with a margin that only rounding needs."""
    short = [
        max(0.0, stay.due_kwh - sum(power) * STEP_H)
        for stay, power in zip(day.stays, course.plan.stays_kw, strict=True)
    ]
    zone, none = policy.zone, (0.0,) * STEPS
    return Relief(
        unmet_kwh=_eased(course.unmet_kwh) or none,
        short_kwh=_eased(tuple(short)),
        cold_k=_eased(tuple(max(0.0, zone.floor_c - c) for c in course.zone_c)) or none if zone else none,
        hot_k=_eased(tuple(max(0.0, c - zone.ceiling_c) for c in course.zone_c)) or none if zone else none,
    )


def _eased(values: Steps) -> Steps:
    return tuple(value + _MARGIN for value in values)


def _shed(day: Day, policy: Policy, alone: Course, relief: Relief) -> tuple[Shed, tuple[Formulation, Solution] | None]:
    assert policy.shed, "there is an event to answer"
    asked = policy.shed.power_kw
    found = _solve(day, policy, alone, Aim(relief, shed_kw=asked))
    if found:
        return Shed(honoured=True, feasible_kw=asked), found
    most = _solve(day, policy, alone, Aim(relief, shed_kw=asked, most_shed=True))
    feasible = float(most[1].values[most[0].columns["shed"][0]]) if most else 0.0
    return Shed(honoured=False, feasible_kw=feasible if feasible > _SHED_SMALL_KW else 0.0), None
