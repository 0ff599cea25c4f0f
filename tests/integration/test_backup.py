"""Backups of a database that is written to: restored elsewhere, each table has the rows and sums of its snapshot."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from judging import adopt, judge_all, write
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from core.errors import BackupDamaged, BackupRefused
from core.store.backup import BackupMade, exported_snapshot, note_backup, read_fingerprints, read_last_backup
from core.store.engine import EngineName, read_engine
from core.store.migrate import is_migrated, migrate
from core.store.pool import Connection, connected
from vigie.backups import Checked, Manifest, back_up, backups_in, restore, rotate, verify
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
NOW = datetime(2026, 7, 1, 4, 30, tzinfo=UTC)
T0 = datetime(2026, 1, 20, tzinfo=UTC)
STEP = timedelta(minutes=10)
A_BATCH = 100


@pytest.fixture
def elsewhere(database_server: DatabaseServer) -> Iterator[str]:
    """The address of a database that is not there yet."""
    name = f"restored_{uuid.uuid4().hex}"
    yield database_server.address(name)
    database_server.drop(name)


def fill(connection: Connection) -> list[int]:
    """Write a fortnight over the end of a month: readings, roll-ups, rejections; return the series."""
    series = [*adopt(connection, "salle-2", "co2_ppm", at=T0), *adopt(connection, "compteur", "power_kw", at=T0)]
    for first in range(0, 14 * 144, A_BATCH):
        at = [T0 + STEP * i for i in range(first, first + A_BATCH)]
        write(connection, [(one, instant, 400.0 + i) for one in series for i, instant in enumerate(at)], at=NOW)
        write(connection, [(series[0], at[0], 9_999.0)], at=NOW)
    judge_all(connection)
    return series


def compress(connection: Connection) -> None:
    """Compress the chunks of the first days, where the engine does."""
    if read_engine(connection).name is EngineName.TIMESCALE:
        connection.execute(
            "SELECT compress_chunk(c) FROM show_chunks('reading', older_than => %s) AS c", (T0 + 700 * STEP,)
        )
        connection.commit()


@contextmanager
def writing(dsn: str, series: list[int]) -> Iterator[list[int]]:
    """Write batches as ingest does all the while, late ones too; gives the count of those committed."""
    committed, stopping = [0], threading.Event()

    def write_on() -> None:
        with connected(dsn) as connection:
            while not stopping.is_set():
                at = T0 + STEP * (2_500 + A_BATCH * committed[0])
                write(connection, [(series[0], at + STEP * i, 1.0) for i in range(A_BATCH - 1)], at=NOW)
                write(connection, [(series[1], T0 + STEP * committed[0] + timedelta(seconds=7), 2.0)], at=NOW)
                connection.commit()
                committed[0] += 1

    thread = threading.Thread(target=write_on)
    thread.start()
    try:
        yield committed
    finally:
        stopping.set()
        thread.join()


def assert_equal(tables: list[Checked]) -> None:
    assert [one for one in tables if not one.equal] == []
    assert {one.table: one.kept.rows for one in tables if one.kept}["reading"] > 4_000


def test_a_backup_during_writing_comes_back_whole_elsewhere(database_url: str, elsewhere: str, tmp_path: Path) -> None:
    with connected(database_url) as connection:
        series = fill(connection)
        compress(connection)
    with writing(database_url, series) as committed:
        while not committed[0]:
            threading.Event().wait(0.01)
        before = committed[0]
        backup = back_up(database_url, tmp_path, NOW, jobs=2)
        after = committed[0]
    assert after > before, "nothing was written during the backup: the test shows nothing"
    assert_equal(restore(backup, elsewhere, jobs=2))
    with connected(elsewhere) as connection:
        assert is_migrated(connection)
        live = connection.execute(
            "SELECT count(*) FROM reading WHERE observed_at >= %s", (T0 + STEP * 2_500,)
        ).fetchone()
        assert live is not None
        # Whole batches: the state is one between two commits.
        assert live[0] % (A_BATCH - 1) == 0
        assert before <= live[0] // (A_BATCH - 1) <= after
        # It works: ingest and the judge go on in it.
        write(connection, [(series[0], T0 + timedelta(seconds=3), 5.0)], at=NOW)
        assert judge_all(connection).hours_written > 0
    assert migrate(elsewhere) == []


def test_what_is_restored_reads_as_what_was_backed_up(database_url: str, elsewhere: str, tmp_path: Path) -> None:
    with connected(database_url) as connection:
        fill(connection)
        compress(connection)
    restore(back_up(database_url, tmp_path, NOW, jobs=1), elsewhere, jobs=1)
    with connected(database_url) as source, connected(elsewhere) as target:
        assert read_engine(source) == read_engine(target)
        for table in ("reading", "rollup_hour", "rollup_day", "latest", "rejection", "series"):
            rows = sql.SQL("SELECT * FROM {} AS each ORDER BY each::text").format(sql.Identifier(table))
            assert source.execute(rows).fetchall() == target.execute(rows).fetchall()


def test_a_database_that_is_not_empty_is_refused_and_left_alone(
    database_url: str, elsewhere: str, database_server: DatabaseServer, tmp_path: Path
) -> None:
    backup = back_up(database_url, tmp_path, NOW, jobs=1)
    database_server.create(str(conninfo_to_dict(elsewhere)["dbname"]))
    with psycopg.connect(elsewhere) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS kept")
    with pytest.raises(BackupRefused, match="not empty, it has 1 table"):
        restore(backup, elsewhere, jobs=1)
    with psycopg.connect(elsewhere) as connection:
        assert connection.execute("SELECT kept FROM mine").fetchall() == [(1,)]


@pytest.mark.parametrize("damage", ["changed", "cut", "missing", "added"])
def test_a_damaged_file_is_named_before_anything_is_restored(
    database_url: str, elsewhere: str, tmp_path: Path, damage: str
) -> None:
    backup = back_up(database_url, tmp_path, NOW, jobs=1)
    victim = max((backup / "dump").glob("*.dat.gz"), key=lambda path: path.stat().st_size)
    if damage == "changed":
        whole = bytearray(victim.read_bytes())
        whole[len(whole) // 2] ^= 1
        victim.write_bytes(bytes(whole))
    elif damage == "cut":
        victim.write_bytes(victim.read_bytes()[:-5])
    elif damage == "missing":
        victim.unlink()
    else:
        victim = victim.with_name("stranger.dat.gz")
        victim.write_bytes(b"")
    with pytest.raises(BackupDamaged, match=victim.name):
        restore(backup, elsewhere, jobs=1)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(elsewhere)


def test_a_manifest_that_cannot_be_read_is_told(database_url: str, elsewhere: str, tmp_path: Path) -> None:
    backup = back_up(database_url, tmp_path, NOW, jobs=1)
    (backup / "manifest.json").write_text('{"format": 1}')
    with pytest.raises(BackupDamaged, match="no manifest that can be read"):
        restore(backup, elsewhere, jobs=1)
    with pytest.raises(BackupDamaged, match="no manifest"):
        restore(tmp_path, elsewhere, jobs=1)


def test_a_row_that_did_not_come_back_is_told(database_url: str, tmp_path: Path) -> None:
    with connected(database_url) as connection:
        fill(connection)
    backup = back_up(database_url, tmp_path, NOW, jobs=1)
    manifest = Manifest.read(backup)
    held = manifest.tables["latest"]
    manifest.tables["latest"] = type(held)(held.rows, "1")  # type: ignore[index] # as if one value were another
    manifest.write(backup)
    found = verify(backup, database_url, jobs=1)
    assert [one.table for one in found if not one.equal] == ["latest"]


def test_verifying_leaves_nothing_behind(database_url: str, tmp_path: Path) -> None:
    with connected(database_url) as connection:
        fill(connection)
    assert_equal(verify(back_up(database_url, tmp_path, NOW, jobs=1), database_url, jobs=1))
    with connected(database_url) as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'vigie_verified_%'").fetchall()
    assert left == []


def test_the_oldest_backups_go_and_what_is_no_backup_stays(database_url: str, tmp_path: Path) -> None:
    made = [back_up(database_url, tmp_path, NOW + timedelta(days=day), jobs=1) for day in range(3)]
    (tmp_path / "vigie-notes").mkdir()
    assert rotate(tmp_path, 2) == made[:1]
    assert backups_in(tmp_path) == made[1:]
    assert (tmp_path / "vigie-notes").is_dir()
    with pytest.raises(BackupRefused, match="there already"):
        back_up(database_url, tmp_path, NOW + timedelta(days=2), jobs=1)


def test_a_backup_that_fails_leaves_no_folder(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vigie.backups.DUMP", "no/such/place")
    with pytest.raises(BackupRefused, match="pg_dump failed"):
        back_up(database_url, tmp_path, NOW, jobs=1)
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_sees_nothing_of_what_is_committed_since(database_url: str) -> None:
    with connected(database_url) as writer:
        [series_id] = adopt(writer, "salle-2", "co2_ppm", at=T0)
        write(writer, [(series_id, T0, 1.0)], at=NOW)
        writer.commit()
        with exported_snapshot(database_url) as snapshot:
            write(writer, [(series_id, T0 + STEP, 1.0)], at=NOW)
            writer.commit()
            assert dict(read_fingerprints(snapshot.connection))["reading"].rows == 1
        assert dict(read_fingerprints(writer))["reading"].rows == 2


def test_a_late_reading_passes_while_a_backup_holds_a_chunk_that_is_being_compressed(database_url: str) -> None:
    # A copy of a database has not its settings.
    migrate(database_url)
    with connected(database_url) as connection:
        if read_engine(connection).name is not EngineName.TIMESCALE:
            pytest.skip("needs TimescaleDB's columnstore: VIGIE_TEST_SERVER")
        [series_id] = adopt(connection, "salle-2", "co2_ppm", at=T0)
        write(connection, [(series_id, T0 + STEP * i, 400.0) for i in range(100)], at=NOW)
    with exported_snapshot(database_url), psycopg.connect(database_url, autocommit=True) as compressing:
        thread = threading.Thread(target=compress_oldest, args=(compressing,))
        thread.start()
        try:
            with connected(database_url) as connection:
                connection.execute("SET lock_timeout = '60s'")
                write(connection, [(series_id, T0 + timedelta(seconds=3), 5.0)], at=NOW)
        finally:
            thread.join()
    with connected(database_url) as connection:
        assert dict(read_fingerprints(connection))["reading"].rows == 101


def compress_oldest(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Compress a chunk, as a job of the extension does; it may give up."""
    with suppress(psycopg.errors.LockNotAvailable):
        connection.execute("SELECT compress_chunk(c) FROM show_chunks('reading') AS c LIMIT 1")


def test_a_backup_is_noted_where_its_age_is_watched(database_url: str) -> None:
    made = BackupMade(NOW, NOW + STEP, 12, 3_400, verified=True)
    with connected(database_url) as connection:
        assert read_last_backup(connection) is None
        note_backup(connection, made)
        note_backup(connection, BackupMade(NOW - STEP, NOW, 1, 1, verified=False))
        assert read_last_backup(connection) == made
