"""What the ingest process and the worker may not do, whatever SQL they run, and what they have the owner do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from judging import adopt, judge_all, write
from psycopg.errors import InsufficientPrivilege, InvalidParameterValue

from core.clock import now
from core.metrics import METRICS, Family
from core.store.care import read_care
from core.store.chunks import Chunk, read_chunks
from core.store.months import make_months, month_of
from core.store.pool import Connection, connected
from core.store.retention import Retention, delete_readings, drop_readings, read_held, write_retention
from core.store.roles import Login, as_login

pytestmark = pytest.mark.integration

T0 = datetime(2024, 3, 2, 8, tzinfo=UTC)
BOTH = (Login.INGEST, Login.WORKER)
DOOR = ("person", "person_grant", "group_grant", "pass", "pass_grant", "entry_link", "sign_in_count", "role_right")
PEOPLES = (
    "audit",
    "audit_chain",
    "audit_asked",
    "sensor_change",
    "retention",
    "raw_kept",
    "calibration",
    "decision_answer",
    "export_schedule",
)
READ_BY_INGEST = {
    "aside",
    "calibration",
    "commune",
    "device_model",
    "duplicate_day",
    "former_device",
    "former_place",
    "frame",
    "gateway",
    "gateway_heard",
    "heartbeat",
    "intake",
    "kept",
    "latest",
    "outbox",
    "pruned",
    "raw_frame",
    "reading",
    "reception",
    "rejection",
    "sensor",
    "series",
    "site",
    "timeless",
}


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    """Return the owner's connection; an air and an energy series have a day of readings in March 2024, judged."""
    with connected(database_url) as connection:
        for name, metric in (("salle-2", "co2_ppm"), ("compteur", "power_kw")):
            [series] = adopt(connection, name, metric, at=T0)
            write(connection, [(series, T0 + timedelta(minutes=10 * n), 500.0 + n) for n in range(12)])
        judge_all(connection)
        connection.commit()
        yield connection


def refused(database_url: str, login: Login, statement: str) -> bool:
    """Whether the database refuses a statement to a login for want of a right."""
    with connected(as_login(database_url, login)) as connection, connection.transaction(force_rollback=True):
        try:
            connection.execute(statement.encode())
        except InsufficientPrivilege:
            return True
    return False


def tables(store: Connection) -> list[str]:
    """Return the names of all tables of ours."""
    rows = store.execute(
        """
        SELECT relname FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname
        """
    )
    return [name for (name,) in rows]


def may(store: Connection, login: Login, right: str) -> set[str]:
    """Return the tables on which a login has a right, be it to one column."""
    names = tables(store)
    rows = store.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE has_any_column_privilege(%s, 'public.' || name, %s)"
        if right in {"SELECT", "INSERT", "UPDATE"}
        else "SELECT name FROM unnest(%s::text[]) AS name WHERE has_table_privilege(%s, 'public.' || name, %s)",
        (names, login, right),
    )
    return {name for (name,) in rows}


def test_ingest_reads_what_it_needs_and_no_decision_and_nobody(store: Connection) -> None:
    read = may(store, Login.INGEST, "SELECT")
    assert read - {"live_event", "event"} == READ_BY_INGEST
    assert not {one for one in read if one.startswith(("decision", "forecast", "procrastinate", "webhook", "idempot"))}


@pytest.mark.parametrize("login", BOTH)
def test_neither_knows_who_is_at_the_door(store: Connection, database_url: str, login: Login) -> None:
    for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        assert may(store, login, right) & set(DOOR) == set(), right
    for name in DOOR:
        assert refused(database_url, login, f"SELECT count(*) FROM {name}"), name  # noqa: S608 - names of ours
    assert refused(database_url, login, "SELECT rolpassword FROM pg_authid")


@pytest.mark.parametrize("login", BOTH)
def test_neither_makes_drops_or_changes_what_there_is(store: Connection, database_url: str, login: Login) -> None:
    for name in tables(store):
        for verb in (f"DROP TABLE {name} CASCADE", f"TRUNCATE {name} CASCADE", f"ALTER TABLE {name} ADD mine integer"):
            assert refused(database_url, login, verb), verb
    for statement in (
        "CREATE TABLE mine (x integer)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE mine",
        "SET ROLE vigie_door",
        "SET SESSION AUTHORIZATION vigie_door",
        "ALTER TABLE sensor DISABLE ROW LEVEL SECURITY",
        "ALTER FUNCTION make_months(timestamptz[]) SECURITY INVOKER",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT lo_import('/etc/hostname')",
        "SELECT open_queue()",
    ):
        assert refused(database_url, login, statement), statement


@pytest.mark.parametrize("login", BOTH)
def test_neither_rewrites_what_people_did(store: Connection, login: Login) -> None:
    there = set(PEOPLES) & set(tables(store))
    changed = {right: may(store, login, right) & there for right in ("UPDATE", "DELETE")}
    kept_by_worker = {"raw_kept", "export_schedule"} if login is Login.WORKER else set()
    assert changed == {"UPDATE": kept_by_worker, "DELETE": set()}
    assert may(store, login, "INSERT") & there == ({"raw_kept", "decision_answer"} if login is Login.WORKER else set())
    assert may(store, login, "TRUNCATE") == may(store, login, "REFERENCES") == may(store, login, "TRIGGER") == set()


