"""The one door to PyVRP: prize-collecting rounds with emptyings on the way and before the garage.

Three traps of PyVRP 0.14 are met here. It stays in poor plans when more trucks are on offer than are needed, so every
fleet size is tried, with two seeds. It does not force a last emptying, so going from a bin to the garage is forbidden.
From nothing it seldom finds that many small prizes together pay for a trip, so each search also starts from the plan
that collects everything it can. Searches stop by a number of iterations, so that the same task gives the same plan;
the bound in seconds is far beyond what they take, and is told when it was met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pyvrp import (
    Activity,
    ActivityType,
    Client,
    Depot,
    Location,
    ProblemData,
    Result,
    Route,
    Solution,
    VehicleType,
    solve,
)
from pyvrp.stop import MaxIterations, MaxRuntime, MultipleCriteria

from services.decisions.rounds.task import FIRST_BIN, GARAGE, SITE, Run, Task, total_eur

EUR = 100_000
"""PyVRP counts whole numbers: costs in hundred-thousandths of a euro, so that a metre is not rounded away."""
FORBIDDEN = 10_000_000
"""Metres and seconds: longer than any shift, so that no price makes the way feasible."""
SEEDS = (1, 2)
SIZES_TRIED = 4
SIZES_TRIED_HUGE = 2
HUGE = 600
"""From so many candidates on, the first descent of a search takes seconds: only half the fleet and all of it."""
SECONDS_MAX = 30.0
"""Bound of one whole plan, over all its searches."""
TRIPS_MAX = 6


@dataclass(frozen=True, slots=True)
class Routed:
    """What was found.

    Parameters
    ----------
    runs
        Only trucks that go out; empty when no bin is worth a round.
    searches, iterations
        How many searches, and of how many iterations each.
    by_time
        Whether a search was ended by the bound in seconds: then another machine may find another plan.
    """

    runs: tuple[Run, ...]
    searches: int
    iterations: int
    by_time: bool


def route(task: Task) -> Routed:
    """Return the cheapest plan found over fleet sizes, seeds and starts; going nowhere is one of the plans.

    Required candidates that no truck can take within its shift are treated as worth thrice the dearest prize.
    """
    found = _best(task, _sizes(task), _searched)
    if not found.runs and any(candidate.required for candidate in task.candidates):
        dearest = 3 * max(candidate.prize_eur for candidate in task.candidates) + 1_000
        relaxed = tuple(
            replace(candidate, prize_eur=dearest, required=False) if candidate.required else candidate
            for candidate in task.candidates
        )
        relaxed_task = replace(task, candidates=relaxed)
        return _best(relaxed_task, _sizes(relaxed_task), _searched)
    return found


def collect_all(task: Task) -> Routed:
    """Return the cheapest plan found that collects as much as fits, whatever it is worth."""
    rich = _all_worth_it(task)
    return _best(rich, _sizes(rich)[-2:], _searched_once)


def iterations_for(candidates: int) -> int:
    """Return how many iterations a search gets: fewer for more candidates, as each takes longer."""
    return int(np.clip(20_000 // max(candidates, 1), 15, 300))


_Search = Callable[[Task, int, int, float], Iterator[Result]]


def _best(task: Task, sizes: Sequence[int], search: _Search) -> Routed:
    iterations = iterations_for(len(task.candidates))
    best: tuple[Run, ...] = ()
    best_eur = total_eur(task, ())
    searches, by_time = 0, False
    share_s = SECONDS_MAX / max(len(sizes) * (len(SEEDS) + 1), 1)
    for size in sizes:
        for result in search(task, size, iterations, share_s):
            searches += 1
            by_time = by_time or result.num_iterations < iterations
            if not result.best.is_feasible():
                continue
            runs = _runs(result.best)
            if (eur := total_eur(task, runs)) < best_eur:
                best, best_eur = runs, eur
    return Routed(best, searches, iterations, by_time)


def _sizes(task: Task) -> list[int]:
    """Return the fleet sizes that are tried, the whole fleet last."""
    count = len(task.wheels)
    if not task.candidates or not count:
        return []
    if len(task.candidates) >= HUGE:
        return sorted({int(np.ceil(count / SIZES_TRIED_HUGE)), count})
    return sorted({round(size) for size in np.linspace(1, count, SIZES_TRIED)})


def _searched(task: Task, size: int, iterations: int, seconds: float) -> Iterator[Result]:
    """Search from nothing, and from the plan that collects all that fits; yield each search's result."""
    problem = _problem(task, size)
    if len(task.candidates) < HUGE:
        yield _solved(problem, (iterations, seconds), SEEDS[0], None)
    everything = _solved(_problem(_all_worth_it(task), size), (iterations, seconds), SEEDS[0], None).best
    start = _again(problem, everything) if everything.is_feasible() else None
    yield _solved(problem, (iterations, seconds), SEEDS[1], start)


