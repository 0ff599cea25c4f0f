"""Migrations from each released schema to the present one: every row stays, and whoever is at work goes on."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from released_schema import RELEASES, lay_release, read_tables, rows_lost
from structlog.testing import capture_logs

from core.clock import Window, now
from core.errors import MigrationFailed, StoreAbsent
from core.readings import Batch, Message, Reading
from core.store import migrate as migrations
from core.store.batches import write_batch
from core.store.forecasts import read_forecast
from core.store.latest import read_latest
from core.store.migrate import Patience, is_migrated, migrate
from core.store.pool import Connection, connected
from core.store.readings import read_readings
from services.quality import judge_touched
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration

MESSAGE = Message("vigie/v1/93051/meter/m1/up", b"{}", datetime(2026, 3, 2, tzinfo=UTC), 2)
LAST_RELEASE = RELEASES[-1]
HURRIED = Patience(lock_s=0.2, tries=200, pause_s=0.02, pause_s_max=0.02)
WAITED_S_MAX = 60
# As the ingest process and the pages of the last release send them.
RELEASED_INSERT = """
    INSERT INTO reading (series_id, observed_at, value, quality, flags, received_at)
    SELECT series_id, observed_at, value, 0, 0, now()
      FROM unnest(%(series_ids)s::integer[], %(instants)s::timestamptz[], %(values)s::float8[])
           AS staging (series_id, observed_at, value)
     ORDER BY series_id, observed_at
    ON CONFLICT (series_id, observed_at) DO NOTHING
    RETURNING series_id, observed_at
"""
RELEASED_LATEST = """
    INSERT INTO latest (series_id, observed_at, value, quality, flags, received_at)
    SELECT DISTINCT ON (series_id) series_id, observed_at, value, 0, 0, now()
      FROM unnest(%(series_ids)s::integer[], %(instants)s::timestamptz[], %(values)s::float8[])
           AS staging (series_id, observed_at, value)
     ORDER BY series_id, observed_at DESC
    ON CONFLICT (series_id) DO UPDATE SET observed_at = excluded.observed_at, value = excluded.value
     WHERE latest.observed_at < excluded.observed_at
"""
RELEASED_READ = """
    SELECT value FROM reading WHERE series_id = 2 AND observed_at >= %s AND observed_at < %s ORDER BY observed_at
