"""People: who has which role where; adding, shutting out, one-time links."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, Response

from core.audit import Act, What, Who
from core.clock import now
from core.errors import PersonKnown
from core.passes import key_of, new_secret
from core.roles import Grant, Right, Visitor
from core.store.audit import record_at_the_door
from core.store.doors import revoke_passes_of
from core.store.held import read_held
from core.store.people import (
    Person,
    add_local_person,
    disable_person,
    enable_person,
    read_people,
    read_person,
    write_person_grants,
)
from core.store.pool import Connection
from core.store.sign_in import make_entry_link
from services.api.answers import PREFIX, api_router, problem_responses
from services.api.door_answers import (
    AddedPerson,
    GrantsBody,
    LinkAnswer,
    People,
    PersonAnswer,
    PersonBody,
    asked_grants,
    person_answer,
    site_names,
)
from services.api.doors.changes import Change, change_to, shown
from services.api.doors.granting import administers_all, check_given
from services.api.doors.origins import public_root
from services.api.doors.visiting import Actor, Doorway, Visiting, door_of
from services.api.parameters import ID_MAX, After, Limit
from services.api.problems import Code, Problem, said

router = api_router("doors")
PersonId = Annotated[int, Path(ge=1, le=ID_MAX)]


@router.get("/people", operation_id="read_people")
def read_all(visitor: Visiting, door: Doorway, after: After = 0, limit: Limit = 100) -> People:
    """List people in the order in which they came, with those of their roles that one gives and takes.

    Who administers the whole Métropole sees everybody, others see whom they gave a role. A page may hold fewer than
    there are after it.
    """
    page = read_people(door, communes=_communes(visitor), after=after, limit=limit + 1)
    known = [(one, shown(visitor, one.grants)) for one in page[:limit]]
    names = site_names(door, (grant for _, grants in known for grant in grants))
    sees_all = visitor.may(Right.GRANT)
    items = [person_answer(one, grants, names) for one, grants in known if grants or sees_all]
    return People(items=items, next=page[limit - 1].person_id if len(page) > limit else None)


def _communes(visitor: Visitor) -> list[str] | None:
    """Return the communes in which a visitor administers something, None where it is the whole Métropole."""
    if visitor.may(Right.GRANT):
        return None
    return sorted({one.commune_insee for one in visitor.grants if one.commune_insee is not None})


@router.post("/people", operation_id="add_person", status_code=201, responses=problem_responses(403, 409))
def add_person(  # noqa: PLR0917 - a request's parts are its function's parameters
    body: PersonBody, request: Request, visitor: Visiting, actor: Actor, door: Doorway, response: Response
) -> AddedPerson:
    """Add somebody who will sign in by a password; the answer holds the link by which they first come in."""
    grants = asked_grants(door, body.grants)
    check_given(visitor, grants)
    try:
        person_id = add_local_person(door, body.name, now())
    except PersonKnown:
        raise Problem(Code.STATE_REFUSED, said("person_known")) from None
    record_at_the_door(
        door, actor, Act(What.PERSON_ADDED, f"person:{person_id}", _commune(grants), after={"name": body.name})
    )
    _change(door, actor, person_id, Change((), grants))
    link = _link(door, actor, request, person_id)
    response.headers["Location"] = f"{PREFIX}/people/{person_id}"
    added = person_answer(_known(door, person_id), grants, site_names(door, grants))
    return AddedPerson(**added.model_dump(), **link.model_dump())


@router.get("/people/{person_id}", operation_id="read_person")
def read_one(person_id: PersonId, visitor: Visiting, door: Doorway) -> PersonAnswer:
    """One person, with those of their roles that one gives and takes."""
    person = _seen(door, visitor, person_id)
    grants = shown(visitor, person.grants)
    return person_answer(person, grants, site_names(door, grants))


@router.put("/people/{person_id}/grants", operation_id="write_person_grants", responses=problem_responses(403))
def write_grants(  # noqa: PLR0917 - a request's parts are its function's parameters
    person_id: PersonId, body: GrantsBody, request: Request, visitor: Visiting, actor: Actor, door: Doorway
) -> PersonAnswer:
    """Say all that somebody is to hold where one administers; what they hold elsewhere stays.

    Their sessions and tokens follow at once.
    """
    person = _seen(door, visitor, person_id)
    wanted = asked_grants(door, body.grants)
    check_given(visitor, wanted)
    _change(door, actor, person_id, change_to(visitor, person.grants, wanted))
    door_of(request).forget()
    return person_answer(_known(door, person_id), wanted, site_names(door, wanted))


@router.post("/people/{person_id}/disable", operation_id="disable_person", responses=problem_responses(403))
def shut_out(person_id: PersonId, request: Request, visitor: Visiting, actor: Actor, door: Doorway) -> PersonAnswer:
    """Shut somebody out: their sessions and tokens end at once. Only by who gives and takes all their roles."""
    person = _whole(door, visitor, person_id)
    if person_id == visitor.person_id:
        raise Problem(Code.STATE_REFUSED, said("not_oneself"))
    if disable_person(door, person_id, now()):
        revoke_passes_of(door, person_id, now())
        record_at_the_door(door, actor, Act(What.PERSON_DISABLED, f"person:{person_id}", _commune(person.grants)))
    door_of(request).forget()
    return person_answer(_known(door, person_id), person.grants, site_names(door, person.grants))


@router.post("/people/{person_id}/enable", operation_id="enable_person", responses=problem_responses(403))
def let_in_again(person_id: PersonId, visitor: Visiting, actor: Actor, door: Doorway) -> PersonAnswer:
    """Let somebody sign in again. Only by who gives and takes all their roles."""
    person = _whole(door, visitor, person_id)
    if enable_person(door, person_id):
        record_at_the_door(door, actor, Act(What.PERSON_ENABLED, f"person:{person_id}", _commune(person.grants)))
    return person_answer(_known(door, person_id), person.grants, site_names(door, person.grants))


@router.post(
    "/people/{person_id}/link", operation_id="make_person_link", status_code=201, responses=problem_responses(403, 409)
)
def make_link(person_id: PersonId, request: Request, visitor: Visiting, actor: Actor, door: Doorway) -> LinkAnswer:
    """Make a link by which a local person comes in once, within 24 h, and may set a password; older links end.

    Only by who gives and takes all their roles: whoever has the link is them.
    """
    person = _whole(door, visitor, person_id)
    if not person.is_local or person.disabled_at is not None:
        raise Problem(Code.STATE_REFUSED, said("no_link_for_them"))
    return _link(door, actor, request, person_id)


def _link(door: Connection, actor: Who, request: Request, person_id: int) -> LinkAnswer:
    secret = new_secret()
    expires_at = make_entry_link(door, person_id, key_of(secret), actor.name, now())
    record_at_the_door(door, actor, Act(What.LINK_MADE, f"person:{person_id}"))
    return LinkAnswer(link=f"{public_root(request)}/enter/{secret}", expires_at=expires_at)


def _change(door: Connection, actor: Who, person_id: int, change: Change) -> None:
    write_person_grants(door, person_id, change.taken, change.given, now())
    for act in change.acts(f"person:{person_id}"):
        record_at_the_door(door, actor, act)


def _known(door: Connection, person_id: int) -> Person:
    person = read_person(door, person_id)
    if person is None:
        raise Problem(Code.NOT_FOUND, f"there is no person {person_id}")
    return person


def _seen(door: Connection, visitor: Visitor, person_id: int) -> Person:
    """Return a person whom this visitor sees.

    Raises
    ------
    Problem
        There is none (404), for them.
    """
    person = _known(door, person_id)
    if not (visitor.may(Right.GRANT) or shown(visitor, person.grants)):
        raise Problem(Code.NOT_FOUND, f"there is no person {person_id}")
    return person


def _whole(door: Connection, visitor: Visitor, person_id: int) -> Person:
    """Return a person all of whose roles this visitor gives and takes, those of their groups too.

    Raises
    ------
    Problem
        They see no such person (404), or the person holds a role elsewhere (403).
    """
    person = _seen(door, visitor, person_id)
    if not administers_all(visitor, read_held(door, person_id)):
        raise Problem(Code.FORBIDDEN, said("holds_elsewhere"))
    return person


def _commune(grants: tuple[Grant, ...]) -> str | None:
    communes = {one.commune_insee for one in grants}
    return communes.pop() if len(communes) == 1 else None
