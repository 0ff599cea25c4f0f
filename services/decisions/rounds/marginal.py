"""What one bin more or less would change in a plan: the detour, and its cost. Every reason is made of these figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.decisions.rounds.task import GARAGE, SITE, Run, Task, holds, run_eur, timed

MOVES_MAX = 300
TRIES_MAX = 3_000
"""Bounds of polishing: moves made, and longer runs looked at."""
_LEAST_EUR = 0.005


@dataclass(frozen=True, slots=True)
class Change:
    """What one bin adds to a plan, or what leaving it out would save.

    Parameters
    ----------
    fits
        Whether some truck has room and time for it.
    """

    metres: int
    eur: float
    fits: bool = True


@dataclass(frozen=True, slots=True)
class _Gap:
    """Where in a trip a bin could be taken in: the run, the trip, and the points on both sides of each place."""

    run: Run
    trip: int
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    room: tuple[int, int, int]
    """Litres, kilograms and seconds left."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to take a bin in: the run that it makes longer (None for a truck that stays in), and what it adds."""

    run: Run | None
    longer: Run
    metres: int
    eur: float
    has_room: bool


def polished(task: Task, runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Take in every bin that is worth its detour and fits, and drop every one that is not, until none is left.

    A plan that went through this agrees with its reasons: a bin left out costs more than its prize, or does not fit.
    """
    tries = [TRIES_MAX]
    for _ in range(MOVES_MAX):
        better = _dropped(task, runs) or _taken_in(task, runs, tries)
        if better is None:
            break
        runs = better
    return runs


def additions(task: Task, runs: tuple[Run, ...]) -> dict[int, Change]:
    """Return what collecting each candidate left out would add, at its cheapest place, one that fits if there is."""
    gaps = _gaps(task, runs)
    found = {}
    for number in _left_out(task, runs):
        ways = sorted(_ways(task, runs, gaps, number), key=lambda way: way.eur)
        fitting = next((way for way in ways if way.has_room and holds(task, way.longer)), None)
        chosen = fitting or ways[0]
        found[number] = Change(chosen.metres, chosen.eur, fitting is not None)
    return found


def savings(task: Task, runs: tuple[Run, ...]) -> dict[int, Change]:
    """Return what leaving out each collected candidate would save."""
    found = {}
    for run in runs:
        for index, trip in enumerate(run.trips):
            for place, number in enumerate(trip):
                found[number] = _saved(task, run, (index, place)) if len(trip) > 1 else _saved_trip(task, run, number)
    return found


def _saved(task: Task, run: Run, at: tuple[int, int]) -> Change:
    index, place = at
    trip, wheels = run.trips[index], task.wheels[run.truck]
    points = [SITE if index else GARAGE, *(task.candidates[one].point for one in trip), SITE]
    before, point, after = points[place : place + 3]
    metres, seconds = task.matrix.metres, task.matrix.seconds
    less_m = int(metres[before, point] + metres[point, after] - metres[before, after])
    less_s = int(seconds[before, point] + seconds[point, after] - seconds[before, after])
    less_s += task.candidates[trip[place]].service_s
    return Change(less_m, less_m * wheels.eur_per_m + less_s * wheels.eur_per_s)


def _saved_trip(task: Task, run: Run, number: int) -> Change:
    less = _without(run, number)
    kept = (timed(task, less).metres, run_eur(task, less)) if less.trips else (0, 0.0)
    return Change(timed(task, run).metres - kept[0], run_eur(task, run) - kept[1])


def _left_out(task: Task, runs: tuple[Run, ...]) -> list[int]:
    collected = {number for run in runs for number in run.collected}
    return [number for number in range(len(task.candidates)) if number not in collected]


def _gaps(task: Task, runs: tuple[Run, ...]) -> list[_Gap]:
    gaps = []
    for run in runs:
        wheels = task.wheels[run.truck]
        slack_s = wheels.end_s - timed(task, run).visits[-1].leave_s
        for index, trip in enumerate(run.trips):
            points = np.array([SITE if index else GARAGE, *(task.candidates[one].point for one in trip), SITE])
            litres = wheels.litres - sum(task.candidates[one].litres for one in trip)
            kg = wheels.kg - sum(task.candidates[one].kg for one in trip)
            gaps.append(_Gap(run, index, points[:-1], points[1:], (litres, kg, slack_s)))
    return gaps


def _ways(task: Task, runs: tuple[Run, ...], gaps: list[_Gap], number: int) -> Iterator[_Way]:
    """Yield the cheapest way to take a candidate into each trip, and into each truck that stays in."""
    candidate = task.candidates[number]
    metres, seconds = task.matrix.metres, task.matrix.seconds
    for gap in gaps:
        wheels, trip = task.wheels[gap.run.truck], gap.run.trips[gap.trip]
        more_m = (
            metres[gap.before, candidate.point] + metres[candidate.point, gap.after] - metres[gap.before, gap.after]
        )
        more_s = (
            seconds[gap.before, candidate.point] + seconds[candidate.point, gap.after] - seconds[gap.before, gap.after]
        )
        cost = more_m * wheels.eur_per_m + (more_s + candidate.service_s) * wheels.eur_per_s
        place = int(np.argmin(cost))
        longer = (*trip[:place], number, *trip[place:])
        run = Run(gap.run.truck, (*gap.run.trips[: gap.trip], longer, *gap.run.trips[gap.trip + 1 :]))
        needs = (candidate.litres, candidate.kg, int(more_s[place]) + candidate.service_s)
        has_room = all(need <= room for need, room in zip(needs, gap.room, strict=True))
        yield _Way(gap.run, run, int(more_m[place]), float(cost[place]), has_room)
    busy = {run.truck for run in runs}
    for truck in range(len(task.wheels)):
        if truck not in busy:
            alone = Run(truck, ((number,),))
            yield _Way(None, alone, timed(task, alone).metres, run_eur(task, alone), has_room=True)


def _without(run: Run, number: int) -> Run:
    trips = (tuple(one for one in trip if one != number) for trip in run.trips)
    return Run(run.truck, tuple(trip for trip in trips if trip))


def _dropped(task: Task, runs: tuple[Run, ...]) -> tuple[Run, ...] | None:
    """Return the plan without the bin that is least worth its detour, None when all are worth it."""
    losses = {number: saved.eur - task.candidates[number].worth_eur for number, saved in savings(task, runs).items()}
    worst = max(losses, key=lambda number: losses[number], default=None)
    if worst is None or losses[worst] <= _LEAST_EUR:
        return None
    fewer = (_without(run, worst) for run in runs)
    return tuple(run for run in fewer if run.trips)


def _taken_in(task: Task, runs: tuple[Run, ...], tries: list[int]) -> tuple[Run, ...] | None:
    """Return the plan with the bin that is most worth its detour, None when none is; ``tries`` is used up."""
    gaps = _gaps(task, runs)
    gains = [
        (task.candidates[number].worth_eur - way.eur, way)
        for number in _left_out(task, runs)
        for way in _ways(task, runs, gaps, number)
        if way.has_room
    ]
    for gain, way in sorted(gains, key=lambda pair: -pair[0]):
        if gain <= _LEAST_EUR or not tries[0]:
            return None
        tries[0] -= 1
        if holds(task, way.longer):
            others = (run for run in runs if run is not way.run)
            return tuple(sorted((*others, way.longer), key=lambda run: run.truck))
    return None
