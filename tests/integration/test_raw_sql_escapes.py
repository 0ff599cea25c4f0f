"""Nobody who runs SQL of their own under the api's login becomes more than they are, or writes where they may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from leak_town import (
    ALL_PLACES,
    ALPHA,
    BESIDE,
    BRAVO,
    COLUMNS,
    HERE,
    LET_THROUGH,
    OUR_TABLES,
    THERE,
    Town,
    leak_town,
)
from psycopg import errors, sql
from psycopg.types.json import Jsonb

from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    with leak_town(database_server, template) as town:
        yield town


ESCAPES = (
    "SET ROLE vigie_door",
    "SET ROLE vigie_worker",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "SET SESSION AUTHORIZATION vigie_door",
    "ALTER ROLE vigie_api SUPERUSER",
    "ALTER ROLE vigie_api BYPASSRLS",
    "GRANT vigie_door TO vigie_api",
    "GRANT SELECT ON pass TO vigie_api",
    "ALTER TABLE sensor DISABLE ROW LEVEL SECURITY",
    "DROP POLICY sensor_seen ON sensor",
    "CREATE POLICY mine ON sensor USING (true)",
    "CREATE OR REPLACE VIEW seen.reading AS SELECT * FROM public.reading",
    "CREATE TABLE mine (one integer)",
    "CREATE TABLE seen.mine (one integer)",
    "CREATE SCHEMA mine",
    "CREATE TEMPORARY TABLE mine (one integer)",
    "CREATE FUNCTION mine(text) RETURNS boolean LANGUAGE sql COST 0.0001 AS 'SELECT true'",
    "CREATE FUNCTION pg_temp.mine(text) RETURNS boolean LANGUAGE sql COST 0.0001 AS 'SELECT true'",
    "CREATE OR REPLACE FUNCTION sees_all() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
    "CREATE EXTENSION dblink",
    "LOAD 'auto_explain'",
    "COPY sensor TO PROGRAM 'cat'",
    "COPY sensor TO '/tmp/sensors'",
    "COPY sensor FROM '/etc/passwd'",
    "COPY pass TO STDOUT",
    "COPY public.reading TO STDOUT",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/exported')",
    "SELECT nextval('sensor_sensor_id_seq')",
    "SELECT setval('sensor_sensor_id_seq', 1)",
    "SELECT last_value FROM sensor_sensor_id_seq",
    "SELECT currval('sensor_sensor_id_seq')",
    "TRUNCATE sensor",
    "DO $$ BEGIN LOCK TABLE reading IN ACCESS EXCLUSIVE MODE; END $$",
    "ALTER SYSTEM SET log_statement = 'all'",
    "SELECT pg_reload_conf()",
    "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON TABLES TO vigie_api",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_largeobject",
    "SELECT * FROM pg_hba_file_rules",
    "DO $$ BEGIN PERFORM FROM pass; END $$",
    "UPDATE pg_class SET relrowsecurity = false",
    "DROP TABLE sensor",
    "SET row_security = off; SELECT * FROM sensor",
)


@pytest.mark.parametrize("statement", ESCAPES)
def test_nobody_becomes_more_than_they_are(town: Town, statement: str) -> None:
    with town.visited("technician") as connection, pytest.raises(psycopg.Error) as refusal:
        connection.execute(statement)
    # 42501: no right to it. 55000: no value of this session. 0A000, 42704: not there to be had. Never a success.
    assert refusal.value.sqlstate in {"42501", "55000", "58P01", "0A000", "42704"}
    assert not any(place.is_told(str(refusal.value)) for place in ALL_PLACES)


def test_to_step_back_from_a_role_leads_nowhere(town: Town) -> None:
    with town.visited("technician") as connection:
        for statement in ("RESET ROLE", "RESET SESSION AUTHORIZATION", "SET ROLE NONE", "RESET ALL", "DISCARD ALL"):
            connection.execute(statement)
            assert connection.execute("SELECT current_user, session_user").fetchall() == [("vigie_api", "vigie_api")]


def test_nobody_reads_the_key_of_another(town: Town) -> None:
    with town.visited() as other, other.transaction():
        other.execute("SELECT set_config('vigie.key', %s, true)", (town.keys["administrator"],))
        with town.visited("technician") as connection:
            running = connection.execute("SELECT query FROM pg_stat_activity").fetchall()
    assert running
    assert not any(town.keys["administrator"] in (query or "") for (query,) in running)


@contextmanager
def as_api(town: Town, name: str) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection of the owner's that is the api's until it says otherwise: to look at what was done unseen."""
    with psycopg.connect(town.owner) as connection:
        connection.execute("SET SESSION AUTHORIZATION vigie_api")
        connection.execute("SET search_path = seen, public, pg_temp")
        connection.execute("SELECT set_config('vigie.key', %s, false)", (town.keys[name],))
        yield connection
        connection.rollback()


def rows_of_others(connection: psycopg.Connection[Any], table: str, allowed: frozenset[str]) -> list[str]:
    """Return the rows of places that a pass may not see, as the owner sees them, each with where it lies."""
    connection.execute("SET LOCAL SESSION AUTHORIZATION DEFAULT")
    rows = connection.execute(
        sql.SQL("SELECT each.ctid::text, each::text FROM {} AS each").format(sql.Identifier("public", table))
    ).fetchall()
    connection.execute("SET LOCAL SESSION AUTHORIZATION vigie_api")
    others = [place for place in ALL_PLACES if place.word not in allowed]
    return sorted(f"{at} {text}" for at, text in rows if any(place.is_told(text) for place in others))


