"""Who asks: each request's visitor, from its cookie or its token, and whether they have what the operation needs."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from fastapi.routing import APIRoute

from core.audit import Act, What, Who, WhoKind
from core.clock import now
from core.passes import key_of, new_secret
from core.roles import PassKind, Visitor
from core.settings import ApiSettings
from core.store.audit import record_at_the_door
from core.store.doors import note_use, read_visitor, renew_session
from core.store.pool import Connection, Pool
from services.api.doors.cookies import RENEWED_AFTER, Seal, Session, cookie_of
from services.api.doors.csrf import SAFE_METHODS, is_ours, shows_token
from services.api.doors.origins import origin_of
from services.api.doors.rights import NEEDS, rights_of, suffices
from services.api.problems import Code, Problem, said
from services.api.turns import Turns, taken

DOOR_CONNECTIONS = 2
"""Looking somebody up takes a millisecond, and is remembered."""
REMEMBERED = timedelta(seconds=10)
REMEMBERED_MAX = 10_000
_BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class Shown:
    """The secret that a request shows, and the session whose cookie it came in (None for a token)."""

    secret: str
    session: Session | None = None


class Door:
    """The door of this process: looks visitors up, and remembers them for some seconds.

    The database checks each pass itself on each statement, so that what is remembered here lets nobody read on.

    Parameters
    ----------
    pool
        Connections of the login that knows who is at the door.
    """

    def __init__(self, settings: ApiSettings, seal: Seal, pool: Pool) -> None:
        self.settings, self.seal, self.pool = settings, seal, pool
        self._turns = Turns(DOOR_CONNECTIONS, settings.database_wait_s_max, settings.database_waiting_max)
        self._remembered: OrderedDict[str, tuple[Visitor, datetime]] = OrderedDict()
        self._asked: dict[str, asyncio.Task[Visitor | None]] = {}
        self._forgotten = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Give a connection of the door, committed at the end, rolled back on error."""
        given = self.pool.connection(self.settings.database_wait_s_max)
        async with self._turns.turn(), contextmanager_in_threadpool(taken(given)) as connection:
            yield connection

    def forget(self) -> None:
        """Forget who was let in: some pass changed."""
        self._forgotten += 1
        self._remembered.clear()
        self._asked.clear()

    async def visitor(self, key: str, origin: tuple[str, str]) -> Visitor | None:
        """Return who is let in by this key, None if nobody is; ``origin``: the address and program they come from."""
        asked_at = now()
        found, until = self._remembered.get(key, (None, asked_at))
        if found is not None and asked_at < min(until, found.expires_at):
            return found
        # Hundreds may come back at once with one key, when a process begins: one asks for all.
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(self._look_up(key, asked_at, origin))
        return await asyncio.shield(asked)

    async def _look_up(self, key: str, asked_at: datetime, origin: tuple[str, str]) -> Visitor | None:
        forgotten = self._forgotten
        try:
            async with self.connection() as connection:
                found = await run_in_threadpool(_met, connection, key, asked_at, origin)
        finally:
            # What was forgotten meanwhile is asked for anew, by another.
            if self._asked.get(key) is asyncio.current_task():
                del self._asked[key]
        # What was forgotten meanwhile may be what was just read.
        if found is not None and forgotten == self._forgotten:
            self._remembered[key] = found, asked_at + REMEMBERED
            if len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        return found

    async def renewed(self, visitor: Visitor, session: Session) -> tuple[Visitor, str] | None:
        """Return the visitor under a new secret with the cookie that holds it, None if another request was first."""
        secret = new_secret()
        async with self.connection() as connection:
            renewed = await run_in_threadpool(renew_session, connection, visitor, key_of(secret), now())
        # What is left of the session under its former key is another pass.
        self._remembered.pop(visitor.key, None)
        return None if renewed is None else (renewed, self.seal.write(session.session_id, secret))


