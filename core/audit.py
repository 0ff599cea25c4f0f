"""The record of who did what: acts, the chain that they are kept in, and whether it still holds.

Each entry's hash is the SHA-256 of the hash of the entry before it and of the entry's own canonical form, so that none
can be changed, removed, inserted or moved without the next ones showing it. The database computes the same
(`infra/migrations/0016.audit.sql`); here it is computed anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

NO_HASH = bytes(32)
"""What the first entry follows."""


class What(StrEnum):
    """What somebody did; the screen says it in the words ``audit.what.<word>``."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    LOCKED_OUT = "locked_out"
    SIGNED_OUT = "signed_out"
    SESSION_ENDED = "session_ended"
    LINK_MADE = "link_made"
    """A one-time link to enter by."""
    PASSWORD_SET = "password_set"  # noqa: S105 - an act, no password
    PERSON_ADDED = "person_added"
    PERSON_DISABLED = "person_disabled"
    PERSON_ENABLED = "person_enabled"
    GRANT_GIVEN = "grant_given"
    GRANT_TAKEN = "grant_taken"
    TOKEN_MADE = "token_made"  # noqa: S105 - as above
    TOKEN_USED = "token_used"  # noqa: S105 - as above
    """A token's first use on a day."""
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - as above
    ROUND_LINK_MADE = "round_link_made"
    ROUND_LINK_REVOKED = "round_link_revoked"
    WEBHOOK_MADE = "webhook_made"
    WEBHOOK_EDITED = "webhook_edited"
    WEBHOOK_REMOVED = "webhook_removed"
    WEBHOOK_TESTED = "webhook_tested"
    WEBHOOK_RESENT = "webhook_resent"
    """Events that happened were sent again: one, or those of a window."""
    DECISION_ASKED = "decision_asked"
    DECISION_EDITED = "decision_edited"
    DECISION_APPROVED = "decision_approved"
    DECISION_REFUSED = "decision_refused"
    DECISION_APPLIED = "decision_applied"
    POLICY_SET = "policy_set"
    SENSOR_ADOPTED = "sensor_adopted"
    SENSOR_EDITED = "sensor_edited"
    SENSOR_MOVED = "sensor_moved"
    SENSOR_RETIRED = "sensor_retired"
    SENSOR_RESTORED = "sensor_restored"
    SENSOR_REPLACED = "sensor_replaced"
    SENSOR_CALIBRATED = "sensor_calibrated"
    INTERVENTION_NOTED = "intervention_noted"
    """What somebody did at a sensor."""
    INTERVENTION_REMOVED = "intervention_removed"
    PHOTO_ADDED = "photo_added"
    PHOTO_REMOVED = "photo_removed"
    INTAKE_ASKED = "intake_asked"
    INTAKE_CANCELLED = "intake_cancelled"
    EXPORT_TAKEN = "export_taken"
    SCHEDULE_ADDED = "schedule_added"
    SCHEDULE_REMOVED = "schedule_removed"
    RETENTION_SET = "retention_set"
    ACCESS_GIVEN = "access_given"
    """An account at the broker."""
    ACCESS_ROTATED = "access_rotated"
    ACCESS_REVOKED = "access_revoked"
    ACCESS_FOLLOWED = "access_followed"
    MODEL_PROMOTED = "model_promoted"
    """A model speaks for its metric from then on: by a rule or by hand."""
    MODEL_ROLLED_BACK = "model_rolled_back"
    MODEL_DOUBTED = "model_doubted"
    """Somebody said something against a model."""
    WEATHER_IMPORTED = "weather_imported"
    """A past of the weather was taken in from a file."""
    CONTOURS_IMPORTED = "contours_imported"
    """Contours of communes were taken in, from a file or the State's register."""
    CONTOURS_CLEARED = "contours_cleared"
    ALARM_ACTED = "alarm_acted"
    """An alarm was acknowledged, snoozed, assigned or commented on, or such was taken back."""
    ALARM_RULE_MADE = "alarm_rule_made"
    ALARM_RULE_EDITED = "alarm_rule_edited"
    ALARM_RULE_ENDED = "alarm_rule_ended"
    MAINTENANCE_OPENED = "maintenance_opened"
    MAINTENANCE_CANCELLED = "maintenance_cancelled"
    SUBSCRIPTION_MADE = "subscription_made"
    """Somebody has themselves told of alarms by e-mail."""
    SUBSCRIPTION_EDITED = "subscription_edited"
    SUBSCRIPTION_REMOVED = "subscription_removed"
    SUBSCRIPTION_TESTED = "subscription_tested"
    SUBSCRIPTION_ENDED = "subscription_ended"
    """By the link of a mail, without signing in."""
    AUDIT_EXPORTED = "audit_exported"
    AUDIT_KEPT = "audit_kept"
    """How long the record is kept was set."""
    AUDIT_PRUNED = "audit_pruned"


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody does, to be put on record with it.

    Parameters
    ----------
    target
        What it is done to, kind and name: ``decision:12``, ``sensor:0018b20000001234``; at most 300 characters.
    commune_insee
        Where; its auditor may read of it. None for what is of the whole Métropole.
    before, after
        What changed, JSON without secrets; over 64 KiB the record keeps its digest.
    """

    what: What
    target: str = ""
    commune_insee: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


class WhoKind(StrEnum):
    """How somebody came to act."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - a kind of pass, no secret
    LINK = "link"
    DOOR = "door"
    """Somebody at the door, who was not let in yet; the name is the one they gave."""
    COMMAND = "command"
    """The command line, under the name of the operating system's user."""
    PROCESS = "process"
    """A process of ours by itself, under the name of its login."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts, and from where.

    Parameters
    ----------
    address, agent
        Of the request: its network address and what the program calls itself, cut to 64 and 200 characters.
    """

    kind: WhoKind
    name: str
    pass_id: int | None = None
    person_id: int | None = None
    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An act as it is kept. ``what`` and ``who`` are as they stand there, whatever was done to them since."""

    number: int
    at: datetime
    who: Who
    what: str
    target: str
    commune_insee: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: whoever notes it elsewhere can tell later whether all up to it is as it was."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Parse ``number:hash`` as it was noted.

        Raises
        ------
        ValueError
            If it is no head.
        """
        number, _, digest = text.strip().partition(":")
        if not number.isdecimal() or len(digest) != 2 * len(NO_HASH):
            raise ValueError("a head is a number, a colon and 64 hexadecimal digits")
        return cls(int(number), bytes.fromhex(digest))


def canonical(entry: Entry) -> str:
    """Return the text that the hash of an entry covers: what PostgreSQL writes for a jsonb array of its fields."""
    who = entry.who
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    named = [who.kind, who.pass_id, who.person_id, who.name, who.address, who.agent]
    return canonical_json(
        [entry.number, at, *named, entry.what, entry.target, entry.commune_insee, entry.before, entry.after]
    )


def canonical_json(value: Any) -> str:
    """Return JSON as PostgreSQL writes a jsonb: keys by length and bytes, numbers in full, one space after separators.

    Numbers with a point are given as `Decimal`: their last zeros count. `parse_json` gives them so.
    """
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return (
            "{"
            + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {canonical_json(value[key])}" for key in keys)
            + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(canonical_json, value)) + "]"
    if isinstance(value, Decimal):
        return f"{abs(value) if value.is_zero() else value:f}"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def parse_json(text: str) -> Any:
    """Parse JSON without losing a digit of its numbers."""
    return json.loads(text, parse_float=Decimal)


def chained(before: bytes, entry: Entry) -> bytes:
    """Return the hash that an entry has when it follows the one with the hash ``before``."""
    return hashlib.sha256(before + canonical(entry).encode()).digest()