"""


@pytest.fixture
def empty_url(database_server: DatabaseServer) -> Iterator[str]:
    """A database without any table, dropped after the test."""
    name = f"release_{uuid.uuid4().hex}"
    yield database_server.create(name)
    database_server.drop(name)


@pytest.fixture
def released_url(empty_url: str) -> str:
    """A database as the last release left it."""
    lay_release(empty_url, LAST_RELEASE)
    return empty_url


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAITED_S_MAX
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def tries_passed(lines: list[Any], told: int, migrating: Future[Any]) -> bool:
    return len(lines) > told or migrating.done()


def write_as_released(connection: Connection, readings: list[Reading]) -> int:
    """Write readings with the statements that the last release sends; return how many are new."""
    rows = {
        "series_ids": [reading.series_id for reading in readings],
        "instants": [reading.observed_at for reading in readings],
        "values": [reading.value for reading in readings],
    }
    with connection.transaction():
        stored = len(connection.execute(RELEASED_INSERT, rows).fetchall())
        connection.execute(RELEASED_LATEST, rows)
    return stored


def minutes_before(at: datetime, count: int) -> list[Reading]:
    return [Reading(1, at - timedelta(minutes=number), float(number)) for number in range(count)]


def is_plain(connection: Connection) -> bool:
    return bool(one(connection, "SELECT relkind = 'p' FROM pg_class WHERE oid = 'reading'::regclass"))


@pytest.mark.parametrize("release", RELEASES)
def test_from_each_release_every_row_and_answer_is_kept(empty_url: str, release: str) -> None:
    lay_release(empty_url, release)
    before = read_tables(empty_url)
    assert [name for name, rows in before.items() if not rows] == []
    ran = [one.name for one in migrate(empty_url)]
    assert ran[0] > release
    after = read_tables(empty_url)
    assert {name: lost for name in before if (lost := rows_lost(before[name], after[name]))} == {}
    assert len(after["reading"]) == len(before["reading"])
    with connected(empty_url) as connection:
        assert is_migrated(connection)
        start = datetime(2026, 1, 31, 22, tzinfo=UTC)
        kept = read_readings(connection, 1, Window(start, start + timedelta(hours=4)))
        gained = release == LAST_RELEASE
        assert [reading.value for reading in kept] == ([22, 23, -1, 1] if gained else [22, 23, 0, 1])
        assert {latest.series_id for latest in read_latest(connection, commune="93051")} == {1, 2}
        forecast = read_forecast(connection, 1)
        assert forecast is not None
        assert forecast.steps[0].naive == 4.5
        while judge_touched(connection).hours_touched:
            pass
        rows = minutes_before(start + timedelta(minutes=30), 20)
        late = write_batch(connection, Batch(now(), rows, [MESSAGE] * 20))
        assert late.stored == 20
    assert migrate(empty_url) == []


def test_what_was_there_is_the_part_of_all_before(released_url: str) -> None:
    with connected(released_url) as connection:
        connection.execute("GRANT SELECT ON reading TO PUBLIC")
        count, place = one(connection, "SELECT count(*) FROM reading"), "SELECT pg_relation_filenode('{}')"
        node = one(connection, place.format("reading"))
    migrate(released_url)
    with connected(released_url) as connection:
        if not is_plain(connection):
            pytest.skip("reading is a hypertable here: it has chunks, and no months")
        assert one(connection, place.format("reading_before")) == node
        assert one(connection, "SELECT count(*) FROM reading_before") == count
        until = one(
            connection,
            """
            SELECT substring(pg_get_expr(relpartbound, oid) FROM 'TO \\(''(.+)''\\)')::timestamptz
              FROM pg_class WHERE relname = 'reading_before'
            """,
        )
        assert until - now() >= timedelta(days=30)
        assert (until.day, until.hour, until.minute) == (1, 0, 0)
        assert one(connection, "SELECT count(*) FROM pg_constraint WHERE conname LIKE 'reading_before_2%'") == 0
        assert one(
            connection, "SELECT bool_or(grantee = 0) FROM pg_class, aclexplode(relacl) WHERE relname = 'reading'"
        )


def test_a_reading_from_the_future_moves_the_bound(released_url: str) -> None:
    ahead = now() + timedelta(days=800)
    with connected(released_url) as connection:
        write_as_released(connection, [Reading(1, ahead, 3.0)])
    migrate(released_url)
    with connected(released_url) as connection:
        [kept] = read_readings(connection, 1, Window(ahead, ahead + timedelta(seconds=1)))
        assert kept.value == 2 * 3.0 - 1


def test_an_empty_database_keeps_no_part_of_before(database_url: str) -> None:
    with connected(database_url) as connection:
        if not is_plain(connection):
            pytest.skip("reading is a hypertable here: it has chunks, and no months")
        assert one(connection, "SELECT to_regclass('reading_before')") is None
        months = one(connection, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass")
        assert months >= 3


def test_a_view_that_would_go_blind_is_named_and_nothing_changes(released_url: str) -> None:
    with connected(released_url) as connection:
        connection.execute("CREATE VIEW their_own AS SELECT value FROM reading")
        is_hypertable = one(connection, "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'")
    if is_hypertable:
        pytest.skip("reading is a hypertable here: a view goes on seeing all of it")
    with pytest.raises(MigrationFailed, match=r"^0007\.a-months-bounded failed .*: views .* drop their_own, migrate"):
        migrate(released_url)
    with connected(released_url) as connection:
        connection.execute("DROP VIEW their_own")
    assert migrate(released_url)[0].name == "0007.a-months-bounded"


def test_ingest_and_readers_go_on_while_the_schema_moves(released_url: str) -> None:
    """What they prepared before goes on after; each lock they may meet is let go of within the migration's patience."""
    begun = now().replace(microsecond=0)
    written, read = [0], [0]
    stop = threading.Event()

    def write() -> int:
        stored = 0
        with connected(released_url) as connection:
            connection.execute("SET lock_timeout = '5s'")
            while not stop.is_set():
                at = begun + timedelta(seconds=written[0])
                late = at - timedelta(days=40 + written[0] % 7)
                rows = [Reading(2, at, 1.0), Reading(2, late + timedelta(seconds=written[0]), 2.0), Reading(2, at, 1.0)]
                stored += write_as_released(connection, rows)
                connection.commit()
                written[0] += 1
        return stored

    def look() -> None:
        with connected(released_url) as connection:
            connection.execute("SET lock_timeout = '5s'")
            while not stop.is_set():
                newest = connection.execute(RELEASED_READ, (begun, begun + timedelta(days=1))).fetchall()
                assert [value for (value,) in newest] == [1.0] * len(newest)
                connection.commit()
                read[0] += 1

    with connected(released_url) as connection:
        before = one(connection, "SELECT count(*) FROM reading")
    with ThreadPoolExecutor(2) as threads:
        writer, reader = threads.submit(write), threads.submit(look)
        try:
            # Prepared statements are those that ran five times.
            wait_until(lambda: min(written[0], read[0]) > 10 or writer.done() or reader.done())
            ran = migrate(released_url, HURRIED)
            seen = (written[0], read[0])
            wait_until(lambda: (written[0] > seen[0] + 10 and read[0] > seen[1] + 10) or writer.done() or reader.done())
        finally:
            stop.set()
    assert reader.result() is None
    assert "0007.c-months-attached" in [one.name for one in ran]
    assert writer.result() == 2 * written[0]
    with connected(released_url) as connection:
        assert one(connection, "SELECT count(*) FROM reading") == before + 2 * written[0]


