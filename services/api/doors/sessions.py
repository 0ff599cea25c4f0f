"""Sessions of people: how one begins, by whatever way they proved who they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from core.audit import Act, What, Who, WhoKind
from core.passes import key_of, new_secret
from core.roles import Grant, PassKind
from core.settings import DoorSettings
from core.store.audit import record_at_the_door
from core.store.doors import NewPass, make_pass, prune_passes
from core.store.pool import Connection
from core.store.sign_in import note_signed_in
from services.api.doors.cookies import give_cookie, new_session_id
from services.api.doors.origins import origin_of
from services.api.doors.visiting import door_of


@dataclass(frozen=True, slots=True)
class Proven:
    """Somebody who proved who they are, with all that they hold.

    Parameters
    ----------
    group_names
        Groups that the identity provider says they are in.
    way
        How they proved it: ``password``, ``link``, ``oidc``; for the record.
    """

    person_id: int
    name: str
    grants: tuple[Grant, ...]
    way: str
    group_names: tuple[str, ...] = ()


def begin_session(
    connection: Connection, settings: DoorSettings, proven: Proven, request: Request, now: datetime
) -> str:
    """Begin a session under the door's login, and put it on record; return the secret of its pass."""
    secret = new_secret()
    prune_passes(connection, now)
    pass_id = make_pass(
        connection,
        NewPass(
            PassKind.SESSION,
            key_of(secret),
            proven.name,
            proven.name,
            now,
            now + timedelta(seconds=settings.session_s_max),
            proven.grants,
            proven.person_id,
            proven.group_names,
            idle_s=settings.session_idle_s,
        ),
    )
    note_signed_in(connection, proven.person_id, now)
    who = Who(WhoKind.SESSION, proven.name, pass_id, proven.person_id, *origin_of(request))
    record_at_the_door(connection, who, Act(What.SIGNED_IN, f"person:{proven.person_id}", after={"way": proven.way}))
    return secret


def give_session(request: Request, response: Response, secret: str) -> None:
    """Give the browser the cookie of a session or of a driver's link, in place of any that it had."""
    give_cookie(request, response, door_of(request).seal.write(new_session_id(), secret))
