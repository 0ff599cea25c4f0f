"""Who may do what: roles, the rights that each gives, and where a grant holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Right(StrEnum):
    """What a person or a program may do, somewhere."""

    SEE = "see"
    """See places, sensors, readings, forecasts, decisions, and what was refused."""
    EXPORT = "export"
    """Take readings and decisions away as files."""
    TEND = "tend"
    """Adopt, edit, move and retire sensors, calibrate them, replay and back-fill what they sent."""
    DECIDE_ROUND = "decide_round"
    DECIDE_LOAD_SHIFTING = "decide_load_shifting"
    DECIDE_VENTILATION = "decide_ventilation"
    DECIDE_BAY = "decide_bay"
    """Ask for, edit, approve and refuse decisions of this kind, and set their policies."""
    DRIVE = "drive"
    """See one round, the one that the link names."""
    GRANT = "grant"
    """Say who has which role, make and withdraw tokens and webhooks."""
    OPERATE = "operate"
    """See how the platform itself does: lanes, storage, scheduled exports."""
    AUDIT = "audit"
    """Read the record of who did what."""


class Role(StrEnum):
    """What somebody is to the platform; one person may have several, each somewhere."""

    TECHNICIAN = "technician"
    DISPATCHER = "dispatcher"
    DRIVER = "driver"
    BUILDING_MANAGER = "building_manager"
    CURB_MANAGER = "curb_manager"
    ANALYST = "analyst"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


_READS = frozenset({Right.SEE, Right.EXPORT})
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.TECHNICIAN: _READS | {Right.TEND},
    Role.DISPATCHER: _READS | {Right.DECIDE_ROUND},
    Role.DRIVER: frozenset({Right.DRIVE}),
    Role.BUILDING_MANAGER: _READS | {Right.DECIDE_LOAD_SHIFTING, Right.DECIDE_VENTILATION},
    Role.CURB_MANAGER: _READS | {Right.DECIDE_BAY},
    Role.ANALYST: _READS,
    Role.ADMINISTRATOR: _READS | {Right.TEND, Right.GRANT, Right.OPERATE},
    Role.AUDITOR: frozenset({Right.AUDIT}),
}
"""The table of who may do what. The database holds the same rows (``role_right``) and enforces them."""


def right_to_decide(kind: str) -> Right:
    """Return the right that decisions of this kind ask for.

    Raises
    ------
    ValueError
        If no decision is of this kind.
    """
    return Right(f"decide_{kind}")


@dataclass(frozen=True, slots=True)
class Grant:
    """A role somewhere: in the whole Métropole (both None), in a commune, or on one of its sites."""

    role: Role
    commune_insee: str | None = None
    site_id: int | None = None

    def covers(self, commune_insee: str | None, site_id: int | None) -> bool:
        """Whether it holds there; a place without a commune is the whole Métropole, one without a site all of it."""
        if self.commune_insee is None:
            return True
        if self.commune_insee != commune_insee:
            return False
        return self.site_id is None or self.site_id == site_id


class PassKind(StrEnum):
    """How somebody is let in."""

    SESSION = "session"
    """A person who signed in, by the browser's cookie."""
    TOKEN = "token"  # noqa: S105 - a kind of pass, no secret
    """A program, by ``Authorization: Bearer``."""
    LINK = "link"
    """Whoever holds the link to one round."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, as the door let them in.

    Parameters
    ----------
    pass_id
        Names the pass in the store and in the audit.
    key
        What the store checks on each statement (``core.store.doors.entered``); never logged, never shown.
    name
        Of the person or the program, as the audit and the answers to decisions say it.
    decision_id
        The one round that a link shows; None for all others.
    expires_at
        From then on the pass opens nothing.
    """

    pass_id: int
    kind: PassKind
    key: str
    name: str
    grants: tuple[Grant, ...]
    expires_at: datetime
    person_id: int | None = None
    decision_id: int | None = None

    def may(self, right: Right, commune_insee: str | None = None, site_id: int | None = None) -> bool:
        """Whether some role of theirs gives this right there; without a commune: in the whole Métropole."""
        return any(right in RIGHTS[grant.role] and grant.covers(commune_insee, site_id) for grant in self.grants)

    def may_somewhere(self, right: Right) -> bool:
        """Whether some role of theirs gives this right at least at one place."""
        return any(right in RIGHTS[grant.role] for grant in self.grants)