def test_a_long_reader_makes_the_migration_wait_and_nobody_else(released_url: str) -> None:
    """A writer that gives up after two seconds never does: the migration lets go after a fifth of one."""
    with (
        psycopg.connect(released_url) as backup,
        connected(released_url) as ingest,
        ThreadPoolExecutor(1) as threads,
        capture_logs() as lines,
    ):
        backup.execute("SELECT FROM reading LIMIT 1")
        holder = backup.info.backend_pid
        ingest.execute("SET lock_timeout = '2s'")
        ingest.commit()
        waiting = threads.submit(migrate, released_url, HURRIED)
        stored = []
        try:
            for number in range(5):
                wait_until(partial(tries_passed, lines, len(lines) + 1, waiting))
                stored.append(write_as_released(ingest, minutes_before(now() - timedelta(hours=number), 5)))
                ingest.commit()
        finally:
            backup.rollback()
        ran = waiting.result()
    assert stored == [5] * 5
    locked_out = [line for line in lines if line["event"] == "migration_locked_out"]
    assert len(locked_out) >= 5
    assert {line["oldest_transaction_pid"] for line in locked_out} == {holder}
    assert {line["migration"] for line in locked_out} <= {one.name for one in ran}
    assert [one.name for one in ran] == sorted({one.name for one in ran})


def test_a_migration_that_gets_no_lock_gives_up_and_says_so(released_url: str) -> None:
    impatient = Patience(lock_s=0.05, tries=2, pause_s=0.01)
    with psycopg.connect(released_url) as backup:
        backup.execute("LOCK TABLE reading, rollup_hour IN ROW EXCLUSIVE MODE")
        with pytest.raises(MigrationFailed, match=r" got no lock in 2 tries and nothing of it is left: run it again$"):
            migrate(released_url, impatient)
    with connected(released_url) as connection:
        assert not is_migrated(connection)
    assert migrate(released_url, impatient)
    with connected(released_url) as connection:
        assert is_migrated(connection)


