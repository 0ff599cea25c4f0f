"""Decisions of every kind: proposals and their reasons, answers, policies. A new kind needs no new route."""

from __future__ import annotations

import re
from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import AfterValidator

from core.audit import Act, What
from core.clock import now
from core.decision_json import parse_actions
from core.decisions import Answer as Given
from core.decisions import DecisionState
from core.roles import Visitor, right_to_decide
from core.store import decisions as kept_decisions
from core.store.audit import record, say_origin
from core.store.pool import Connection, Entered, store_absence_told
from services.api.acting import Acting, demand
from services.api.answers import PREFIX, Store, api_router, problem_responses
from services.api.decision_answers import (
    AnswerBody,
    DecideBody,
    DecisionAnswer,
    Decisions,
    PolicyBody,
    SubjectAnswer,
    Subjects,
    decision_answers,
    subject_answer,
)
from services.api.doors.origins import origin_of
from services.api.doors.visiting import Visiting
from services.api.etags import IfMatch, check_match
from services.api.parameters import ID_MAX, CommuneFilter
from services.api.problems import BodyInvalid, Code, ParameterInvalid, Problem
from services.decisions.life import SETTLED, UnknownSubject, answer, decide, subject_named
from services.decisions.registry import DECIDERS

router = api_router("decisions")

DECIDING_AT_ONCE = 2
"""Decisions that a process makes at once for whoever does not wait for the worker: each may fill a core."""
_deciding = BoundedSemaphore(DECIDING_AT_ONCE)


def _known_kind(kind: str) -> str:
    if kind not in DECIDERS:
        raise ValueError(f"no decision is of kind {kind!r}; there are {', '.join(sorted(DECIDERS))}")
    return kind


Kind = Annotated[str, AfterValidator(_known_kind)]
KindFilter = Annotated[Kind | None, Query(description="Only this kind.", openapi_examples={"": {"value": "round"}})]
SubjectFilter = Annotated[str | None, Query(max_length=200, description="Only this subject, by its code.")]
DecisionId = Annotated[int, Path(ge=1, le=ID_MAX)]
Code64 = Annotated[str, Path(min_length=1, max_length=200)]


@router.get("/decisions", operation_id="read_decisions")
def read_decisions(  # noqa: PLR0917 - a query's parameters are its function's parameters
    store: Store,
    kind: KindFilter = None,
    commune: CommuneFilter = None,
    subject: SubjectFilter = None,
    state: Annotated[DecisionState | None, Query(description="Only those in this state.")] = None,
    newest: Annotated[bool, Query(description="Only the newest of each subject.")] = False,  # noqa: FBT002 - a query
    before: Annotated[int | None, Query(ge=1, le=ID_MAX, description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Items on a page at most.")] = 20,
) -> Decisions:
    """List decisions with their answers, the newest first."""
    wanted = kept_decisions.Wanted(kind, commune, subject, state, newest, before)
    page = kept_decisions.read_decisions(store, wanted, limit=limit + 1)
    following = page[limit - 1].decision_id if len(page) > limit else None
    return Decisions(items=decision_answers(store, page[:limit]), next=following)


@router.get("/decisions/{decision_id}", operation_id="read_decision")
def read_decision(decision_id: DecisionId, store: Store) -> DecisionAnswer:
    """One decision with its answers."""
    return decision_answers(store, [_decision_named(store, decision_id)])[0]


@router.post(
    "/decisions/{decision_id}/answers",
    operation_id="write_answer",
    status_code=201,
    responses=problem_responses(409, 413),
)
def write_answer(decision_id: DecisionId, body: AnswerBody, store: Acting, visitor: Visiting) -> DecisionAnswer:
    """Approve, edit or refuse a decision, or say that it was applied.

    What was proposed stays as it was beside an edit. An approval is published over MQTT on
    `vigie/out/v1/{insee}/decision/{kind}`; Vigie applies nothing itself. 409 when the decision's state does not allow
    the answer: it was answered already, another took its place, or its deadline has passed.
    """
    edited = body.actions is not None
    if edited != (body.state is DecisionState.EDITED):
        raise BodyInvalid("actions", "an edit comes with its actions, and nothing else does")
    actions = parse_actions([one.model_dump(mode="json") for one in body.actions or []]) if edited else None
    asked = _decision_named(store, decision_id).decision
    _demand(store, visitor, asked.kind, asked.subject)
    given = Given(body.state, visitor.name, now(), body.note, actions)
    kept = answer(store, decision_id, given)
    if kept is None:
        raise Problem(Code.NOT_FOUND, f"there is no decision {decision_id}")
    return decision_answers(store, [kept])[0]


@router.post("/decisions", operation_id="decide_on_subject", status_code=201, responses=problem_responses(413))
def decide_now(body: DecideBody, request: Request, visitor: Visiting, response: Response) -> DecisionAnswer:
    """Decide now on a subject; what was proposed on it and not answered is superseded."""
    if body.kind not in DECIDERS:
        raise BodyInvalid("kind", f"no decision is of kind {body.kind!r}; there are {', '.join(sorted(DECIDERS))}")
    pool = Entered(request.app.state.pool, visitor.key)
    if not _deciding.acquire(blocking=False):
        raise Problem(Code.TOO_MANY_DECISIONS, f"{DECIDING_AT_ONCE} decisions are being made here, try again soon")
    try:
        with store_absence_told():
            with pool.connection() as connection:
                subject = subject_named(connection, body.kind, body.subject)
                _demand(connection, visitor, body.kind, body.subject)
                say_origin(connection, *origin_of(request))
                record(
                    connection, Act(What.DECISION_ASKED, f"subject:{body.kind}:{body.subject}", subject.commune_insee)
                )
            decide(pool, DECIDERS[body.kind], subject, (now() - SETTLED).replace(microsecond=0))
            wanted = kept_decisions.Wanted(kind=body.kind, subject=body.subject, newest=True)
            with pool.connection() as connection:
                [newest] = decision_answers(connection, kept_decisions.read_decisions(connection, wanted, limit=1))
    except UnknownSubject as error:
        raise Problem(Code.NOT_FOUND, str(error)) from None
    finally:
        _deciding.release()
    response.headers["Location"] = f"{PREFIX}/decisions/{newest.decision_id}"
    return newest


_EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The decision in that format.",
        "content": {
            "application/geo+json": {
                "schema": {"type": "object"},
                "examples": {"": {"value": {"type": "FeatureCollection", "features": []}}},
            },
            "text/csv": {"schema": {"type": "string"}, "examples": {"": {"value": "arrêt;bac\r\n1;bac-12\r\n"}}},
        },
    }
}


