"""Sign-in by the identity provider: its routes, and what they do at our own door."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from core.audit import Act, What, Who, WhoKind
from core.clock import now
from core.settings import DoorSettings
from core.store.audit import record_at_the_door
from core.store.identities import Arrival, Identity, arrive
from core.store.pool import Connection
from services.api.doors.oidc_attempt import Attempt
from services.api.doors.oidc_flow import Returned, Vouched, authorization_url
from services.api.doors.oidc_leaving import give_hint
from services.api.doors.oidc_refusals import Refusal, SignInRefused
from services.api.doors.oidc_settings import CALLBACK
from services.api.doors.oidc_sign_in import sign_in_of
from services.api.doors.origins import FIRST_PAGE, origin_of, own_path
from services.api.doors.sessions import Proven, begin_session, give_session
from services.api.doors.signing import Next
from services.api.doors.visiting import door_of

WAY = "oidc"

_log = structlog.get_logger(__name__)
router = APIRouter(include_in_schema=False)

_Word = Annotated[str, Query(max_length=2_000)]


@router.get("/signin/oidc")
async def begin_oidc(request: Request, next_page: Next = FIRST_PAGE, again: _Word = "") -> Response:
    """Send the browser to the provider, to come back to the page that it was going to.

    ``again`` has the provider ask who it is even of somebody who is signed in there: another account may have a role.
    """
    sign_in = sign_in_of(request)
    if sign_in is None:
        return RedirectResponse("/signin", HTTPStatus.SEE_OTHER)
    attempt = Attempt.begun(own_path(next_page))
    try:
        metadata = await sign_in.metadata()
    except SignInRefused as refused:
        return _refused(refused, attempt.next_page)
    goes_to = authorization_url(metadata, sign_in.provider.registration, attempt, again=bool(again))
    response = RedirectResponse(goes_to, HTTPStatus.SEE_OTHER)
    sign_in.attempts.give(request, response, attempt)
    return response


@router.get(CALLBACK)
async def end_oidc(
    request: Request, state: _Word = "", code: _Word = "", error: _Word = "", iss: _Word = ""
) -> Response:
    """Let in whom the provider vouches for, and go on to the page that they were going to."""
    sign_in = sign_in_of(request)
    if sign_in is None:
        return RedirectResponse("/signin", HTTPStatus.SEE_OTHER)
    try:
        attempt = sign_in.attempts.take(request, state)
    except SignInRefused as refused:
        return _refused(refused, FIRST_PAGE)
    response: Response
    try:
        who = await sign_in.vouched(attempt, Returned(code, error, iss))
        secret = await _begun(request, who)
    except SignInRefused as refused:
        response = _refused(refused, attempt.next_page)
    else:
        response = RedirectResponse(attempt.next_page, HTTPStatus.SEE_OTHER)
        give_session(request, response, secret)
        give_hint(request, response, who.id_token)
    sign_in.attempts.end(request, response)
    return response


async def _begun(request: Request, who: Vouched) -> str:
    """Begin the session of whom the provider vouches for; return the secret of its pass."""
    door = door_of(request)
    async with door.connection() as connection:
        arrival, secret = await run_in_threadpool(_arrived, connection, door.settings, who.identity, request)
    # Only now that it is committed: whoever came stays noted, so that an administrator finds them.
    if secret is None:
        refusal = Refusal.DISABLED if arrival.is_disabled else Refusal.NO_ROLE
        raise SignInRefused(refusal, f"person {arrival.person_id} is not let in")
    return secret


def _arrived(
    connection: Connection, settings: DoorSettings, identity: Identity, request: Request
) -> tuple[Arrival, str | None]:
    instant = now()
    arrival = arrive(connection, identity, instant)
    if arrival.is_disabled or not arrival.grants:
        who = Who(WhoKind.DOOR, identity.name, None, arrival.person_id, *origin_of(request))
        refused = {"way": WAY, "disabled": arrival.is_disabled}
        record_at_the_door(connection, who, Act(What.SIGN_IN_REFUSED, f"person:{arrival.person_id}", after=refused))
        return arrival, None
    proven = Proven(arrival.person_id, identity.name, arrival.grants, WAY, identity.groups)
    return arrival, begin_session(connection, settings, proven, request, instant)


def _refused(refused: SignInRefused, next_page: str) -> Response:
    """Tell why on the sign-in page, at an address that holds neither the code nor the state."""
    _log.info("sign_in_refused", way=WAY, refusal=refused.refusal, why=str(refused))
    query = urlencode({"refusal": refused.refusal, "next": next_page})
    return RedirectResponse(f"/signin?{query}", HTTPStatus.SEE_OTHER)
