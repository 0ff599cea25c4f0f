"""The page that ends mails about alarms, for whoever holds the link of one, without signing in.

To look at it changes nothing: programs look at links before people do. A mail program ends it by one POST (RFC 8058);
what that shows is the link's own token, which no other site can guess.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool

from core.audit import Act, What, Who, WhoKind
from core.store.audit import record_at_the_door
from core.store.pool import Connection
from core.store.subscriptions import pause_subscription
from services.alarms.mail.unsubscribing import TOKEN_CHARACTERS_MAX, Unsubscribing
from services.api.doors.origins import origin_of
from services.api.doors.visiting import door_of
from services.api.pages import Pages

router = APIRouter(include_in_schema=False)

Token = Annotated[str, Path(max_length=TOKEN_CHARACTERS_MAX)]


@router.get("/unsubscribe/{token}")
def unsubscribe(request: Request, token: Token) -> Response:
    """Ask whether the mails are to end; the link's own page, for a person."""
    known = _unsubscribing(request).subscription_of(token) is not None
    return _page(request, token, "ask" if known else "gone")


@router.post("/unsubscribe/{token}")
async def unsubscribe_by_link(request: Request, token: Token) -> Response:
    """End the mails: the subscription is paused, and its person may take it up again."""
    subscription_id = _unsubscribing(request).subscription_of(token)
    is_done = False
    if subscription_id is not None:
        async with door_of(request).connection() as connection:
            is_done = await run_in_threadpool(_ended, connection, request, subscription_id)
    return _page(request, token, "done" if is_done else "gone")


def _ended(connection: Connection, request: Request, subscription_id: int) -> bool:
    if not pause_subscription(connection, subscription_id):
        return False
    who = Who(WhoKind.DOOR, "?", None, None, *origin_of(request))
    record_at_the_door(connection, who, Act(What.SUBSCRIPTION_ENDED, f"subscription:{subscription_id}"))
    return True


def _page(request: Request, token: str, told: str) -> Response:
    pages: Pages = request.app.state.pages
    status = HTTPStatus.GONE if told == "gone" else HTTPStatus.OK
    response = pages.answer(request, "unsubscribe", status, token=token, told=told)
    response.headers["Cache-Control"] = "no-store"
    return response


def _unsubscribing(request: Request) -> Unsubscribing:
    unsubscribing: Unsubscribing = request.app.state.unsubscribing
    return unsubscribing
