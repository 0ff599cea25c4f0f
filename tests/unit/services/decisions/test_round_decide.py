"""The rule of rounds: a golden decision, its reasons, and what it says when there is little or nothing to do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from round_cases import GOLDEN, NOW, golden_body, golden_situation, policy, policy_body, situation, state, truck_body

from core.decision_json import format_decision
from core.decisions import Decision, Soundness
from services.decisions.rounds.decide import decide
from services.decisions.rounds.policy import parse_policy
from services.decisions.rounds.situation import RoundSituation, parse_situation


def reasons(decision: Decision, part: str) -> dict[str, str]:
    return {one["sensor"]: one["reason"]["key"] for one in decision.picture[part]}


def test_the_frozen_situation_gives_the_frozen_decision() -> None:
    frozen = json.loads(GOLDEN.read_text(encoding="utf-8"))
    made = decide(parse_situation(frozen["situation"]), parse_policy(frozen["policy"]), NOW)
    assert format_decision(made) == frozen["decision"]
    assert golden_body()["situation"] == frozen["situation"]


def test_each_sort_of_bin_has_its_reason() -> None:
    made = decide(golden_situation(), policy(), NOW)
    assert made.soundness is Soundness.DEGRADED
    stops, left = reasons(made, "stops"), reasons(made, "left_out")
    assert stops["bin-0"] == "in_required"
    assert stops["bin-4"] == "in_unknown", "nothing is known of it, and Wednesday is its day"
    assert stops["bin-5"] == "in_silent"
    assert left == {"bin-2": "out_not_full"}
    assert {one.fallback for one in made.inputs} == {None, "no_forecast", "silent", "unknown"}
    assert [check.passed for check in made.checks] == [True] * 8


def test_the_same_situation_gives_the_same_decision() -> None:
    assert decide(golden_situation(), policy(), NOW) == decide(golden_situation(), policy(), NOW)


def test_actions_are_in_order_and_end_with_an_unloading() -> None:
    made = decide(situation(0.9, 0.9, 0.9, 0.1, 0.1, 0.9), policy(), NOW)
    assert [action.what for action in made.actions] == ["collect"] * 4 + ["unload"]
    starts = [action.window.start for action in made.actions]
    assert starts == sorted(starts)
    assert made.window.start <= starts[0]
    assert made.actions[-1].window.end < made.window.end
    assert made.answer_by == made.window.start


def test_a_dearer_overflow_is_worth_a_longer_way() -> None:
    levels = situation(0.55, 0.60, 0.62, 0.58, 0.65, 0.60)
    collected = []
    for cost_eur in (0.5, 10, 400):
        bins = [{**one, "overflow_cost_eur": cost_eur} for one in policy_body()["bins"]]
        collected.append(decide(levels, parse_policy({**policy_body(), "bins": bins}), NOW).figures["bins"])
    assert collected == sorted(collected)
    assert collected[0] == 0
    assert collected[-1] == 6


def test_no_bin_worth_a_round_is_said_and_nothing_is_done() -> None:
    made = decide(situation(0.05, 0.1, 0.1, 0.05, 0.1, 0.1), policy(), NOW)
    assert made.headline.key == "headline_nothing"
    assert made.actions == ()
    assert made.soundness is not Soundness.IMPOSSIBLE
    assert set(reasons(made, "left_out").values()) == {"out_not_full"}
    assert made.figures["distance_km"] == 0


def test_no_bins_at_all() -> None:
    made = decide(RoundSituation("93051:bacs", "93051", NOW, ()), policy(0), NOW)
    assert made.headline.key == "headline_no_bins"
    assert made.soundness is Soundness.SOUND


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"trucks": []}, "impossible_no_truck"),
        ({"trucks": [truck_body(shift={"start": "21:00", "end": "23:00"})]}, "impossible_site_closed"),
        ({"trucks": [truck_body(shift={"start": "06:00", "end": "06:20"})]}, "impossible_out_of_reach"),
        ({"trucks": [truck_body(capacity_l=50, compaction=1)]}, "impossible_out_of_reach"),
    ],
)
def test_what_cannot_be_done_is_said(changes: dict[str, Any], key: str) -> None:
    made = decide(situation(0.97, 0.97, 0.2, 0.2, 0.2, 0.2), policy(**changes), NOW)
    assert made.soundness is Soundness.IMPOSSIBLE
    assert made.headline.key == key
    assert made.actions == ()


def test_full_bins_that_do_not_fit_are_named() -> None:
    """Two loads fit in the shift of one small truck, and six bins are full."""
    small = truck_body(capacity_l=700, compaction=1, shift={"start": "06:00", "end": "07:50"})
    made = decide(situation(*[0.97] * 6), policy(trucks=[small]), NOW)
    assert 1 <= made.figures["bins"] < 6
    assert set(reasons(made, "left_out").values()) == {"out_no_room"}
    assert made.reasons[0].key == "why_out_of_reach"
    assert made.soundness is Soundness.DEGRADED


def test_a_bin_without_a_place_is_left_and_said() -> None:
    states = (state(0, 0.99, longitude=None, latitude=None), *situation(0, 0.9, 0.9, 0.9, 0.9, 0.9).bins[1:])
    made = decide(replace(situation(), bins=states), policy(), NOW)
    assert reasons(made, "left_out") == {"bin-0": "out_no_place"}


def test_the_round_is_compared_with_the_calendar_of_its_day() -> None:
    levels = (0.9, 0.1, 0.1, 0.9, 0.1, 0.1)
    fixed, threshold, nothing = decide(situation(*levels), policy(), NOW).alternatives
    assert (fixed.figures["bins"], threshold.figures["bins"], nothing.figures["bins"]) == (3, 2, 0)
    thursday = decide(replace(situation(*levels), at=NOW), policy(), NOW + timedelta(days=1))
    assert thursday.alternatives[0].figures["bins"] == 0
    assert thursday.headline.key == "headline_no_fixed"