def _searched_once(task: Task, size: int, iterations: int, seconds: float) -> Iterator[Result]:
    yield _solved(_problem(task, size), (iterations, seconds), SEEDS[0], None)


def _solved(problem: ProblemData, bounds: tuple[int, float], seed: int, start: Solution | None) -> Result:
    stop = MultipleCriteria([MaxIterations(bounds[0]), MaxRuntime(bounds[1])])
    return solve(problem, stop, seed=seed, collect_stats=False, display=False, initial_solution=start)


def _all_worth_it(task: Task) -> Task:
    """Return the task with every prize so high that all is collected that fits."""
    dearest = 10 * max((candidate.prize_eur for candidate in task.candidates), default=0.0) + 100
    return replace(task, candidates=tuple(replace(one, prize_eur=dearest, required=False) for one in task.candidates))


def _problem(task: Task, size: int) -> ProblemData:
    metres, seconds = task.matrix.metres.copy(), task.matrix.seconds.copy()
    metres[FIRST_BIN:, GARAGE] = FORBIDDEN
    seconds[FIRST_BIN:, GARAGE] = FORBIDDEN
    clients = [
        Client(
            location=candidate.point,
            pickup=[candidate.litres, candidate.kg],
            service_duration=candidate.service_s,
            prize=round(candidate.prize_eur * EUR),
            required=candidate.required,
        )
        for candidate in task.candidates
    ]
    depots = [
        Depot(location=GARAGE),
        Depot(
            location=SITE,
            tw_early=task.open_s,
            tw_late=max(task.closed_s - task.unloading_s, task.open_s),
            service_duration=task.unloading_s,
        ),
    ]
    vehicles = [
        VehicleType(
            num_available=1,
            capacity=[wheels.litres, wheels.kg],
            start_depot=GARAGE,
            end_depot=GARAGE,
            fixed_cost=round(wheels.fixed_eur * EUR),
            tw_early=wheels.start_s,
            tw_late=wheels.end_s,
            unit_distance_cost=round(wheels.eur_per_m * EUR),
            unit_duration_cost=round(wheels.eur_per_s * EUR),
            reload_depots=[SITE],
            max_reloads=TRIPS_MAX,
        )
        for wheels in task.wheels[:size]
    ]
    locations = [Location(0, 0) for _ in range(len(metres))]
    # PyVRP's stub asks for arrays of Python's int, which numpy has none of.
    matrices = ([metres], [seconds])
    return ProblemData(locations, clients, depots, vehicles, *matrices)  # type: ignore[arg-type]


def _again(problem: ProblemData, solution: Solution) -> Solution:
    """Return a solution of one problem as one of another that differs in its prizes only."""
    routes = []
    for route in solution.routes():
        # A route made from activities adds its first and last depot itself.
        inner = list(route)[1:-1]
        routes.append(Route(problem, [Activity(one.type, one.idx) for one in inner], route.vehicle_type()))
    return Solution(problem, routes)


def _runs(solution: Solution) -> tuple[Run, ...]:
    runs = []
    for route in solution.routes():
        trips: list[list[int]] = [[]]
        for activity in route:
            if activity.type == ActivityType.CLIENT:
                trips[-1].append(activity.idx)
            elif trips[-1]:
                trips.append([])
        full = tuple(tuple(trip) for trip in trips if trip)
        if full:
            runs.append(Run(route.vehicle_type(), full))
    return tuple(sorted(runs, key=lambda run: run.truck))
