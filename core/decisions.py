"""Decisions as values: what is proposed, why, from what, at what cost, and what became of it.

A decision explains itself in `Phrase` values, which the pages put into French or English words, and it only proposes:
a person approves, edits or refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.clock import Window, format_instant
from core.errors import VigieError


class DecisionState(StrEnum):
    """The life of a decision."""

    PROPOSED = "proposed"
    EDITED = "edited"
    """A person changed its actions; the edit waits for approval like a proposal."""
    APPROVED = "approved"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    """A newer proposal on the same subject took its place before anybody answered."""
    APPLIED = "applied"
    MEASURED = "measured"
    """What it really brought was measured."""


NEXT_STATES: Mapping[DecisionState, frozenset[DecisionState]] = {
    DecisionState.PROPOSED: frozenset(
        {DecisionState.EDITED, DecisionState.APPROVED, DecisionState.REFUSED, DecisionState.SUPERSEDED}
    ),
    DecisionState.EDITED: frozenset(
        {DecisionState.EDITED, DecisionState.APPROVED, DecisionState.REFUSED, DecisionState.SUPERSEDED}
    ),
    DecisionState.APPROVED: frozenset({DecisionState.APPLIED, DecisionState.REFUSED}),
    DecisionState.APPLIED: frozenset({DecisionState.MEASURED}),
    DecisionState.REFUSED: frozenset(),
    DecisionState.SUPERSEDED: frozenset(),
    DecisionState.MEASURED: frozenset(),
}
"""What may follow each state."""


class StateRefused(VigieError):
    """The decision is in a state from which this one cannot follow."""


class Soundness(StrEnum):
    """How far the inputs carry the decision."""

    SOUND = "sound"
    DEGRADED = "degraded"
    """An input is stale, missing or a fallback: the decision says which, and is careful."""
    IMPOSSIBLE = "impossible"
    """Nothing can be proposed: the reason says why, there are no actions, and nothing may be applied."""


Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence to be put into words: ``key`` in the pages' catalogue (``decision.<kind>.<key>``) and its values."""

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    Parameters
    ----------
    target
        What it acts on: an asset, a room, a bin, a truck, by its code.
    what
        The act in a word of the kind: ``airflow``, ``collect``, ``charge``, ``say_free``.
    window
        When: ``[start, end)``.
    value, unit
        How much, None where the act has no amount.
    detail
        What the kind adds, JSON.
    """

    target: str
    what: str
    window: Window
    value: float | None = None
    unit: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Input:
    """What a decision was made from: a reading, a forecast or a setting, and when it was known.

    Parameters
    ----------
    known_at
        ``observed_at`` of a reading, ``issued_at`` of a forecast.
    fallback
        Why it is less than it should be (stale, missing, naive), None when it is what it should be.
    """

    name: str
    known_at: datetime | None
    series_id: int | None = None
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another way, and what it would cost: ``figures`` are comparable with the decision's own."""

    name: str
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Check:
    """A limit that was checked by code independent of the solver."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """A proposal.

    Parameters
    ----------
    kind
        Name in the registry: ``ventilation``, ``round``, ``load_shifting``, ``bay``.
    subject
        What it decides about, unique within its kind: ``93051:ecole-des-coteaux``.
    commune_insee
        Where.
    made_at
        The instant it speaks from: nothing known later was used.
    window
        What it covers.
    answer_by
        Until when a person may answer; then it lapses by being superseded.
    headline
        It in one sentence.
    reasons
        Why, the weightiest first.
    figures
        What it brings and costs, unit last in each name: ``distance_km``, ``saved_eur``.
    picture
        What the page draws, JSON of the kind.
    """

    kind: str
    subject: str
    commune_insee: str
    made_at: datetime
    window: Window
    answer_by: datetime
    soundness: Soundness
    headline: Phrase
    reasons: tuple[Phrase, ...]
    actions: tuple[Action, ...]
    inputs: tuple[Input, ...]
    alternatives: tuple[Alternative, ...]
    checks: tuple[Check, ...]
    figures: Mapping[str, float]
    picture: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.soundness is Soundness.IMPOSSIBLE and self.actions:
            raise ValueError("an impossible decision proposes no actions")
        if self.soundness is not Soundness.IMPOSSIBLE and not all(check.passed for check in self.checks):
            failed = [check.name for check in self.checks if not check.passed]
            raise ValueError(f"a decision that fails {', '.join(failed)} is not proposed")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a decision is about: a site, a commune's bins, a bay. ``policy`` is what a person set for it, as JSON."""

    kind: str
    code: str
    commune_insee: str
    name: str
    policy: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person, or the platform, did with a decision: the new state, who, when, and a note."""

    state: DecisionState
    by: str
    at: datetime
    note: str = ""
    actions: tuple[Action, ...] | None = None


def follow(state: DecisionState, answer: Answer, decision: Decision) -> DecisionState:
    """Return the state that the answer brings.

    Raises
    ------
    StateRefused
        If it cannot follow, would approve what is impossible, or comes after ``answer_by``. A refusal is never late.
    """
    if answer.state not in NEXT_STATES[state]:
        raise StateRefused(f"a decision that is {state} cannot become {answer.state}")
    if answer.state not in {DecisionState.APPROVED, DecisionState.EDITED}:
        return answer.state
    if decision.soundness is Soundness.IMPOSSIBLE:
        raise StateRefused("there is nothing to approve: the decision says that nothing can be proposed")
    if answer.at > decision.answer_by:
        raise StateRefused(f"it could be {answer.state} until {format_instant(decision.answer_by)}: wait for the next")
    return answer.state
