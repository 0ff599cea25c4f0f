"""The pages of the door: signing in by name and password, out, and in by a one-time link.

Each form shows a token whose other half is a cookie, so that no other site signs a browser in as somebody else.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from core.audit import Act, What, Who, WhoKind
from core.clock import now
from core.passes import key_of
from core.roles import PassKind
from core.store.audit import record_at_the_door
from core.store.doors import end_sessions, revoke_pass
from core.store.identities import read_given
from core.store.pool import Connection
from core.store.sign_in import Account, read_account, read_account_of, read_entry, use_entry, write_password
from services.api.doors.cookies import cookie_of, is_secure, take_cookie
from services.api.doors.csrf import is_ours
from services.api.doors.lockout import came_in, tried
from services.api.doors.oidc_refusals import RETRY_AFTER_S, STATUS, Refusal
from services.api.doors.origins import origin_of, own_path
from services.api.doors.passwords import LENGTH_MAX, fault_of, hashed, is_outdated, is_password
from services.api.doors.sessions import Proven, begin_session, give_session
from services.api.doors.visiting import MaybeVisiting, door_of
from services.api.pages import Pages
from services.api.rates import address_of

router = APIRouter(include_in_schema=False)

SECURE_FORM, PLAIN_FORM = "__Host-vigie-form", "vigie-form"
NEXT_MAX = 2_000

Next = Annotated[str, Query(alias="next", max_length=NEXT_MAX)]
Key = Annotated[str, Path(max_length=100)]
FormToken = Annotated[str, Form(alias="csrf", max_length=200)]


@dataclass(frozen=True, slots=True)
class Told:
    """What the sign-in page says.

    Parameters
    ----------
    fault
        The word of the catalogue (``signin.refusals``) that says why nobody was let in.
    name
        As it was filled in.
    wait_s
        Until another try is looked at.
    """

    fault: str | None = None
    name: str = ""
    next_page: str = "/"
    wait_s: int = 0


def sign_in_page(request: Request, told: Told, status: int = HTTPStatus.OK) -> Response:
    """Draw the sign-in page, ``signin.html``."""
    settings = door_of(request).settings
    return _drawn(
        request,
        "signin",
        status,
        fault=told.fault,
        name=told.name,
        next=told.next_page,
        wait_min=ceil(told.wait_s / 60),
        provider=settings.oidc_name if settings.oidc_issuer else "",
    )


def _drawn(request: Request, page: str, status: int, **shown: object) -> Response:
    """Draw a page with a form, and give the browser the other half of the form's token."""
    pages: Pages = request.app.state.pages
    half = request.cookies.get(_form_name(request), "")
    if len(half) < 20:
        half = secrets.token_urlsafe(24)
    response = pages.answer(request, page, status, form_token=door_of(request).seal.token(f"form:{half}"), **shown)
    response.headers["Cache-Control"] = "no-store"
    response.set_cookie(
        _form_name(request), half, path="/", httponly=True, samesite="strict", secure=is_secure(request)
    )
    return response


def _form_name(request: Request) -> str:
    return SECURE_FORM if is_secure(request) else PLAIN_FORM


def _is_our_form(request: Request, token: str) -> bool:
    door, half = door_of(request), request.cookies.get(_form_name(request), "")
    return is_ours(request, door.settings.public_url) and bool(half) and door.seal.is_token(token, f"form:{half}")


