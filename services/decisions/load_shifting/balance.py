"""What schedules come to, without any solver: states, power drawn, money, comfort; and the day left to itself."""

from __future__ import annotations

from dataclasses import dataclass

from services.decisions.load_shifting.assets import STEP_H, STEPS, Battery, HotWater, Zone
from services.decisions.load_shifting.day import Day, Stay, Steps
from services.decisions.load_shifting.policy import Policy

NOTHING: Steps = (0.0,) * STEPS


@dataclass(frozen=True, slots=True)
class Plan:
    """Electric power of each asset per step, kW. ``stays_kw`` follows ``Day.stays``."""

    charge_kw: Steps = NOTHING
    discharge_kw: Steps = NOTHING
    water_kw: Steps = NOTHING
    stays_kw: tuple[Steps, ...] = ()
    zone_kw: Steps = NOTHING

    def assets_kw(self, place: int) -> float:
        """Return what all assets draw in a step; negative while the battery gives more than they take."""
        cars = sum(stay[place] for stay in self.stays_kw)
        battery = self.charge_kw[place] - self.discharge_kw[place]
        return battery + self.water_kw[place] + cars + self.zone_kw[place]

    def by_asset(self, policy: Policy, day: Day) -> dict[str, Steps]:
        """Return the power of each asset by its code; the battery's is negative while it gives."""
        found: dict[str, Steps] = {}
        if policy.battery:
            pairs = zip(self.charge_kw, self.discharge_kw, strict=True)
            found[policy.battery.code] = tuple(charge - discharge for charge, discharge in pairs)
        if policy.hot_water:
            found[policy.hot_water.code] = self.water_kw
        for session in policy.sessions:
            own = [kw for kw, stay in zip(self.stays_kw, day.stays, strict=True) if stay.session.code == session.code]
            found[session.code] = tuple(sum(kw[place] for kw in own) for place in range(STEPS))
        if policy.zone:
            found[policy.zone.code] = self.zone_kw
        return found


@dataclass(frozen=True, slots=True)
class Course:
    """How the day goes with a plan. States are at the end of each step.

    Parameters
    ----------
    grid_kw
        Power exchanged with the grid at the base load's p50; negative while feeding in.
    battery_kwh, water_kwh, zone_c
        Empty where there is no such asset.
    unmet_kwh
        Hot water below what the tank must hold, made up by nobody.
    """

    plan: Plan
    grid_kw: Steps
    battery_kwh: Steps
    water_kwh: Steps
    unmet_kwh: Steps
    zone_c: Steps

    @property
    def peak_kw(self) -> float:
        """The highest power drawn, at p50."""
        return max(0.0, *self.grid_kw)


def follow_plan(day: Day, policy: Policy, plan: Plan) -> Course:
    """Return how the day goes when a plan is followed."""
    grid = tuple(day.base_kw[place] + plan.assets_kw(place) for place in range(STEPS))
    battery = _battery(policy.battery, plan) if policy.battery else ()
    water, unmet = _water(policy.hot_water, day, plan.water_kw) if policy.hot_water else ((), ())
    zone = _zone(policy.zone, day, plan.zone_kw) if policy.zone and day.zone_start_c is not None else ()
    return Course(plan, grid, battery, water, unmet, zone)


def _battery(battery: Battery, plan: Plan) -> Steps:
    state, states = battery.start_ratio * battery.energy_kwh, []
    for charge, discharge in zip(plan.charge_kw, plan.discharge_kw, strict=True):
        state += (battery.efficiency_ratio * charge - discharge) * STEP_H
        states.append(state)
    return tuple(states)


def _water(tank: HotWater, day: Day, power_kw: Steps) -> tuple[Steps, Steps]:
    state, states, unmet = water_start_kwh(tank), [], []
    for place in range(STEPS):
        state = state * tank.keeps_ratio + power_kw[place] * STEP_H - tank.demand_at(day.at(place))
        unmet.append(max(0.0, tank.low_kwh - state))
        state = max(state, tank.low_kwh)
        states.append(state)
    return tuple(states), tuple(unmet)


def water_start_kwh(tank: HotWater) -> float:
    """Return the heat in the tank at the start, as the policy assumes."""
    return max(tank.low_kwh, tank.start_ratio * tank.energy_kwh)


def next_c(zone: Zone, now_c: float, outdoor_c: float, heat_kw: float) -> float:
    """Return a zone's temperature a step later: the exact solution for constant heat and outdoor temperature."""
    rest = outdoor_c + heat_kw / zone.loss_kw_per_k
    return rest + (now_c - rest) * zone.keeps_ratio


def gains_kw(zone: Zone, day: Day, place: int) -> float:
    """Return the heat of people and sun in a step: while a band holds at its end."""
    return zone.gains_kw if day.bands[place] is not None else 0.0


