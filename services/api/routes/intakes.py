"""Intakes: asking that rejections are replayed or gaps filled, following how far it is, cancelling it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Response
from pydantic import Field, StringConstraints, model_validator

from core.clock import now
from core.intakes import BackfillAsked, Intake, IntakeKind, IntakeState, RejectionFilter
from core.readings import Reason
from core.roles import Right, Visitor
from core.store import intakes
from core.store.sensors import read_sensor_named
from services.api.acting import Acting, demand
from services.api.answers import PREFIX, Answer, Items, Store, api_router, documented, problem_responses
from services.api.decision_answers import FormerPerson
from services.api.doors.visiting import Visiting
from services.api.parameters import LONG_ID_MAX, InseeCode, Instant
from services.api.problems import Code, Problem

router = api_router("intakes")

_INTAKE = {
    "intake_id": 7,
    "kind": "replay",
    "asked_at": "2026-03-02T08:00:00Z",
    "author": "Nadia",
    "arguments": {"reason": "unknown_unit", "external_id": "salle-2"},
    "state": "running",
    "counts": {"messages": 120, "stored": 117, "duplicate": 0, "rejected": 3, "aside": 0},
    "total": 131,
    "detail": "",
    "changed_at": "2026-03-02T08:00:02Z",
    "ended_at": None,
}
_REPLAY = {"kind": "replay", "reason": "unknown_unit", "external_id": "salle-2"}
_BACKFILL = {
    "kind": "backfill",
    "application": "noisy-air",
    "since": "2026-03-01T00:00:00Z",
    "until": "2026-03-02T00:00:00Z",
}

ExternalId = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=64)]
IntakeId = Annotated[int, Path(ge=1, le=LONG_ID_MAX)]


class CountsAnswer(Answer):
    """What became of an intake's messages so far."""

    messages: int = Field(description="The sum of the others.")
    stored: int
    duplicate: int
    rejected: int
    aside: int = Field(description="Kept until somebody adopts their sensor.")


class IntakeAnswer(Answer):
    """What is taken in otherwise than live, and how far that is."""

    model_config = documented(_INTAKE)

    intake_id: int
    kind: IntakeKind
    asked_at: datetime
    author: str = Field(description="Who asked.")
    arguments: dict[str, Any] = Field(description="What was asked.")
    state: IntakeState
    counts: CountsAnswer
    total: int | None = Field(description="How many messages it will come to; null where nobody knows beforehand.")
    detail: str = Field(description="Why it failed, in words.")
    changed_at: datetime
    ended_at: datetime | None


class Intakes(Items[IntakeAnswer]):
    """Intakes, the newest first; `next` is given as `before`."""

    model_config = documented({"items": [_INTAKE], "next": None})


class ReplayBody(Answer):
    """Rejections to replay: those that every given word fits. Without any, all."""

    model_config = documented(_REPLAY)

    kind: Literal[IntakeKind.REPLAY]
    by: FormerPerson = None
    reason: Reason | None = None
    external_id: ExternalId | None = None
    commune: InseeCode | None = Field(default=None, description="INSEE code.")
    since: Instant | None = Field(default=None, description="First received from then on.")
    until: Instant | None = Field(default=None, description="First received before.")
    rejection_id: int | None = Field(default=None, ge=1, le=LONG_ID_MAX, description="That very one.")

    @model_validator(mode="after")
    def _can_be_replayed(self) -> ReplayBody:
        if self.reason is Reason.CONFLICT:
            raise ValueError("a conflict stays one: the first value at an instant counts")
        return self

    def arguments(self) -> dict[str, Any]:
        """Return what is asked as the arguments of an intake."""
        wanted = RejectionFilter(self.reason, self.external_id, self.commune, self.since, self.until, self.rejection_id)
        return wanted.arguments()


