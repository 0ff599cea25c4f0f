"""Links to one round: who holds one sees that round until it ends, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from core.audit import Act, What
from core.clock import now
from core.passes import key_of, new_secret
from core.roles import Grant, PassKind, Right, Role, Visitor
from core.store.audit import record_at_the_door
from core.store.decisions import KeptDecision, read_decision, read_place
from core.store.doors import KeptPass, NewPass, WantedPasses, make_pass, read_pass, read_passes, revoke_pass
from core.store.pool import Connection
from services.api.acting import demand
from services.api.answers import PREFIX, Items, Store, api_router, documented, problem_responses
from services.api.door_answers import Name, PassAnswer, pass_fields
from services.api.doors.origins import public_root
from services.api.doors.visiting import Actor, Doorway, Visiting, door_of
from services.api.parameters import ID_MAX, After, Instant, Limit
from services.api.problems import BodyInvalid, Code, Problem, said

router = api_router("doors")

LASTS_MAX, LASTS_USUALLY = timedelta(hours=72), timedelta(hours=24)
ROUND = "round"
DecisionId = Annotated[int, Path(ge=1, le=ID_MAX)]
PassId = Annotated[int, Path(ge=1, le=ID_MAX)]
_LINK = {
    "pass_id": 44,
    "name": "camion 2",
    "made_at": "2026-03-02T05:00:00Z",
    "made_by": "Amina Diallo",
    "expires_at": "2026-03-03T05:00:00Z",
    "used_at": None,
    "revoked_at": None,
}


class RoundLinkAnswer(PassAnswer):
    """A link to one round; nobody can read its address again."""

    model_config = documented(_LINK)


class RoundLinks(Items[RoundLinkAnswer]):
    """Links to one round, in the order in which they were made."""

    model_config = documented({"items": [_LINK], "next": None})


class MadeRoundLink(RoundLinkAnswer):
    """A new link to a round, with its address, shown this once."""

    model_config = documented(
        {**_LINK, "link": "https://vigie.example.org/round/vigie_8mZ0S0mX2sJw7Qb3V1cT4dY5eR6fU7gH8iJ9kL0mN1o"}
    )

    link: str = Field(description="Its address, to be sent to whoever drives.")


class RoundLinkBody(BaseModel):
    """Whoever drives a round."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "camion 2", "expires_at": "2026-03-03T05:00:00Z"}]},
    )

    name: Name = Field(default="conducteur", description="Who drives, or what: no need for a person's name.")
    expires_at: Instant | None = Field(default=None, description="At most 72 h from now; by default 24 h.")


@router.get("/decisions/{decision_id}/links", operation_id="read_links", responses=problem_responses(403, 409))
def read_links(  # noqa: PLR0917 - a query's parameters are its function's parameters
    decision_id: DecisionId, visitor: Visiting, store: Store, door: Doorway, after: After = 0, limit: Limit = 100
) -> RoundLinks:
    """List the links to a round, by who decides about it."""
    _decided(store, visitor, decision_id)
    page = read_passes(door, WantedPasses(PassKind.LINK, decision_id=decision_id, after=after), now(), limit=limit + 1)
    following = page[limit - 1].pass_id if len(page) > limit else None
    return RoundLinks(items=[_answer(one) for one in page[:limit]], next=following)


@router.post(
    "/decisions/{decision_id}/links",
    operation_id="make_link",
    status_code=201,
    responses=problem_responses(403, 409),
)
def make_round_link(  # noqa: PLR0917 - a request's parts are its function's parameters
    decision_id: DecisionId,
    body: RoundLinkBody,
    request: Request,
    visitor: Visiting,
    actor: Actor,
    store: Store,
    door: Doorway,
    response: Response,
) -> MadeRoundLink:
    """Make a link that shows this round to whoever holds it, for 72 h at most; it can be withdrawn."""
    round_ = _decided(store, visitor, decision_id).decision
    made_at = now()
    expires_at = body.expires_at or made_at + LASTS_USUALLY
    if not made_at < expires_at <= made_at + LASTS_MAX:
        raise BodyInvalid("expires_at", f"a link ends within {LASTS_MAX // timedelta(hours=1)} h")
    secret = new_secret()
    grants = (Grant(Role.DRIVER, round_.commune_insee),)
    new = NewPass(
        PassKind.LINK,
        key_of(secret),
        body.name.strip(),
        visitor.name,
        made_at,
        expires_at,
        grants,
        decision_id=decision_id,
    )
    pass_id = make_pass(door, new)
    record_at_the_door(door, actor, _act(What.ROUND_LINK_MADE, decision_id, round_.commune_insee, body.name))
    kept = _link_named(door, decision_id, pass_id)
    response.headers["Location"] = f"{PREFIX}/decisions/{decision_id}/links/{pass_id}"
    return MadeRoundLink(**_answer(kept).model_dump(), link=f"{public_root(request)}/round/{secret}")


@router.delete(
    "/decisions/{decision_id}/links/{pass_id}",
    operation_id="revoke_link",
    status_code=204,
    responses=problem_responses(403, 409),
)
def revoke_round_link(  # noqa: PLR0917 - a request's parts are its function's parameters
    decision_id: DecisionId,
    pass_id: PassId,
    request: Request,
    visitor: Visiting,
    actor: Actor,
    store: Store,
    door: Doorway,
) -> Response:
    """Withdraw a link, at once and for ever."""
    commune = _decided(store, visitor, decision_id).decision.commune_insee
    kept = _link_named(door, decision_id, pass_id)
    if not revoke_pass(door, pass_id, now()):
        raise Problem(Code.NOT_FOUND, f"the link {pass_id} has ended")
    record_at_the_door(door, actor, _act(What.ROUND_LINK_REVOKED, decision_id, commune, kept.name))
    door_of(request).forget()
    return Response(status_code=204)


def _decided(store: Connection, visitor: Visitor, decision_id: int) -> KeptDecision:
    """Return a round that the visitor decides about.

    Raises
    ------
    Problem
        They see none of this id (404), may not decide there (403), or it is no round (409).
    """
    found = read_decision(store, decision_id)
    if found is None:
        raise Problem(Code.NOT_FOUND, f"there is no decision {decision_id}")
    if found.decision.kind != ROUND:
        raise Problem(Code.STATE_REFUSED, said("no_round"))
    place = read_place(store, found.decision.kind, found.decision.subject)
    demand(visitor, Right.DECIDE_ROUND, found.decision.commune_insee, place[1] if place else None)
    return found


def _link_named(door: Connection, decision_id: int, pass_id: int) -> KeptPass:
    kept = read_pass(door, pass_id)
    if kept is None or kept.decision_id != decision_id:
        raise Problem(Code.NOT_FOUND, f"there is no link {pass_id} to this round")
    return kept


def _answer(kept: KeptPass) -> RoundLinkAnswer:
    return RoundLinkAnswer(**pass_fields(kept))


def _act(what: What, decision_id: int, commune: str, name: str) -> Act:
    is_made = what is What.ROUND_LINK_MADE
    told = {"name": name}
    return Act(what, f"decision:{decision_id}", commune, None if is_made else told, told if is_made else None)
