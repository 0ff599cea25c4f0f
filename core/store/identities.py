"""People whom an identity provider knows: who they are here, and what their groups give them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.roles import Grant, Role
from core.store.doors import tell_doors
from core.store.held import follow_groups
from core.store.pool import Connection

FORGOTTEN_AFTER = timedelta(days=90)
"""Somebody who came and was given nothing is forgotten after this: anybody with an account there may come."""

_GRANTS_LOCK = 0x4752414E  # "GRAN", the class of our advisory lock


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as an identity provider knows them; issuer and subject name them for ever."""

    issuer: str
    subject: str
    name: str
    email: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A person who proved who they are, with all that they and their groups were given here."""

    person_id: int
    is_disabled: bool
    grants: tuple[Grant, ...]


def arrive(connection: Connection, identity: Identity, now: datetime) -> Arrival:
    """Note that a person came, with the name and address that the provider gives them now; return who they are here.

    Whoever comes is noted, so that an administrator finds them among the people and can give them a role. Their tokens
    and other sessions follow the groups that the provider tells now.
    """
    connection.execute(
        """
        DELETE FROM person
         WHERE issuer <> '' AND disabled_at IS NULL AND seen_at < %s
           AND NOT EXISTS (SELECT 1 FROM person_grant WHERE person_grant.person_id = person.person_id)
           AND NOT EXISTS (SELECT 1 FROM pass WHERE pass.person_id = person.person_id)
        """,
        (now - FORGOTTEN_AFTER,),
    )
    row = connection.execute(
        """
        INSERT INTO person (issuer, subject, name, email, group_names, added_at, seen_at)
        VALUES (%(issuer)s, %(subject)s, %(name)s, %(email)s, %(groups)s, %(now)s, %(now)s)
        ON CONFLICT (issuer, subject)
        DO UPDATE SET name = excluded.name, email = excluded.email, group_names = excluded.group_names,
                      seen_at = excluded.seen_at
        RETURNING person_id, disabled_at IS NOT NULL
        """,
        {
            "issuer": identity.issuer,
            "subject": identity.subject,
            "name": identity.name,
            "email": identity.email,
            "groups": list(identity.groups),
            "now": now,
        },
    ).fetchone()
    assert row is not None, "an upsert returns its row"
    person_id, is_disabled = row
    given = read_given(connection, person_id, identity.groups)
    follow_groups(connection, person_id, identity.groups, now)
    return Arrival(person_id, is_disabled, given)


def read_given(connection: Connection, person_id: int, group_names: tuple[str, ...]) -> tuple[Grant, ...]:
    """Return what a person was given here, and what membership in these groups gives.

    Until the transaction ends nobody changes grants: whoever takes one away meets the pass that is being made of them.
    """
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_GRANTS_LOCK,))
    rows = connection.execute(
        """
        SELECT role, commune_insee, site_id FROM person_grant WHERE person_id = %s
         UNION
        SELECT role, commune_insee, site_id FROM group_grant WHERE group_name = ANY(%s)
         ORDER BY role, commune_insee NULLS FIRST, site_id NULLS FIRST
        """,
        (person_id, list(group_names)),
    )
    return tuple(Grant(Role(role), commune_insee, site_id) for role, commune_insee, site_id in rows)


def change_grants(connection: Connection) -> None:
    """Have grants change in this transaction only: sign-ins under way end first, others wait."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_GRANTS_LOCK,))


def find_subject(connection: Connection, issuer: str, subject: str) -> int | None:
    """Return who this subject of the provider is here, None if they never came."""
    row = connection.execute(
        "SELECT person_id FROM person WHERE issuer = %s AND subject = %s", (issuer, subject)
    ).fetchone()
    return None if row is None else int(row[0])


def end_sessions(connection: Connection, person_id: int, now: datetime) -> bool:
    """End all sessions of a person, at once; return whether there was one. Their tokens stay."""
    ended = connection.execute(
        """
        UPDATE pass SET revoked_at = %(now)s
         WHERE person_id = %(person_id)s AND kind = 'session' AND revoked_at IS NULL AND expires_at > %(now)s
        """,
        {"person_id": person_id, "now": now},
    ).rowcount
    tell_doors(connection)
    return ended > 0
