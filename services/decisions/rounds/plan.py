"""From a situation to a plan: what each bin is worth, the rounds that pay, and the rounds it is compared with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import ceil

from services.decisions.rounds.distances import Distances, Point
from services.decisions.rounds.marginal import polished
from services.decisions.rounds.opening import Opening
from services.decisions.rounds.overflow import Outlook, Source, outlook
from services.decisions.rounds.policy import Container, RoundPolicy, Truck
from services.decisions.rounds.routing import Routed, collect_all, route
from services.decisions.rounds.situation import BinState, RoundSituation
from services.decisions.rounds.task import FIRST_BIN, Candidate, Run, Task, TimedRun, Wheels, run_eur, timed

REQUIRED_OVER = 0.99


@dataclass(frozen=True, slots=True)
class Known:
    """A bin of the policy with all that is known of it."""

    container: Container
    state: BinState
    outlook: Outlook
    fixed: bool
    """Whether the calendar collects it on this day."""

    @property
    def candidate(self) -> bool:
        """Whether it can be planned for: it stands somewhere, and something is known of it or the calendar takes it."""
        placed = self.state.longitude is not None and self.state.latitude is not None
        return placed and (self.outlook.source is not Source.UNKNOWN or self.fixed)

    @property
    def required(self) -> bool:
        """Collected whatever it costs: almost surely full, or unknown on its day of the calendar."""
        return self.outlook.full_left > REQUIRED_OVER or (self.outlook.source is Source.UNKNOWN and self.fixed)

    @property
    def prize_eur(self) -> float:
        """What collecting it is worth."""
        return round(self.outlook.avoided * self.container.overflow_cost_eur, 4)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a plan is, comparable between plans."""

    distance_km: float
    duration_h: float
    bins: int
    fill_ratio: float
    overflows: float
    cost_eur: float


@dataclass(frozen=True, slots=True)
class Planned:
    """The proposed plan.

    Parameters
    ----------
    known
        Every bin of the policy, in its order.
    numbers
        Which of them each candidate of ``task`` is.
    """

    known: tuple[Known, ...]
    numbers: tuple[int, ...]
    task: Task
    routed: Routed
    runs: tuple[Run, ...]

    @property
    def timed(self) -> tuple[TimedRun, ...]:
        """The runs with their times."""
        return tuple(timed(self.task, run) for run in self.runs)

    @property
    def collected(self) -> frozenset[int]:
        """The bins collected, by their number in ``known``."""
        return frozenset(self.numbers[one] for run in self.runs for one in run.collected)


def known_bins(situation: RoundSituation, policy: RoundPolicy, opening: Opening) -> tuple[Known, ...]:
    """Return every bin of the policy with what to expect of it."""
    fixed = policy.fixed_sensors(opening.day)
    return tuple(
        Known(
            container,
            state,
            outlook(state, opening, policy.full_ratio, situation.at),
            container.sensor in fixed,
        )
        for container, state in zip(policy.bins, situation.bins, strict=True)
    )


def planned(known: tuple[Known, ...], policy: RoundPolicy, opening: Opening, distances: Distances) -> Planned:
    """Return the plan that costs least, overflows included."""
    numbers = tuple(number for number, one in enumerate(known) if one.candidate)
    task = _task([known[number] for number in numbers], policy, opening, distances)
    routed = route(task)
    return Planned(known, numbers, task, routed, polished(task, routed.runs))


def compared(plan: Planned, wanted: Collection[int]) -> Routed:
    """Return the best plan found that collects all of ``wanted`` that fits; bins as numbers of ``plan.known``."""
    chosen = [one for one, number in enumerate(plan.numbers) if number in wanted]
    candidates = tuple(plan.task.candidates[one] for one in chosen)
    found = collect_all(replace(plan.task, candidates=candidates))
    runs = (Run(run.truck, tuple(tuple(chosen[one] for one in trip) for trip in run.trips)) for run in found.runs)
    return replace(found, runs=tuple(runs))


def figures_of(plan: Planned, runs: tuple[Run, ...]) -> Figures:
    """Return the figures of any runs of the plan's task."""
    outs = [timed(plan.task, run) for run in runs]
    collected = {plan.numbers[one] for run in runs for one in run.collected}
    fills = [plan.known[number].outlook.fill_ratio for number in sorted(collected)]
    return Figures(
        distance_km=round(sum(out.metres for out in outs) / 1000, 2),
        duration_h=round(sum(out.seconds for out in outs) / 3600, 2),
        bins=len(collected),
        fill_ratio=round(sum(fills) / len(fills), 3) if fills else 0.0,
        overflows=round(sum(chances(plan.known, collected)), 2),
        cost_eur=round(sum((run_eur(plan.task, run) for run in runs), 0.0), 2),
    )


def chances(known: tuple[Known, ...], collected: Collection[int]) -> list[float]:
    """Return each bin's probability of being full at the next opportunity when these are collected."""
    return [
        one.outlook.full_collected if number in collected else one.outlook.full_left for number, one in enumerate(known)
    ]


def _task(known: list[Known], policy: RoundPolicy, opening: Opening, distances: Distances) -> Task:
    spots = (policy.garage, policy.unloading.spot)
    points = [Point(spot.longitude, spot.latitude) for spot in spots]
    points += [Point(one.state.longitude or 0.0, one.state.latitude or 0.0) for one in known]
    origin = opening.window.start
    open_s, closed_s = 0, 0
    if opening.unloading is not None:
        open_s = int((opening.unloading.start - origin).total_seconds())
        closed_s = int((opening.unloading.end - origin).total_seconds())
    return Task(
        matrix=distances.matrix(points, opening.window),
        candidates=tuple(_candidate(FIRST_BIN + number, one) for number, one in enumerate(known)),
        wheels=tuple(_wheels(policy.trucks[number], opening, number) for number in range(len(policy.trucks))),
        open_s=open_s,
        closed_s=closed_s,
        unloading_s=policy.unloading.service_s,
    )


def _candidate(point: int, one: Known) -> Candidate:
    litres = one.container.litres * one.outlook.fill_ratio_high
    kg = litres * one.container.kg_per_litre
    return Candidate(point, ceil(litres), ceil(kg), one.container.service_s, one.prize_eur, one.required)


def _wheels(truck: Truck, opening: Opening, number: int) -> Wheels:
    shift, origin = opening.shifts[number], opening.window.start
    return Wheels(
        litres=int(truck.capacity_l * truck.compaction),
        kg=int(truck.capacity_kg),
        start_s=int((shift.start - origin).total_seconds()),
        end_s=int((shift.end - origin).total_seconds()),
        eur_per_m=truck.cost_per_km_eur / 1000,
        eur_per_s=truck.cost_per_h_eur / 3600,
        fixed_eur=truck.fixed_cost_eur,
    )