@pytest.mark.parametrize("name", ["technician", "administrator", "site manager", "driver", "auditor", "revoked"])
def test_nothing_of_others_is_changed_or_deleted(town: Town, name: str) -> None:
    allowed = LET_THROUGH.get(name, frozenset())
    with as_api(town, name) as connection:
        for (table,) in connection.execute(OUR_TABLES).fetchall():
            before = rows_of_others(connection, table, allowed)
            target = sql.Identifier("public", table)
            statements = [sql.SQL("DELETE FROM {}").format(target)]
            for (column,) in connection.execute(COLUMNS, (f"public.{table}",)).fetchall():
                to = sql.Identifier(column)
                statements.append(sql.SQL("UPDATE {} SET {} = {}").format(target, to, to))
                statements.append(sql.SQL("UPDATE {} SET {} = DEFAULT").format(target, to))
            for statement in statements:
                with connection.transaction(force_rollback=True):
                    try:
                        with connection.transaction():
                            connection.execute(statement)
                    except psycopg.Error:
                        continue
                    assert rows_of_others(connection, table, allowed) == before, statement.as_string(connection)


@pytest.mark.parametrize("name", ["technician", "administrator", "site manager", "driver", "auditor", "revoked"])
def test_nothing_is_written_in_the_name_of_others(town: Town, name: str) -> None:
    allowed = LET_THROUGH.get(name, frozenset())
    with as_api(town, name) as connection:
        for (table,) in connection.execute(OUR_TABLES).fetchall():
            columns = sql.SQL(", ").join(
                sql.Identifier(column) for (column,) in connection.execute(COLUMNS, (f"public.{table}",)).fetchall()
            )
            target = sql.Identifier("public", table)
            connection.execute("SET LOCAL SESSION AUTHORIZATION DEFAULT")
            rows = connection.execute(
                sql.SQL("SELECT each::text, to_jsonb(each) FROM {} AS each").format(target)
            ).fetchall()
            connection.execute("SET LOCAL SESSION AUTHORIZATION vigie_api")
            others = [place for place in ALL_PLACES if place.word not in allowed]
            for text, row in rows:
                if not any(place.is_told(text) for place in others) or table == "commune":
                    continue
                copy = sql.SQL(
                    "INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE"
                    " SELECT {columns} FROM jsonb_populate_record(NULL::{target}, {row})"
                ).format(target=target, columns=columns, row=sql.Literal(Jsonb(row)))
                with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
                    connection.execute(copy)


ELSEWHERE = (
    "UPDATE sensor SET site_id = %(there)s WHERE sensor_id = %(here)s",
    "INSERT INTO site (commune_insee, code, name) VALUES (%(bravo)s, 'new', 'new')",
    """
    INSERT INTO sensor (external_id, kind, name, site_id, origin, adopted_at)
    VALUES ('new', 'meter', 'new', %(there)s, 'field', now())
    """,
    "INSERT INTO touched (series_ids, hours) VALUES (ARRAY[%(here)s, %(there)s], ARRAY[now(), now()])",
    """
    INSERT INTO intake (kind, asked_at, author, arguments, state, changed_at)
    VALUES ('replay', now(), 'x', '{}', 'asked', now())
    """,
    """
    INSERT INTO intake (kind, asked_at, author, arguments, state, changed_at)
    VALUES ('backfill', now(), 'x', jsonb_build_object('commune', %(alpha)s::text), 'asked', now())
    """,
    """
    INSERT INTO live_event (created_at, commune_insee, kind, body) VALUES (now(), %(bravo)s, 'decisions', '[]')
    """,
    """
    INSERT INTO live_event (created_at, commune_insee, kind, body) VALUES (now(), %(alpha)s, 'decisions', '[]')
    """,
    "INSERT INTO outbox (created_at, topic, payload) VALUES (now(), 'vigie/out/v1/93048/decision/round', '{}')",
    """
    INSERT INTO decision (kind, subject, commune_insee, made_at, state, body, policy)
    VALUES ('ventilation', %(alpha)s || ':alphaville', %(bravo)s, now(), 'proposed', '{}', '{}')
    """,
)
"""What a technician would do beyond their commune or their right."""
OWN = (
    "UPDATE sensor SET name = name WHERE sensor_id = %(here)s",
    """
    INSERT INTO site (commune_insee, code, name) VALUES (%(alpha)s, 'new', 'new')
    ON CONFLICT (commune_insee, code) DO UPDATE SET name = excluded.name RETURNING site_id
    """,
    "INSERT INTO touched (series_ids, hours) VALUES (ARRAY[%(here)s], ARRAY[now()])",
)
"""What they may do."""


def test_nobody_moves_what_is_theirs_to_others_or_theirs_from_others(town: Town) -> None:
    with town.visited("technician") as connection:
        for statement in ELSEWHERE:
            values = {"here": HERE.number, "there": THERE.number, "alpha": ALPHA, "bravo": BRAVO}
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement, values)


def test_what_is_theirs_may_be_changed(town: Town) -> None:
    with town.visited("technician") as connection:
        for statement in OWN:
            with connection.transaction(force_rollback=True):
                values = {"here": HERE.number, "alpha": ALPHA}
                assert connection.execute(statement, values).rowcount == 1
    # The site that is theirs is found by its code, as an adoption names it; no other is added.
    upsert = """
        INSERT INTO site (commune_insee, code, name) VALUES (%s, %s, 'x')
        ON CONFLICT (commune_insee, code) DO UPDATE SET name = excluded.name RETURNING site_id
    """
    with town.visited("site technician") as connection, connection.transaction(force_rollback=True):
        assert connection.execute(upsert, (ALPHA, HERE.word)).fetchall() == [(HERE.number,)]
        for code in (BESIDE.word, "new"):
            with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
                connection.execute(upsert, (ALPHA, code))
