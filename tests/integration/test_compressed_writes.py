"""Late, doubled, contradicting and corrected readings come to the same on compressed chunks as on plain PostgreSQL.

Compressed by TimescaleDB as WebAssembly (``wasm_timescale``), chunk by chunk, as its own jobs would.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from judging import HOUR, MINUTE, Tables, adopt, judge_all, tables, write
from wasm_timescale import alone, running_timescale

from core.metrics import Family
from core.quality.calibrations import Calibration
from core.readings import Arrival, Frame
from core.store import migrate
from core.store.calibrations import write_calibration
from core.store.chunks import compressed_until, read_chunks
from core.store.engine import EngineName, read_engine
from core.store.frames import prune_old_frames, write_frames
from core.store.pruned import read_pruned
from core.store.retention import Retention, write_retention
from services.retention import let_go

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)
START = datetime(2025, 3, 24, tzinfo=UTC)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 4
AT_ONCE = 48
"""Rows in one batch: the WebAssembly server breaks when hundreds of statements come in one piece."""


@pytest.fixture
def timescale() -> Iterator[psycopg.Connection[Any]]:
    """A migrated TimescaleDB, alone on its only connection."""
    with running_timescale() as url:
        migrate.migrate(url)
        with alone(url) as connection:
            yield connection


@pytest.fixture
def plain(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with alone(database_url) as connection:
        if read_engine(connection).name is not EngineName.PLAIN:
            pytest.skip("VIGIE_TEST_SERVER is no plain PostgreSQL: nothing to compare with")
        yield connection


def begin(connection: psycopg.Connection[Any]) -> None:
    """Four days of two series, every ten minutes with an hour missing each day, and the frames that brought them."""
    series = [*adopt(connection, "salle-2", "co2_ppm", at=START), *adopt(connection, "compteur", "power_kw", at=START)]
    minutes = [i for i in range(DAYS * 144) if i % 144 // 6 != 5]
    readings = [(one, START + i * 10 * MINUTE, 500.0 + i % 11) for one in series for i in minutes]
    for first in range(0, len(readings), AT_ONCE):
        write(connection, readings[first : first + AT_ONCE])
    write_frames(connection, [Frame(1, "s", i, START + i * 10 * MINUTE) for i in minutes], NOW, Arrival.LIVE)
    judge_all(connection)
    connection.commit()


def compress(connection: psycopg.Connection[Any]) -> None:
    """Compress every chunk there is, of every table."""
    for table in read_engine(connection).columnstores:
        connection.execute("SELECT compress_chunk(chunk) FROM show_chunks(%s) AS chunk", (table,))
    connection.commit()
    assert compressed_until(connection, "reading") >= START + DAYS * DAY


def go_on(connection: psycopg.Connection[Any]) -> tuple[Tables, list[Any]]:
    """What comes late: missing hours, a spike, copies, contradictions, a calibration, known and unknown frames."""
    late = [
        (series, START + d * DAY + 5 * HOUR + i * 10 * MINUTE, 505.0)
        for series in (1, 2)
        for d in (0, 2)
        for i in range(6)
    ]
    spike = [(1, START + DAY + 7 * HOUR + 5 * MINUTE, 4_900.0)]
    doubled = [(1, START + i * 10 * MINUTE, 500.0 + i % 11) for i in range(20)]
    contradicting = [(2, START + i * DAY, -7.0) for i in range(DAYS)]
    write(connection, late + spike)
    judge_all(connection)
    write(connection, doubled + contradicting)
    heard = [Frame(1, "s", 31, START + 31 * 10 * MINUTE), Frame(1, "s", 7, START + 70 * MINUTE + 5 * MINUTE)]
    known = write_frames(connection, heard, NOW, Arrival.BACKFILLED)
    write_calibration(connection, Calibration(2, START + 2 * DAY, NOW, 2.0, -1.0, "Nadia"))
    judge_all(connection)
    connection.commit()
    refused = connection.execute("SELECT count(*) FROM rejection WHERE reason = 'conflict'").fetchone()
    return tables(connection), [sorted(known), refused]


def test_what_comes_late_comes_to_the_same_on_compressed_chunks(
    timescale: psycopg.Connection[Any], plain: psycopg.Connection[Any]
) -> None:
    for connection in (timescale, plain):
        begin(connection)
    compress(timescale)
    assert go_on(timescale) == go_on(plain)
    assert [flags for *_, flags in tables(plain).readings if flags], "the scenario moves no flag"


def test_raw_readings_go_from_compressed_chunks_and_are_counted(timescale: psycopg.Connection[Any]) -> None:
    begin(timescale)
    before = tables(timescale)
    compress(timescale)
    write_retention(timescale, Retention(Family.AIR, 180, "Nadia", NOW))
    assert let_go(timescale, NOW) is None
    after = tables(timescale)
    assert after.readings == [row for row in before.readings if row[0] == 2]
    assert after.hours == before.hours
    write_retention(timescale, Retention(Family.ENERGY, 400, "Nadia", NOW))
    assert let_go(timescale, NOW + 90 * DAY) is None
    assert tables(timescale).readings == []
    assert tables(timescale).hours == before.hours
    assert read_chunks(timescale, "reading", NOW) == []
    count = DAYS * 138
    assert {one.reason: one.messages for one in read_pruned(timescale)} == {"air": count, "energy": count}


def test_old_frames_go_by_the_chunk_and_never_from_within_a_compressed_one(timescale: psycopg.Connection[Any]) -> None:
    begin(timescale)
    compress(timescale)
    chunks = read_chunks(timescale, "frame", NOW)
    assert prune_old_frames(timescale, chunks[0].end - timedelta(microseconds=1), NOW.date(), 1_000) == 0
    gone = [prune_old_frames(timescale, NOW, NOW.date(), 10) for _ in chunks]
    assert all(gone)
    assert sum(gone) == DAYS * 138
    assert prune_old_frames(timescale, NOW, NOW.date(), 10) == 0


def test_the_engine_is_told_from_the_database(
    timescale: psycopg.Connection[Any], plain: psycopg.Connection[Any]
) -> None:
    engine = read_engine(timescale)
    assert engine.name is EngineName.TIMESCALE
    assert engine.extension_version is not None
    assert engine.hypertables == engine.columnstores == ("forecast_step", "frame", "reading", "rollup_hour")
    assert read_engine(plain).extension_version is None
    assert read_engine(plain).hypertables == ()


def test_an_extension_that_came_after_the_tables_changes_nothing(timescale: psycopg.Connection[Any]) -> None:
    with timescale.transaction(force_rollback=True):
        timescale.execute("CREATE SCHEMA elsewhere")
        for table in ("reading", "forecast_step", "frame", "rollup_hour"):
            timescale.execute(f"ALTER TABLE {table} SET SCHEMA elsewhere")
        assert read_engine(timescale).name is EngineName.PLAIN
