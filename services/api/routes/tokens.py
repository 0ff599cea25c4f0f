"""Programs' tokens: made and shown once, listed, withdrawn."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Path, Request, Response

from core.audit import Act, What
from core.clock import now
from core.passes import key_of, new_secret
from core.roles import Grant, PassKind, Visitor
from core.store.audit import record_at_the_door
from core.store.doors import KeptPass, NewPass, WantedPasses, make_pass, read_pass, read_passes, revoke_pass
from core.store.pool import Connection
from services.api.answers import PREFIX, api_router, problem_responses
from services.api.door_answers import MadeToken, TokenBody, Tokens, asked_grants, site_names, token_answer
from services.api.doors.granting import administers_all, check_covered, check_given
from services.api.doors.visiting import Actor, Doorway, Visiting, door_of
from services.api.parameters import ID_MAX, After, Limit
from services.api.problems import BodyInvalid, Code, Problem

router = api_router("doors")

LASTS_MAX = timedelta(days=400)
PassId = Annotated[int, Path(ge=1, le=ID_MAX)]


@router.get("/tokens", operation_id="read_tokens")
def read_tokens(visitor: Visiting, door: Doorway, after: After = 0, limit: Limit = 100) -> Tokens:
    """List the tokens that one may withdraw, in the order in which they were made; ended ones for 90 days more.

    A page may hold fewer than there are after it.
    """
    page = read_passes(door, WantedPasses(PassKind.TOKEN, after=after), now(), limit=limit + 1)
    shown = [one for one in page[:limit] if administers_all(visitor, one.grants)]
    names = site_names(door, (grant for one in shown for grant in one.grants))
    following = page[limit - 1].pass_id if len(page) > limit else None
    return Tokens(items=[token_answer(one, names) for one in shown], next=following)


@router.post("/tokens", operation_id="make_token", status_code=201, responses=problem_responses(403))
def make_token(body: TokenBody, visitor: Visiting, actor: Actor, door: Doorway, response: Response) -> MadeToken:
    """Make a token for a program; its secret is in the answer, and nowhere else.

    It can do nothing that its maker cannot, and loses with its maker what they lose.
    """
    made_at = now()
    grants = asked_grants(door, body.grants)
    check_given(visitor, grants)
    check_covered(visitor, grants)
    if not made_at < body.expires_at <= made_at + LASTS_MAX:
        raise BodyInvalid("expires_at", f"a token ends within {LASTS_MAX.days} days")
    secret = new_secret()
    pass_id = make_pass(door, _new_token(door, visitor, body, grants, secret))
    kept = read_pass(door, pass_id)
    assert kept is not None, "it was just made"
    record_at_the_door(door, actor, _act(What.TOKEN_MADE, kept))
    response.headers["Location"] = f"{PREFIX}/tokens/{pass_id}"
    return MadeToken(**token_answer(kept, site_names(door, grants)).model_dump(), secret=secret)


def _new_token(door: Connection, visitor: Visitor, body: TokenBody, grants: tuple[Grant, ...], secret: str) -> NewPass:
    maker = read_pass(door, visitor.pass_id)
    return NewPass(
        PassKind.TOKEN,
        key_of(secret),
        body.name.strip(),
        visitor.name,
        now(),
        body.expires_at,
        grants,
        visitor.person_id,
        # With what its maker's groups gave them, it can be told what they still hold.
        maker.group_names if maker is not None else (),
    )


@router.delete("/tokens/{pass_id}", operation_id="revoke_token", status_code=204)
def revoke_token(pass_id: PassId, request: Request, visitor: Visiting, actor: Actor, door: Doorway) -> Response:
    """Withdraw a token, at once and for ever."""
    kept = read_pass(door, pass_id)
    if kept is None or kept.kind is not PassKind.TOKEN or not administers_all(visitor, kept.grants):
        raise Problem(Code.NOT_FOUND, f"there is no token {pass_id}")
    if not revoke_pass(door, pass_id, now()):
        raise Problem(Code.NOT_FOUND, f"the token {pass_id} has ended")
    record_at_the_door(door, actor, _act(What.TOKEN_REVOKED, kept))
    door_of(request).forget()
    return Response(status_code=204)


def _act(what: What, kept: KeptPass) -> Act:
    """Return the act of making or withdrawing a token, with all that it gives."""
    communes = {one.commune_insee for one in kept.grants}
    told = {
        "name": kept.name,
        "expires_at": kept.expires_at.isoformat(),
        "grants": [
            {"role": one.role, "commune_insee": one.commune_insee, "site_id": one.site_id} for one in kept.grants
        ],
    }
    is_made = what is What.TOKEN_MADE
    return Act(
        what,
        f"token:{kept.pass_id}",
        communes.pop() if len(communes) == 1 else None,
        before=None if is_made else told,
        after=told if is_made else None,
    )
