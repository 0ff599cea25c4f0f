"""Signing out where the identity provider signed in: from here to there, and from there to here.

Sources: OpenID Connect RP-Initiated Logout 1.0; OpenID Connect Back-Channel Logout 1.0.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from core.audit import Act, What, Who, WhoKind
from core.clock import now
from core.store.audit import record_at_the_door
from core.store.identities import end_sessions, find_subject
from core.store.pool import Connection
from services.api.doors.cookies import is_secure
from services.api.doors.oidc_flow import end_session_url
from services.api.doors.oidc_refusals import Refusal, SignInRefused
from services.api.doors.oidc_sign_in import sign_in_of
from services.api.doors.oidc_tokens import TOKEN_BYTES_MAX
from services.api.doors.origins import origin_of
from services.api.doors.visiting import MaybeVisiting, door_of

LEAVING = "/signout"
HINT_BYTES_MAX = 3_500
"""Browsers keep a cookie of 4,096 bytes; without the hint the provider asks whether to sign out."""
SECURE_NAME, PLAIN_NAME = "__Secure-vigie-hint", "vigie-hint"
_STATE_BYTES = 32

_log = structlog.get_logger(__name__)
router = APIRouter(include_in_schema=False)


def give_hint(request: Request, response: Response, id_token: str) -> None:
    """Have the browser hold the ID token for the day it signs out: sent nowhere but there, shown to no script."""
    if len(id_token) > HINT_BYTES_MAX:
        return
    name, secure = _name(request), is_secure(request)
    response.set_cookie(name, id_token, path=LEAVING, httponly=True, samesite="strict", secure=secure)


@router.get(LEAVING)
async def leave(request: Request, visitor: MaybeVisiting) -> Response:
    """Go on after the session has ended: to the provider where it began there, else to the sign-in."""
    if visitor is not None:
        return RedirectResponse("/", HTTPStatus.SEE_OTHER)
    response = RedirectResponse(await _ending(request) or "/signin", HTTPStatus.SEE_OTHER)
    response.delete_cookie(_name(request), path=LEAVING, httponly=True, samesite="strict", secure=is_secure(request))
    return response


async def _ending(request: Request) -> str | None:
    sign_in, hint = sign_in_of(request), request.cookies.get(_name(request), "")
    if sign_in is None or not hint:
        return None
    try:
        metadata = await sign_in.metadata()
    except SignInRefused as refused:
        # Here the session has ended; that it goes on there is the provider's to end.
        _log.info("provider_sign_out_skipped", why=str(refused))
        return None
    return end_session_url(metadata, sign_in.provider.registration, hint, secrets.token_urlsafe(_STATE_BYTES))


@router.post("/signin/oidc/signed-out")
async def end_by_provider(
    request: Request, logout_token: Annotated[str, Form(max_length=TOKEN_BYTES_MAX)] = ""
) -> Response:
    """End all sessions of whom the provider says that they signed out there."""
    sign_in, door = sign_in_of(request), door_of(request)
    if sign_in is None:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    try:
        subject = await sign_in.signed_out(logout_token)
    except SignInRefused as refused:
        _log.info("provider_sign_out_refused", why=str(refused))
        is_absent = refused.refusal is Refusal.PROVIDER_ABSENT
        return _answered(HTTPStatus.SERVICE_UNAVAILABLE if is_absent else HTTPStatus.BAD_REQUEST)
    issuer = sign_in.provider.registration.issuer
    async with door.connection() as connection:
        await run_in_threadpool(_ended, connection, request, issuer, subject)
    door.forget()
    return _answered(HTTPStatus.OK)


def _ended(connection: Connection, request: Request, issuer: str, subject: str) -> None:
    person_id = find_subject(connection, issuer, subject)
    if person_id is None or not end_sessions(connection, person_id, now()):
        return
    who = Who(WhoKind.DOOR, "oidc", None, person_id, *origin_of(request))
    record_at_the_door(connection, who, Act(What.SESSION_ENDED, f"person:{person_id}"))


def _answered(status: HTTPStatus) -> Response:
    return Response(status_code=status, headers={"Cache-Control": "no-store"})


def _name(request: Request) -> str:
    return SECURE_NAME if is_secure(request) else PLAIN_NAME
