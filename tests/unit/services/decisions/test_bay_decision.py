"""The decision on bays: frozen, same for the same situation, careful with what is silent, bounded."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_bays import AT, runs_of, simulated

from core.clock import Window
from core.decision_json import format_decision
from core.decisions import Action, Decision, Soundness
from services.decisions.bays.check import checks_of
from services.decisions.bays.decide import decide
from services.decisions.bays.decider import DECIDER, changed, write_csv
from services.decisions.bays.policy import Bay, BayPolicy, parse_policy, policy_json
from services.decisions.bays.situation import BaySituation, PlaceRuns, parse_situation, situation_json

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "bay.json"


def golden() -> dict[str, Any]:
    """Return what the golden file holds: written once, then only compared."""
    situation, policy = simulated(days=12)
    decision = format_decision(decide(situation, policy, AT))
    return {"situation": situation_json(situation), "policy": policy_json(policy), "decision": decision}


def test_the_golden_situation_gives_the_golden_decision() -> None:
    kept = json.loads(GOLDEN.read_text(encoding="utf-8"))
    situation, policy = parse_situation(kept["situation"]), parse_policy(kept["policy"])
    assert_same(format_decision(decide(situation, policy, situation.at)), kept["decision"], "decision")


def assert_same(found: Any, kept: Any, where: str) -> None:
    """Hold that two JSON values are equal, numbers to a thousandth: solvers differ in their last digits."""
    if isinstance(kept, dict):
        assert found.keys() == kept.keys(), where
        for name in kept:
            assert_same(found[name], kept[name], f"{where}.{name}")
    elif isinstance(kept, list):
        assert len(found) == len(kept), where
        for place, pair in enumerate(zip(found, kept, strict=True)):
            assert_same(*pair, f"{where}[{place}]")
    elif isinstance(kept, float):
        assert found == pytest.approx(kept, abs=2e-3), where
    else:
        assert found == kept, where


def test_the_same_situation_and_policy_give_the_same_decision() -> None:
    assert format_decision(decide(*simulated(), AT)) == format_decision(decide(*simulated(), AT))


def test_bays_are_said_free_or_full_and_one_rule_is_named() -> None:
    decision = decide(*simulated(), AT)
    assert decision.soundness is Soundness.SOUND
    assert {action.what for action in decision.actions} <= {"say_free", "say_full", "review_rule"}
    assert [action.target for action in decision.actions if action.what == "review_rule"] == ["livraison-marche"]
    assert all(check.passed for check in decision.checks)
    assert [reason.key for reason in decision.reasons][:3] == ["look", "other_rule", "other_rule"]
    assert {other.figures.keys() <= decision.figures.keys() for other in decision.alternatives} == {True}


def with_place(situation: BaySituation, name: str, runs: PlaceRuns) -> BaySituation:
    return dataclasses.replace(situation, places={**situation.places, name: runs})


def test_a_silent_bay_is_said_unknown_and_the_decision_is_degraded() -> None:
    situation, policy = simulated()
    name = policy.bays[0].sensors[0]
    whole = situation.places[name]
    kept = whole.seen_s < AT.timestamp() - 3600
    cut = PlaceRuns(1, whole.start_s[kept], whole.seen_s[kept], whole.occupied[kept])
    decision = decide(with_place(situation, name, cut), policy, AT)
    assert decision.soundness is Soundness.DEGRADED
    assert next(a.what for a in decision.actions if a.target == policy.bays[0].code) == "say_unknown"
    assert decision.reasons[0].key == "silent"
    assert [one.fallback for one in decision.inputs] == ["stale", None]
    assert decision.picture["bays"][0]["chances"] == []


def test_a_short_history_says_the_present_only() -> None:
    situation, policy = simulated(days=3)
    decision = decide(situation, policy, AT)
    assert decision.soundness is Soundness.DEGRADED
    assert {action.window.length for action in decision.actions} == {timedelta(minutes=10)}
    assert {action.value for action in decision.actions} == {None}
    assert "short_history" in [reason.key for reason in decision.reasons]


@pytest.mark.parametrize("bays", [(), (Bay("a", "A", ("unheard",)),)])
def test_without_bays_or_readings_nothing_is_proposed(bays: tuple[Bay, ...]) -> None:
    situation = BaySituation("93048:livraisons", "93048", AT, AT - timedelta(days=56), {})
    decision = decide(situation, BayPolicy(bays), AT)
    assert decision.soundness is Soundness.IMPOSSIBLE
    assert decision.actions == ()
    assert decision.headline.key == ("no_readings" if bays else "no_bays")


def test_a_bay_that_is_always_taken_or_always_free_is_decided() -> None:
    at_s = int(AT.timestamp())
    for state, word in ((0, "say_free"), (1, "say_unknown")):
        # Over a day of one stay is no stay: its sensor is stuck, or a wreck stands there.
        runs = runs_of([(at_s - 20 * 86_400, at_s, state)])
        situation = BaySituation("x", "93048", AT, AT - timedelta(days=56), {"a": runs})
        decision = decide(situation, BayPolicy((Bay("a", "A", ("a",)),)), AT)
        assert {action.what for action in decision.actions} <= {word, "say_full"}


def test_a_bay_of_two_places_is_free_while_one_is() -> None:
    situation, policy = simulated()
    pair = Bay("pair", "Pair", tuple(name for bay in policy.bays for name in bay.sensors))
    decision = decide(situation, BayPolicy((pair,)), AT)
    row = decision.picture["bays"][0]
    assert (row["places"], row["free_places"], row["state"]) == (2, 1, "free")


def test_three_hundred_bays_are_decided_in_bounds() -> None:
    situation, policy = simulated(days=14)
    sources = list(situation.places.values())
    places = {f"s{n}": sources[n % len(sources)] for n in range(300)}
    bays = tuple(Bay(f"b{n}", f"Aire {n}", (f"s{n}",)) for n in range(300))
    decision = decide(dataclasses.replace(situation, places=places), dataclasses.replace(policy, bays=bays), AT)
    assert len(decision.picture["bays"]) == 300
    assert len(decision.picture["heat"]) <= 2
    assert len(decision.actions) <= 300 * 4 + 1
    assert len(json.dumps(format_decision(decision))) < 1_000_000


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_limits_hold_for_any_history(data: st.DataObject) -> None:
    at_s = int(AT.timestamp())
    draw = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    places = {}
    for name in ("a", "b", "c"):
        count = data.draw(st.integers(0, 200))
        edges = at_s - np.sort(draw.integers(0, 20 * 86_400, 2 * count))[::-1]
        edges = np.unique(edges)
        edges = edges[: len(edges) // 2 * 2].reshape(-1, 2)
        places[name] = PlaceRuns(1, edges[:, 0], edges[:, 1], draw.integers(0, 2, len(edges)))
    situation = BaySituation("x", "93048", AT, AT - timedelta(days=56), places)
    decision = decide(situation, BayPolicy((Bay("ab", "AB", ("a", "b")), Bay("c", "C", ("c",)))), AT)
    assert all(check.passed for check in decision.checks)
    hold_limits(decision)


def hold_limits(decision: Decision) -> None:
    """Hold the limits again, written apart from the checker that the decider runs."""
    for action in decision.actions:
        assert decision.window.start <= action.window.start < action.window.end <= decision.window.end
        assert action.value is None or 0 <= action.value <= 1
    unknown = {row["code"] for row in decision.picture["bays"] if row["state"] == "unknown"}
    assert all(a.what in {"say_unknown", "review_rule"} for a in decision.actions if a.target in unknown)
    for row in decision.picture["bays"]:
        assert row["judged"] >= 5 or row["over_ratio"] is None


@pytest.mark.parametrize(
    ("what", "value", "minutes", "broken"),
    [
        ("say_free", 0.69, 10, "sure_enough"),
        ("say_full", 0.31, 10, "sure_enough"),
        ("say_free", 0.9, 61, "within_window"),
        ("say_free", 0.9, 10, None),
    ],
)
def test_the_checker_finds_what_is_broken(what: str, value: float, minutes: int, broken: str | None) -> None:
    situation, policy = simulated(days=10)
    picture = decide(situation, policy, AT).picture
    window = Window(AT, AT + timedelta(hours=1))
    action = Action(
        policy.bays[1].code, what, Window(AT, AT + timedelta(minutes=minutes)), value, detail={"source": "model"}
    )
    failed = [check.name for check in checks_of(policy, window, [action], picture) if not check.passed]
    assert failed == ([broken] if broken else [])


def test_it_decides_again_when_most_places_changed_hands() -> None:
    before, _ = simulated(days=1)
    assert not changed(before, before)
    flipped = {name: PlaceRuns(1, runs.start_s, runs.seen_s, 1 - runs.occupied) for name, runs in before.places.items()}
    assert changed(before, dataclasses.replace(before, places=flipped))


def test_the_csv_says_each_word_on_a_line() -> None:
    decision = decide(*simulated(), AT)
    lines = write_csv(decision).splitlines()
    assert lines[0] == "bay,what,start,end,free_ratio,source"
    assert len(lines) == 1 + len(decision.actions)
    assert DECIDER.exports["csv"].media_type.startswith("text/csv")
