"""How the database does, as the API and Prometheus tell it: sizes, parts, growth, the last backup."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from api_process import api_running
from judging import adopt, write
from prometheus_client import CollectorRegistry, generate_latest

from core.clock import now
from core.store.backup import BackupMade, note_backup
from core.store.care import note_sizes, read_care, read_growth
from core.store.engine import EngineName
from core.store.pool import Connection, connected, open_pool
from services.storage import StoreInstruments

pytestmark = pytest.mark.integration
T0 = datetime(2026, 1, 20, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to a database with 2,000 readings, over two months."""
    with connected(database_url) as connection:
        [series_id] = adopt(connection, "salle-2", "co2_ppm", at=T0)
        write(connection, [(series_id, T0 + timedelta(minutes=10 * i), 400.0) for i in range(2_000)], at=now())
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE")
        yield connection


def test_parts_count_as_the_relation_that_they_are_parts_of(connection: Connection) -> None:
    care = read_care(connection)
    [reading] = [one for one in care.relations if one.name == "reading"]
    assert reading.rows == 2_000
    assert reading.parts >= 2
    assert reading.table_bytes > 100_000
    assert reading.index_bytes > 40_000
    assert reading.analyzed_at is not None
    names = {one.name for one in care.relations}
    assert {"latest", "rollup_hour", "touched", "backup"} <= names
    assert not [name for name in names if "chunk" in name or name.startswith(("reading_", "pg_"))]
    assert care.server.database_bytes > reading.table_bytes
    assert 0 < care.server.connections <= care.server.connections_max


def test_what_is_compressed_is_told_beside_what_it_took_before(connection: Connection) -> None:
    before = read_care(connection)
    if before.engine.name is not EngineName.TIMESCALE:
        pytest.skip("needs TimescaleDB's columnstore: VIGIE_TEST_SERVER")
    connection.execute("SELECT compress_chunk(c) FROM show_chunks('reading') AS c LIMIT 3")
    [reading] = [one for one in read_care(connection).relations if one.name == "reading"]
    assert reading.parts_compressed >= 1
    assert reading.rows == 2_000
    assert 0 < reading.compressed_bytes <= reading.table_bytes + reading.index_bytes


def test_growth_is_told_from_the_sizes_of_two_days(connection: Connection) -> None:
    today = date(2026, 3, 29)
    note_sizes(connection, today - 2 * DAY)
    assert read_growth(connection) == {}
    [(series_id,)] = connection.execute("SELECT series_id FROM series").fetchall()
    write(connection, [(series_id, T0 + timedelta(minutes=10 * i, seconds=1), 1.0) for i in range(1_000)], at=now())
    connection.execute("ANALYZE")
    note_sizes(connection, today)
    note_sizes(connection, today)
    growth = read_growth(connection)["reading"]
    assert (growth.rows_per_day, growth.days) == (500.0, 2)
    assert growth.bytes_per_day > 0
    assert read_growth(connection)["sensor"].rows_per_day == 0


def test_sizes_older_than_are_kept_are_let_go_of(connection: Connection) -> None:
    first = date(2025, 1, 1)
    note_sizes(connection, first)
    note_sizes(connection, first + 401 * DAY)
    assert connection.execute("SELECT DISTINCT day FROM storage_day").fetchall() == [(first + 401 * DAY,)]


def test_the_api_tells_it(connection: Connection, database_url: str) -> None:
    note_backup(connection, BackupMade(T0, T0 + DAY, 1, 1, verified=True))
    with api_running(database_url) as api:
        told = api.get("/storage").json()
    [reading] = [one for one in told["relations"] if one["relation"] == "reading"]
    assert (reading["rows"], reading["bytes_per_day"]) == (2_000, None)
    assert told["engine"] == read_care(connection).engine.name
    assert told["backed_up_at"] == "2026-01-20T00:00:00Z"
    assert told["replica"] == "none"


def test_prometheus_reads_it_of_a_worker_and_nothing_while_the_database_is_away(
    connection: Connection, database_url: str
) -> None:
    note_backup(connection, BackupMade(T0, T0, 1, 1, verified=False))
    registry = CollectorRegistry()
    with open_pool(database_url, 1) as pool:
        registry.register(StoreInstruments(pool))
        told = generate_latest(registry).decode()
    assert 'vigie_store_relation_rows{relation="reading"} 2000.0' in told
    [backed_up] = [line for line in told.splitlines() if line.startswith("vigie_store_backup_timestamp_seconds ")]
    assert float(backed_up.split()[1]) == T0.timestamp()
    assert "vigie_store_replica_lag_seconds{" not in told
    absent = CollectorRegistry()
    with open_pool("postgresql://nobody@127.0.0.1:1/none", 1) as pool:
        absent.register(StoreInstruments(pool))
        assert generate_latest(absent).decode() == ""