@pytest.fixture
def two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of migrations of its own: one that makes a table, and one that fails after it made another."""
    (tmp_path / "0001.first.sql").write_text("CREATE TABLE kept_table (one integer);")
    (tmp_path / "0002.second.sql").write_text("CREATE TABLE lost_table (one integer);\nSELECT 1 / 0;\n")
    monkeypatch.setattr(migrations, "MIGRATIONS_DIR", tmp_path)
    monkeypatch.setattr(migrations, "find_spec", lambda _: None)
    monkeypatch.setattr(migrations, "_follow_up", lambda _: None)
    return tmp_path


def test_what_fails_leaves_the_one_before_in_place(empty_url: str, two_files: Path) -> None:
    with pytest.raises(MigrationFailed) as failed:
        migrate(empty_url)
    assert str(failed.value) == "0002.second failed and nothing of it is left: division by zero"
    with connected(empty_url) as connection:
        assert one(connection, "SELECT to_regclass('kept_table')") == "kept_table"
        assert one(connection, "SELECT to_regclass('lost_table')") is None
    (two_files / "0002.second.sql").write_text("CREATE TABLE lost_table (one integer);")
    assert [one.name for one in migrate(empty_url)] == ["0002.second"]


def test_no_time_out_of_the_server_ends_a_migration(empty_url: str, two_files: Path) -> None:
    told = "CREATE TABLE told AS SELECT name, setting FROM pg_settings WHERE name LIKE '%_timeout'"
    (two_files / "0002.second.sql").write_text(told)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET statement_timeout = 1000'.encode())
        connection.execute(f'ALTER DATABASE "{name}" SET idle_in_transaction_session_timeout = 1000'.encode())
    migrate(empty_url)
    with connected(empty_url) as connection:
        kept = dict(connection.execute("SELECT * FROM told").fetchall())
    assert (kept["statement_timeout"], kept["idle_in_transaction_session_timeout"]) == ("0", "0")
    assert kept["lock_timeout"] == "3000"


def test_of_two_processes_one_migrates_and_the_other_finds_nothing_to_do(empty_url: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(migrate, empty_url, HURRIED) for _ in range(2)]
        counts = sorted(len(each.result()) for each in both)
    assert counts[0] == 0
    assert counts[1] > len(RELEASES)


def test_whoever_waits_too_long_for_its_turn_says_so(empty_url: str, two_files: Path) -> None:
    shutil.rmtree(two_files)
    with connected(empty_url) as other:
        migrations._take_turn(other, HURRIED)  # noqa: SLF001 - the other process, held where it is
        with pytest.raises(MigrationFailed, match="another process has been migrating for too long"):
            migrate(empty_url, Patience(pause_s=0.01, turn_s_max=0.05))
    assert migrate(empty_url) == []


def test_a_killed_migration_is_undone_and_leaves_nobody_waiting(released_url: str) -> None:
    with (
        psycopg.connect(released_url, autocommit=True) as backup,
        ThreadPoolExecutor(1) as threads,
        capture_logs() as lines,
    ):
        with backup.transaction():
            backup.execute("LOCK TABLE reading, rollup_hour IN ROW EXCLUSIVE MODE")
            killed = threads.submit(migrate, released_url, HURRIED)
            wait_until(lambda: len(lines) > 2 or killed.done())
            pids = backup.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ).fetchall()
        assert pids == [(True,)]
        with pytest.raises((psycopg.OperationalError, StoreAbsent)):
            killed.result()
    assert migrate(released_url, HURRIED)
    with connected(released_url) as connection:
        assert is_migrated(connection)
