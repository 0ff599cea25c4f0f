"""Every row carried from a plain PostgreSQL into another database: TimescaleDB, where VIGIE_TEST_SERVER is one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from judging import adopt, judge_all, write
from psycopg import sql

from core.errors import BackupRefused
from core.store.carry import carry
from core.store.migrate import migrate
from core.store.pool import Connection, connected
from vigie.embedded import EmbeddedDatabase

pytestmark = pytest.mark.integration
T0 = datetime(2026, 1, 20, tzinfo=UTC)
NOW = datetime(2026, 7, 1, tzinfo=UTC)
STEP = timedelta(minutes=10)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a town on a server of its own: readings over three months, a rejection, roll-ups."""
    server = EmbeddedDatabase(tmp_path_factory.mktemp("source"))
    address = server.create("town")
    migrate(address)
    with connected(address) as connection:
        series = [*adopt(connection, "salle-2", "co2_ppm", at=T0), *adopt(connection, "compteur", "power_kw", at=T0)]
        for one in series:
            write(connection, [(one, T0 + 30 * STEP * i, 400.0 + i) for i in range(200)], at=NOW)
        write(connection, [(series[0], T0, 9_999.0)], at=NOW)
        judge_all(connection)
    yield address
    server.stop()


def rows(connection: Connection, table: str) -> list[tuple[object, ...]]:
    every = sql.SQL("SELECT * FROM {} AS each ORDER BY each::text").format(sql.Identifier(table))
    return connection.execute(every).fetchall()


def test_every_row_comes_over_whatever_the_engine(source: str, database_url: str) -> None:
    carried = {one.table: one for one in carry(source, database_url)}
    assert [one for one in carried.values() if not one.equal] == []
    assert carried["reading"].found.rows == 400
    assert carried["kept"].found.rows == 1
    with connected(source) as here, connected(database_url) as there:
        for table in ("reading", "rollup_hour", "rollup_day", "latest", "series", "rejection", "kept", "touched"):
            assert rows(here, table) == rows(there, table)


def test_the_target_goes_on_where_the_source_was(source: str, database_url: str) -> None:
    carry(source, database_url)
    with connected(database_url) as connection:
        [new] = adopt(connection, "neuf", "co2_ppm", at=T0)
        assert new > max(series for (series,) in connection.execute("SELECT series_id FROM latest"))
        write(connection, [(new, T0, 400.0), (new, T0 + timedelta(days=400), 401.0)], at=NOW)
        write(connection, [(new, T0, 402.0)], at=NOW)
        assert judge_all(connection).hours_written == 2
        # The trigger that counts what is kept works again.
        assert connection.execute("SELECT sum(messages) FROM kept").fetchone() == (2,)


def test_a_target_that_is_in_use_is_refused(source: str, database_url: str) -> None:
    with connected(database_url) as connection:
        adopt(connection, "neuf", "co2_ppm", at=T0)
    with pytest.raises(BackupRefused, match="has sensors already"):
        carry(source, database_url)


def test_a_target_of_another_schema_is_refused(source: str, database_url: str) -> None:
    with connected(database_url) as connection:
        connection.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0011.care'")
    with pytest.raises(BackupRefused, match="have not run the same migrations"):
        carry(source, database_url)


def test_what_differs_leaves_the_target_as_it_was(
    source: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if a row were lost on its way.
    def lose(connection: Connection) -> None:
        connection.execute("DELETE FROM latest WHERE series_id = (SELECT max(series_id) FROM latest)")

    monkeypatch.setattr("core.store.carry._count_on", lose)
    assert [one.table for one in carry(source, database_url) if not one.equal] == ["latest"]
    with connected(database_url) as connection:
        assert rows(connection, "reading") == []
        assert rows(connection, "sensor") == []
