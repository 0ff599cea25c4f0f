"""What a person holds, by their own grants and those of their groups; and that their passes give no more."""

from __future__ import annotations

from datetime import datetime

from core.roles import Grant, Role
from core.store.doors import tell_doors
from core.store.pool import Connection


def read_held(connection: Connection, person_id: int) -> tuple[Grant, ...]:
    """Return all that a person holds: what they were given here, and what the groups of their last sign-in give."""
    rows = connection.execute(
        """
        SELECT role, commune_insee, site_id FROM person_grant WHERE person_id = %(person_id)s
         UNION
        SELECT role, commune_insee, site_id FROM group_grant
         WHERE group_name = ANY((SELECT group_names FROM person WHERE person_id = %(person_id)s)::text[])
         ORDER BY role, commune_insee NULLS FIRST, site_id NULLS FIRST
        """,
        {"person_id": person_id},
    )
    return tuple(Grant(Role(role), commune_insee, site_id) for role, commune_insee, site_id in rows)


def follow_groups(connection: Connection, person_id: int, group_names: tuple[str, ...], now: datetime) -> None:
    """Have the passes that a person has already follow what the identity provider says of their groups now.

    Nobody else may change grants meanwhile (`core.store.identities.read_given`).
    """
    followed = connection.execute(
        """
        UPDATE pass SET group_names = %(groups)s
         WHERE person_id = %(person_id)s AND revoked_at IS NULL AND expires_at > %(now)s
           AND group_names IS DISTINCT FROM %(groups)s::text[]
        """,
        {"person_id": person_id, "groups": list(group_names), "now": now},
    ).rowcount
    if followed:
        settle_passes(connection, now, person_id=person_id)


# What the person of a pass holds: their own grants, and those of the groups that they were in when they signed in.
_TAKEN_FROM_SESSIONS = """
    DELETE FROM pass_grant
     USING pass
     WHERE pass.pass_id = pass_grant.pass_id AND pass.pass_id = ANY(%(pass_ids)s) AND pass.kind = 'session'
       AND NOT EXISTS (
            SELECT FROM (
                SELECT role, commune_insee, site_id FROM person_grant WHERE person_id = pass.person_id
                UNION ALL
                SELECT role, commune_insee, site_id FROM group_grant WHERE group_name = ANY(pass.group_names)
            ) AS held
            WHERE held.role = pass_grant.role AND held.commune_insee IS NOT DISTINCT FROM pass_grant.commune_insee
              AND held.site_id IS NOT DISTINCT FROM pass_grant.site_id)
"""
_GIVEN_TO_SESSIONS = """
    INSERT INTO pass_grant (pass_id, role, commune_insee, site_id)
    SELECT pass_id, held.role, held.commune_insee, held.site_id
      FROM pass
     CROSS JOIN LATERAL (
            SELECT role, commune_insee, site_id FROM person_grant WHERE person_id = pass.person_id
            UNION
            SELECT role, commune_insee, site_id FROM group_grant WHERE group_name = ANY(pass.group_names)
           ) AS held
     WHERE pass_id = ANY(%(pass_ids)s) AND kind = 'session'
    ON CONFLICT DO NOTHING
"""
# A token keeps what its maker could still give it: each right of its role, where it holds.
_TAKEN_FROM_TOKENS = """
    DELETE FROM pass_grant
     USING pass
     WHERE pass.pass_id = pass_grant.pass_id AND pass.pass_id = ANY(%(pass_ids)s) AND pass.kind = 'token'
       AND EXISTS (
            SELECT FROM role_right AS needed
             WHERE needed.role = pass_grant.role AND NOT EXISTS (
                SELECT FROM (
                    SELECT role, commune_insee, site_id FROM person_grant WHERE person_id = pass.person_id
                    UNION ALL
                    SELECT role, commune_insee, site_id FROM group_grant WHERE group_name = ANY(pass.group_names)
                ) AS held JOIN role_right AS had USING (role)
                WHERE had."right" = needed."right"
                  AND (held.commune_insee IS NULL
                       OR (held.commune_insee = pass_grant.commune_insee
                           AND (held.site_id IS NULL OR held.site_id = pass_grant.site_id)))))
"""


def settle_passes(connection: Connection, now: datetime, *, person_id: int | None = None, group: str = "") -> None:
    """Have the passes of a person, or of a group's members, give what these hold now."""
    rows = connection.execute(
        """
        SELECT pass_id FROM pass
         WHERE kind IN ('session', 'token') AND person_id IS NOT NULL AND revoked_at IS NULL AND expires_at > %(now)s
           AND (person_id = %(person_id)s OR %(group)s = ANY(group_names))
           FOR UPDATE
        """,
        {"now": now, "person_id": person_id, "group": group},
    )
    asked = {"pass_ids": [pass_id for (pass_id,) in rows]}
    connection.execute(_TAKEN_FROM_SESSIONS, asked)
    connection.execute(_GIVEN_TO_SESSIONS, asked)
    connection.execute(_TAKEN_FROM_TOKENS, asked)
    tell_doors(connection)
