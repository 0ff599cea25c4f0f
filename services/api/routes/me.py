"""Who asks: what they may do, where they are signed in, their password."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from core.audit import Act, What
from core.clock import now
from core.roles import RIGHTS, PassKind, Visitor
from core.store.audit import record_at_the_door
from core.store.doors import (
    KeptPass,
    WantedPasses,
    end_sessions,
    read_pass,
    read_passes,
    revoke_pass,
)
from core.store.held import read_held
from core.store.pool import Connection
from core.store.sign_in import read_account_of, write_password
from services.api.answers import api_router, problem_responses
from services.api.door_answers import Me, PasswordBody, RightAnswer, SessionAnswer, Sessions, grant_answers, site_names
from services.api.doors.granting import administers_all
from services.api.doors.lockout import came_in, tried
from services.api.doors.passwords import fault_of, hashed, is_password
from services.api.doors.visiting import Actor, Doorway, Visiting, door_of
from services.api.page_words import chosen_language
from services.api.parameters import ID_MAX
from services.api.problems import BodyInvalid, Code, Problem, said
from services.api.rates import address_of

router = api_router("doors")
SESSIONS_MAX = 100

PassId = Annotated[int, Path(ge=1, le=ID_MAX)]
OfPerson = Annotated[
    int | None, Query(ge=1, le=ID_MAX, description="Those of this person, by who gives and takes all their roles.")
]


@router.get("/me", operation_id="read_me")
def read_me(request: Request, visitor: Visiting, door: Doorway) -> Me:
    """Who asks, their roles and the rights that these give, by place."""
    is_local = visitor.kind is PassKind.SESSION and _account_is_local(door, visitor)
    session = getattr(request.state, "session", None)
    return Me(
        name=visitor.name,
        kind=visitor.kind,
        grants=grant_answers(visitor.grants, site_names(door, visitor.grants)),
        rights=_rights(visitor),
        csrf=None if session is None else door_of(request).seal.token(session.session_id),
        expires_at=visitor.expires_at,
        language=chosen_language(request),
        local=is_local,
        decision_id=visitor.decision_id,
    )


def _account_is_local(door: Connection, visitor: Visitor) -> bool:
    return visitor.person_id is not None and read_account_of(door, visitor.person_id) is not None


def _rights(visitor: Visitor) -> list[RightAnswer]:
    held = {
        (right, grant.commune_insee or "", grant.site_id or 0)
        for grant in visitor.grants
        for right in RIGHTS[grant.role]
    }
    return [
        RightAnswer(right=right, commune_insee=commune or None, site_id=site or None)
        for right, commune, site in sorted(held)
    ]


@router.put("/me/password", operation_id="write_password", status_code=204, responses=problem_responses(403, 429))
async def write_my_password(body: PasswordBody, request: Request, visitor: Visiting, actor: Actor) -> Response:
    """Set one's password, if one signs in here by one; all other sessions end.

    The present password is asked for where one is set, and tries of it are counted as those of the sign-in are.
    """
    door, person_id = door_of(request), visitor.person_id
    if visitor.kind is not PassKind.SESSION or person_id is None:
        raise Problem(Code.FORBIDDEN, said("no_password_here"))
    async with door.connection() as connection:
        account = await run_in_threadpool(read_account_of, connection, person_id)
        if account is None:
            raise Problem(Code.FORBIDDEN, said("no_password_here"))
        wait = await run_in_threadpool(tried, connection, account.name, address_of(request), now())
        if wait.is_new:
            await run_in_threadpool(record_at_the_door, connection, actor, Act(What.LOCKED_OUT, "door"))
    if wait.seconds:
        raise Problem(Code.LOCKED_OUT, said("locked_out", seconds=wait.seconds), retry_after_s=wait.seconds)
    if account.password_hash is not None and not await is_password(body.current, account.password_hash):
        raise BodyInvalid("current", "this is not the present password")
    if fault_of(body.password, account.name) is not None:
        raise BodyInvalid("password", "it is one of the commonest, or one's name; choose another")
    kept = await hashed(body.password)
    async with door.connection() as connection:
        await run_in_threadpool(came_in, connection, account.name)
        await run_in_threadpool(write_password, connection, person_id, kept)
        await run_in_threadpool(end_sessions, connection, person_id, now(), but=visitor.pass_id)
        await run_in_threadpool(record_at_the_door, connection, actor, Act(What.PASSWORD_SET, f"person:{person_id}"))
    return Response(status_code=204)


@router.get("/sessions", operation_id="read_sessions", responses=problem_responses(403))
def read_sessions(visitor: Visiting, door: Doorway, person_id: OfPerson = None) -> Sessions:
    """Where one is signed in; by `person_id`, where somebody else is, the hundred first at most."""
    asked = visitor.person_id if person_id is None else person_id
    if asked is None:
        return Sessions(items=[])
    if asked != visitor.person_id and not administers_all(visitor, read_held(door, asked)):
        raise Problem(Code.FORBIDDEN, said("not_yours_to_end"))
    found = read_passes(door, WantedPasses(PassKind.SESSION, person_id=asked), now(), limit=SESSIONS_MAX)
    return Sessions(items=[_session_answer(one, visitor) for one in found])


def _session_answer(kept: KeptPass, visitor: Visitor) -> SessionAnswer:
    return SessionAnswer(
        pass_id=kept.pass_id,
        current=kept.pass_id == visitor.pass_id,
        made_at=kept.made_at,
        used_at=kept.used_at,
        expires_at=kept.expires_at,
    )


@router.delete("/sessions/{pass_id}", operation_id="revoke_session", status_code=204)
def revoke_session(pass_id: PassId, request: Request, visitor: Visiting, actor: Actor, door: Doorway) -> Response:
    """End a session of one's own, or of somebody all of whose roles one gives and takes."""
    kept = read_pass(door, pass_id)
    is_own = kept is not None and kept.person_id is not None and kept.person_id == visitor.person_id
    if kept is None or kept.kind is not PassKind.SESSION or not (is_own or administers_all(visitor, kept.grants)):
        raise Problem(Code.NOT_FOUND, f"there is no session {pass_id}")
    if not revoke_pass(door, pass_id, now()):
        raise Problem(Code.NOT_FOUND, f"the session {pass_id} has ended")
    record_at_the_door(door, actor, Act(What.SESSION_ENDED, f"person:{kept.person_id}", before={"name": kept.name}))
    door_of(request).forget()
    return Response(status_code=204)