@router.get("/signin")
async def signin(
    request: Request, visitor: MaybeVisiting, next_page: Next = "/", refusal: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """Show the sign-in page, or go on where somebody is let in already.

    ``refusal`` says why the identity provider's sign-in came to nothing, for whoever comes back from it.
    """
    if visitor is not None and visitor.kind is PassKind.SESSION:
        return RedirectResponse(own_path(next_page), HTTPStatus.SEE_OTHER)
    why = next((one for one in Refusal if one == refusal), None)
    response = sign_in_page(request, Told(why, next_page=own_path(next_page)), STATUS[why] if why else HTTPStatus.OK)
    if why is Refusal.PROVIDER_ABSENT:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


@router.post("/signin")
async def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=120, pattern=r"^[^\x00]*$")] = "",
    password: Annotated[str, Form(max_length=LENGTH_MAX)] = "",
    next_page: Annotated[str, Form(alias="next", max_length=NEXT_MAX)] = "/",
    token: FormToken = "",
) -> Response:
    """Let in who gives the right name and password."""
    told = Told(name=name, next_page=own_path(next_page))
    if not _is_our_form(request, token):
        return _refused(request, told, "stale", HTTPStatus.FORBIDDEN)
    async with door_of(request).connection() as connection:
        waits_s, account = await run_in_threadpool(_counted, connection, request, name)
    if waits_s:
        response = sign_in_page(request, Told("locked", name, told.next_page, waits_s), HTTPStatus.TOO_MANY_REQUESTS)
        response.headers["Retry-After"] = str(waits_s)
        return response
    is_right = await is_password(password, account.password_hash if account else None)
    if account is None or not is_right or account.is_disabled:
        async with door_of(request).connection() as connection:
            await run_in_threadpool(_note_refusal, connection, request, account, What.SIGN_IN_REFUSED)
        if account is None or not is_right:
            return _refused(request, told, "wrong", HTTPStatus.UNAUTHORIZED)
        return _refused(request, told, "disabled", HTTPStatus.FORBIDDEN)
    return await _signed_in(request, told, account, password)


def _refused(request: Request, told: Told, fault: str, status: int) -> Response:
    response = sign_in_page(request, Told(fault, told.name, told.next_page), status)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="vigie"'
    return response


def _counted(connection: Connection, request: Request, name: str) -> tuple[int, Account | None]:
    """Count a try; return how long to wait, and whose account it is of."""
    wait = tried(connection, name, address_of(request), now())
    account = read_account(connection, name)
    if wait.is_new:
        _note_refusal(connection, request, account, What.LOCKED_OUT)
    return wait.seconds, account


def _note_refusal(connection: Connection, request: Request, account: Account | None, what: What) -> None:
    """Put a refusal on record; of a name that is nobody's, which may be a password, nothing is kept."""
    name, person_id = (account.name, account.person_id) if account else ("?", None)
    who = Who(WhoKind.DOOR, name, None, person_id, *origin_of(request))
    record_at_the_door(connection, who, Act(what, "door"))


async def _signed_in(request: Request, told: Told, account: Account, password: str) -> Response:
    renewed = await hashed(password) if account.password_hash and is_outdated(account.password_hash) else None
    async with door_of(request).connection() as connection:
        secret = await run_in_threadpool(_begun, connection, request, account, told.name, renewed)
    if secret is None:
        return _refused(request, told, "no_role", HTTPStatus.FORBIDDEN)
    response = RedirectResponse(told.next_page, HTTPStatus.SEE_OTHER)
    give_session(request, response, secret)
    return response


def _begun(connection: Connection, request: Request, account: Account, name: str, renewed: str | None) -> str | None:
    """Begin the session of who gave the right password; None if they have no role."""
    came_in(connection, name)
    if renewed is not None:
        write_password(connection, account.person_id, renewed)
    return _session_of(connection, request, account.person_id, account.name, "password")


def _session_of(connection: Connection, request: Request, person_id: int, name: str, way: str) -> str | None:
    grants = read_given(connection, person_id, ())
    if not grants:
        who = Who(WhoKind.DOOR, name, None, person_id, *origin_of(request))
        record_at_the_door(connection, who, Act(What.SIGN_IN_REFUSED, "door"))
        return None
    proven = Proven(person_id, name, grants, way)
    return begin_session(connection, door_of(request).settings, proven, request, now())


