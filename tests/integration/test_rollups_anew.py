"""What was rolled up before days were, and before states were weighed by time, is rolled up anew by the worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from judging import HOUR, MINUTE, T0, adopt, judge_all, tables, write

from core.sensor_life import Signature
from core.store import sensor_life
from core.store.pool import Connection, connected
from services.quality import judge_touched, roll_unrolled

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as opened:
        opened.autocommit = True
        yield opened


def test_old_roll_ups_are_written_anew(connection: Connection) -> None:
    series = {
        metric: adopt(connection, metric.replace("_", "-"), metric)[0]
        for metric in ("co2_ppm", "electricity_kwh", "occupied", "bikes_count")
    }
    rows = [(series["co2_ppm"], T0 + n * 10 * MINUTE, 600.0 + n % 9) for n in range(300)]
    rows += [(series["electricity_kwh"], T0 + n * 15 * MINUTE, 900.0 + n) for n in range(200)]
    rows += [(series["occupied"], T0 + n * 35 * MINUTE, float(n % 3 == 0)) for n in range(90)]
    rows += [(series["bikes_count"], T0 + n * HOUR, 5.0 + n % 7) for n in range(50)]
    write(connection, rows)
    judge_all(connection)
    expected = tables(connection)
    assert roll_unrolled(connection) == 0
    # As 0006 left them: means of readings, no known time, no sum, no day.
    connection.execute("DELETE FROM rollup_hour WHERE count = 0")
    connection.execute("UPDATE rollup_hour SET known_s = NULL, mean = 0.5 WHERE series_id = %s", (series["occupied"],))
    connection.execute("UPDATE rollup_hour SET increment = NULL WHERE series_id = %s", (series["bikes_count"],))
    connection.execute("TRUNCATE rollup_day")
    connection.execute("INSERT INTO unrolled SELECT series_id FROM latest")
    assert roll_unrolled(connection) == 4
    # The days of levels and indexes come from their hours; states and counts are judged.
    assert judge_touched(connection).hours_touched > 90
    assert not judge_touched(connection).hours_touched
    assert tables(connection) == expected
    assert connection.execute("SELECT count(*) FROM unrolled").fetchone() == (0,)


def test_several_transactions_take_what_is_to_be_written_anew(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.quality.UNROLLED_MAX", 2)
    for number in range(5):
        [series_id] = adopt(connection, f"salle-{number}", "co2_ppm")
        write(connection, [(series_id, T0, 600.0)])
    judge_all(connection)
    connection.execute("TRUNCATE rollup_day")
    connection.execute("INSERT INTO unrolled SELECT series_id FROM latest")
    assert [roll_unrolled(connection) for _ in range(4)] == [2, 2, 1, 0]
    assert connection.execute("SELECT count(*) FROM rollup_day").fetchone() == (5,)


def test_a_day_that_comes_to_the_same_is_not_written_again(connection: Connection) -> None:
    [series_id] = adopt(connection, "salle-2", "temperature_c")
    write(connection, [(series_id, T0 + n * 10 * MINUTE, 20.0 + n % 5 / 10) for n in range(300)])
    judge_all(connection)
    before = connection.execute("SELECT day, rolled_at FROM rollup_day ORDER BY day").fetchall()
    assert len(before) == 3
    write(connection, [(series_id, T0 + 30 * HOUR + 5 * MINUTE, 20.2)])
    assert judge_all(connection).days_written == 1
    after = connection.execute("SELECT day, rolled_at FROM rollup_day ORDER BY day").fetchall()
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]


def test_another_interval_makes_other_hours_valid_though_none_moves(connection: Connection) -> None:
    [series_id] = adopt(connection, "velos", "bikes_count")
    set_interval(connection, 30 * 60)
    write(connection, [(series_id, T0 + minutes * MINUTE, 0.0) for minutes in (7.5, 15, 22.5)])
    judge_all(connection)
    assert slots_and_valid(connection) == [(2, 1)]
    set_interval(connection, 15 * 60)
    judged = judge_all(connection)
    assert (judged.hours_written, judged.days_written) == (0, 1)
    assert slots_and_valid(connection) == [(2, 0)]


def set_interval(connection: Connection, interval_s: int) -> None:
    held = sensor_life.hold_sensor(connection, 1)
    sensor_life.edit_sensor(connection, held, replace(held, interval_s=interval_s), Signature("Nadia", T0))


def slots_and_valid(connection: Connection) -> list[tuple[int, int]]:
    return connection.execute("SELECT slots, hours_valid FROM rollup_day ORDER BY day").fetchall()
