"""Answers that are kept by idempotency key, so that what a client asks again is answered again and done once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.store.pool import Connection

KEPT = timedelta(days=1)
"""How long an answer is kept, at least."""
BODY_BYTES_MAX = 262_144
"""Of a longer answer no body is kept."""
ANSWERS_MAX = 10_000
"""Answers that are kept of one pass, the newest."""

_HOLD = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
_READ = "SELECT asked_digest, status, location, body FROM kept_answer WHERE pass_id = %s AND key = %s"
_KEEP = """
    INSERT INTO kept_answer (pass_id, key, asked_digest, answered_at, status, location, body)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_PRUNE = "DELETE FROM kept_answer WHERE answered_at < %s"
_PRUNE_MANY = """
    DELETE FROM kept_answer USING (
        SELECT pass_id, key, row_number() OVER (PARTITION BY pass_id ORDER BY answered_at DESC, key) AS number
          FROM kept_answer) AS held
     WHERE held.number > %s AND kept_answer.pass_id = held.pass_id AND kept_answer.key = held.key
"""


@dataclass(frozen=True, slots=True)
class AskedKey:
    """An idempotency key: chosen by a client, it names one request of one pass."""

    pass_id: int
    key: str


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered.

    Parameters
    ----------
    asked_digest
        SHA-256 of what was asked: another request does not get this answer.
    body
        JSON; None where it showed a secret, or was longer than `BODY_BYTES_MAX`.
    """

    asked_digest: bytes
    status: int
    location: str | None
    body: bytes | None


def hold_key(connection: Connection, asked: AskedKey) -> bool:
    """Hold a key until this transaction ends; False where a request with it is under way."""
    row = connection.execute(_HOLD, (f"vigie.idempotency.{asked.pass_id}.{asked.key}",)).fetchone()
    return row is not None and bool(row[0])


def read_kept_answer(connection: Connection, asked: AskedKey) -> KeptAnswer | None:
    """Return what was answered to this key, None if nothing was."""
    row = connection.execute(_READ, (asked.pass_id, asked.key)).fetchone()
    return None if row is None else KeptAnswer(*row)


def keep_answer(connection: Connection, asked: AskedKey, answer: KeptAnswer, at: datetime) -> None:
    """Keep what is answered to this key; it is kept with what the transaction did, or not at all."""
    kept = (answer.asked_digest, at, answer.status, answer.location, answer.body)
    connection.execute(_KEEP, (asked.pass_id, asked.key, *kept))


def prune_kept_answers(connection: Connection, before: datetime) -> int:
    """Let go of answers that were given before, and of those beyond `ANSWERS_MAX` of a pass; return how many."""
    return sum(connection.execute(*one).rowcount for one in ((_PRUNE, (before,)), (_PRUNE_MANY, (ANSWERS_MAX,))))
