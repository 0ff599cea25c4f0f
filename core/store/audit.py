"""The record of acts in the store: written with the act, read by auditors, checked, pruned by policy."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from psycopg.types.json import Jsonb

from core.audit import Act, Entry, Head, What, Who, WhoKind, parse_json
from core.clock import format_instant
from core.store.pool import Connection

KEPT_DAYS_MIN, KEPT_DAYS_MAX = 365, 36_525
PRUNED_AT_ONCE = 10_000
"""Entries that go in one transaction."""
_STREAMED = 2_000


def record(connection: Connection, act: Act) -> None:
    """Put an act on record with what this transaction does: both are kept, or none.

    Who comes from the transaction's own pass. Without one it is the operating system's user at the command line, or the
    process whose login this is.

    Raises
    ------
    psycopg.errors.InsufficientPrivilege
        If a request's connection has no pass.
    """
    connection.execute("SELECT audit_act(%s, %s, %s, %s, %s, %s)", (*_told(act), operating_user()))


def record_all(connection: Connection, acts: list[Act]) -> None:
    """Put many acts of this transaction on record."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "SELECT audit_act(%s, %s, %s, %s, %s, %s)", [(*_told(act), operating_user()) for act in acts]
        )


def record_at_the_door(connection: Connection, who: Who, act: Act) -> None:
    """Put an act on record that the door answers for: who acts is what it says."""
    connection.execute(
        "SELECT audit_ask(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (who.kind, who.pass_id, who.person_id, who.name, who.address, who.agent, *_told(act)),
    )


def say_origin(connection: Connection, address: str, agent: str) -> None:
    """Say where the acts of this transaction come from: the request's address, and what the program calls itself."""
    connection.execute(
        "SELECT set_config('vigie.address', %s, true), set_config('vigie.agent', %s, true)", (address, agent)
    )


def _told(act: Act) -> tuple[Any, ...]:
    before = None if act.before is None else Jsonb(dict(act.before))
    after = None if act.after is None else Jsonb(dict(act.after))
    return act.what, act.target, act.commune_insee, before, after


@cache
def operating_user() -> str:
    """Return who is at the command line, as acts tell it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"  # a container's user need not be in its list of users


@dataclass(frozen=True, slots=True)
class WantedActs:
    """Which entries are read; None for any.

    Parameters
    ----------
    who
        A part of the name of who acted, in any case.
    start, until
        ``[start, until)`` of when it was.
    """

    who: str | None = None
    what: What | None = None
    target: str | None = None
    commune: str | None = None
    start: datetime | None = None
    until: datetime | None = None

    def told(self) -> dict[str, Any]:
        """Return what is asked for, as statements and the record itself take it."""
        start, until = (format_instant(one) if one else None for one in (self.start, self.until))
        return {
            "who": self.who,
            "what": self.what,
            "target": self.target,
            "commune": self.commune,
            "start": start,
            "until": until,
        }


_NEWEST = """
    SELECT number, at, kind, pass_id, person_id, name, address, agent, what, target, commune_insee, before::text,
           after::text, hash
      FROM audit
     WHERE (%(who)s::text IS NULL OR strpos(lower(name), lower(%(who)s)) > 0)
       AND (%(what)s::text IS NULL OR what = %(what)s)
       AND (%(target)s::text IS NULL OR target = %(target)s)
       AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
       AND (%(start)s::timestamptz IS NULL OR at >= %(start)s)
       AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
       AND (%(before)s::bigint IS NULL OR number < %(before)s)
     ORDER BY number DESC LIMIT %(limit)s
"""
_IN_ORDER = """
    SELECT number, at, kind, pass_id, person_id, name, address, agent, what, target, commune_insee, before::text,
           after::text, hash
      FROM audit
     WHERE (%(who)s::text IS NULL OR strpos(lower(name), lower(%(who)s)) > 0)
       AND (%(what)s::text IS NULL OR what = %(what)s)
       AND (%(target)s::text IS NULL OR target = %(target)s)
       AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
       AND (%(start)s::timestamptz IS NULL OR at >= %(start)s)
       AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
     ORDER BY number, hash
"""


def read_acts(
    connection: Connection, wanted: WantedActs, *, before: int | None = None, limit: int = 100
) -> list[Entry]:
    """Return entries, the newest first, of numbers below ``before``: a page at a time."""
    rows = connection.execute(_NEWEST, wanted.told() | {"before": before, "limit": limit})
    return [_entry(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Chain:
    """Where the chain ends, what its first entry follows, how many days entries are kept, when it was last whole.

    Parameters
    ----------
    verified_number, verified_at
        Up to which entry the worker last found it whole, and when; 0 and None before its first night.
    """

    head: Head
    start: Head
    kept_days: int
    verified_number: int
    verified_at: datetime | None


def read_chain(connection: Connection) -> Chain:
    """Return what is known of the chain."""
    row = connection.execute(
        "SELECT number, hash, pruned_number, pruned_hash, kept_days, verified_number, verified_at FROM audit_chain"
    ).fetchone()
    assert row is not None, "the migration writes the chain's row"
    number, head, pruned_number, pruned, *others = row
    return Chain(Head(number, bytes(head)), Head(pruned_number, bytes(pruned)), *others)


@contextmanager
def chain_read(
    connection: Connection,
    wanted: WantedActs = WantedActs(),
) -> Iterator[tuple[Chain, Iterator[Entry]]]:
    """Give the chain and its entries in order, as of one instant, some thousands in memory at a time."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        chain = read_chain(connection)
        with connection.cursor("audit_in_order") as cursor:
            cursor.itersize = _STREAMED
            cursor.execute(_IN_ORDER, wanted.told())
            yield chain, map(_entry, cursor)


def _entry(row: tuple[Any, ...]) -> Entry:
    number, at, kind, pass_id, person_id, name, address, agent, what, target, commune, before, after, digest = row
    return Entry(
        number,
        at,
        Who(WhoKind(kind), name, pass_id, person_id, address, agent),
        what,
        target,
        commune,
        None if before is None else parse_json(before),
        None if after is None else parse_json(after),
        bytes(digest),
    )


def write_kept_days(connection: Connection, days: int) -> None:
    """Set how many days entries are kept at least, and put that on record."""
    before = read_chain(connection).kept_days
    connection.execute("UPDATE audit_chain SET kept_days = %s", (days,))
    record(connection, Act(What.AUDIT_KEPT, "audit", before={"days": before}, after={"days": days}))


def prune_acts(connection: Connection) -> int:
    """Let go of entries that are older than they are kept, at most `PRUNED_AT_ONCE`; return how many."""
    row = connection.execute("SELECT audit_prune(%s)", (PRUNED_AT_ONCE,)).fetchone()
    assert row is not None, "a function returns its value"
    return int(row[0])


def write_found_whole(connection: Connection, number: int) -> None:
    """Note that the chain was found whole up to this entry just now."""
    connection.execute("SELECT audit_found_whole(%s)", (number,))
