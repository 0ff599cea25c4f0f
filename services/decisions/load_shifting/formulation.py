"""The day as a linear program: balance, hard limits, soft comfort, the peak's price, one shed event.

minimise  energy + peak + wear + discomfort + what is missing at the end + a little for each change of power
subject to, in each step,
    import - export = base load (p50) + charge - discharge + water + cars + heat pump
    base load (p90) + assets <= cap; assets <= those of the day left alone - shed power, while it is shed
    the battery, the tank, the cars and the zone follow their own equations within their limits
Discharging is not allowed at a negative price, so that burning energy in the battery's losses never pays; at any
other price wear and losses keep it from charging and discharging at once, without binary columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from services.decisions.load_shifting.assets import STEP_H, STEPS, Battery, HotWater, Zone
from services.decisions.load_shifting.balance import NOTHING, Course, Plan, gains_kw, water_start_kwh
from services.decisions.load_shifting.day import Day, Stay, Steps
from services.decisions.load_shifting.policy import Policy
from services.decisions.load_shifting.solver import INFINITE, Program, Solution, Term

_EARLY_EUR_PER_KWH = 1e-5
_EXPORT_EUR_PER_KWH = 1e-6
_SMALL_KW = 1e-5


@dataclass(frozen=True, slots=True)
class Relief:
    """How far each hard limit of the assets may give way, because nothing can hold it: all 0 on an ordinary day.

    Parameters
    ----------
    unmet_kwh
        Heat missing in the tank, per step.
    short_kwh
        Energy missing in each stay's car at its departure.
    cold_k, hot_k
        Degrees below the zone's floor and above its ceiling, per step.
    """

    unmet_kwh: Steps = (0.0,) * STEPS
    short_kwh: Steps = ()
    cold_k: Steps = (0.0,) * STEPS
    hot_k: Steps = (0.0,) * STEPS


@dataclass(frozen=True, slots=True)
class Aim:
    """What a program is to find.

    Parameters
    ----------
    relief
        Bounds of the relief; None to find the least that is enough, whatever it costs.
    comfort
        Whether discomfort is priced.
    shed_kw
        Power to shed in the event's steps; None for no event.
    most_shed
        Find the most power, up to ``shed_kw``, that can be shed.
    """

    relief: Relief | None
    comfort: bool = True
    shed_kw: float | None = None
    most_shed: bool = False


@dataclass(slots=True)
class Formulation:
    """A day's program and where its columns stand."""

    day: Day
    policy: Policy
    aim: Aim
    alone: Course
    program: Program = field(default_factory=Program)
    assets: list[list[Term]] = field(default_factory=lambda: [[] for _ in range(STEPS)])
    columns: dict[str, list[int]] = field(default_factory=dict)
    stays: list[dict[int, int]] = field(default_factory=list)
    balance: list[int] = field(default_factory=list)

    def write(self) -> Formulation:
        """Write all columns and rows; return itself."""
        if self.policy.battery:
            self._battery(self.policy.battery)
        if self.policy.hot_water:
            self._water(self.policy.hot_water)
        for stay in self.day.stays:
            self._stay(stay)
        if self.policy.zone and self.day.zone_start_c is not None:
            self._zone(self.policy.zone, self.day.zone_start_c)
        self._grid()
        self._shed()
        return self

    def _cost(self, eur: float) -> float:
        """Return a price where money is the aim, else nothing."""
        return 0.0 if self.aim.relief is None or self.aim.most_shed else eur

    def _relief(self, bound: float, weight: float = 1.0) -> int:
        """Add a column that eases a hard limit: dearer than anything it could save, so that it only serves need."""
        dear = 1.0 + 2 * self.day.stock_eur_per_kwh + self.policy.peak_eur_per_kw / STEP_H
        return self.program.column(0, INFINITE if self.aim.relief is None else bound, dear * weight)

    def _power(self, name: str, high_kw: float) -> list[int]:
        self.columns[name] = [self.program.column(0, high_kw) for _ in range(STEPS)]
        return self.columns[name]

    def _missing(self, wanted: float, factor: float, *held: Term) -> None:
        """Price what is missing at the end: ``factor`` of the wanted less what is held, in kWh of electricity."""
        missing = self.program.column(0, INFINITE, self._cost(self.day.stock_eur_per_kwh * factor))
        self.program.row(wanted, INFINITE, *held, (missing, 1.0))

    def _steady(self, steps: list[list[Term]]) -> None:
        """Price each change of power between neighbouring steps."""
        for before, after in pairwise(steps):
            change = self.program.column(0, INFINITE, self._cost(self.policy.switch_eur_per_kw))
            minus = [(place, -factor) for place, factor in before]
            self.program.row(0, INFINITE, (change, 1.0), *after, *minus)
            self.program.row(-INFINITE, 0, (change, -1.0), *after, *minus)

    def _battery(self, battery: Battery) -> None:
        charge, discharge = self._power("charge", battery.power_kw), self._power("discharge", battery.power_kw)
        wear = self._cost(battery.wear_eur_per_kwh * STEP_H)
        state: list[Term] = []
        held = battery.start_ratio * battery.energy_kwh
        for place in range(STEPS):
            self.program.costs[discharge[place]] = wear
            if self.day.prices[place].eur_per_kwh < 0:
                self.program.highs[discharge[place]] = 0.0
            after = self.program.column(0, battery.energy_kwh)
            flows = ((charge[place], -battery.efficiency_ratio * STEP_H), (discharge[place], STEP_H))
            self.program.equal(0.0 if state else held, (after, 1.0), *flows, *state)
            state = [(after, -1.0)]
            self.assets[place] += [(charge[place], 1.0), (discharge[place], -1.0)]
        self._missing(held, 1 / battery.efficiency_ratio, (state[0][0], 1.0))
        self._steady([[(charge[place], 1.0), (discharge[place], -1.0)] for place in range(STEPS)])

    def _water(self, tank: HotWater) -> None:
        power = self._power("water", tank.power_kw)
        bounds = self.aim.relief.unmet_kwh if self.aim.relief else (0.0,) * STEPS
        # A little cheaper the later: heat that nobody made may not be stored.
        later = [1.0 + 0.001 * (STEPS - place) / STEPS for place in range(STEPS)]
        before, held = -1, water_start_kwh(tank) * tank.keeps_ratio
        for place in range(STEPS):
            after = self.program.column(tank.low_kwh, tank.energy_kwh)
            terms: list[Term] = [
                (after, 1.0),
                (power[place], -STEP_H),
                (self._relief(bounds[place], later[place]), -1.0),
            ]
            if before >= 0:
                terms.append((before, -tank.keeps_ratio))
            self.program.equal(held - tank.demand_at(self.day.at(place)), *terms)
            before, held = after, 0.0
            self.assets[place].append((power[place], 1.0))
        self._missing(self.alone.water_kwh[-1], 1.0, (before, 1.0))
        self._steady([[(column, 1.0)] for column in power])

    def _stay(self, stay: Stay) -> None:
        number = len(self.stays)
        places = range(stay.first, stay.last)
        early = {place: self._cost(_EARLY_EUR_PER_KWH * STEP_H * place / STEPS) for place in places}
        columns = {place: self.program.column(0, stay.session.power_kw, early[place]) for place in places}
        self.stays.append(columns)
        charged: list[Term] = [(column, STEP_H) for column in columns.values()]
        short = self._relief(self.aim.relief.short_kwh[number] if self.aim.relief else 0.0, 1.0 + 0.001 * number)
        self.program.row(stay.due_kwh, INFINITE, *charged, (short, 1.0))
        self.program.row(-INFINITE, stay.energy_kwh, *charged)
        self._missing(sum(self.alone.plan.stays_kw[number]) * STEP_H, 1.0, *charged)
        for place, column in columns.items():
            self.assets[place].append((column, 1.0))
        self._steady([[(column, 1.0)] for column in columns.values()])

    def _zone(self, zone: Zone, start_c: float) -> None:
        power, relief = self._power("zone", zone.power_kw), self.aim.relief or Relief()
        comfort = self._cost(zone.comfort_eur_per_kh * STEP_H if self.aim.comfort else 0.0)
        keeps, before = zone.keeps_ratio, -1
        for place in range(STEPS):
            outdoor = self.day.outdoor_c[place]
            after = self.program.column(-INFINITE, INFINITE)
            drift = (1 - keeps) * (outdoor + gains_kw(zone, self.day, place) / zone.loss_kw_per_k)
            per_kw = (1 - keeps) * zone.cop_at(outdoor) / zone.loss_kw_per_k
            held: list[Term] = [(before, -keeps)] if before >= 0 else []
            self.program.equal(drift + (0.0 if held else keeps * start_c), (after, 1.0), (power[place], -per_kw), *held)
            self.program.row(zone.floor_c, INFINITE, (after, 1.0), (self._relief(relief.cold_k[place]), 1.0))
            self.program.row(-INFINITE, zone.ceiling_c, (after, 1.0), (self._relief(relief.hot_k[place]), -1.0))
            band = self.day.bands[place]
            if band and comfort:
                self.program.row(band[0], INFINITE, (after, 1.0), (self.program.column(0, INFINITE, comfort), 1.0))
                self.program.row(-INFINITE, band[1], (after, 1.0), (self.program.column(0, INFINITE, comfort), -1.0))
            self.assets[place].append((power[place], 1.0))
            before = after
        heat = zone.capacity_kwh_per_k / zone.cop_at(self.day.outdoor_c[-1])
        self._missing(self.alone.zone_c[-1], heat, (before, 1.0))
        self._steady([[(column, 1.0)] for column in power])

    def _grid(self) -> None:
        day, policy = self.day, self.policy
        peak = self.program.column(policy.peak_free_kw, INFINITE, self._cost(policy.peak_eur_per_kw))
        for place in range(STEPS):
            price = self._cost(day.prices[place].eur_per_kwh * STEP_H)
            earns = self._cost((day.sell_eur_per_kwh[place] - _EXPORT_EUR_PER_KWH) * STEP_H)
            bought = self.program.column(0, INFINITE, price)
            sold = self.program.column(0, day.export_cap_kw[place], -earns)
            minus = [(column, -factor) for column, factor in self.assets[place]]
            self.balance.append(self.program.equal(day.base_kw[place], (bought, 1.0), (sold, -1.0), *minus))
            self.program.row(-INFINITE, day.cap_kw[place] - day.base_p90_kw[place], *self.assets[place])
            self.program.row(0, INFINITE, (peak, 1.0), (bought, -1.0))

    def _shed(self) -> None:
        if self.aim.shed_kw is None:
            return
        low = 0.0 if self.aim.most_shed else self.aim.shed_kw
        self.columns["shed"] = [self.program.column(low, self.aim.shed_kw, -1.0 if self.aim.most_shed else 0.0)]
        for place in self.day.shed_steps:
            self.program.row(
                -INFINITE,
                self.alone.plan.assets_kw(place),
                *self.assets[place],
                (self.columns["shed"][0], 1.0),
            )

    def plan_of(self, solution: Solution) -> Plan:
        """Return the schedules that a solution stands for."""

        def steps(name: str) -> Steps:
            columns = self.columns.get(name)
            return tuple(_kw(float(solution.values[column])) for column in columns) if columns else NOTHING

        cars = [
            tuple(_kw(float(solution.values[stay[place]])) if place in stay else 0.0 for place in range(STEPS))
            for stay in self.stays
        ]
        return Plan(steps("charge"), steps("discharge"), steps("water"), tuple(cars), steps("zone"))


def _kw(value: float) -> float:
    return value if value > _SMALL_KW else 0.0
