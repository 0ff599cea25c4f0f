"""Passes in the store: letting in by one, making, changing and withdrawing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from psycopg.rows import TupleRow

from core.passes import digest_of
from core.roles import Grant, PassKind, Role, Visitor
from core.store.pool import Connection

USE_NOTED = timedelta(minutes=1)
"""How old the noted last use of a pass may be."""
SUPERSEDED = timedelta(seconds=30)
"""How long a session's key still lets in once it has a new one, for requests that were already under way."""
SESSIONS_KEPT, PASSES_KEPT = timedelta(days=2), timedelta(days=90)
"""How long a session, and how long another pass, is kept that opens nothing any more; the audit keeps what they did."""


@dataclass(frozen=True, slots=True)
class NewPass:
    """A pass to be made.

    Parameters
    ----------
    key
        Of its secret; only the digest is kept.
    made_by
        The name of who made it.
    person_id
        Whose session it is, or who made the token; a token that the command line made is nobody's.
    group_names
        What the identity provider said of the person when they signed in.
    idle_s
        A session ends when it was idle for so long.
    """

    kind: PassKind
    key: str
    name: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    grants: tuple[Grant, ...] = ()
    person_id: int | None = None
    group_names: tuple[str, ...] = ()
    decision_id: int | None = None
    idle_s: int | None = None


@dataclass(frozen=True, slots=True)
class KeptPass:
    """A pass as those see it who may withdraw it; it opens until ``expires_at`` unless it was revoked."""

    pass_id: int
    kind: PassKind
    name: str
    person_id: int | None
    decision_id: int | None
    made_at: datetime
    made_by: str
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    group_names: tuple[str, ...]
    grants: tuple[Grant, ...] = ()


def read_visitor(connection: Connection, key: str, now: datetime) -> Visitor | None:
    """Return who is let in by this key, None if nobody is."""
    found = connection.execute(
        """
        SELECT pass_id, kind, pass.name, expires_at, person_id, decision_id
          FROM pass LEFT JOIN person USING (person_id)
         WHERE key_digest = %(digest)s AND revoked_at IS NULL AND expires_at > %(now)s AND disabled_at IS NULL
           AND (idle_s IS NULL OR coalesce(used_at, made_at) + make_interval(secs => idle_s) > %(now)s)
        """,
        {"digest": digest_of(key), "now": now},
    ).fetchone()
    if found is None:
        return None
    pass_id, kind, name, expires_at, person_id, decision_id = found
    grants = read_pass_grants(connection, [pass_id]).get(pass_id, ())
    return Visitor(pass_id, PassKind(kind), key, name, grants, expires_at, person_id, decision_id)


def note_use(connection: Connection, pass_id: int, now: datetime) -> bool:
    """Note that a pass is used, once a minute at most; return whether it is its first use of the day (UTC)."""
    row = connection.execute(
        """
        UPDATE pass SET used_at = %(now)s
          FROM pass AS before
         WHERE pass.pass_id = %(pass_id)s AND before.pass_id = pass.pass_id
           AND (before.used_at IS NULL OR before.used_at < %(noted_before)s
                OR before.used_at + make_interval(secs => before.idle_s / 4) < %(now)s)
        RETURNING before.used_at IS NULL
                  OR date_trunc('day', before.used_at, 'UTC') < date_trunc('day', %(now)s::timestamptz, 'UTC')
        """,
        {"pass_id": pass_id, "now": now, "noted_before": now - USE_NOTED},
    ).fetchone()
    return row is not None and bool(row[0])


def read_pass_grants(connection: Connection, pass_ids: Sequence[int]) -> dict[int, tuple[Grant, ...]]:
    """Return what each of these passes gives."""
    rows = connection.execute(
        """
        SELECT pass_id, role, commune_insee, site_id FROM pass_grant WHERE pass_id = ANY(%s)
         ORDER BY role, commune_insee NULLS FIRST, site_id NULLS FIRST
        """,
        (list(pass_ids),),
    )
    found: dict[int, list[Grant]] = {}
    for pass_id, role, commune_insee, site_id in rows:
        found.setdefault(pass_id, []).append(Grant(Role(role), commune_insee, site_id))
    return {pass_id: tuple(grants) for pass_id, grants in found.items()}


