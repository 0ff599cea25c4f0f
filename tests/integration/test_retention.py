"""Raw readings are let go of by family, chunk by chunk, all counted; what they were rolled up to stays as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from acting import acting_as
from judging import HOUR, MINUTE, adopt, judge_all, write
from typer.testing import CliRunner

from core.clock import Window
from core.columns import from_microseconds
from core.metrics import Family
from core.store import retention as stored_retention
from core.store.chunks import Chunk, read_chunks
from core.store.pool import Connection, connected
from core.store.pruned import read_pruned
from core.store.retention import (
    RAW_DAYS_MIN,
    Retention,
    raise_kept_since,
    read_kept_since,
    read_retention,
    write_retention,
)
from core.store.roles import Login
from services import retention
from services.quality import roll_up_as_of
from services.retention import let_go, read_going
from vigie.__main__ import app

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROLLUPS = "SELECT series_id, hour, count, good, slots, mean, low, high, last FROM rollup_hour ORDER BY 1, 2"
DAYS = "SELECT series_id, day, count, good, hours, mean, low, high, last FROM rollup_day ORDER BY 1, 2"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """An air and an energy series: three days in January 2024, one in June 2025 and one of now, judged."""
    with connected(database_url) as connection:
        [air] = adopt(connection, "salle-2", "co2_ppm", at=START)
        [energy] = adopt(connection, "compteur", "power_kw", at=START)
        days = [START + 12 * DAY, START + 13 * DAY, START + 20 * DAY, datetime(2025, 6, 3, tzinfo=UTC), NOW - DAY]
        for series in (air, energy):
            write(connection, [(series, day + i * 10 * MINUTE, 500.0 + i % 7) for day in days for i in range(144)])
        judge_all(connection)
        connection.commit()
        yield connection


def keep(connection: Connection, family: Family, days: int | None) -> None:
    write_retention(connection, Retention(family, days, "Nadia", NOW))


def run_night(connection: Connection) -> None:
    with acting_as(connection, Login.WORKER):
        after = let_go(connection, NOW)
        while after is not None:
            after = let_go(connection, NOW, after)
        connection.commit()


def raw(connection: Connection) -> dict[int, int]:
    return dict(connection.execute("SELECT series_id, count(*) FROM reading GROUP BY 1 ORDER BY 1").fetchall())


def rolled(connection: Connection) -> list[object]:
    return [connection.execute(ROLLUPS).fetchall(), connection.execute(DAYS).fetchall()]


def pruned(connection: Connection) -> dict[str, int]:
    return {one.reason: one.messages for one in read_pruned(connection) if one.what == "reading"}


def test_nothing_goes_until_somebody_says_so(connection: Connection) -> None:
    run_night(connection)
    assert raw(connection) == {1: 720, 2: 720}
    assert read_kept_since(connection) == {}


def test_one_family_goes_and_the_other_stays(connection: Connection) -> None:
    before = rolled(connection)
    keep(connection, Family.AIR, 180)
    going = list(read_going(connection, NOW))
    assert sum(one.readings for one in going) == 576
    run_night(connection)
    assert raw(connection) == {1: 144, 2: 720}
    assert pruned(connection) == {"air": 576}
    assert rolled(connection) == before
    since = read_kept_since(connection)[Family.AIR]
    assert datetime(2025, 6, 4, tzinfo=UTC) <= since <= NOW - 180 * DAY
    assert list(read_going(connection, NOW)) == []


def test_a_chunk_that_nobody_keeps_is_dropped_whole(connection: Connection) -> None:
    before = rolled(connection)
    chunks = read_chunks(connection, "reading", NOW - 400 * DAY)
    assert chunks
    keep(connection, Family.AIR, 180)
    keep(connection, Family.ENERGY, 400)
    run_night(connection)
    assert read_chunks(connection, "reading", NOW - 400 * DAY) == []
    assert raw(connection) == {1: 144, 2: 288}
    assert pruned(connection) == {"air": 576, "energy": 432}
    assert rolled(connection) == before


def test_for_ever_again_lets_go_of_no_more(connection: Connection) -> None:
    keep(connection, Family.AIR, 180)
    keep(connection, Family.AIR, None)
    run_night(connection)
    assert raw(connection) == {1: 720, 2: 720}
    assert read_retention(connection)[Family.AIR].raw_days is None


def test_a_late_reading_leaves_the_roll_up_of_what_is_gone(connection: Connection) -> None:
    keep(connection, Family.AIR, 180)
    run_night(connection)
    before = rolled(connection)
    late = START + 12 * DAY + 5 * HOUR + 3 * MINUTE
    write(connection, [(1, late, 900.0)])
    assert judge_all(connection).hours_touched == 1
    assert rolled(connection) == before
    run_night(connection)
    assert raw(connection) == {1: 144, 2: 720}
    assert pruned(connection) == {"air": 577}


def test_an_hour_that_was_never_rolled_up_is_before_its_readings_go(connection: Connection) -> None:
    keep(connection, Family.AIR, 180)
    run_night(connection)
    imported = START + 40 * DAY
    write(connection, [(1, imported + i * 10 * MINUTE, 700.0) for i in range(6)])
    run_night(connection)
    assert raw(connection)[1] == 150, "what waits to be judged stays"
    judge_all(connection)
    row = connection.execute("SELECT count, mean FROM rollup_hour WHERE series_id = 1 AND hour = %s", (imported,))
    assert row.fetchone() == (6, 700.0)
    run_night(connection)
    assert raw(connection)[1] == 144


def test_what_is_younger_is_rolled_up_anew_as_ever(connection: Connection) -> None:
    keep(connection, Family.AIR, 180)
    run_night(connection)
    write(connection, [(1, NOW - DAY + 3 * MINUTE, 900.0)])
    judge_all(connection)
    row = connection.execute("SELECT count, high FROM rollup_hour WHERE series_id = 1 AND hour = %s", (NOW - DAY,))
    assert row.fetchone() == (7, 900.0)


def test_a_night_goes_on_where_its_turn_ended(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "TURN_S", 0.0)
    keep(connection, Family.AIR, 180)
    assert let_go(connection, NOW) is not None
    run_night(connection)
    assert raw(connection) == {1: 144, 2: 720}


def test_a_chunk_that_is_being_read_is_left_for_another_night(connection: Connection, database_url: str) -> None:
    keep(connection, Family.AIR, 180)
    keep(connection, Family.ENERGY, 400)
    connection.commit()
    with connected(database_url) as reader:
        reader.execute("SELECT count(*) FROM reading")
        run_night(connection)
    assert read_chunks(connection, "reading", NOW - 400 * DAY) != []
    assert raw(connection) == {1: 144, 2: 288}, "its readings go nevertheless"


def test_what_comes_and_is_judged_while_a_chunk_is_counted_is_not_dropped_with_it(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = START + 40 * DAY
    write(connection, [(1, imported, 700.0)])
    judge_all(connection)
    connection.commit()
    count = stored_retention.count_readings
    came: list[Chunk] = []

    def overtaken(one: Connection, chunk: Chunk, series_ids: Sequence[int] | None = None) -> dict[int, int]:
        counts = count(one, chunk, series_ids)
        if series_ids is None and 1 in counts and not came:
            came.append(chunk)
            with connected(database_url) as other:
                write(other, [(2, imported, 500.0)])
                judge_all(other)
        return counts

    monkeypatch.setattr(stored_retention, "count_readings", overtaken)
    keep(connection, Family.AIR, 180)
    run_night(connection)
    assert came
    assert raw(connection) == {1: 144, 2: 721}, "energy is kept for ever"


def test_the_command_says_what_would_go_and_keeps_what_was_said(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    runner = CliRunner()
    asked = ["storage", "keep", "air", "--days", "200", "--by", "Nadia"]
    dry = runner.invoke(app, [*asked, "--dry-run"])
    assert "roll-ups stay" in dry.output
    assert read_retention(connection) == {}
    assert runner.invoke(app, asked).exit_code == 0
    shown = runner.invoke(app, ["storage", "show"]).output
    assert "200 days" in shown
    assert "Nadia" in shown
    assert raw(connection) == {1: 720, 2: 720}


@pytest.mark.parametrize(
    "wrong",
    [
        ["air", "--days", str(RAW_DAYS_MIN[Family.AIR] - 1), "--by", "Nadia"],
        ["energy", "--days", "399", "--by", "Nadia"],
        ["air", "--by", "Nadia"],
        ["air", "--days", "400", "--for-ever", "--by", "Nadia"],
        ["air", "--days", "400", "--by", " "],
    ],
)
def test_the_command_refuses_too_few_days_and_an_unsigned_word(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch, wrong: list[str]
) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    assert CliRunner().invoke(app, ["storage", "keep", *wrong]).exit_code != 0
    assert read_retention(connection) == {}


def test_of_what_went_nothing_is_told_as_of_an_instant(connection: Connection) -> None:
    [(air,)] = connection.execute("SELECT series_id FROM series WHERE metric = 'co2_ppm'").fetchall()
    whole = Window(START + 12 * DAY, START + 14 * DAY)
    as_of = datetime.now(UTC)
    assert len(roll_up_as_of(connection, air, whole, as_of)) == 48
    raise_kept_since(connection, Family.AIR, START + 13 * DAY)
    told = roll_up_as_of(connection, air, whole, as_of)
    assert [from_microseconds(int(hour)) for hour in told.hours[:1]] == [START + 13 * DAY]
    assert len(told) == 24