@pytest.mark.parametrize("login", BOTH)
def test_neither_changes_a_place_or_a_sensor(database_url: str, store: Connection, login: Login) -> None:
    assert store.info.dbname
    for statement in (
        "UPDATE sensor SET name = 'mine'",
        "UPDATE sensor SET site_id = 1",
        "INSERT INTO site (commune_insee, code, name) VALUES ('93051', 'mine', 'Mine')",
        "UPDATE site SET name = 'mine'",
        "DELETE FROM series",
        "UPDATE series SET metric = 'noise_db'",
        "UPDATE decision SET body = '{}'",
        "DELETE FROM decision",
        "UPDATE decision_subject SET policy = '{}'",
        "UPDATE pass SET expires_at = 'infinity'",
    ):
        assert refused(database_url, login, statement), statement


def test_the_worker_deletes_no_reading_by_itself(database_url: str, store: Connection) -> None:
    assert store.info.dbname
    assert refused(database_url, Login.WORKER, "DELETE FROM reading")
    assert refused(database_url, Login.INGEST, "DELETE FROM reading")
    assert refused(database_url, Login.WORKER, "INSERT INTO reading VALUES (1, now(), 1, 0, now())")
    for login in BOTH:
        with connected(as_login(database_url, login)) as connection:
            assert connection.execute("SELECT count(*) FROM reading").fetchone() == (24,)


def test_months_are_made_by_both_within_their_bounds(database_url: str, store: Connection) -> None:
    if store.execute("SELECT relkind FROM pg_class WHERE oid = 'reading'::regclass").fetchone() != ("p",):
        pytest.skip("reading is a hypertable here: it has chunks, and no months")
    for login, year in ((Login.INGEST, 2011), (Login.WORKER, 2012)):
        with connected(as_login(database_url, login)) as connection:
            month = datetime(year, 5, 1, tzinfo=UTC)
            assert make_months(connection, [month]) == [month]
            for wrong in (datetime(1999, 12, 1, tzinfo=UTC), month_of(now() + timedelta(days=4_000)), T0):
                with pytest.raises(InvalidParameterValue):
                    make_months(connection, [wrong])
                connection.rollback()
    owners = store.execute(
        "SELECT DISTINCT relowner FROM pg_class WHERE relname IN ('reading', 'reading_2011_05', 'reading_2012_05')"
    ).fetchall()
    assert len(owners) == 1


def chunk_of_march(connection: psycopg.Connection[tuple[object, ...]]) -> Chunk:
    [chunk] = [
        one for one in read_chunks(connection, "reading", now()) if one.start is None or one.start <= T0 < one.end
    ]
    return chunk


def test_readings_go_only_where_people_said_so(database_url: str, store: Connection) -> None:
    with connected(as_login(database_url, Login.WORKER)) as worker:
        chunk = chunk_of_march(worker)
        held = read_held(worker, chunk)
        assert held == {Family.AIR: [1], Family.ENERGY: [2]}
        worker.commit()

        def goes(family: Family) -> bool:
            try:
                return delete_readings(worker, chunk, family, held[family], now().date()) > 0
            except InsufficientPrivilege:
                worker.rollback()
                return False

        assert not goes(Family.AIR)
        write_retention(store, Retention(Family.AIR, 180, "Nadia", now()))
        store.commit()
        assert not goes(Family.ENERGY)
        with pytest.raises(InsufficientPrivilege):
            drop_readings(worker, chunk, held, now().date())
        worker.rollback()
        assert goes(Family.AIR)
        worker.commit()
        write_retention(store, Retention(Family.ENERGY, None, "Nadia", now()))
        store.commit()
        assert not goes(Family.ENERGY)
        write_retention(store, Retention(Family.ENERGY, 36_500, "Nadia", now()))
        store.commit()
        assert not goes(Family.ENERGY), "it is too young"
        write_retention(store, Retention(Family.ENERGY, 400, "Nadia", now()))
        store.commit()
        assert drop_readings(worker, chunk, held, now().date()) == 12
        worker.commit()
    assert store.execute("SELECT count(*) FROM reading").fetchone() == (0,)


def test_the_family_of_each_metric_is_in_the_store(store: Connection) -> None:
    rows = store.execute("SELECT metric, family FROM metric_family").fetchall()
    assert dict(rows) == {metric.name: metric.family for metric in METRICS.values()}


def test_no_other_table_is_held_or_dropped_by_their_means(database_url: str, store: Connection) -> None:
    assert store.info.dbname
    for login in BOTH:
        assert not refused(database_url, login, "SELECT 1")
        for statement in (
            "SELECT hold_chunk('sensor', '-infinity', 'infinity', 100)",
            "SELECT hold_chunk('reading; DROP TABLE sensor', '-infinity', 'infinity', 100)",
            "SELECT drop_readings('2024-01-01', 'infinity')",
            "SELECT drop_frames('-infinity', '2001-01-01')",
            "SELECT delete_readings(ARRAY[1, 99], '-infinity', 'infinity')",
            "SELECT make_months(ARRAY[NULL::timestamptz])",
        ):
            with connected(as_login(database_url, login)) as connection, pytest.raises(psycopg.Error):
                connection.execute(statement.encode())


def test_the_server_is_told_of_to_the_worker_too(database_url: str, store: Connection) -> None:
    store.execute("SELECT 1")  # a transaction of another login is open
    with connected(as_login(database_url, Login.WORKER)) as worker:
        told = read_care(worker)
    assert told.server.oldest_transaction_s > 0
    assert told.server.database_bytes > 1_000_000
    assert {"reading", "rollup_hour"} <= {one.name for one in told.relations}