def make_pass(connection: Connection, new: NewPass) -> int:
    """Keep a new pass with its grants; return its id."""
    row = connection.execute(
        """
        INSERT INTO pass (kind, key_digest, name, made_by, made_at, expires_at, person_id, group_names, decision_id,
                          idle_s)
        VALUES (%(kind)s, %(digest)s, %(name)s, %(made_by)s, %(made_at)s, %(expires_at)s, %(person_id)s,
                %(group_names)s, %(decision_id)s, %(idle_s)s)
        RETURNING pass_id
        """,
        {
            "kind": new.kind,
            "digest": digest_of(new.key),
            "name": new.name,
            "made_by": new.made_by,
            "made_at": new.made_at,
            "expires_at": new.expires_at,
            "person_id": new.person_id,
            "group_names": list(new.group_names),
            "decision_id": new.decision_id,
            "idle_s": new.idle_s,
        },
    ).fetchone()
    assert row is not None, "an insert returns its row"
    write_pass_grants(connection, row[0], new.grants)
    return int(row[0])


def write_pass_grants(connection: Connection, pass_id: int, grants: Iterable[Grant]) -> None:
    """Add these grants to a pass."""
    connection.cursor().executemany(
        """
        INSERT INTO pass_grant (pass_id, role, commune_insee, site_id) VALUES (%s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        [(pass_id, grant.role, grant.commune_insee, grant.site_id) for grant in grants],
    )


def renew_session(connection: Connection, visitor: Visitor, key: str, now: datetime) -> Visitor | None:
    """Let a session go on under a new key; return its visitor, None if another request did so first.

    The old key lets in for half a minute more, as a pass of its own that ends by itself.
    """
    before, after = digest_of(visitor.key), digest_of(key)
    renewed = connection.execute(
        """
        UPDATE pass SET key_digest = %(after)s, used_at = %(now)s
         WHERE pass_id = %(pass_id)s AND key_digest = %(before)s AND expires_at > %(until)s
        """,
        # What is left of a session under its former key is renewed no more.
        {"after": after, "before": before, "now": now, "pass_id": visitor.pass_id, "until": now + SUPERSEDED},
    ).rowcount
    if not renewed:
        return None
    connection.execute(
        """
        WITH superseded AS (
            INSERT INTO pass (kind, key_digest, name, person_id, group_names, made_at, made_by, expires_at, idle_s,
                              used_at)
            SELECT kind, %(before)s, name, person_id, group_names, made_at, made_by,
                   least(expires_at, %(until)s), idle_s, used_at
              FROM pass WHERE pass_id = %(pass_id)s
            RETURNING pass_id
        )
        INSERT INTO pass_grant (pass_id, role, commune_insee, site_id)
        SELECT superseded.pass_id, role, commune_insee, site_id
          FROM pass_grant, superseded WHERE pass_grant.pass_id = %(pass_id)s
        """,
        {"before": before, "until": now + SUPERSEDED, "pass_id": visitor.pass_id},
    )
    return replace(visitor, key=key)


def revoke_pass(connection: Connection, pass_id: int, now: datetime) -> bool:
    """Withdraw a pass, at once and for ever; return whether it still opened anything.

    With a session goes what is left of it under its former key.
    """
    revoked = connection.execute(
        """
        UPDATE pass SET revoked_at = %(now)s
          FROM pass AS named
         WHERE named.pass_id = %(pass_id)s AND pass.revoked_at IS NULL AND pass.expires_at > %(now)s
           AND (pass.pass_id = named.pass_id
                OR (pass.kind = 'session' AND pass.person_id = named.person_id AND pass.made_at = named.made_at))
        RETURNING pass.pass_id
        """,
        {"pass_id": pass_id, "now": now},
    ).fetchall()
    for (one,) in revoked:
        tell_doors(connection, one)
    return (pass_id,) in revoked


def revoke_passes_of(connection: Connection, person_id: int, now: datetime) -> None:
    """Withdraw all sessions and tokens of a person."""
    connection.execute(
        "UPDATE pass SET revoked_at = %(now)s WHERE person_id = %(person_id)s AND revoked_at IS NULL",
        {"person_id": person_id, "now": now},
    )
    tell_doors(connection)


def end_sessions(connection: Connection, person_id: int, now: datetime, *, but: int | None = None) -> None:
    """End all sessions of a person, but one if it is named; their tokens stay."""
    connection.execute(
        """
        UPDATE pass SET revoked_at = %(now)s
         WHERE person_id = %(person_id)s AND kind = 'session' AND revoked_at IS NULL
           AND pass_id IS DISTINCT FROM %(but)s
        """,
        {"person_id": person_id, "now": now, "but": but},
    )
    tell_doors(connection)


@dataclass(frozen=True, slots=True)
class WantedPasses:
    """Which passes are read: of a kind, of one person or of one decision, those whose ids follow ``after``."""

    kind: PassKind
    person_id: int | None = None
    decision_id: int | None = None
    after: int = 0


def read_passes(connection: Connection, wanted: WantedPasses, now: datetime, *, limit: int) -> list[KeptPass]:
    """Return passes in the order in which they were made: sessions while they last, others while they are kept."""
    rows = connection.execute(
        """
        SELECT pass_id, kind, name, person_id, decision_id, made_at, made_by, expires_at, used_at, revoked_at,
               group_names
          FROM pass
         WHERE kind = %(kind)s
           AND (%(person_id)s::integer IS NULL OR person_id = %(person_id)s)
           AND (%(decision_id)s::integer IS NULL OR decision_id = %(decision_id)s)
           AND pass_id > %(after)s
           AND (kind <> 'session'
                OR (revoked_at IS NULL AND expires_at > %(lasting)s
                    AND coalesce(used_at, made_at) + make_interval(secs => idle_s) > %(now)s))
         ORDER BY pass_id LIMIT %(limit)s
        """,
        {
            "kind": wanted.kind,
            "person_id": wanted.person_id,
            "decision_id": wanted.decision_id,
            "after": wanted.after,
            "now": now,
            # What is left of a session under its former key is none of its own.
            "lasting": now + SUPERSEDED,
            "limit": limit,
        },
    ).fetchall()
    grants = read_pass_grants(connection, [row[0] for row in rows])
    return [_kept(row, grants) for row in rows]


def read_pass(connection: Connection, pass_id: int) -> KeptPass | None:
    """Return one pass, None if there is none of this id."""
    row = connection.execute(
        """
        SELECT pass_id, kind, name, person_id, decision_id, made_at, made_by, expires_at, used_at, revoked_at,
               group_names
          FROM pass WHERE pass_id = %s
        """,
        (pass_id,),
    ).fetchone()
    return None if row is None else _kept(row, read_pass_grants(connection, [pass_id]))


def _kept(row: TupleRow, grants: Mapping[int, tuple[Grant, ...]]) -> KeptPass:
    kept = KeptPass(*row)
    return replace(
        kept,
        kind=PassKind(kept.kind),
        group_names=tuple(kept.group_names),
        grants=grants.get(kept.pass_id, ()),
    )


def prune_passes(connection: Connection, now: datetime) -> int:
    """Let go of passes that have opened nothing for long; return how many."""
    return connection.execute(
        """
        DELETE FROM pass
         WHERE least(revoked_at, expires_at) < CASE kind WHEN 'session' THEN %(sessions)s ELSE %(others)s END
        """,
        {"sessions": now - SESSIONS_KEPT, "others": now - PASSES_KEPT},
    ).rowcount


def tell_doors(connection: Connection, pass_id: int | None = None) -> None:
    """Tell all doors, with the commit, that this pass changed, or that many did."""
    connection.execute("SELECT pg_notify('vigie_doors', %s)", ("" if pass_id is None else str(pass_id),))
