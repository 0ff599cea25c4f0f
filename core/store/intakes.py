"""Intakes in the store: asked, claimed by one process, moved with each batch, ended.

Whoever runs an intake holds an advisory lock on its connection. The lock goes when the connection does, whatever
ended the process: the intake is then claimed again, and goes on behind its last committed batch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from core.audit import Act, What
from core.errors import VigieError
from core.intakes import OPEN_STATES, Counts, Intake, IntakeKind, IntakeState
from core.store.audit import record
from core.store.pool import Connection

INTAKE_ASKED = "intake_asked"
"""The channel on which connections are told that an intake was asked."""
DETAIL_CHARACTERS_MAX = 400
_INTAKE_LOCK = 0x494E544B  # "INTK": the class of our advisory locks, the second key is the intake's id


class IntakeGone(VigieError):
    """The intake is no longer running: it was cancelled, and what its last batch wrote is taken back."""


def ask_intake(
    connection: Connection, kind: IntakeKind, author: str, arguments: dict[str, Any], at: datetime
) -> Intake:
    """Write a new intake, and tell those who listen once the caller's transaction is committed."""
    row = connection.execute(
        """
        INSERT INTO intake (kind, asked_at, author, arguments, state, changed_at)
        VALUES (%(kind)s, %(at)s, %(author)s, %(arguments)s, 'asked', %(at)s)
        RETURNING intake_id, kind, asked_at, author, arguments, state, changed_at, cursor, counts, total, detail,
                  ended_at
        """,
        {"kind": kind, "at": at, "author": author, "arguments": json.dumps(arguments, allow_nan=False)},
    ).fetchone()
    assert row is not None, "an insert returns its row"
    connection.execute(f"NOTIFY {INTAKE_ASKED}")
    asked = _intake(row)
    record(connection, Act(What.INTAKE_ASKED, f"intake:{asked.intake_id}", commune_of(asked), after=_told(asked)))
    return asked


def commune_of(intake: Intake) -> str | None:
    """Return the commune that an intake is for; None where it may take in messages of all."""
    commune: str | None = intake.arguments.get("commune")
    return commune


def _told(intake: Intake) -> dict[str, Any]:
    return {"kind": intake.kind, "said_by": intake.author, "arguments": intake.arguments}


def listen_intakes(connection: Connection) -> None:
    """Have this connection (in autocommit) told when an intake is asked."""
    connection.execute(f"LISTEN {INTAKE_ASKED}")


def hear_intakes(connection: Connection, timeout_s: float) -> bool:
    """Wait until an intake is asked, at most ``timeout_s``; return whether one was."""
    return bool(list(connection.notifies(timeout=timeout_s, stop_after=1)))


def claim_intake(connection: Connection, kinds: Sequence[IntakeKind], at: datetime) -> Intake | None:
    """Take the oldest open intake of these kinds that no living process holds; None when there is none.

    It is held until `release_intake`, or until this connection ends.
    """
    rows = connection.execute(
        """
        SELECT intake_id FROM intake WHERE state IN ('asked', 'running') AND kind = ANY(%s)
         ORDER BY intake_id LIMIT 100
        """,
        (list(kinds),),
    ).fetchall()
    claims = (hold_intake(connection, intake_id, at) for (intake_id,) in rows)
    return next((claimed for claimed in claims if claimed is not None), None)


def hold_intake(connection: Connection, intake_id: int, at: datetime) -> Intake | None:
    """Take this one open intake; None when another process holds it, or when it has ended.

    In the transaction that asks it, nobody else can be faster.
    """
    held = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (_INTAKE_LOCK, intake_id)).fetchone()
    if held != (True,):
        return None
    row = connection.execute(
        """
        UPDATE intake SET state = 'running', changed_at = %(at)s
         WHERE intake_id = %(intake_id)s AND state IN ('asked', 'running')
        RETURNING intake_id, kind, asked_at, author, arguments, state, changed_at, cursor, counts, total, detail,
                  ended_at
        """,
        {"intake_id": intake_id, "at": at},
    ).fetchone()
    if row is None:
        release_intake(connection, intake_id)
        return None
    return _intake(row)


def release_intake(connection: Connection, intake_id: int) -> None:
    """Let go of an intake: where it is not ended, the next process goes on with it."""
    connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_INTAKE_LOCK, intake_id))


def write_total(connection: Connection, intake: Intake, total: int) -> Intake:
    """Say how many messages an intake will come to, once that is known."""
    connection.execute("UPDATE intake SET total = %s WHERE intake_id = %s", (total, intake.intake_id))
    return replace(intake, total=total)


