"""Hard limits of rounds hold for any task, and the check that says so finds every way of crossing them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from round_cases import NOW

from core.clock import Window
from services.decisions.rounds.check import check_plan
from services.decisions.rounds.distances import ESTIMATE, Point
from services.decisions.rounds.marginal import additions, polished, savings
from services.decisions.rounds.routing import route
from services.decisions.rounds.task import Candidate, Run, Task, TimedRun, Wheels, timed, total_eur

HOUR_S = 3600


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    """Up to nine bins around a garage and a site, one to three trucks, some too small, some too short of time."""
    spot = st.tuples(st.floats(2.50, 2.62), st.floats(48.80, 48.88))
    places = draw(st.lists(spot, min_size=3, max_size=11))
    candidates = tuple(
        Candidate(
            point,
            draw(st.integers(50, 900)),
            draw(st.integers(5, 90)),
            draw(st.integers(0, 600)),
            draw(st.floats(0, 60)),
            draw(st.booleans()) and draw(st.booleans()),
        )
        for point in range(2, len(places))
    )
    wheels = tuple(
        Wheels(
            draw(st.integers(300, 3_000)),
            draw(st.integers(40, 300)),
            draw(st.integers(0, HOUR_S)),
            draw(st.integers(2 * HOUR_S, 8 * HOUR_S)),
            0.001,
            0.0125,
            draw(st.sampled_from((0.0, 15.0))),
        )
        for _ in range(draw(st.integers(1, 3)))
    )
    matrix = ESTIMATE.matrix([Point(*place) for place in places], Window(NOW, NOW + timedelta(hours=8)))
    skewed = replace(matrix, metres=matrix.metres + np.triu(matrix.metres, 1) // 7)
    open_s = draw(st.integers(0, 3 * HOUR_S))
    closed_s = open_s + draw(st.integers(HOUR_S // 2, 6 * HOUR_S))
    return Task(skewed, candidates, wheels, open_s, closed_s, draw(st.integers(0, 900)))


@settings(max_examples=40, deadline=None)
@given(tasks())
def test_every_limit_holds_and_reasons_agree_with_the_plan(task: Task) -> None:
    runs = polished(task, route(task).runs)
    assert [check for check in check_plan(task, [timed(task, run) for run in runs]) if not check.passed] == []
    assert total_eur(task, runs) <= total_eur(task, ()) + 1e-6
    saved, added = savings(task, runs), additions(task, runs)
    assert set(saved) | set(added) == set(range(len(task.candidates)))
    assert not set(saved) & set(added)
    # Waiting for the site to open may swallow a detour, so that only the moves themselves bound these.
    for number, change in saved.items():
        assert change.eur <= task.candidates[number].worth_eur + 0.01
    for number, change in added.items():
        assert not change.fits or change.eur >= task.candidates[number].worth_eur - 0.01


def test_the_same_task_gives_the_same_plan() -> None:
    task = small()
    assert route(task) == route(task)


def small() -> Task:
    points = [Point(2.55 + 0.004 * number, 48.84 + 0.003 * (number % 3)) for number in range(7)]
    matrix = ESTIMATE.matrix(points, Window(NOW, NOW + timedelta(hours=8)))
    candidates = tuple(Candidate(point, 400, 40, 120, 30.0, required=False) for point in range(2, 7))
    return Task(matrix, candidates, (Wheels(1_000, 150, 0, 6 * HOUR_S, 0.001, 0.0125, 0.0),), 0, 6 * HOUR_S, 600)


def test_small_trucks_unload_on_the_way() -> None:
    [run] = route(small()).runs
    assert sorted(run.collected) == [0, 1, 2, 3, 4]
    assert len(run.trips) >= 3, "two bins fill the truck"


def broken(name: str) -> tuple[Task, TimedRun]:
    """Return a plan that crosses this limit and no other, or as few others as can be."""
    task, out = small(), timed(small(), Run(0, ((0, 1), (2, 3))))
    wheels = task.wheels[0]
    visits = out.visits
    spoilt: dict[str, tuple[Task, TimedRun]] = {
        "litres": (replace(task, wheels=(replace(wheels, litres=799),)), out),
        "kilograms": (replace(task, wheels=(replace(wheels, kg=79),)), out),
        "shift": (replace(task, wheels=(replace(wheels, end_s=visits[-1].arrive_s - 1),)), out),
        "site_open": (replace(task, closed_s=visits[-2].leave_s - 1), out),
        "unloaded_before_garage": (task, replace(out, visits=(*visits[:-2], visits[-1]))),
        "collected_once": (task, timed(task, Run(0, ((0, 1), (1, 3))))),
        "times": (task, replace(out, visits=(*visits[:-1], replace(visits[-1], arrive_s=visits[-2].leave_s)))),
        "distances": (task, replace(out, visits=(*visits[:-1], replace(visits[-1], metres=visits[-1].metres - 1)))),
    }
    return spoilt[name]


@pytest.mark.parametrize(
    "name",
    ["litres", "kilograms", "shift", "site_open", "unloaded_before_garage", "collected_once", "times", "distances"],
)
def test_the_check_finds_what_is_crossed(name: str) -> None:
    good = timed(small(), Run(0, ((0, 1), (2, 3))))
    assert all(check.passed for check in check_plan(small(), [good]))
    task, out = broken(name)
    failed = {check.name: check.detail for check in check_plan(task, [out]) if not check.passed}
    assert name in failed
    assert failed[name]


def test_one_truck_cannot_go_out_twice_at_once() -> None:
    task = small()
    twice = [timed(task, Run(0, ((0,),))), timed(task, Run(0, ((1,),)))]
    assert [check.name for check in check_plan(task, twice) if not check.passed] == ["collected_once"]


def test_a_far_cluster_of_small_prizes_is_worth_one_trip_together() -> None:
    """Each bin alone costs more than its prize; together they pay: a search from nothing would stay at home."""
    points = [Point(2.55, 48.84), Point(2.56, 48.84), *(Point(2.65 + 0.0005 * n, 48.84) for n in range(10))]
    matrix = ESTIMATE.matrix(points, Window(NOW, NOW + timedelta(hours=8)))
    candidates = tuple(Candidate(point, 100, 10, 60, 12.0, required=False) for point in range(2, 12))
    task = Task(matrix, candidates, (Wheels(5_000, 900, 0, 8 * HOUR_S, 0.001, 0.0125, 5.0),), 0, 8 * HOUR_S, 300)
    assert all(change.eur > 12.0 for change in additions(task, ()).values())
    assert sum(len(run.collected) for run in route(task).runs) == 10
