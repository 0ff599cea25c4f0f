"""A database that was restored or carried leaks nothing and works: its logins have the rights that they had."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from acting import acting_as
from judging import adopt, judge_all, write
from passes import enter
from psycopg.errors import InsufficientPrivilege

from core.clock import now
from core.passes import key_of
from core.places import Sensor, SensorKind, Site
from core.roles import Grant, Role
from core.store.carry import carry
from core.store.migrate import migrate
from core.store.places import write_series
from core.store.pool import Connection, connected, entered
from core.store.roles import Login, as_login
from core.store.sensors import adopt_sensor
from vigie.backups import back_up, restore
from vigie.embedded import DatabaseServer, EmbeddedDatabase

pytestmark = pytest.mark.integration
T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
HERE, THERE = "93051", "93066"
# Who may do what with which relation, function, schema and column, and what rows the policies let through.
RIGHTS = """
    SELECT 'relation', relnamespace::regnamespace::text, relname, (
              SELECT string_agg(grantee::regrole || ' ' || privilege_type, ',' ORDER BY grantee, privilege_type)
                FROM aclexplode(relacl) WHERE grantee <> relowner)
      FROM pg_class
     WHERE relnamespace IN ('public'::regnamespace, 'seen'::regnamespace) AND relkind IN ('r', 'p', 'v', 'S')
    UNION ALL
    SELECT 'column', relname, attname, attacl::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE attacl IS NOT NULL AND relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'function', proname, prosecdef::text || coalesce(proconfig::text, ''), proacl::text FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace AND proacl IS NOT NULL AND NOT EXISTS (
           SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
    UNION ALL
    SELECT 'policy', tablename, policyname, concat(roles, cmd, qual, with_check) FROM pg_policies
     WHERE schemaname = 'public'
    UNION ALL
    SELECT 'secured', relname, relrowsecurity::text, reloptions::text FROM pg_class
     WHERE relnamespace IN ('public'::regnamespace, 'seen'::regnamespace) AND (relrowsecurity OR relkind = 'v')
    ORDER BY 1, 2, 3, 4
"""


@pytest.fixture
def town(database_url: str) -> str:
    """The owner's address of a database with a room here and a meter there, two hours of readings each."""
    with connected(database_url) as connection:
        [here] = adopt(connection, "salle-2", "co2_ppm", at=T0)
        site = Site(THERE, "mairie", "Mairie")
        meter = adopt_sensor(connection, Sensor("compteur", SensorKind.METER, "Compteur", site), T0)
        there = write_series(connection, meter, "power_kw")
        for series in (here, there):
            write(connection, [(series, T0 + timedelta(minutes=10 * n), 500.0 + n) for n in range(12)])
        judge_all(connection)
    return database_url


@pytest.fixture
def elsewhere(database_server: DatabaseServer) -> Iterator[str]:
    """The owner's address of a database that is not there yet."""
    name = f"restored_{uuid.uuid4().hex}"
    yield database_server.address(name)
    database_server.drop(name)


def rights(dsn: str) -> list[tuple[Any, ...]]:
    """Return all rights of a database but those on its chunks; an absent list is the owner's alone."""
    with connected(dsn) as connection:
        return connection.execute(RIGHTS).fetchall()


def seen(dsn: str, key: str | None) -> dict[str, int]:
    """Return how many rows of each relation the api's login sees under a pass, or without one."""
    counts = {}
    with connected(as_login(dsn, Login.API)) as connection:
        for name in ("site", "sensor", "series", "latest", "reading", "rollup_hour", "rollup_day"):
            if key is not None:
                entered(connection, key)
            row = connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()  # noqa: S608 - names of ours
            assert row is not None
            counts[name] = row[0]
            connection.commit()
    return counts


def assert_it_leaks_nothing_and_works(dsn: str, key: str) -> None:
    one_of_each = {"site": 1, "sensor": 1, "series": 1, "latest": 1}
    assert seen(dsn, key) == one_of_each | {"reading": 12, "rollup_hour": 2, "rollup_day": 1}
    assert set(seen(dsn, None).values()) == {0}
    with connected(as_login(dsn, Login.API)) as connection:
        for name in ("pass", "person", "public.reading", "public.rollup_hour"):
            with pytest.raises(InsufficientPrivilege), connection.transaction():
                connection.execute(f"SELECT FROM {name}".encode())
        with pytest.raises(InsufficientPrivilege), connection.transaction():
            connection.execute("CREATE TEMPORARY TABLE mine (x integer)")
    with connected(dsn) as connection:
        # A month that was not there, written by ingest's login and judged by the worker's.
        write(connection, [(1, T0 + timedelta(days=400), 600.0)], at=now())
        assert judge_all(connection).hours_touched == 1
        connection.commit()
        for login in (Login.INGEST, Login.WORKER):
            with pytest.raises(InsufficientPrivilege), acting_as(connection, login):
                connection.execute("SELECT FROM pass")
            connection.rollback()


def test_a_restored_database_leaks_nothing_and_works(town: str, elsewhere: str, tmp_path: Path) -> None:
    key = key_of(enter(town, Grant(Role.TECHNICIAN, HERE)))
    assert all(one.equal for one in restore(back_up(town, tmp_path, T0, jobs=1), elsewhere, jobs=2))
    assert rights(elsewhere) == rights(town)
    assert_it_leaks_nothing_and_works(elsewhere, key)


def test_what_was_restored_is_migrated_on(town: str, elsewhere: str, tmp_path: Path) -> None:
    restore(back_up(town, tmp_path, T0, jobs=1), elsewhere, jobs=1)
    assert migrate(elsewhere) == []
    assert rights(elsewhere) == rights(town)


def test_a_server_that_never_heard_of_us_is_restored_into(town: str, tmp_path: Path) -> None:
    with connected(town) as connection:
        if connection.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'").fetchone() is not None:
            pytest.skip("the embedded server has no TimescaleDB")
    key = key_of(enter(town, Grant(Role.TECHNICIAN, HERE)))
    backup = back_up(town, tmp_path / "backups", T0, jobs=1)
    server = EmbeddedDatabase(tmp_path / "fresh")
    try:
        with psycopg.connect(server.address("postgres")) as connection:
            logins = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'vigie%'"
            assert connection.execute(logins).fetchone() == (0,)
        assert all(one.equal for one in restore(backup, server.address("town"), jobs=1))
        assert_it_leaks_nothing_and_works(server.address("town"), key)
    finally:
        server.stop()


def test_a_carried_database_leaks_nothing_and_works(town: str, database_server: DatabaseServer, template: str) -> None:
    key = key_of(enter(town, Grant(Role.TECHNICIAN, HERE)))
    name = f"carried_{uuid.uuid4().hex}"
    target = database_server.create(name, template=template)
    migrate(target)
    try:
        assert all(one.equal for one in carry(town, target))
        assert rights(target) == rights(town)
        assert_it_leaks_nothing_and_works(target, key)
    finally:
        database_server.drop(name)


def test_a_right_that_was_taken_is_not_given_back(town: str, elsewhere: str, tmp_path: Path) -> None:
    with connected(town) as connection:
        connection.execute("REVOKE INSERT ON outbox FROM vigie_worker")
    restore(back_up(town, tmp_path, T0, jobs=1), elsewhere, jobs=1)
    with connected(elsewhere) as connection:
        assert may(connection, "outbox") is False
        assert may(connection, "live_event") is True


def may(connection: Connection, table: str) -> bool:
    """Whether the worker's login may insert into a table."""
    row = connection.execute("SELECT has_table_privilege('vigie_worker', %s, 'INSERT')", (table,)).fetchone()
    assert row is not None
    return bool(row[0])