@router.get("/round/{key}")
async def open_round(request: Request, key: Key, present: MaybeVisiting) -> Response:
    """Have the browser keep a driver's link as its cookie, and show the round; the page says if it has ended.

    An address that opens nothing, which anybody can make, signs nobody out.
    """
    visitor = await door_of(request).visitor(key_of(key), origin_of(request))
    response = RedirectResponse("/round", HTTPStatus.SEE_OTHER)
    if visitor is not None and visitor.kind is PassKind.LINK:
        give_session(request, response, key)
    elif present is not None and present.kind is PassKind.SESSION:
        pages: Pages = request.app.state.pages
        return pages.answer(request, "gone", status=HTTPStatus.GONE)
    else:
        take_cookie(request, response)
    return response


@router.post("/signout")
async def sign_out(request: Request, visitor: MaybeVisiting) -> Response:
    """End the session, here and in the browser; a driver's link only leaves the browser."""
    if visitor is not None and visitor.person_id is not None and cookie_of(request) is not None:
        async with door_of(request).connection() as connection:
            await run_in_threadpool(_ended, connection, request, visitor.pass_id, visitor.person_id, visitor.name)
        door_of(request).forget()
    response = RedirectResponse("/signin", HTTPStatus.SEE_OTHER)
    take_cookie(request, response)
    return response


def _ended(connection: Connection, request: Request, pass_id: int, person_id: int, name: str) -> None:
    revoke_pass(connection, pass_id, now())
    who = Who(WhoKind.SESSION, name, pass_id, person_id, *origin_of(request))
    record_at_the_door(connection, who, Act(What.SIGNED_OUT, f"person:{person_id}"))


@router.get("/enter/{key}")
async def enter(request: Request, key: Key) -> Response:
    """Show what a one-time link opens, and use nothing up: programs look at links before people do."""
    async with door_of(request).connection() as connection:
        entry = await run_in_threadpool(read_entry, connection, key_of(key), now())
    if entry is None:
        return _enter_page(request, key, "", "gone", HTTPStatus.GONE)
    return _enter_page(request, key, entry.name)


def _enter_page(
    request: Request, key: str, name: str, fault: str | None = None, status: int = HTTPStatus.OK
) -> Response:
    return _drawn(request, "enter", status, fault=fault, key=key, name=name, may_set_password=True)


@router.post("/enter/{key}")
async def enter_by_link(
    request: Request,
    key: Key,
    password: Annotated[str, Form(max_length=LENGTH_MAX)] = "",
    token: FormToken = "",
) -> Response:
    """Use a one-time link up: let its person in, under a new password if they set one."""
    async with door_of(request).connection() as connection:
        entry = await run_in_threadpool(read_entry, connection, key_of(key), now())
    if entry is None:
        return _enter_page(request, key, "", "gone", HTTPStatus.GONE)
    fault = fault_of(password, entry.name) if password else None
    if not _is_our_form(request, token):
        return _enter_page(request, key, entry.name, "stale", HTTPStatus.FORBIDDEN)
    if fault is not None:
        return _enter_page(request, key, entry.name, fault, HTTPStatus.UNPROCESSABLE_ENTITY)
    kept = await hashed(password) if password else None
    async with door_of(request).connection() as connection:
        secret = await run_in_threadpool(_entered, connection, request, key, kept)
    if secret is None:
        return _enter_page(request, key, "", "gone", HTTPStatus.GONE)
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    give_session(request, response, secret)
    return response


def _entered(connection: Connection, request: Request, key: str, kept: str | None) -> str | None:
    """Use the link up and begin a session; None if it was used meanwhile, or its person has no role any more."""
    entry = read_entry(connection, key_of(key), now())
    if entry is None or not use_entry(connection, key_of(key), now()):
        return None
    account = read_account_of(connection, entry.person_id)
    if account is None:
        return None
    if kept is not None:
        write_password(connection, entry.person_id, kept)
        end_sessions(connection, entry.person_id, now())
        who = Who(WhoKind.DOOR, account.name, None, entry.person_id, *origin_of(request))
        record_at_the_door(connection, who, Act(What.PASSWORD_SET, f"person:{entry.person_id}"))
    return _session_of(connection, request, entry.person_id, account.name, "link")
