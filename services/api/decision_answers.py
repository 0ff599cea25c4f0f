"""The form of decisions in requests and answers: the fields of a decision by their names, and its life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from core.decision_json import format_actions, format_decision
from core.decisions import DecisionState, Soundness, Subject
from core.store.decisions import KeptDecision, read_simulated_series
from core.store.pool import Connection
from services.api.answers import Answer, Items, documented
from services.api.parameters import Instant

_WINDOW = {"start": "2026-03-03T04:00:00Z", "end": "2026-03-03T10:00:00Z"}
_ACTION = {
    "target": "bac-12",
    "what": "collect",
    "window": _WINDOW,
    "value": 240.0,
    "unit": "L",
    "detail": {},
}
_DECISION = {
    "decision_id": 31,
    "state": "approved",
    "subject_name": "Bacs de Noisy-le-Grand",
    "simulated": True,
    "answers": [
        {"state": "approved", "by": "Nadia", "at": "2026-03-02T15:12:00Z", "note": "", "actions": None},
    ],
    "kind": "round",
    "subject": "93051:bacs",
    "commune_insee": "93051",
    "made_at": "2026-03-02T15:05:00Z",
    "window": _WINDOW,
    "answer_by": "2026-03-02T19:00:00Z",
    "soundness": "sound",
    "headline": {"key": "headline", "values": {"bins": 18, "distance_km": 21.4}},
    "reasons": [{"key": "likely_full", "values": {"bin": "bac-12", "probability_ratio": 0.71}}],
    "actions": [_ACTION],
    "inputs": [{"name": "bac-12", "known_at": "2026-03-02T15:00:00Z", "series_id": 41, "fallback": None}],
    "alternatives": [{"name": "fixed", "figures": {"distance_km": 48.9}}],
    "checks": [{"name": "capacity", "passed": True, "detail": ""}],
    "figures": {"distance_km": 21.4},
    "picture": {},
}
_SUBJECT = {
    "kind": "round",
    "code": "93051:bacs",
    "commune_insee": "93051",
    "name": "Bacs de Noisy-le-Grand",
    "policy": {},
}


class WindowAnswer(Answer):
    """A half-open window, `[start, end)`."""

    start: datetime
    end: datetime


class PhraseAnswer(Answer):
    """A sentence to be put into words: `decision.{kind}.{key}` of `/words/{language}.json`, and its values."""

    key: str
    values: dict[str, str | int | float | bool | None]


class ActionAnswer(Answer):
    """One thing to do."""

    target: str = Field(description="What it acts on: an asset, a room, a bin, a truck, by its code.")
    what: str
    window: WindowAnswer
    value: float | None = Field(description="How much; null where the act has no amount.")
    unit: str
    detail: dict[str, Any]


class InputAnswer(Answer):
    """What a decision was made from, and when it was known."""

    name: str
    known_at: datetime | None = Field(description="When it was observed or issued.")
    series_id: int | None
    fallback: str | None = Field(description="Why it is less than it should be; null when it is what it should be.")


class AlternativeAnswer(Answer):
    """Another way, with figures that compare with the decision's own."""

    name: str
    figures: dict[str, float]


class CheckAnswer(Answer):
    """A limit that was checked by code independent of the solver."""

    name: str
    passed: bool
    detail: str


class AnswerAnswer(Answer):
    """What a person, or the platform, did with a decision."""

    state: DecisionState
    by: str
    at: datetime
    note: str
    actions: list[ActionAnswer] | None = Field(description="The actions of an edit, null otherwise.")


class DecisionAnswer(Answer):
    """A proposal, why, from what, at what cost, and what became of it."""

    model_config = documented(_DECISION)

    decision_id: int
    state: DecisionState
    subject_name: str
    simulated: bool = Field(description="Whether any of its inputs is simulated; whatever shows it says so.")
    answers: list[AnswerAnswer] = Field(description="Oldest first.")
    kind: str
    subject: str
    commune_insee: str
    made_at: datetime = Field(description="Nothing known later was used.")
    window: WindowAnswer = Field(description="What it covers.")
    answer_by: datetime = Field(description="Until when it may be approved or edited.")
    soundness: Soundness
    headline: PhraseAnswer
    reasons: list[PhraseAnswer] = Field(description="The weightiest first.")
    actions: list[ActionAnswer] = Field(description="As they were proposed; an edit's own stand in its answer.")
    inputs: list[InputAnswer]
    alternatives: list[AlternativeAnswer]
    checks: list[CheckAnswer]
    figures: dict[str, float]
    picture: dict[str, Any] = Field(description="What the page of this kind draws.")