def _zone(zone: Zone, day: Day, power_kw: Steps) -> Steps:
    state, states = day.zone_start_c or 0.0, []
    for place in range(STEPS):
        heat = zone.cop_at(day.outdoor_c[place]) * power_kw[place] + gains_kw(zone, day, place)
        state = next_c(zone, state, day.outdoor_c[place], heat)
        states.append(state)
    return tuple(states)


def left_alone(day: Day, policy: Policy) -> Course:
    """Return the day without a plan.

    The battery rests, the tank heats as soon as it is not full, cars charge on arrival, and the thermostat holds the
    band's low limit, ``preheat_minutes`` early, and the hard floor otherwise.
    """
    water = _thermostat_water(policy.hot_water, day) if policy.hot_water else NOTHING
    zone = _thermostat_zone(policy.zone, day) if policy.zone and day.zone_start_c is not None else NOTHING
    plan = Plan(water_kw=water, stays_kw=tuple(map(_at_once, day.stays)), zone_kw=zone)
    return follow_plan(day, policy, plan)


def _at_once(stay: Stay) -> Steps:
    left, powers = stay.energy_kwh, [0.0] * STEPS
    for place in range(stay.first, stay.last):
        powers[place] = min(stay.session.power_kw, left / STEP_H)
        left -= powers[place] * STEP_H
    return tuple(powers)


def _thermostat_water(tank: HotWater, day: Day) -> Steps:
    state, powers = water_start_kwh(tank), []
    for place in range(STEPS):
        without = state * tank.keeps_ratio - tank.demand_at(day.at(place))
        power = min(tank.power_kw, max(0.0, tank.energy_kwh - without) / STEP_H)
        powers.append(power)
        state = max(tank.low_kwh, without + power * STEP_H)
    return tuple(powers)


def _thermostat_zone(zone: Zone, day: Day) -> Steps:
    early = round(zone.preheat_minutes / 15)
    state, powers = day.zone_start_c or 0.0, []
    for place in range(STEPS):
        ahead = [band[0] for band in day.bands[place : place + early + 1] if band]
        wanted = max(ahead, default=zone.floor_c)
        outdoor, cop = day.outdoor_c[place], zone.cop_at(day.outdoor_c[place])
        gains = gains_kw(zone, day, place)
        free = next_c(zone, state, outdoor, gains)
        per_kw = cop / zone.loss_kw_per_k * (1.0 - zone.keeps_ratio)
        power = min(zone.power_kw, max(0.0, wanted - free) / per_kw)
        powers.append(power)
        state = free + power * per_kw
    return tuple(powers)


@dataclass(frozen=True, slots=True)
class Money:
    """What a day costs, EUR: energy, the peak's price, the battery's wear, and what is missing at the end."""

    energy_eur: float
    peak_eur: float
    wear_eur: float
    stock_eur: float

    @property
    def total_eur(self) -> float:
        """All of it."""
        return self.energy_eur + self.peak_eur + self.wear_eur + self.stock_eur


def money(day: Day, policy: Policy, course: Course, alone: Course, base_kw: Steps | None = None) -> Money:
    """Return what a course costs, its end compared with that of the day left alone; at another base load if given."""
    base = base_kw or day.base_kw
    grid = [base[place] + course.plan.assets_kw(place) for place in range(STEPS)]
    energy = sum(
        kw * STEP_H * (buy if kw >= 0 else sell)
        for kw, buy, sell in zip(grid, day.price_eur_per_kwh, day.sell_eur_per_kwh, strict=True)
    )
    peak = policy.peak_eur_per_kw * max(0.0, max(grid) - policy.peak_free_kw)
    wear = policy.battery.wear_eur_per_kwh * sum(course.plan.discharge_kw) * STEP_H if policy.battery else 0.0
    return Money(energy, peak, wear, day.stock_eur_per_kwh * missing_kwh(day, policy, course, alone))


def missing_kwh(day: Day, policy: Policy, course: Course, alone: Course) -> float:
    """Return the electricity that it would take at the day's end to stand where the day left alone stands."""
    missing = 0.0
    if policy.battery:
        wanted = policy.battery.start_ratio * policy.battery.energy_kwh - course.battery_kwh[-1]
        missing += max(0.0, wanted) / policy.battery.efficiency_ratio
    if policy.hot_water:
        missing += max(0.0, alone.water_kwh[-1] - course.water_kwh[-1])
    if policy.zone and course.zone_c:
        heat = (alone.zone_c[-1] - course.zone_c[-1]) * policy.zone.capacity_kwh_per_k
        missing += max(0.0, heat) / policy.zone.cop_at(day.outdoor_c[-1])
    for planned, left in zip(course.plan.stays_kw, alone.plan.stays_kw, strict=True):
        missing += max(0.0, (sum(left) - sum(planned)) * STEP_H)
    return missing


def comfort_kh(day: Day, course: Course) -> float:
    """Return how far outside its bands the zone is, degrees times hours."""
    pairs = zip(course.zone_c, day.bands, strict=False)
    return sum(max(band[0] - c, c - band[1], 0.0) * STEP_H for c, band in pairs if band)
