"""Judging on a real PostgreSQL: flags, roll-ups and calibrations, whatever the order and whoever works beside."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from judging import COMMUNE, HOUR, MINUTE, T0, Tables, adopt, flags_of, judge_all, tables, write
from pydantic import SecretStr

from core.clock import Window
from core.quality.calibrations import Calibration
from core.readings import NO_FLAG, Flag, Quality
from core.registry_csv import parse_csv
from core.registry_plan import plan_lines
from core.sensor_life import Signature
from core.settings import WorkerSettings
from core.store import calibrations, readings, rollups, sensor_bulk, sensor_life, sensors, touched
from core.store.latest import read_latest
from core.store.pool import Connection, connected, open_pool
from core.store.roles import Login, as_login
from services import jobs
from services.jobs.queue import JUDGE
from services.quality import judge_touched

pytestmark = pytest.mark.integration
DAY = Window(T0 - 12 * HOUR, T0 + 24 * HOUR)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as opened:
        opened.autocommit = True
        yield opened


def room(series_id: int, values: list[float], start: datetime = T0) -> list[tuple[int, datetime, float]]:
    """Return readings of a room, each ten minutes."""
    return [(series_id, start + number * 10 * MINUTE, value) for number, value in enumerate(values)]


def test_a_spike_is_flagged_when_the_next_reading_shows_it(connection: Connection) -> None:
    [series_id] = adopt(connection, "salle-2", "temperature_c")
    write(connection, room(series_id, [20.0, 20.1, 45.0]))
    assert judge_all(connection).readings_moved == 1
    assert flags_of(connection, series_id) == [NO_FLAG, NO_FLAG, Flag.STEP]
    [latest] = read_latest(connection)
    assert (latest.quality, Flag(latest.flags)) == (Quality.SUSPECT, Flag.STEP)
    write(connection, room(series_id, [20.2], T0 + 30 * MINUTE))
    judge_all(connection)
    assert flags_of(connection, series_id) == [NO_FLAG, NO_FLAG, Flag.SPIKE, NO_FLAG]
    [latest] = read_latest(connection)
    assert (latest.quality, latest.flags) == (Quality.GOOD, 0)
    hours = rollups.read_hours(connection, series_id, DAY)
    assert np.column_stack((hours.count, hours.good, hours.slots, hours.high)).tolist() == [[4, 3, 3, 20.2]]
    assert hours.mean == pytest.approx([20.1])


def test_what_is_bad_is_left_out_of_steps(connection: Connection) -> None:
    [series_id] = adopt(connection, "salle-2", "temperature_c")
    write(connection, room(series_id, [20.0, 20.1, 45.0, 20.1]))
    judge_all(connection)
    [step] = readings.read_steps(connection, [series_id], DAY, HOUR)[series_id]
    assert (step.high, step.count) == (20.1, 3)
    raw = readings.read_readings(connection, series_id, DAY)
    assert [(one.value, one.flags) for one in raw][2] == (45.0, Flag.SPIKE)


def test_what_is_judged_twice_is_written_once(connection: Connection) -> None:
    [series_id] = adopt(connection, "salle-2", "co2_ppm")
    write(connection, room(series_id, [600.0, 2_900.0, 610.0]))
    judge_all(connection)
    before = tables(connection)
    touched.touch_series(connection, [series_id], T0)
    judged = judge_all(connection)
    assert (judged.hours_touched, judged.readings_moved, judged.hours_written) == (1, 0, 0)
    assert tables(connection) == before


def test_a_conflict_keeps_its_flag_through_judging(connection: Connection) -> None:
    [series_id] = adopt(connection, "salle-2", "co2_ppm")
    write(connection, room(series_id, [600.0, 610.0]))
    write(connection, [(series_id, T0, 700.0)])
    judge_all(connection)
    assert flags_of(connection, series_id) == [Flag.DUPLICATE_TIME, NO_FLAG]
    [first, _] = readings.read_readings(connection, series_id, DAY)
    assert (first.value, first.quality) == (600.0, Quality.SUSPECT)


def made_up_days(connection: Connection) -> list[tuple[int, datetime, float]]:
    """Return three days of five series with a fault of every kind."""
    co2, power, index, bikes, slow = (
        adopt(connection, name, metric)[0]
        for name, metric in (
            ("salle-2", "co2_ppm"),
            ("compteur", "power_kw"),
            ("index", "electricity_kwh"),
            ("velos", "bikes_count"),
            ("bac", "fill_ratio"),
        )
    )
    dice = random.Random(4)  # noqa: S311 - no secret
    rows = [(co2, T0 + n * 10 * MINUTE, 600.0 + dice.random() * 80) for n in range(432) if n % 50 > 4]
    rows = [
        (s, at, 655.0 if 20 < n < 70 else 9_000.0 if n % 97 == 0 else value) for n, (s, at, value) in enumerate(rows)
    ]
    rows += [(power, T0 + n * 15 * MINUTE, 0.0 if n % 61 == 0 else 80.0 + dice.random()) for n in range(288)]
    total = 9_800.0
    for n in range(288):
        total += dice.random() * 8
        shown = total % 10_000 if n < 200 else total - 10_300
        rows.append((index, T0 + n * 15 * MINUTE, 0.0 if n % 53 == 7 else shown))
    rows += [(bikes, T0 + n * HOUR, 0.0 if 20 < n < 60 else 40.0 + n % 7) for n in range(72)]
    rows += [(slow, T0 + n * HOUR, 0.9 if n == 30 else 0.4) for n in range(72)]
    return rows


def test_any_order_of_arrival_ends_in_the_tables_of_recomputing_all(connection: Connection) -> None:
    rows = made_up_days(connection)
    random.Random(5).shuffle(rows)  # noqa: S311 - as above
    for start in range(0, len(rows), 60):
        write(connection, rows[start : start + 60])
        if start % 3 == 0:
            judge_touched(connection)
    judge_all(connection)
    arrived = tables(connection)
    carried = {Flag(flags) for *_, flags in arrived.readings}
    assert {NO_FLAG, Flag.STUCK, Flag.SPIKE, Flag.RESET, Flag.ROLL_OVER} <= carried
    assert arrived == recomputed(connection)


def recomputed(connection: Connection) -> Tables:
    """Return the tables after forgetting all that was judged, and judging every hour at once."""
    connection.execute("UPDATE reading SET flags = 0, quality = 0")
    connection.execute("UPDATE latest SET flags = 0, quality = 0")
    connection.execute("TRUNCATE rollup_hour, rollup_day")
    ids = [row[0] for row in connection.execute("SELECT series_id FROM series")]
    touched.touch_series(connection, ids, T0 - timedelta(days=400))
    judge_all(connection)
    return tables(connection)


def test_workers_beside_each_other_end_in_the_same_tables(database_url: str, connection: Connection) -> None:
    rows = made_up_days(connection)
    random.Random(6).shuffle(rows)  # noqa: S311 - as above
    written = threading.Event()
    faults: list[Exception] = []

    def work() -> None:
        try:
            with connected(database_url) as own:
                own.autocommit = True
                while not written.is_set() or touched.count_touched(own):
                    judge_touched(own)
        except Exception as error:  # noqa: BLE001 - told to the test
            faults.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for start in range(0, len(rows), 25):
        write(connection, rows[start : start + 25])
    written.set()
    for worker in workers:
        worker.join(60)
    assert faults == []
    assert touched.count_touched(connection) == 0
    together = tables(connection)
    assert together == recomputed(connection)


def test_a_mark_stays_until_the_work_is_committed(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    [series_id] = adopt(connection, "salle-2", "temperature_c")
    write(connection, room(series_id, [20.0, 45.0, 20.0]))

    def fails(*_: object) -> int:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr("services.quality.write_hours", fails)
        with pytest.raises(ZeroDivisionError):
            judge_touched(connection)
    assert flags_of(connection, series_id) == [NO_FLAG] * 3
    assert judge_all(connection).hours_touched == 1
    assert flags_of(connection, series_id)[1] == Flag.SPIKE


def test_a_late_reading_reopens_its_hours_and_only_them(connection: Connection) -> None:
    [series_id] = adopt(connection, "salle-2", "temperature_c")
    write(connection, room(series_id, [20.0 + n % 5 / 10 for n in range(1_200)], T0 - 200 * HOUR))
    judge_all(connection)
    write(connection, [(series_id, T0 - 100 * HOUR + 5 * MINUTE, 20.2)])
    judged = judge_all(connection)
    assert judged.hours_touched == 1
    assert judged.hours_written == 1
    assert judged.readings < 800


def test_a_calibration_moves_history_and_future_and_no_raw_value(connection: Connection) -> None:
    [series_id] = adopt(connection, "salle-2", "co2_ppm")
    write(connection, room(series_id, [600.0, 410.0, 620.0, 640.0]))
    judge_all(connection)
    set_at = T0 + 2 * HOUR
    moved = calibrations.write_calibration(
        connection, Calibration(series_id, T0 + 10 * MINUTE, set_at, 1.0, -40.0, "Nadia", "bouteille étalon")
    )
    assert moved == 1
    judge_all(connection)
    raw = connection.execute("SELECT value FROM reading ORDER BY observed_at").fetchall()
    assert raw == [(600.0,), (410.0,), (620.0,), (640.0,)]
    found = readings.read_readings(connection, series_id, DAY)
    assert [one.value for one in found] == [600.0, 370.0, 580.0, 600.0]
    assert [one.flags for one in found] == [NO_FLAG, Flag.BOUNDS, NO_FLAG, NO_FLAG]
    known = readings.read_readings(connection, series_id, DAY, as_of=set_at - MINUTE)
    assert [one.value for one in known] == [600.0, 410.0, 620.0, 640.0]
    [step] = readings.read_steps(connection, [series_id], DAY, HOUR)[series_id]
    assert [step.mean] == rollups.read_hours(connection, series_id, DAY).mean.tolist() == [537.5]
    [latest] = read_latest(connection)
    assert latest.value == 600.0
    write(connection, room(series_id, [650.0], T0 + 40 * MINUTE))
    assert [one.value for one in read_latest(connection)] == [610.0]
    [change] = [one for one in sensors.read_changes(connection, 1) if one.what == calibrations.CALIBRATED]
    assert change.after["shift"] == -40.0
    assert (change.signed.author, change.signed.at) == ("Nadia", set_at)


def test_the_newest_setting_of_one_start_counts_and_all_are_kept(connection: Connection) -> None:
    [series_id] = adopt(connection, "salle-2", "co2_ppm")
    write(connection, room(series_id, [600.0, 620.0]))
    for hour, shift in ((1, -10.0), (2, -20.0)):
        calibrations.write_calibration(connection, Calibration(series_id, T0, T0 + hour * HOUR, 1.0, shift, "Nadia"))
    assert [one.shift for one in calibrations.read_calibrations(connection, series_id)] == [-20.0, -10.0]
    assert [one.value for one in readings.read_readings(connection, series_id, DAY)] == [580.0, 600.0]
    then = readings.read_readings(connection, series_id, DAY, as_of=T0 + 90 * MINUTE)
    assert [one.value for one in then] == [590.0, 610.0]


def test_a_calibration_that_ran_out_is_told_and_renewed(connection: Connection) -> None:
    [series_id] = adopt(connection, "air-1", "no2_ugm3", at=T0 - timedelta(days=366))
    write(connection, [(series_id, T0 + n * HOUR, 30.0 + n) for n in range(3)])
    judge_all(connection)
    assert flags_of(connection, series_id) == [Flag.UNCALIBRATED] * 3
    calibrations.write_calibration(connection, Calibration(series_id, T0 + HOUR, T0 + 3 * HOUR, 1.02, 0.0, "Nadia"))
    judge_all(connection)
    assert flags_of(connection, series_id) == [Flag.UNCALIBRATED, NO_FLAG, NO_FLAG]


def interval_edited(connection: Connection, sensor_id: int, interval_s: int) -> None:
    held = sensor_life.hold_sensor(connection, sensor_id)
    signed = Signature("Nadia", T0 + DAY.length)
    sensor_life.edit_sensor(connection, held, replace(held, interval_s=interval_s), signed)


def test_another_interval_has_the_history_judged_again(connection: Connection) -> None:
    [series_id] = adopt(connection, "salle-2", "co2_ppm")
    write(connection, room(series_id, [600.0, 602.0, 604.0, 601.0, 603.0, 605.0]))
    judge_all(connection)
    before = rollups.read_hours(connection, series_id, DAY)
    interval_edited(connection, 1, 1_800)
    assert judge_all(connection).hours_touched == 1
    after = rollups.read_hours(connection, series_id, DAY)
    assert [one.tolist() for one in (before.count, before.slots, after.count, after.slots)] == [[6], [6], [6], [2]]
    interval_edited(connection, 1, 1_800)
    assert judge_all(connection).hours_touched == 0


def test_a_spreadsheet_of_intervals_has_those_that_changed_judged_again(connection: Connection) -> None:
    for name in ("salle-2", "salle-3"):
        [series_id] = adopt(connection, name, "co2_ppm")
        write(connection, room(series_id, [600.0, 602.0]))
    interval_edited(connection, 2, 1_800)
    judge_all(connection)
    header = b"external_id;kind;name;commune;site;interval_s\n"
    asked = parse_csv(header + b"salle-2;indoor_air;salle-2;93051;ecole;1800\nsalle-3;indoor_air;B;93051;ecole;1800\n")
    plan = plan_lines(asked, sensor_bulk.read_registered(connection, ["salle-2", "salle-3"]))
    assert not plan.faults
    sensor_bulk.write_plan(connection, plan, Signature("Nadia", T0 + DAY.length))
    assert judge_all(connection).hours_touched == 1


def test_a_retired_sensor_has_no_latest_reading_and_keeps_its_history(connection: Connection) -> None:
    [series_id] = adopt(connection, "salle-2", "co2_ppm")
    [other_id] = adopt(connection, "salle-3", "co2_ppm")
    write(connection, [(series_id, T0, 600.0), (other_id, T0, 700.0)])
    held = sensor_life.hold_sensor(connection, 1)
    signed = Signature("Nadia", T0 + HOUR)
    sensor_life.retire_sensor(connection, held, T0 + HOUR, signed)
    assert [one.series_id for one in read_latest(connection, commune=COMMUNE)] == [other_id]
    assert [one.value for one in readings.read_readings(connection, series_id, DAY)] == [600.0]
    retired = sensor_life.hold_sensor(connection, 1)
    sensor_life.edit_sensor(connection, retired, replace(retired, retired_at=None), signed)
    assert [one.series_id for one in read_latest(connection, commune=COMMUNE)] == [series_id, other_id]


def test_a_calibration_of_no_series_is_refused(connection: Connection) -> None:
    with pytest.raises(KeyError):
        calibrations.write_calibration(connection, Calibration(999, T0, T0, 1.0, 0.0, "Nadia"))


def test_the_worker_judges_until_no_hour_is_left(
    database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each job takes one row of marks and goes back on the queue.
    monkeypatch.setattr("services.quality.ROWS_MAX", 1)
    monkeypatch.setattr(jobs, "JUDGED_AT_ONCE", 1)
    [series_id] = adopt(connection, "salle-2", "temperature_c")
    for number, value in enumerate([20.0, 45.0, 20.0]):
        write(connection, room(series_id, [value], T0 + number * 10 * MINUTE))
    settings = WorkerSettings(database_url=SecretStr(as_login(database_url, Login.WORKER)))

    async def work() -> None:
        app = jobs.worker_app(settings, pool)
        async with app.open_async():
            await app.configure_task(JUDGE).defer_async(timestamp=0)
            await app.run_worker_async(
                wait=False, listen_notify=False, install_signal_handlers=False, delete_jobs="successful"
            )

    with open_pool(settings.dsn, 2) as pool:
        asyncio.run(work())
    assert touched.count_touched(connection) == 0
    assert flags_of(connection, series_id) == [NO_FLAG, Flag.SPIKE, NO_FLAG]
