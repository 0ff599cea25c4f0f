"""The check of a ventilation plan: what the schedule could get wrong, it finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ventilation_site import NOW, WITH_FAN, policy, situation, state

from core.clock import Window
from core.decisions import Action
from services.decisions.ventilation.check import Claim, check_plan
from services.decisions.ventilation.decider import decide
from services.decisions.ventilation.room_plan import plan_room
from services.decisions.ventilation.situation import STEPS

KNOWN = situation(state("a"))
DECISION = decide(KNOWN, policy(WITH_FAN), NOW)
PLAN = plan_room(KNOWN, policy(WITH_FAN), 0)
PATH = PLAN.proposed.paths[-1].ppm.tolist()
CLAIM = Claim(
    WITH_FAN, 425.0, PATH[0], tuple(PLAN.sources[-1].tolist()), tuple(PATH[1:]), (True,) * STEPS, (True,) * STEPS
)
ACTIONS = DECISION.actions
AIRING = Action("a", "airing", Window(NOW, NOW + timedelta(minutes=10)), 900.0, "m³/h")


def failed(claim: Claim, actions: tuple[Action, ...]) -> list[str]:
    return [check.name for check in check_plan([claim], actions, DECISION.window) if not check.passed]


def test_the_proposed_plan_passes() -> None:
    assert failed(CLAIM, ACTIONS) == []


def test_another_balance_is_found() -> None:
    assert failed(replace(CLAIM, ends_ppm=tuple(ppm + 5 for ppm in CLAIM.ends_ppm)), ACTIONS) == ["mass_balance"]


def test_an_idle_plan_that_breaks_the_limit_is_found() -> None:
    usual = (replace(ACTIONS[0], window=DECISION.window, value=250.0),)
    assert "under_limit" in failed(CLAIM, usual)


@pytest.mark.parametrize(
    "wrong",
    [
        (replace(ACTIONS[0], value=333.0),),
        (replace(ACTIONS[0], value=0.0, window=DECISION.window),),
        (*ACTIONS, replace(AIRING, window=Window(NOW, NOW + timedelta(minutes=15)))),
        (*ACTIONS, replace(AIRING, window=Window(NOW - timedelta(minutes=10), NOW))),
        (*(a for a in ACTIONS if a.what == "airflow"), AIRING, AIRING),
        (*ACTIONS, replace(AIRING, what="shout")),
        (*ACTIONS, replace(AIRING, target="elsewhere")),
        (replace(AIRING, value=100.0), *(a for a in ACTIONS if a.what == "airflow")),
    ],
    ids=["no such level", "under the usual", "long airing", "before", "twice", "no such act", "stranger", "other flow"],
)
def test_what_the_equipment_cannot_do_is_found(wrong: tuple[Action, ...]) -> None:
    assert failed(CLAIM, wrong) == ["equipment"]
