"""Who may give what: nobody gives a role where they do not administer, and no token does more than its maker."""

from __future__ import annotations

from collections.abc import Iterable

from core.roles import RIGHTS, Grant, Right, Role, Visitor
from services.api.problems import BodyInvalid, Code, Problem, said


def administers(visitor: Visitor, grant: Grant) -> bool:
    """Whether a grant is theirs to give and to take: it holds nowhere that they do not administer."""
    return visitor.may(Right.GRANT, grant.commune_insee, grant.site_id)


def administers_all(visitor: Visitor, grants: Iterable[Grant]) -> bool:
    """Whether all that somebody holds is theirs to give; of whoever holds nothing: whether everything is."""
    return all(administers(visitor, grant) for grant in list(grants) or [Grant(Role.ADMINISTRATOR)])


def check_given(visitor: Visitor, grants: Iterable[Grant]) -> None:
    """Check that all these grants are theirs to give.

    Raises
    ------
    Problem
        One is not (403), or is a driver's, which a link gives (422).
    """
    for grant in grants:
        if grant.role is Role.DRIVER:
            raise BodyInvalid("grants", "a driver is let in by the link to one round")
        if not administers(visitor, grant):
            raise Problem(Code.FORBIDDEN, said("right_missing_there", right=Right.GRANT))


def check_covered(visitor: Visitor, grants: Iterable[Grant]) -> None:
    """Check that these grants give no right that the visitor has not there themselves.

    Raises
    ------
    Problem
        One does (403).
    """
    for grant in grants:
        for right in sorted(RIGHTS[grant.role]):
            if not visitor.may(right, grant.commune_insee, grant.site_id):
                raise Problem(Code.FORBIDDEN, said("right_missing_there", right=right))
