"""Changes of what somebody is given: what of it is given and taken, and how the record of acts tells it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from core.audit import Act, What
from core.roles import Grant, Visitor
from services.api.doors.granting import administers


@dataclass(frozen=True, slots=True)
class Change:
    """What is taken from somebody, and what is given to them."""

    taken: tuple[Grant, ...]
    given: tuple[Grant, ...]

    def acts(self, target: str) -> list[Act]:
        """Return an act for each grant, on record where it holds; ``target``: ``person:4``, ``group:...``."""
        taken = [Act(What.GRANT_TAKEN, target, one.commune_insee, before=told(one)) for one in self.taken]
        return taken + [Act(What.GRANT_GIVEN, target, one.commune_insee, after=told(one)) for one in self.given]


def change_to(visitor: Visitor, held: Collection[Grant], wanted: Collection[Grant]) -> Change:
    """Return how somebody gets to what is wanted; what they hold where the visitor does not administer stays."""
    taken = tuple(one for one in held if one not in wanted and administers(visitor, one))
    return Change(taken, tuple(one for one in wanted if one not in held))


def told(grant: Grant) -> dict[str, Any]:
    """Return a grant as the record of acts keeps it."""
    return {"role": grant.role.value, "commune_insee": grant.commune_insee, "site_id": grant.site_id}


def shown(visitor: Visitor, held: Iterable[Grant]) -> tuple[Grant, ...]:
    """Return what a visitor is shown of what somebody holds: what is theirs to give and to take."""
    return tuple(one for one in held if administers(visitor, one))