class Decisions(Items[DecisionAnswer]):
    """Decisions, the newest first."""

    model_config = documented({"items": [_DECISION], "next": None})


class SubjectAnswer(Answer):
    """What is decided about, and what a person set for it."""

    model_config = documented(_SUBJECT)

    kind: str
    code: str
    commune_insee: str
    name: str
    policy: dict[str, Any]


class Subjects(Items[SubjectAnswer]):
    """Subjects, by kind and code."""

    model_config = documented({"items": [_SUBJECT], "next": None})


# No control characters but the line break: PostgreSQL refuses the first of them.
Person = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")
]
FormerPerson = Annotated[
    Person | None, Field(deprecated=True, description="Ignored: who is signed in does it, and is told as its author.")
]
"""In bodies from before people signed in: who did it."""
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000, pattern=r"^[^\x00-\x09\x0b-\x1f]*$")]
Word = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]


class WindowBody(Answer):
    """A half-open window, `[start, end)`."""

    start: Instant
    end: Instant

    @model_validator(mode="after")
    def _in_order(self) -> WindowBody:
        if self.end < self.start:
            raise ValueError("the window ends before it starts")
        return self


class ActionBody(Answer):
    """One thing to do, as a person wants it."""

    target: Word
    what: Word
    window: WindowBody
    value: float | None = Field(default=None, strict=True, allow_inf_nan=False)
    unit: Word = ""
    detail: dict[str, Any] = Field(default_factory=dict)


class AnswerBody(Answer):
    """What a person does with a decision."""

    model_config = documented({"state": "refused", "note": "Marché place de la mairie.", "actions": None})

    state: Literal[DecisionState.EDITED, DecisionState.APPROVED, DecisionState.REFUSED, DecisionState.APPLIED]
    by: FormerPerson = None
    note: Note = ""
    actions: list[ActionBody] | None = Field(
        default=None, max_length=2_000, description="With `edited`, all actions as they should be."
    )


class DecideBody(Answer):
    """A subject to decide on now."""

    model_config = documented({"kind": "round", "subject": "93051:bacs"})

    kind: str = Field(max_length=64)
    subject: Word


class PolicyBody(Answer):
    """What a person sets for a subject: its fields are those of the kind."""

    model_config = documented({"policy": {}})

    policy: dict[str, Any]


def decision_answers(connection: Connection, decisions: Sequence[KeptDecision]) -> list[DecisionAnswer]:
    """Return decisions as the API answers them."""
    series = {one.series_id for kept in decisions for one in kept.decision.inputs if one.series_id is not None}
    simulated = read_simulated_series(connection, sorted(series))
    return [_decision_answer(kept, simulated) for kept in decisions]


def _decision_answer(kept: KeptDecision, simulated: frozenset[int]) -> DecisionAnswer:
    return DecisionAnswer.model_validate(
        {
            **format_decision(kept.decision),
            "decision_id": kept.decision_id,
            "state": kept.state,
            "subject_name": kept.subject_name,
            "simulated": any(one.series_id in simulated for one in kept.decision.inputs),
            "answers": [
                {
                    "state": one.state,
                    "by": one.by,
                    "at": one.at,
                    "note": one.note,
                    "actions": format_actions(one.actions) if one.actions is not None else None,
                }
                for one in kept.answers
            ],
        }
    )


def subject_answer(subject: Subject) -> SubjectAnswer:
    """Return a subject as the API answers it."""
    return SubjectAnswer(
        kind=subject.kind,
        code=subject.code,
        commune_insee=subject.commune_insee,
        name=subject.name,
        policy=subject.policy,
    )
