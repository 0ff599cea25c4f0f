"""Signing in by a password of ours or by a one-time link; how often it was tried."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.passes import digest_of
from core.store.people import sign_in_name
from core.store.pool import Connection

ENTRY_LASTS = timedelta(hours=24)
TRIES_COUNTED = timedelta(minutes=15)
"""Tries are counted over so long, from the first one; then they are forgotten."""
COUNTED_MAX = 100_000
"""Rows of counted tries; beyond it the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Account:
    """What it takes to let a local person in."""

    person_id: int
    name: str
    password_hash: str | None
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """Whom a one-time link lets in."""

    person_id: int
    name: str


def read_account(connection: Connection, name: str) -> Account | None:
    """Return the account of the local person who signs in by this name, None if nobody does."""
    return _account(connection, "", sign_in_name(name), None)


def read_account_of(connection: Connection, person_id: int) -> Account | None:
    """Return the account of this person, None if they are not local."""
    return _account(connection, "", None, person_id)


def _account(connection: Connection, issuer: str, subject: str | None, person_id: int | None) -> Account | None:
    row = connection.execute(
        """
        SELECT person_id, name, password_hash, disabled_at IS NOT NULL FROM person
         WHERE issuer = %(issuer)s AND (subject = %(subject)s OR person_id = %(person_id)s)
        """,
        {"issuer": issuer, "subject": subject, "person_id": person_id},
    ).fetchone()
    return None if row is None else Account(*row)


def write_password(connection: Connection, person_id: int, password_hash: str) -> None:
    """Keep the hash of a person's password in place of the one before."""
    connection.execute("UPDATE person SET password_hash = %s WHERE person_id = %s", (password_hash, person_id))


def note_signed_in(connection: Connection, person_id: int, now: datetime) -> None:
    """Note that a person came in."""
    connection.execute("UPDATE person SET seen_at = %s WHERE person_id = %s", (now, person_id))


def count_try(connection: Connection, who: Sequence[str], now: datetime) -> dict[str, tuple[int, datetime]]:
    """Count a try of each of these (an account, an address); return how many there were, and since when.

    Counted before the password is looked at, so that tries side by side are all counted.
    """
    found: dict[str, tuple[int, datetime]] = {}
    # In one order, so that two that try at once do not wait for each other.
    for one in sorted(who):
        row = connection.execute(
            """
            INSERT INTO sign_in_count AS counted (who_digest, tries, since) VALUES (%(who)s, 1, %(now)s)
            ON CONFLICT (who_digest) DO UPDATE
               SET tries = CASE WHEN counted.since > %(from)s THEN least(counted.tries, 1000000) + 1 ELSE 1 END,
                   since = CASE WHEN counted.since > %(from)s THEN counted.since ELSE %(now)s END
            RETURNING tries, since
            """,
            {"who": _digest(one), "now": now, "from": now - TRIES_COUNTED},
        ).fetchone()
        assert row is not None, "an insert or an update returns its row"
        found[one] = int(row[0]), row[1]
    return found


def forget_tries(connection: Connection, who: str) -> None:
    """Forget the tries of whoever came in."""
    connection.execute("DELETE FROM sign_in_count WHERE who_digest = %s", (_digest(who),))


def bound_tries(connection: Connection, now: datetime) -> None:
    """Forget tries that are past, and the oldest where there are too many."""
    connection.execute("DELETE FROM sign_in_count WHERE since <= %s", (now - TRIES_COUNTED,))
    connection.execute(
        """
        DELETE FROM sign_in_count WHERE who_digest IN (
            SELECT who_digest FROM sign_in_count ORDER BY since DESC, who_digest OFFSET %s)
        """,
        (COUNTED_MAX,),
    )


def _digest(who: str) -> bytes:
    return hashlib.sha256(who.encode(errors="replace")).digest()


def make_entry_link(connection: Connection, person_id: int, key: str, made_by: str, now: datetime) -> datetime:
    """Keep a one-time link for a local person in place of those before; return until when it is good."""
    connection.execute("DELETE FROM entry_link WHERE person_id = %s OR expires_at < %s", (person_id, now))
    connection.execute(
        "INSERT INTO entry_link (key_digest, person_id, made_at, made_by, expires_at) VALUES (%s, %s, %s, %s, %s)",
        (digest_of(key), person_id, now, made_by, now + ENTRY_LASTS),
    )
    return now + ENTRY_LASTS


def read_entry(connection: Connection, key: str, now: datetime) -> Entry | None:
    """Return whom this link would let in, None if it is used, past, or none of ours."""
    row = connection.execute(
        """
        SELECT person_id, name FROM entry_link JOIN person USING (person_id)
         WHERE key_digest = %s AND used_at IS NULL AND expires_at > %s AND disabled_at IS NULL
        """,
        (digest_of(key), now),
    ).fetchone()
    return None if row is None else Entry(*row)


def use_entry(connection: Connection, key: str, now: datetime) -> bool:
    """Use a link up; return whether it was still good."""
    return bool(
        connection.execute(
            """
            UPDATE entry_link SET used_at = %(now)s
             WHERE key_digest = %(digest)s AND used_at IS NULL AND expires_at > %(now)s
            """,
            {"now": now, "digest": digest_of(key)},
        ).rowcount
    )
