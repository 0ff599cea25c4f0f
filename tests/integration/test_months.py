"""Months of readings on plain PostgreSQL: made where a batch meets none, looked into only where asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest

from core.clock import EPOCH, Window, now
from core.columns import to_microseconds
from core.places import Sensor, SensorKind, Site
from core.quality.marks import codes_of
from core.readings import Batch, Message, Reading
from core.settings import WorkerSettings
from core.store.batches import write_batch
from core.store.months import AHEAD, make_months, make_months_ahead, months_of
from core.store.places import write_series
from core.store.pool import Connection, connected, open_pool
from core.store.readings import read_readings, read_steps
from core.store.runs import RunsAsked, read_state_runs
from core.store.sensors import adopt_sensor
from core.store.touched import Stored, read_stored, touch_series, write_flags
from services.jobs import worker_app

pytestmark = pytest.mark.integration
T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
MESSAGE = Message("vigie/v1/93051/meter/m1/up", b"{}", T0, 2)
PARTS = """
    SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'reading'::regclass
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        sensor = Sensor("m1", SensorKind.METER, "Mairie", Site("93051", "mairie", "Mairie", 2.55, 48.85))
        assert write_series(connection, adopt_sensor(connection, sensor, T0), "power_kw") == 1
        connection.commit()
        yield connection


@pytest.fixture
def plain(connection: Connection) -> Connection:
    """A database whose readings are cut by month."""
    if connection.execute("SELECT relkind FROM pg_class WHERE oid = 'reading'::regclass").fetchone() != ("p",):
        pytest.skip("reading is a hypertable here: it has chunks, and no months")
    return connection


def at(instants: list[datetime]) -> Batch:
    return Batch(T0, [Reading(1, instant, 1.5) for instant in instants], [MESSAGE] * len(instants))


def parts(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute(PARTS)}


def test_a_batch_makes_the_months_it_meets_and_no_other(plain: Connection) -> None:
    before = parts(plain)
    instants = [T0, T0 - timedelta(days=9_000), datetime(2026, 1, 31, 23, 59, 59, 999_999, UTC)]
    assert write_batch(plain, at(instants)).stored == 3
    assert parts(plain) - before == {"reading_2026_03", "reading_2001_07", "reading_2026_01"}
    assert [one.observed_at for one in read_readings(plain, 1, Window(EPOCH, T0 + timedelta(1)))] == sorted(instants)
    again = write_batch(plain, at(instants))
    assert (again.stored, len(again.duplicates)) == (0, 3)


def test_ten_years_of_one_batch_are_121_months(plain: Connection) -> None:
    batch = at([T0 - timedelta(days=days) for days in range(0, 3_650, 10)])
    assert write_batch(plain, batch).stored == 365
    assert len({name for name in parts(plain) if name <= "reading_2026_03"}) == 121
    # Each lies where its month is, and is found there by one look.
    plan = plain.execute(
        "EXPLAIN SELECT value FROM reading WHERE series_id = 1 AND observed_at >= %s AND observed_at < %s",
        (T0, T0 + timedelta(days=7)),
    ).fetchall()
    assert [line for (line,) in plan if " on reading_" in line][1:] == []


def test_in_a_callers_transaction_months_go_with_it(plain: Connection, database_url: str) -> None:
    before = parts(plain)
    plain.commit()
    with plain.transaction(force_rollback=True):
        assert write_batch(plain, at([T0])).stored == 1
        assert write_batch(plain, at([T0, T0 - timedelta(days=60)])).stored == 1
    assert parts(plain) == before
    plain.commit()
    with plain.transaction():
        write_batch(plain, at([T0]))
    with connected(database_url) as other:
        assert parts(other) - before == {"reading_2026_03"}
        assert len(read_readings(other, 1, Window(T0, T0 + timedelta(1)))) == 1


def test_two_processes_that_meet_the_same_missing_month_both_write(plain: Connection, database_url: str) -> None:
    together = threading.Barrier(2)

    def write(offset_s: int) -> int:
        stored = 0
        with connected(database_url) as connection:
            for months in range(12):
                instant = datetime(2012, 1 + months, 9, tzinfo=UTC)
                together.wait(30)
                stored += write_batch(connection, at([instant + timedelta(seconds=offset_s), instant])).stored
        return stored

    with ThreadPoolExecutor(2) as threads:
        stored = [one.result() for one in [threads.submit(write, offset) for offset in (1, 2)]]
    assert sum(stored) == 36
    assert len({name for name in parts(plain) if name.startswith("reading_2012")}) == 12


def test_another_writer_and_a_reader_are_not_held_up_by_a_new_month(plain: Connection, database_url: str) -> None:
    with connected(database_url) as other:
        other.execute("SET lock_timeout = 1000")
        write_batch(plain, at([T0]))
        plain.commit()
        with plain.transaction():
            make_months(plain, [datetime(2013, 5, 1, tzinfo=UTC)])
            assert write_batch(other, at([T0 + timedelta(seconds=1)])).stored == 1
            assert len(read_readings(other, 1, Window(T0, T0 + timedelta(1)))) == 2
            other.commit()


def test_a_month_that_is_there_is_not_made_again(plain: Connection) -> None:
    months = months_of(Window(datetime(2019, 12, 31, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC)))
    assert make_months(plain, months) == months
    assert [f"{month:%Y-%m}" for month in months] == ["2019-12", "2020-01"]
    assert make_months(plain, months) == []


