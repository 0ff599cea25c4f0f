"""Decisions as values: what may follow what, and JSON there and back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import Window
from core.decision_json import format_actions, format_decision, parse_actions, parse_decision
from core.decisions import (
    NEXT_STATES,
    Action,
    Alternative,
    Answer,
    Check,
    Decision,
    DecisionState,
    Input,
    Phrase,
    Soundness,
    StateRefused,
    follow,
)

NOW = datetime(2026, 3, 16, 9, 20, tzinfo=UTC)
WINDOW = Window(NOW, NOW + timedelta(hours=6))
PARIS_WINTER = timezone(timedelta(hours=1))


def made(**more: Any) -> Decision:
    decision = Decision(
        kind="round",
        subject="93051:bacs",
        commune_insee="93051",
        made_at=NOW,
        window=WINDOW,
        answer_by=NOW + timedelta(hours=4),
        soundness=Soundness.SOUND,
        headline=Phrase("headline", {"bins": 18, "distance_km": 21.4, "late": False, "truck": "b1", "spare": None}),
        reasons=(Phrase("likely_full", {"probability_ratio": 0.71}), Phrase("plain")),
        actions=(Action("bac-12", "collect", WINDOW, 240.0, "L", {"order": [1, 2]}), Action("b1", "unload", WINDOW)),
        inputs=(Input("bac-12", NOW, 41, None), Input("roads", None, None, "estimate")),
        alternatives=(Alternative("fixed", {"distance_km": 48.9}),),
        checks=(Check("capacity", passed=True, detail="900 of 2 000 L"),),
        figures={"distance_km": 21.4},
        picture={"legs": [[2.55, 48.84]], "none": None},
    )
    return replace(decision, **more)


def approved(at: datetime = NOW) -> Answer:
    return Answer(DecisionState.APPROVED, "Nadia", at)


@pytest.mark.parametrize(("state", "wanted"), list(product(DecisionState, DecisionState)))
def test_only_what_is_written_may_follow(state: DecisionState, wanted: DecisionState) -> None:
    answer = Answer(wanted, "Nadia", NOW)
    if wanted in NEXT_STATES[state]:
        assert follow(state, answer, made()) is wanted
    else:
        with pytest.raises(StateRefused, match=f"is {state} cannot become {wanted}"):
            follow(state, answer, made())


def test_the_last_moment_is_in_time_and_the_next_is_late() -> None:
    decision = made()
    assert follow(DecisionState.PROPOSED, approved(decision.answer_by), decision) is DecisionState.APPROVED
    late = decision.answer_by + timedelta(microseconds=1)
    for state in (DecisionState.APPROVED, DecisionState.EDITED):
        with pytest.raises(StateRefused, match="until 2026-03-16T13:20:00Z"):
            follow(DecisionState.PROPOSED, Answer(state, "Nadia", late), decision)
    assert (
        follow(DecisionState.PROPOSED, Answer(DecisionState.REFUSED, "Nadia", late), decision) is DecisionState.REFUSED
    )


def test_the_impossible_is_refused_or_superseded_and_never_approved() -> None:
    impossible = made(soundness=Soundness.IMPOSSIBLE, actions=())
    with pytest.raises(StateRefused, match="nothing to approve"):
        follow(DecisionState.PROPOSED, approved(), impossible)
    refused = Answer(DecisionState.REFUSED, "Nadia", NOW)
    assert follow(DecisionState.PROPOSED, refused, impossible) is DecisionState.REFUSED


def test_the_impossible_proposes_nothing_and_a_failed_check_is_not_proposed() -> None:
    with pytest.raises(ValueError, match="proposes no actions"):
        made(soundness=Soundness.IMPOSSIBLE)
    with pytest.raises(ValueError, match="fails windows"):
        made(checks=(Check("capacity", passed=True), Check("windows", passed=False)))


def test_json_there_and_back_is_the_same_decision() -> None:
    decision = made()
    body = json.loads(json.dumps(format_decision(decision)))
    assert parse_decision(body) == decision
    assert format_decision(parse_decision(body)) == body
    assert body["made_at"] == "2026-03-16T09:20:00Z"
    assert body["window"] == {"start": "2026-03-16T09:20:00Z", "end": "2026-03-16T15:20:00Z"}


def test_json_says_instants_in_utc_and_lists_for_tuples() -> None:
    local = made(made_at=NOW.astimezone(PARIS_WINTER), picture={"at": (1, 2)})
    assert format_decision(local) == format_decision(made(picture={"at": [1, 2]}))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_number_that_is_none(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        format_decision(made(figures={"distance_km": value}))


actions = st.builds(
    Action,
    target=st.text(max_size=8),
    what=st.text(max_size=8),
    window=st.datetimes(datetime(2020, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
        lambda start: Window(start, start + timedelta(minutes=15))
    ),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    unit=st.text(max_size=4),
    detail=st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4) | st.none(), max_size=3),
)


@given(st.lists(actions, max_size=4))
def test_any_actions_come_back_from_json(some: list[Action]) -> None:
    assert parse_actions(json.loads(json.dumps(format_actions(some)))) == tuple(some)