class BackfillBody(Answer):
    """Uplinks to fetch from the network server's store."""

    model_config = documented(_BACKFILL)

    kind: Literal[IntakeKind.BACKFILL]
    by: FormerPerson = None
    application: Annotated[
        str, StringConstraints(pattern=r"^[a-z0-9](?:[-]?[a-z0-9]){2,}(@[a-z0-9-]+)?$", max_length=72)
    ]
    since: Instant = Field(description="Received by the network server from then on.")
    until: Instant = Field(description="Received by it before.")
    external_id: ExternalId | None = Field(default=None, description="Only of this device.")

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> BackfillBody:
        if self.until <= self.since:
            raise ValueError("it ends before it starts")
        return self

    def arguments(self) -> dict[str, Any]:
        """Return what is asked as the arguments of an intake."""
        return BackfillAsked(self.application, self.since, self.until, self.external_id).arguments()


IntakeBody = Annotated[ReplayBody | BackfillBody, Field(discriminator="kind")]


@router.get("/intakes", operation_id="read_intakes")
def read_intakes(
    store: Store,
    kind: IntakeKind | None = None,
    running: Annotated[bool, Query(description="Only those that are not ended.")] = False,  # noqa: FBT002 - a query
    before: Annotated[int | None, Query(ge=1, le=LONG_ID_MAX, description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Items on a page at most.")] = 20,
) -> Intakes:
    """List intakes, the newest first."""
    page = intakes.read_intakes(store, kind=kind, open_only=running, before=before, limit=limit + 1)
    items = [_answer(intake) for intake in page[:limit]]
    return Intakes(items=items, next=items[-1].intake_id if len(page) > limit else None)


@router.get("/intakes/{intake_id}", operation_id="read_intake")
def read_intake(intake_id: IntakeId, store: Store) -> IntakeAnswer:
    """One intake."""
    return _answer(_named(store, intake_id))


@router.post("/intakes", operation_id="ask_intake", status_code=202, responses=problem_responses(413))
def ask_intake(body: IntakeBody, store: Acting, visitor: Visiting, response: Response) -> IntakeAnswer:
    """Ask for a replay or a back-fill; an ingest process carries it out, beside the live messages.

    Both are idempotent: what is stored already counts once.
    """
    arguments = body.arguments()
    _demand(store, visitor, body.kind, arguments)
    asked = intakes.ask_intake(store, body.kind, visitor.name, arguments, now())
    response.headers["Location"] = f"{PREFIX}/intakes/{asked.intake_id}"
    return _answer(asked)


@router.post("/intakes/{intake_id}/cancel", operation_id="cancel_intake", responses=problem_responses(409))
def cancel_intake(intake_id: IntakeId, store: Acting, visitor: Visiting) -> IntakeAnswer:
    """Cancel an intake: what it has taken in stays. 409 when it has ended already."""
    intake = _named(store, intake_id)
    _demand(store, visitor, intake.kind, intake.arguments)
    if not intakes.cancel_intake(store, intake_id, now()):
        ended = _named(store, intake_id)
        raise Problem(Code.STATE_REFUSED, f"the intake {intake_id} is {ended.state} already")
    return _answer(_named(store, intake_id))


def _demand(store: Acting, visitor: Visitor, kind: IntakeKind, arguments: dict[str, Any]) -> None:
    """Refuse who does not tend all that an intake takes in: of a device, of a commune, or of the whole Métropole."""
    device = read_sensor_named(store, arguments["external_id"]) if "external_id" in arguments else None
    if device is not None and visitor.may(Right.TEND, device.site.commune_insee, device.site.site_id):
        return
    demand(visitor, Right.TEND, arguments.get("commune") if kind is IntakeKind.REPLAY else None)


def _named(store: Store, intake_id: int) -> Intake:
    intake = intakes.read_intake(store, intake_id)
    if intake is None:
        raise Problem(Code.NOT_FOUND, f"there is no intake {intake_id}")
    return intake


def _answer(intake: Intake) -> IntakeAnswer:
    return IntakeAnswer(
        intake_id=intake.intake_id,
        kind=intake.kind,
        asked_at=intake.asked_at,
        author=intake.author,
        arguments=intake.arguments,
        state=intake.state,
        counts=CountsAnswer.model_validate(intake.counts, from_attributes=True),
        total=intake.total,
        detail=intake.detail,
        changed_at=intake.changed_at,
        ended_at=intake.ended_at,
    )