def move_intake(connection: Connection, intake: Intake, cursor: dict[str, Any], counts: Counts, at: datetime) -> Intake:
    """Move an intake behind the batch that the caller's transaction writes, and count what became of it.

    Returns
    -------
    Intake
        As it stands once the transaction is committed; should it be rolled back, the one given still holds.

    Raises
    ------
    IntakeGone
        If it was cancelled meanwhile: let the transaction be rolled back.
    """
    moved = replace(intake, cursor=cursor, counts=intake.counts + counts, changed_at=at)
    row = connection.execute(
        """
        UPDATE intake SET cursor = %(cursor)s, counts = %(counts)s, changed_at = %(at)s
         WHERE intake_id = %(intake_id)s AND state = 'running' RETURNING intake_id
        """,
        {
            "intake_id": intake.intake_id,
            "cursor": json.dumps(cursor, allow_nan=False),
            "counts": json.dumps(asdict(moved.counts)),
            "at": at,
        },
    ).fetchone()
    if row is None:
        raise IntakeGone
    return moved


def end_intake(connection: Connection, intake: Intake, state: IntakeState, at: datetime, *, detail: str = "") -> bool:
    """End an open intake as done, failed or cancelled; return whether it was open still."""
    assert state not in OPEN_STATES, "an intake ends in a state that is not open"
    return _end(connection, intake.intake_id, state, at, detail)


def cancel_intake(connection: Connection, intake_id: int, at: datetime) -> bool:
    """Cancel an intake, and return whether it was open: committed batches stay, the one under way is taken back."""
    open_one = read_intake(connection, intake_id)
    if open_one is None or not _end(connection, intake_id, IntakeState.CANCELLED, at, ""):
        return False
    record(connection, Act(What.INTAKE_CANCELLED, f"intake:{intake_id}", commune_of(open_one), after=_told(open_one)))
    return True


def _end(connection: Connection, intake_id: int, state: IntakeState, at: datetime, detail: str) -> bool:
    row = connection.execute(
        """
        UPDATE intake SET state = %(state)s, detail = %(detail)s, changed_at = %(at)s, ended_at = %(at)s
         WHERE intake_id = %(intake_id)s AND state IN ('asked', 'running') RETURNING intake_id
        """,
        {"intake_id": intake_id, "state": state, "detail": detail[:DETAIL_CHARACTERS_MAX], "at": at},
    ).fetchone()
    return row is not None


def read_intake(connection: Connection, intake_id: int) -> Intake | None:
    """Return one intake, or None."""
    row = connection.execute(
        """
        SELECT intake_id, kind, asked_at, author, arguments, state, changed_at, cursor, counts, total, detail, ended_at
          FROM intake WHERE intake_id = %s
        """,
        (intake_id,),
    ).fetchone()
    return None if row is None else _intake(row)


def read_open_intake(connection: Connection, kind: IntakeKind, arguments: dict[str, Any]) -> Intake | None:
    """Return the newest open intake of a kind whose arguments hold these; None when there is none."""
    row = connection.execute(
        """
        SELECT intake_id, kind, asked_at, author, arguments, state, changed_at, cursor, counts, total, detail, ended_at
          FROM intake
         WHERE kind = %s AND state IN ('asked', 'running') AND arguments @> %s::jsonb
         ORDER BY intake_id DESC LIMIT 1
        """,
        (kind, json.dumps(arguments, allow_nan=False)),
    ).fetchone()
    return None if row is None else _intake(row)


def read_intakes(
    connection: Connection,
    *,
    kind: IntakeKind | None = None,
    open_only: bool = False,
    before: int | None = None,
    limit: int = 100,
) -> list[Intake]:
    """Return intakes, the newest first, before the id ``before``: a page at a time."""
    rows = connection.execute(
        """
        SELECT intake_id, kind, asked_at, author, arguments, state, changed_at, cursor, counts, total, detail, ended_at
          FROM intake
         WHERE (%(kind)s::text IS NULL OR kind = %(kind)s)
           AND (NOT %(open_only)s OR state IN ('asked', 'running'))
           AND (%(before)s::bigint IS NULL OR intake_id < %(before)s)
         ORDER BY intake_id DESC LIMIT %(limit)s
        """,
        {"kind": kind, "open_only": open_only, "before": before, "limit": limit},
    )
    return [_intake(row) for row in rows]


def _intake(row: tuple[Any, ...]) -> Intake:
    intake_id, kind, asked_at, author, arguments, state, changed_at, cursor, counts, total, detail, ended_at = row
    return Intake(
        intake_id,
        IntakeKind(kind),
        asked_at,
        author,
        arguments,
        IntakeState(state),
        changed_at,
        cursor,
        Counts(**counts),
        total,
        detail,
        ended_at,
    )