def _met(connection: Connection, key: str, at: datetime, origin: tuple[str, str]) -> Visitor | None:
    """Look a visitor up, and note that they came."""
    visitor = read_visitor(connection, key, at)
    if visitor is None:
        return None
    is_first = note_use(connection, visitor.pass_id, at)
    if is_first and visitor.kind is PassKind.TOKEN:
        who = Who(WhoKind.TOKEN, visitor.name, visitor.pass_id, visitor.person_id, *origin)
        record_at_the_door(connection, who, Act(What.TOKEN_USED, f"token:{visitor.pass_id}"))
    return visitor


def door_of(request: Request) -> Door:
    """Return the door of the application that this request came to."""
    door: Door = request.app.state.door
    return door


def operation_of(request: Request) -> str:
    """Return the id of the operation that a request came to, its route's name where it has none."""
    route: APIRoute = request.scope["route"]
    return route.operation_id or route.name


async def let_in(request: Request) -> None:
    """Refuse a request whose operation needs what its visitor has not.

    Raises
    ------
    Problem
        Nobody is let in by what it shows (401), or they have the right nowhere (403).
    """
    need = NEEDS[operation_of(request)]
    if need is None:
        return
    visitor = await _visiting(request)
    if not suffices(visitor, need):
        raise Problem(Code.FORBIDDEN, said("right_missing", right=" / ".join(rights_of(need))))


async def maybe_visiting(request: Request) -> Visitor | None:
    """Return who asks, None if nobody is let in; looked up once a request.

    Raises
    ------
    Problem
        The request shows two passes (400), or was made by another site (403).
    """
    if not hasattr(request.state, "visitor"):
        request.state.visitor = await _looked_up(request)
    visitor: Visitor | None = request.state.visitor
    return visitor


async def _visiting(request: Request) -> Visitor:
    visitor = await maybe_visiting(request)
    if visitor is None:
        raise Problem(Code.UNAUTHENTICATED, said("unauthenticated"))
    return visitor


async def _looked_up(request: Request) -> Visitor | None:
    door, shown = door_of(request), shown_by(request)
    if shown is None:
        return None
    visitor = await door.visitor(key_of(shown.secret), origin_of(request))
    if visitor is None or shown.session is None:
        return visitor
    request.state.session = shown.session
    if request.method not in SAFE_METHODS and not (
        is_ours(request, door.settings.public_url) and shows_token(request, door.seal, shown.session)
    ):
        raise Problem(Code.CSRF_REFUSED, said("csrf_refused"))
    # Not by an act: sent again with its idempotency key, because its answer was lost, it must come by the same pass.
    is_due = request.method in SAFE_METHODS and now() - shown.session.signed_at > RENEWED_AFTER
    if visitor.kind is PassKind.SESSION and is_due:
        renewed = await door.renewed(visitor, shown.session)
        if renewed is not None:
            visitor, request.state.renewed_cookie = renewed
    return visitor


def shown_by(request: Request) -> Shown | None:
    """Return what a request shows to be let in, None if it shows nothing that we know.

    Raises
    ------
    Problem
        If it shows two things.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    cookie = cookie_of(request)
    is_bearer = scheme.lower() == _BEARER
    if is_bearer and cookie is not None:
        raise Problem(Code.REQUEST_REFUSED, said("two_passes"))
    if is_bearer:
        return Shown(token.strip())
    session = door_of(request).seal.read(cookie) if cookie is not None else None
    return None if session is None else Shown(session.secret, session)


async def _doorway(request: Request) -> AsyncIterator[Connection]:
    async with door_of(request).connection() as connection:
        yield connection


async def _acting_at_the_door(request: Request, visitor: Annotated[Visitor, Depends(_visiting)]) -> Who:
    return Who(WhoKind(visitor.kind), visitor.name, visitor.pass_id, visitor.person_id, *origin_of(request))


Doorway = Annotated[Connection, Depends(_doorway, scope="function")]
"""A connection of the door, which sees all people and passes: what is shown of them is for the route to say."""
Actor = Annotated[Who, Depends(_acting_at_the_door)]
"""The visitor as the record of acts names them."""
Visiting = Annotated[Visitor, Depends(_visiting)]
"""Who asks; without a pass that lets in, the request is refused (401)."""
MaybeVisiting = Annotated[Visitor | None, Depends(maybe_visiting)]
"""Who asks, None if nobody is let in: for pages, which lead them to the sign-in."""