@router.get(
    "/decisions/{decision_id}/export",
    operation_id="read_decision_export",
    response_class=Response,
    responses=_EXPORTED,
)
def read_export(
    decision_id: DecisionId,
    store: Acting,
    wanted: Annotated[
        str, Query(alias="format", max_length=32, openapi_examples={"": {"value": "geojson"}}, description="Its name.")
    ],
) -> Response:
    """Return a decision in another format of its kind, as a file."""
    decision = _decision_named(store, decision_id).decision
    exports = DECIDERS[decision.kind].exports
    if wanted not in exports:
        offered = ", ".join(sorted(exports)) or "none"
        raise ParameterInvalid("format", f"{decision.kind} has no {wanted!r}, its formats are: {offered}")
    export = exports[wanted]
    target, taken = f"decision:{decision_id}", {"format": wanted}
    record(store, Act(What.EXPORT_TAKEN, target, decision.commune_insee, after=taken))
    name = f'attachment; filename="{decision.kind}-{decision_id}.{wanted}"'
    return Response(export.write(decision), media_type=export.media_type, headers={"Content-Disposition": name})


@router.get("/decision-subjects", operation_id="read_decision_subjects")
def read_subjects(
    store: Store,
    kind: KindFilter = None,
    commune: CommuneFilter = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Items at most.")] = 1_000,
) -> Subjects:
    """List what is decided about, with what a person set for it."""
    found = kept_decisions.read_subjects(store, kind=kind, commune=commune, limit=limit)
    return Subjects(items=[subject_answer(subject) for subject in found])


@router.get("/decision-subjects/{kind}/{code}", operation_id="read_decision_subject")
def read_subject(kind: Annotated[Kind, Path()], code: Code64, store: Store) -> SubjectAnswer:
    """One subject, with what a person set for it."""
    subject = kept_decisions.read_subject(store, kind, code)
    if subject is None:
        raise Problem(Code.NOT_FOUND, f"nothing of kind {kind} has the code {code!r}")
    return subject_answer(subject)


@router.put("/decision-subjects/{kind}/{code}", operation_id="write_policy", responses=problem_responses(412, 413))
def write_policy(  # noqa: PLR0917 - a request's parameters are its function's parameters
    kind: Annotated[Kind, Path()],
    code: Code64,
    body: PolicyBody,
    store: Acting,
    visitor: Visiting,
    if_match: IfMatch = None,
) -> SubjectAnswer:
    """Set the policy of a subject, whole; the next decision follows it, those made keep theirs."""
    _demand(store, visitor, kind, code)
    held = kept_decisions.hold_subject(store, kind, code)
    if held is not None:
        check_match(if_match, subject_answer(held))
    try:
        DECIDERS[kind].parse_policy(body.policy)
    except ValueError as error:
        raise BodyInvalid(_field_of(body.policy, str(error)), str(error)) from None
    subject = kept_decisions.write_policy(store, kind, code, body.policy)
    if subject is None:
        raise Problem(Code.NOT_FOUND, f"nothing of kind {kind} has the code {code!r}")
    return subject_answer(subject)


def _demand(connection: Connection, visitor: Visitor, kind: str, code: str) -> None:
    """Refuse who may not decide on this subject."""
    place = kept_decisions.read_place(connection, kind, code)
    if place is None:
        raise Problem(Code.NOT_FOUND, f"nothing of kind {kind} has the code {code!r}")
    demand(visitor, right_to_decide(kind), *place)


def _decision_named(store: Store, decision_id: int) -> kept_decisions.KeptDecision:
    kept = kept_decisions.read_decision(store, decision_id)
    if kept is None:
        raise Problem(Code.NOT_FOUND, f"there is no decision {decision_id}")
    return kept


def _field_of(policy: dict[str, Any], message: str) -> str:
    """Return the path of the field that the message opens with, or of the whole policy where it opens otherwise."""
    named = re.match(r"([A-Za-z_]\w*)[\w.\[\]]*", message)
    is_field = named is not None and (named[1] in policy or "_" in named[1])
    return f"policy.{named[0]}" if named is not None and is_field else "policy"
