"""Groups of the identity provider: what membership gives at each sign-in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from core.audit import Who
from core.clock import now
from core.roles import Grant
from core.store.audit import record_at_the_door
from core.store.people import GroupGrant, read_group_grants, write_group_grants
from core.store.pool import Connection
from services.api.answers import Items, api_router, documented, problem_responses
from services.api.door_answers import GrantAnswer, GrantsNeeded, asked_grants, grant_answers, site_names
from services.api.doors.changes import Change, change_to, shown
from services.api.doors.granting import check_given
from services.api.doors.visiting import Actor, Doorway, Visiting, door_of
from services.api.parameters import Limit
from services.api.problems import Code, Problem

router = api_router("doors")

_GROUP_MAX = 200
_GRANT = {
    "group": "noisy-techniciens",
    "role": "technician",
    "commune_insee": "93051",
    "commune_name": "Noisy-le-Grand",
    "site_id": None,
    "site_name": None,
}

Group = Annotated[str, Field(min_length=1, max_length=_GROUP_MAX, pattern=r"^\S(.*\S)?$")]
GroupNamed = Annotated[
    str,
    Query(min_length=1, max_length=_GROUP_MAX, openapi_examples={"": {"value": "noisy-techniciens"}}),
]
AfterGroup = Annotated[str, Query(max_length=_GROUP_MAX, description="The `next` of the page before.")]


class GroupGrantAnswer(GrantAnswer):
    """A role somewhere, which membership in a group gives."""

    model_config = documented(_GRANT)

    group: str = Field(description="As the identity provider names it.")


class GroupGrants(Items[GroupGrantAnswer]):
    """What groups give, in order of their names; a page counts groups."""

    model_config = documented({"items": [_GRANT], "next": None})


class GroupBody(BaseModel):
    """All that membership in a group is to give, where whoever asks administers."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"group": "noisy-techniciens", "grants": [{"role": "technician", "commune_insee": "93051"}]}]
        },
    )

    group: Group
    grants: GrantsNeeded


@router.get("/group-grants", operation_id="read_group_grants")
def read_grants(visitor: Visiting, door: Doorway, after: AfterGroup = "", limit: Limit = 100) -> GroupGrants:
    """List what groups of the identity provider give, where one administers."""
    found = read_group_grants(door, after=after, limit=limit + 1)
    groups = list(dict.fromkeys(one.group for one in found))
    page = [one for one in found if one.group in groups[:limit] and shown(visitor, [one.grant])]
    return GroupGrants(items=_answers(door, page), next=groups[limit - 1] if len(groups) > limit else None)


def _answers(door: Connection, page: Collection[GroupGrant]) -> list[GroupGrantAnswer]:
    grants = [one.grant for one in page]
    answers = grant_answers(grants, site_names(door, grants))
    return [GroupGrantAnswer(group=one.group, **answer.model_dump()) for one, answer in zip(page, answers, strict=True)]


@router.put("/group-grants", operation_id="write_group_grants", responses=problem_responses(403))
def write_grants(body: GroupBody, request: Request, visitor: Visiting, actor: Actor, door: Doorway) -> GroupGrants:
    """Say all that membership in a group is to give where one administers; what it gives elsewhere stays.

    The sessions and tokens of its members follow at once.
    """
    wanted = asked_grants(door, body.grants)
    check_given(visitor, wanted)
    change = change_to(visitor, _held(door, body.group), wanted)
    _write(door, actor, body.group, change)
    door_of(request).forget()
    return GroupGrants(items=_answers(door, [GroupGrant(body.group, one) for one in wanted]))


@router.delete("/group-grants", operation_id="delete_group_grants", status_code=204)
def delete_grants(group: GroupNamed, request: Request, visitor: Visiting, actor: Actor, door: Doorway) -> Response:
    """Have a group give nothing more where one administers."""
    taken = shown(visitor, _held(door, group))
    if not taken:
        raise Problem(Code.NOT_FOUND, f"the group {group} gives nothing here")
    _write(door, actor, group, Change(taken, ()))
    door_of(request).forget()
    return Response(status_code=204)


def _held(door: Connection, group: str) -> list[Grant]:
    return [one.grant for one in read_group_grants(door, group=group)]


def _write(door: Connection, actor: Who, group: str, change: Change) -> None:
    write_group_grants(door, group, change.taken, change.given, now())
    for act in change.acts(f"group:{group}"):
        record_at_the_door(door, actor, act)