def test_a_month_that_was_taken_down_is_hung_in_again_with_what_it_holds(plain: Connection) -> None:
    write_batch(plain, at([T0]))
    plain.execute("ALTER TABLE reading DETACH PARTITION reading_2026_03")
    plain.commit()
    assert write_batch(plain, at([T0, T0 + timedelta(minutes=1)])).stored == 1
    assert len(read_readings(plain, 1, Window(T0, T0 + timedelta(1)))) == 2


def test_the_months_ahead_are_there(connection: Connection) -> None:
    made = make_months_ahead(connection, datetime(2031, 12, 31, 23, tzinfo=UTC))
    is_plain = connection.execute("SELECT relkind FROM pg_class WHERE oid = 'reading'::regclass").fetchone() == ("p",)
    assert [f"{month:%Y-%m}" for month in made] == (["2031-12", "2032-01", "2032-02", "2032-03"] if is_plain else [])
    assert make_months_ahead(connection, datetime(2032, 1, 1, tzinfo=UTC)) == []


def test_the_worker_makes_them_every_night(
    plain: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = months_of(Window(now(), now() + AHEAD))
    plain.execute(f"DROP TABLE reading_{ahead[-1]:%Y_%m}".encode())
    plain.commit()
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    with open_pool(database_url, 1) as pool:
        app = worker_app(WorkerSettings.from_environment(), pool)
        assert any(one.task.name == "daily_months" for one in app.periodic_registry.periodic_tasks.values())
        app.tasks["daily_months"].func(timestamp=0)
    assert f"reading_{ahead[-1]:%Y_%m}" in parts(plain)


def test_on_a_hypertable_nothing_is_made(connection: Connection) -> None:
    """The same calls on both engines; where chunks make themselves, months are not asked for."""
    before = connection.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'reading_2%'").fetchone()
    made = make_months(connection, [datetime(2014, 5, 1, tzinfo=UTC)])
    after = connection.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'reading_2%'").fetchone()
    assert before is not None
    assert after is not None
    assert (after[0] > before[0]) == bool(made)


def test_a_check_of_an_administrators_own_is_no_missing_month(connection: Connection) -> None:
    connection.execute("ALTER TABLE reading ADD CONSTRAINT their_own CHECK (value < 100)")
    connection.commit()
    batch = Batch(T0, [Reading(1, T0, 100.0)], [MESSAGE])
    with pytest.raises(psycopg.errors.CheckViolation, match="their_own"):
        write_batch(connection, batch)


def months_looked_into(connection: Connection) -> set[str]:
    """Return the months that the transaction has a lock on: a statement locks all that it may look into."""
    rows = connection.execute(
        """
        SELECT relname FROM pg_locks JOIN pg_class ON oid = relation
         WHERE pid = pg_backend_pid() AND relname ~ '^reading_[0-9]+_[0-9]+$'
        """
    )
    return {name for (name,) in rows}


WEEK = Window(datetime(2026, 2, 10, tzinfo=UTC), datetime(2026, 2, 17, tzinfo=UTC))
STORED = Stored(*(np.array([one]) for one in (1, to_microseconds(WEEK.start), 1.5, 0, 0)))
CODES = codes_of(np.array([1, 1]), np.array([to_microseconds(WEEK.start), to_microseconds(WEEK.end)]))
STATEMENTS: dict[str, Callable[[Connection], object]] = {
    "readings": lambda store: read_readings(store, 1, WEEK),
    "readings as of": lambda store: read_readings(store, 1, WEEK, as_of=T0),
    "steps": lambda store: read_steps(store, [1], WEEK, timedelta(hours=1)),
    "runs": lambda store: read_state_runs(store, [1], RunsAsked(WEEK, T0, timedelta(hours=1), 10)),
    "stored": lambda store: read_stored(store, CODES[:1], CODES[1:]),
    "flags": lambda store: write_flags(store, STORED),
    "touched": lambda store: touch_series(store, [1], datetime(2026, 4, 1, tzinfo=UTC)),
    "batch": lambda store: (store.execute("SELECT 1"), write_batch(store, at([WEEK.start, WEEK.start, WEEK.end]))),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_looks_into_a_month_that_it_does_not_ask_for(plain: Connection, name: str) -> None:
    begun = datetime(2025, 1, 1, tzinfo=UTC)
    make_months(plain, months_of(Window(begun, datetime(2026, 4, 2, tzinfo=UTC))))
    write_batch(plain, Batch(T0, [Reading(1, WEEK.start, 7.0)], [MESSAGE]))
    newer = months_of(Window(datetime(2026, 4, 1, tzinfo=UTC), now() + AHEAD))
    plain.commit()
    STATEMENTS[name](plain)
    asked = {f"reading_{month:%Y_%m}" for month in newer} if name == "touched" else {"reading_2026_02"}
    assert months_looked_into(plain) & {f"reading_{month:%Y_%m}" for month in months_of(Window(begun, T0))} <= asked
    assert months_looked_into(plain) & asked


def test_prepared_statements_look_into_their_months_only(plain: Connection) -> None:
    make_months(plain, months_of(Window(datetime(2016, 1, 1, tzinfo=UTC), T0)))
    plain.execute(
        "PREPARE week (timestamptz, timestamptz) AS SELECT value FROM reading WHERE series_id = 1"
        " AND observed_at >= $1 AND observed_at < $2"
    )
    plain.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    plan = plain.execute("EXPLAIN EXECUTE week ('2026-02-01+00', '2026-02-08+00')", prepare=False).fetchall()
    told = "\n".join(line for (line,) in plan)
    assert "Subplans Removed" in told
    assert "reading_2026_02" in told
    assert "reading_2026_01" not in told
