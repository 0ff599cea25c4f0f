"""The registry of kinds: each under its own name, with what the town needs and the words that all share."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from core.decisions import DecisionState, Subject
from core.places import communes
from services.decisions.registry import DECIDERS
from vigie.feeding import town_subjects

WORDS = Path(__file__).resolve().parents[4] / "dashboards" / "words"


def test_every_kind_stands_under_its_own_name_and_divides_the_day() -> None:
    assert list(DECIDERS) == ["ventilation", "round", "load_shifting", "bay"]
    for kind, decider in DECIDERS.items():
        assert decider.kind == kind
        assert timedelta(days=1) % decider.every == timedelta(0)


def test_the_town_has_something_of_every_kind() -> None:
    assert {subject.kind for subject in town_subjects()} == set(DECIDERS)
    keys = [(subject.kind, subject.code) for subject in town_subjects()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("subject", town_subjects(), ids=lambda subject: f"{subject.kind} {subject.code}")
def test_the_policies_of_the_town_are_sound_and_plain_json(subject: Subject) -> None:
    assert subject.commune_insee in communes()
    assert json.loads(json.dumps(subject.policy, allow_nan=False)) == subject.policy
    DECIDERS[subject.kind].parse_policy(subject.policy)


@pytest.mark.parametrize("kind", DECIDERS)
@pytest.mark.parametrize("policy", [{}, {"nothing": 1}], ids=["empty", "strange"])
def test_a_policy_that_is_none_is_refused_as_a_value(kind: str, policy: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        DECIDERS[kind].parse_policy(policy)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_state_has_its_words(language: str) -> None:
    common = json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))["decision"]["common"]
    assert set(common["state"]) == set(DecisionState)
    assert set(DecisionState) <= set(common)
