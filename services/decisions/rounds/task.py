"""The numbers of one round: what a solver needs, without names or places; and what a run of a truck is in them."""

from __future__ import annotations

from dataclasses import dataclass

from services.decisions.rounds.distances import Matrix

GARAGE = 0
SITE = 1
FIRST_BIN = 2
"""Points of the matrix: the garage, the unloading site, then the bins."""
REQUIRED_EUR = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A bin as a solver sees it.

    Parameters
    ----------
    point
        Its row in the matrix.
    litres, kg
        What it is planned to hold when the truck comes: the level it stays under 9 times out of 10.
    prize_eur
        What collecting it is worth: overflow avoided, in EUR.
    required
        Whether it is collected whatever it costs, as far as trucks and shifts allow.
    """

    point: int
    litres: int
    kg: int
    service_s: int
    prize_eur: float
    required: bool

    @property
    def worth_eur(self) -> float:
        """What leaving it out counts as: its prize, or more than any detour costs where it is required."""
        return REQUIRED_EUR if self.required else self.prize_eur


@dataclass(frozen=True, slots=True)
class Wheels:
    """A truck as a solver sees it: litres as they lie in the bins, times in seconds from the round's start."""

    litres: int
    kg: int
    start_s: int
    end_s: int
    eur_per_m: float
    eur_per_s: float
    fixed_eur: float


@dataclass(frozen=True, slots=True)
class Task:
    """One round to be planned.

    Parameters
    ----------
    open_s, closed_s
        When the unloading site opens, and by when an unloading must have ended.
    """

    matrix: Matrix
    candidates: tuple[Candidate, ...]
    wheels: tuple[Wheels, ...]
    open_s: int
    closed_s: int
    unloading_s: int


@dataclass(frozen=True, slots=True)
class Run:
    """What one truck does: trips of candidates (by their number), each ending at the unloading site, then home."""

    truck: int
    trips: tuple[tuple[int, ...], ...]

    @property
    def collected(self) -> tuple[int, ...]:
        """Every candidate it collects, in order."""
        return tuple(number for trip in self.trips for number in trip)


@dataclass(frozen=True, slots=True)
class Visit:
    """One stop of a run: where (a row of the matrix), which candidate (None at garage and site), and when."""

    point: int
    candidate: int | None
    arrive_s: int
    start_s: int
    leave_s: int
    metres: int


@dataclass(frozen=True, slots=True)
class TimedRun:
    """A run with its times; ``visits`` goes from the garage to the garage."""

    run: Run
    visits: tuple[Visit, ...]

    @property
    def metres(self) -> int:
        """How far the truck drives."""
        return sum(visit.metres for visit in self.visits)

    @property
    def seconds(self) -> int:
        """How long it is out."""
        return self.visits[-1].leave_s - self.visits[0].leave_s


def timed(task: Task, run: Run) -> TimedRun:
    """Return the run with its times: it leaves as early as its shift allows without waiting at the first unloading."""
    leave_s = task.wheels[run.truck].start_s
    visits = _drive(task, run, leave_s)
    first = next(visit for visit in visits if visit.point == SITE)
    wait_s = first.start_s - first.arrive_s
    return TimedRun(run, _drive(task, run, leave_s + wait_s) if wait_s else visits)


def _drive(task: Task, run: Run, leave_s: int) -> tuple[Visit, ...]:
    visits = [Visit(GARAGE, None, leave_s, leave_s, leave_s, 0)]
    for trip in run.trips:
        for number in trip:
            candidate = task.candidates[number]
            visits.append(_next(task, visits[-1], candidate.point, (number, candidate.service_s)))
        visits.append(_next(task, visits[-1], SITE, (None, task.unloading_s)))
    visits.append(_next(task, visits[-1], GARAGE, (None, 0)))
    return tuple(visits)


def _next(task: Task, before: Visit, point: int, stop: tuple[int | None, int]) -> Visit:
    candidate, service_s = stop
    arrive_s = before.leave_s + int(task.matrix.seconds[before.point, point])
    start_s = max(arrive_s, task.open_s) if point == SITE else arrive_s
    return Visit(point, candidate, arrive_s, start_s, start_s + service_s, int(task.matrix.metres[before.point, point]))


def holds(task: Task, run: Run) -> bool:
    """Whether a run keeps its truck's capacities, its shift, and the site's opening."""
    wheels = task.wheels[run.truck]
    for trip in run.trips:
        if sum(task.candidates[number].litres for number in trip) > wheels.litres:
            return False
        if sum(task.candidates[number].kg for number in trip) > wheels.kg:
            return False
    visits = timed(task, run).visits
    return visits[-1].leave_s <= wheels.end_s and all(
        visit.leave_s <= task.closed_s for visit in visits if visit.point == SITE
    )


def run_eur(task: Task, run: Run) -> float:
    """Return what a run costs: going out, driving, and the crew's time."""
    wheels, out = task.wheels[run.truck], timed(task, run)
    return wheels.fixed_eur + out.metres * wheels.eur_per_m + out.seconds * wheels.eur_per_s


def total_eur(task: Task, runs: tuple[Run, ...]) -> float:
    """Return what runs cost and what they leave: what a solver makes small."""
    collected = {number for run in runs for number in run.collected}
    left = sum(candidate.worth_eur for number, candidate in enumerate(task.candidates) if number not in collected)
    return sum(run_eur(task, run) for run in runs) + left
