"""People, what they were given, and what groups of the identity provider give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import psycopg

from core.errors import PersonKnown
from core.roles import Grant, Role
from core.store.held import settle_passes
from core.store.identities import change_grants
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Person:
    """A person as those see them who say what they may do.

    Parameters
    ----------
    issuer
        The identity provider that knows them, empty for a local person.
    subject
        What the provider calls them; of a local person, the name they sign in by, in lower case.
    seen_at
        When they last signed in.
    """

    person_id: int
    issuer: str
    subject: str
    name: str
    email: str
    added_at: datetime
    seen_at: datetime | None
    disabled_at: datetime | None
    grants: tuple[Grant, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether they sign in by a password of ours."""
        return not self.issuer


@dataclass(frozen=True, slots=True)
class GroupGrant:
    """What membership in a group of the identity provider gives."""

    group: str
    grant: Grant


_PEOPLE = """
    SELECT person_id, issuer, subject, name, email, added_at, seen_at, disabled_at FROM person
     WHERE person_id > %(after)s
       AND (%(person_id)s::integer IS NULL OR person_id = %(person_id)s)
       AND (%(communes)s::text[] IS NULL OR EXISTS (
            SELECT FROM person_grant WHERE person_grant.person_id = person.person_id
               AND commune_insee = ANY(%(communes)s)))
     ORDER BY person_id LIMIT %(limit)s
"""


def sign_in_name(name: str) -> str:
    """Return the name as a local person signs in by it: spaces and capitals do not count."""
    return " ".join(name.split()).casefold()


def read_people(
    connection: Connection, *, communes: Sequence[str] | None = None, after: int = 0, limit: int = 100
) -> list[Person]:
    """Return people in the order in which they came; only those who have a role in these communes, if given."""
    return _people(connection, {"communes": communes, "person_id": None, "after": after, "limit": limit})


def read_person(connection: Connection, person_id: int) -> Person | None:
    """Return a person, None if there is none of this id."""
    found = _people(connection, {"communes": None, "person_id": person_id, "after": 0, "limit": 1})
    return found[0] if found else None


def _people(connection: Connection, asked: dict[str, object]) -> list[Person]:
    people = [Person(*row) for row in connection.execute(_PEOPLE, asked)]
    grants = _person_grants(connection, [person.person_id for person in people])
    return [replace(person, grants=grants.get(person.person_id, ())) for person in people]


def _person_grants(connection: Connection, person_ids: Sequence[int]) -> dict[int, tuple[Grant, ...]]:
    rows = connection.execute(
        """
        SELECT person_id, role, commune_insee, site_id FROM person_grant WHERE person_id = ANY(%s)
         ORDER BY role, commune_insee NULLS FIRST, site_id NULLS FIRST
        """,
        (list(person_ids),),
    )
    found: dict[int, tuple[Grant, ...]] = {}
    for person_id, role, commune_insee, site_id in rows:
        found[person_id] = (*found.get(person_id, ()), Grant(Role(role), commune_insee, site_id))
    return found


def add_local_person(connection: Connection, name: str, now: datetime) -> int:
    """Add a person who will sign in by a password of ours; return their id.

    Raises
    ------
    PersonKnown
        If somebody signs in by this name already.
    """
    try:
        with connection.transaction():
            row = connection.execute(
                "INSERT INTO person (subject, name, added_at) VALUES (%s, %s, %s) RETURNING person_id",
                (sign_in_name(name), " ".join(name.split()), now),
            ).fetchone()
    except psycopg.errors.UniqueViolation:
        raise PersonKnown(f"somebody signs in by the name {name!r} already") from None
    assert row is not None, "an insert returns its row"
    return int(row[0])


def find_local_person(connection: Connection, name: str) -> int | None:
    """Return the id of the local person who signs in by this name, None if nobody does."""
    row = connection.execute(
        "SELECT person_id FROM person WHERE issuer = '' AND subject = %s", (sign_in_name(name),)
    ).fetchone()
    return None if row is None else int(row[0])


def disable_person(connection: Connection, person_id: int, now: datetime) -> bool:
    """Shut a person out; return whether they were let in before. Their passes are to be revoked with it."""
    return bool(
        connection.execute(
            "UPDATE person SET disabled_at = %s WHERE person_id = %s AND disabled_at IS NULL", (now, person_id)
        ).rowcount
    )


def enable_person(connection: Connection, person_id: int) -> bool:
    """Let a person sign in again; return whether they were shut out before."""
    return bool(
        connection.execute(
            "UPDATE person SET disabled_at = NULL WHERE person_id = %s AND disabled_at IS NOT NULL", (person_id,)
        ).rowcount
    )


def write_person_grants(
    connection: Connection, person_id: int, taken: Iterable[Grant], given: Iterable[Grant], now: datetime
) -> None:
    """Take grants from a person and give them others; what their passes may do follows at once."""
    change_grants(connection)
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            DELETE FROM person_grant
             WHERE person_id = %s AND role = %s AND commune_insee IS NOT DISTINCT FROM %s::char(5)
               AND site_id IS NOT DISTINCT FROM %s::integer
            """,
            [(person_id, one.role, one.commune_insee, one.site_id) for one in taken],
        )
        cursor.executemany(
            """
            INSERT INTO person_grant (person_id, role, commune_insee, site_id) VALUES (%s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            """,
            [(person_id, one.role, one.commune_insee, one.site_id) for one in given],
        )
    settle_passes(connection, now, person_id=person_id)


def read_group_grants(
    connection: Connection, *, group: str | None = None, after: str = "", limit: int = 1_000
) -> list[GroupGrant]:
    """Return what so many groups give that follow the name ``after``, in order; or what one group gives."""
    rows = connection.execute(
        """
        SELECT group_name, role, commune_insee, site_id
          FROM group_grant JOIN (
                SELECT DISTINCT group_name FROM group_grant
                 WHERE group_name > %(after)s AND (%(group)s::text IS NULL OR group_name = %(group)s)
                 ORDER BY group_name LIMIT %(limit)s
               ) AS asked USING (group_name)
         ORDER BY group_name, role, commune_insee NULLS FIRST, site_id NULLS FIRST
        """,
        {"group": group, "after": after, "limit": limit},
    )
    return [GroupGrant(group, Grant(Role(role), commune, site)) for group, role, commune, site in rows]


def write_group_grants(
    connection: Connection, group: str, taken: Iterable[Grant], given: Iterable[Grant], now: datetime
) -> None:
    """Take grants from a group and give it others; what its members' passes may do follows at once."""
    change_grants(connection)
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            DELETE FROM group_grant
             WHERE group_name = %s AND role = %s AND commune_insee IS NOT DISTINCT FROM %s::char(5)
               AND site_id IS NOT DISTINCT FROM %s::integer
            """,
            [(group, one.role, one.commune_insee, one.site_id) for one in taken],
        )
        cursor.executemany(
            """
            INSERT INTO group_grant (group_name, role, commune_insee, site_id) VALUES (%s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            """,
            [(group, one.role, one.commune_insee, one.site_id) for one in given],
        )
    settle_passes(connection, now, group=group)


def read_site_communes(connection: Connection, site_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return the commune (INSEE code) and the name of each of these sites."""
    rows = connection.execute(
        "SELECT site_id, commune_insee, name FROM site WHERE site_id = ANY(%s)", (list(site_ids),)
    )
    return {site_id: (commune_insee, name) for site_id, commune_insee, name in rows}
