"""Limits checked again by code that knows nothing of the solver: every state is recomputed from the powers alone."""

from __future__ import annotations

from collections.abc import Iterator

from core.decisions import Check
from services.decisions.load_shifting.assets import STEP, STEP_H, STEPS, Battery, HotWater, Zone
from services.decisions.load_shifting.balance import Course
from services.decisions.load_shifting.day import Day, Steps
from services.decisions.load_shifting.formulation import Relief
from services.decisions.load_shifting.policy import Policy

NEAR_KW = 0.005
NEAR_KWH = 0.01
NEAR_K = 0.05
_SUBSTEPS = 90


def check_course(day: Day, policy: Policy, course: Course, relief: Relief, shed_from: Course | None) -> list[Check]:
    """Return every limit and whether the course holds it; ``shed_from`` is the day left alone of an event honoured."""
    checks = [_judged("balance", _balance(day, policy, course)), _judged("power_limit", _power_limit(day, course))]
    if policy.battery:
        checks.append(_judged("battery", _battery(policy.battery, course)))
    if policy.hot_water:
        checks.append(_judged("hot_water", _hot_water(policy.hot_water, day, course.plan.water_kw, relief)))
    if day.stays:
        checks.append(_judged("cars_ready", _cars(day, course, relief)))
    if policy.zone and course.zone_c:
        checks.append(_judged("zone", _zone(policy.zone, day, course, relief)))
    if policy.shed and shed_from:
        checks.append(_judged("shed", _shed(day, course, shed_from, policy.shed.power_kw)))
    return checks


def _judged(name: str, faults: Iterator[str]) -> Check:
    first = next(faults, None)
    return Check(name, first is None, first or "")


def _balance(day: Day, policy: Policy, course: Course) -> Iterator[str]:
    plan = course.plan
    for place, grid in enumerate(course.grid_kw):
        drawn = day.base_kw[place] + plan.charge_kw[place] + plan.water_kw[place] + plan.zone_kw[place]
        drawn += sum(kw[place] for kw in plan.stays_kw) - plan.discharge_kw[place]
        if abs(drawn - grid) > NEAR_KW:
            yield f"step {place}: {grid:.2f} kW from the grid, {drawn:.2f} kW drawn"
        if -grid > max(policy.export_kw, -day.base_kw[place]) + NEAR_KW:
            yield f"step {place}: {-grid:.2f} kW fed in"


def _power_limit(day: Day, course: Course) -> Iterator[str]:
    for place in range(STEPS):
        high = day.base_p90_kw[place] + course.grid_kw[place] - day.base_kw[place]
        if high > day.cap_kw[place] + NEAR_KW:
            yield f"step {place}: {high:.2f} kW at p90 over {day.cap_kw[place]:.2f} kW"


def _battery(battery: Battery, course: Course) -> Iterator[str]:
    held = battery.start_ratio * battery.energy_kwh
    for place in range(STEPS):
        charge, discharge = course.plan.charge_kw[place], course.plan.discharge_kw[place]
        if not (
            -NEAR_KW <= charge <= battery.power_kw + NEAR_KW and -NEAR_KW <= discharge <= battery.power_kw + NEAR_KW
        ):
            yield f"step {place}: {charge:.2f} kW in, {discharge:.2f} kW out"
        if min(charge, discharge) > NEAR_KW:
            yield f"step {place}: charges and discharges at once"
        held = held + battery.efficiency_ratio * charge * STEP_H - discharge * STEP_H
        if not -NEAR_KWH <= held <= battery.energy_kwh + NEAR_KWH:
            yield f"step {place}: {held:.2f} kWh held"


def _hot_water(tank: HotWater, day: Day, power_kw: Steps, relief: Relief) -> Iterator[str]:
    held = max(tank.low_kwh, tank.start_ratio * tank.energy_kwh)
    for place, power in enumerate(power_kw):
        lost = held * (1 - (1 - tank.loss_per_h) ** STEP_H)
        held = held - lost + power * STEP_H - tank.demand_at(day.at(place))
        if not -NEAR_KW <= power <= tank.power_kw + NEAR_KW:
            yield f"step {place}: {power:.2f} kW"
        if held < tank.low_kwh - relief.unmet_kwh[place] - NEAR_KWH or held > tank.energy_kwh + NEAR_KWH:
            yield f"step {place}: {held:.2f} kWh held"
        held = max(held, tank.low_kwh)


def _cars(day: Day, course: Course, relief: Relief) -> Iterator[str]:
    for stay, power, short in zip(day.stays, course.plan.stays_kw, relief.short_kwh, strict=True):
        code, charged = stay.session.code, 0.0
        for place, kw in enumerate(power):
            here = stay.arrival <= day.at(place) and day.at(place) + STEP <= stay.departure
            if kw > NEAR_KW and (not here or kw > stay.session.power_kw + NEAR_KW):
                yield f"{code}, step {place}: {kw:.2f} kW"
            charged += kw * STEP_H
        if charged < stay.due_kwh - short - NEAR_KWH or charged > stay.energy_kwh + NEAR_KWH:
            yield f"{code}: {charged:.2f} kWh charged, {stay.due_kwh:.2f} kWh due"


def _zone(zone: Zone, day: Day, course: Course, relief: Relief) -> Iterator[str]:
    """Solve the differential equation in steps of ten seconds, not the exact solution that the plan uses."""
    now = day.zone_start_c or 0.0
    seconds_h = STEP_H / _SUBSTEPS
    for place, power in enumerate(course.plan.zone_kw):
        heat = zone.cop_at(day.outdoor_c[place]) * power + (zone.gains_kw if day.bands[place] else 0.0)
        for _ in range(_SUBSTEPS):
            now += seconds_h / zone.capacity_kwh_per_k * (zone.loss_kw_per_k * (day.outdoor_c[place] - now) + heat)
        if abs(now - course.zone_c[place]) > NEAR_K:
            yield f"step {place}: {now:.2f} °C, {course.zone_c[place]:.2f} °C told"
        low, high = zone.floor_c - relief.cold_k[place] - NEAR_K, zone.ceiling_c + relief.hot_k[place] + NEAR_K
        if not low <= now <= high:
            yield f"step {place}: {now:.2f} °C outside {zone.floor_c:g} to {zone.ceiling_c:g} °C"
        if not -NEAR_KW <= power <= zone.power_kw + NEAR_KW:
            yield f"step {place}: {power:.2f} kW"


def _shed(day: Day, course: Course, alone: Course, asked_kw: float) -> Iterator[str]:
    for place in day.shed_steps:
        shed = alone.grid_kw[place] - course.grid_kw[place]
        if shed < asked_kw - NEAR_KW:
            yield f"step {place}: {shed:.2f} kW shed, {asked_kw:.2f} kW promised"
