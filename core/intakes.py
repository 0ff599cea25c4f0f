"""Intakes: what is taken in otherwise than live. Somebody asks; a process carries it out, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.clock import format_instant, parse_instant
from core.readings import Reason


class IntakeKind(StrEnum):
    """Where the messages of an intake come from; chooses what runs it."""

    REPLAY = "replay"
    """Rejections, through the present decoders."""
    BACKFILL = "backfill"
    """A network server's store, to fill gaps."""
    IMPORT = "import"
    """Files that a person gave; run by the command line that reads them."""


class IntakeState(StrEnum):
    """How far an intake is."""

    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = (IntakeState.ASKED, IntakeState.RUNNING)


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of an intake's messages so far: ``messages`` is the sum of the others."""

    messages: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    aside: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.messages + other.messages,
            self.stored + other.stored,
            self.duplicate + other.duplicate,
            self.rejected + other.rejected,
            self.aside + other.aside,
        )


@dataclass(frozen=True, slots=True)
class Intake:
    """One intake, as it is kept.

    Parameters
    ----------
    arguments
        What was asked, as JSON: a `RejectionFilter` or a `BackfillAsked`, or what an import says of its files.
    cursor
        How far it is, as JSON, in the words of its kind; moves in the transaction of the batch it stands behind.
    total
        How many messages it will come to, None where that is not known beforehand.
    detail
        In words, why it failed or what else a person must know.
    """

    intake_id: int
    kind: IntakeKind
    asked_at: datetime
    author: str
    arguments: dict[str, Any]
    state: IntakeState
    changed_at: datetime
    cursor: dict[str, Any] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    total: int | None = None
    detail: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RejectionFilter:
    """Which rejections, to list or to replay: those that every given word fits; None fits all.

    Parameters
    ----------
    since, until
        When the message was first received: ``[since, until)``.
    rejection_id
        That very one.
    """

    reason: Reason | None = None
    external_id: str | None = None
    commune: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    rejection_id: int | None = None

    def arguments(self) -> dict[str, Any]:
        """Return it as the arguments of a replay: what is None is left out."""
        return _given(
            reason=self.reason,
            external_id=self.external_id,
            commune=self.commune,
            since=_text(self.since),
            until=_text(self.until),
            rejection_id=self.rejection_id,
        )

    @classmethod
    def parse(cls, arguments: dict[str, Any]) -> RejectionFilter:
        """Read it back from the arguments of a replay."""
        return cls(
            Reason(arguments["reason"]) if "reason" in arguments else None,
            arguments.get("external_id"),
            arguments.get("commune"),
            _instant(arguments.get("since")),
            _instant(arguments.get("until")),
            int(arguments["rejection_id"]) if "rejection_id" in arguments else None,
        )


@dataclass(frozen=True, slots=True)
class BackfillAsked:
    """What to fetch from a network server's store: uplinks of ``[since, until)``, of one device or of all."""

    application: str
    since: datetime
    until: datetime
    external_id: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Return it as the arguments of an intake: what is None is left out."""
        window = {"since": format_instant(self.since), "until": format_instant(self.until)}
        return {"application": self.application} | window | _given(external_id=self.external_id)

    @classmethod
    def parse(cls, arguments: dict[str, Any]) -> BackfillAsked:
        """Read it back from the arguments of an intake."""
        return cls(
            arguments["application"],
            parse_instant(arguments["since"]),
            parse_instant(arguments["until"]),
            arguments.get("external_id"),
        )


def _given(**given: str | int | None) -> dict[str, Any]:
    return {name: str(value) for name, value in given.items() if value is not None}


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)
