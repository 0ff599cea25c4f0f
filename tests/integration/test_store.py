"""The store on a real PostgreSQL: idempotent writes, conflicts, as-of reads, the live feed's order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core.clock import Window
from core.forecasts import QUANTILES, Forecast, ForecastStep, Score
from core.places import Origin, Sensor, SensorKind, Site, communes
from core.readings import Aside, Batch, Message, Reading, Reason, Rejection
from core.store import asides, batches, forecasts, live, places, readings, rejections, scores, sensors
from core.store.latest import read_latest
from core.store.migrate import migrate
from core.store.pool import Connection, connected

pytestmark = pytest.mark.integration
T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
MESSAGE = Message("vigie/v1/93051/meter/m1/up", b"{}", T0, 2)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        yield connection


@pytest.fixture
def series_id(connection: Connection) -> int:
    sensor = Sensor("m1", SensorKind.METER, "Mairie", Site("93051", "mairie", "Mairie", 2.55, 48.85))
    series_id = places.write_series(connection, sensors.adopt_sensor(connection, sensor, T0), "power_kw")
    connection.commit()
    return series_id


def batch_of(series_id: int, values: list[float], *, received_at: datetime = T0) -> Batch:
    rows = [Reading(series_id, T0 + timedelta(minutes=i), value) for i, value in enumerate(values)]
    return Batch(received_at, rows, [MESSAGE] * len(rows))


def test_migrations_run_once(database_url: str) -> None:
    assert migrate(database_url) == []


def test_communes_are_130_today_and_131_before_the_merger(connection: Connection) -> None:
    today = [commune.insee for commune, _ in places.read_communes(connection, on=datetime(2026, 1, 1, tzinfo=UTC))]
    before = [commune.insee for commune, _ in places.read_communes(connection, on=datetime(2024, 12, 31, tzinfo=UTC))]
    assert len(today) == 130
    assert set(before) - set(today) == {"93059"}
    assert communes()["93059"].merged_into == "93066"


def test_a_batch_written_twice_counts_once(connection: Connection, series_id: int) -> None:
    batch = batch_of(series_id, [1.0, 2.0, 3.0])
    first, second = batches.write_batch(connection, batch), batches.write_batch(connection, batch)
    assert (first.stored, second.stored) == (3, 0)
    assert set(second.duplicates) == {0, 1, 2}
    kept = readings.read_readings(connection, series_id, Window(T0, T0 + timedelta(hours=1)))
    assert [reading.value for reading in kept] == [1.0, 2.0, 3.0]


def test_another_value_for_a_known_instant_is_kept_as_a_conflict(connection: Connection, series_id: int) -> None:
    batches.write_batch(connection, batch_of(series_id, [1.0]))
    outcome = batches.write_batch(connection, batch_of(series_id, [9.0]))
    assert (outcome.stored, set(outcome.conflicts)) == (0, {0})
    [kept] = rejections.read_rejections(connection)
    assert kept.rejection.reason is Reason.CONFLICT
    assert kept.rejection.message.payload == MESSAGE.payload
    [stored] = readings.read_readings(connection, series_id, Window(T0, T0 + timedelta(hours=1)))
    assert stored.value == 1.0


def test_within_a_batch_the_first_wins(connection: Connection, series_id: int) -> None:
    rows = [Reading(series_id, T0, value) for value in (1.0, 1.0, 2.0)]
    outcome = batches.write_batch(connection, Batch(T0, rows, [MESSAGE] * 3))
    assert (outcome.stored, set(outcome.duplicates), set(outcome.conflicts)) == (1, {1}, {2})


def test_a_failed_batch_leaves_nothing(connection: Connection, series_id: int) -> None:
    batch = batch_of(series_id, [1.0])
    batch.rejections.append(Rejection(replace(MESSAGE, topic="nul\x00"), Reason.WRONG_TOPIC, "a topic with NUL"))
    with pytest.raises(psycopg.DataError):
        batches.write_batch(connection, batch)
    assert readings.read_readings(connection, series_id, Window(T0, T0 + timedelta(hours=1))) == []


def test_history_is_read_as_of_an_instant(connection: Connection, series_id: int) -> None:
    batches.write_batch(connection, batch_of(series_id, [1.0], received_at=T0 + timedelta(hours=1)))
    window = Window(T0, T0 + timedelta(hours=1))
    assert readings.read_readings(connection, series_id, window, as_of=T0 + timedelta(minutes=59)) == []
    assert len(readings.read_readings(connection, series_id, window, as_of=T0 + timedelta(hours=1))) == 1
    early = readings.read_steps(connection, [series_id], window, timedelta(hours=1), as_of=T0)
    assert early == {series_id: []}


def test_steps_have_no_zero_for_missing(connection: Connection, series_id: int) -> None:
    rows = [Reading(series_id, T0, 4.0), Reading(series_id, T0 + timedelta(hours=2, minutes=59), 6.0)]
    batches.write_batch(connection, Batch(T0, rows, [MESSAGE] * 2))
    steps = readings.read_steps(connection, [series_id], Window(T0, T0 + timedelta(hours=3)), timedelta(hours=1))
    assert [(step.start, step.mean, step.count) for step in steps[series_id]] == [
        (T0, 4.0, 1),
        (T0 + timedelta(hours=2), 6.0, 1),
    ]


def test_latest_never_goes_back(connection: Connection, series_id: int) -> None:
    batches.write_batch(connection, batch_of(series_id, [1.0, 2.0]))
    batches.write_batch(connection, Batch(T0, [Reading(series_id, T0 - timedelta(days=1), 7.0)], [MESSAGE]))
    [newest] = read_latest(connection, commune="93051")
    assert (newest.value, newest.observed_at) == (2.0, T0 + timedelta(minutes=1))


def test_live_events_are_in_commit_order(database_url: str, connection: Connection, series_id: int) -> None:
    def write(offset: int) -> None:
        with connected(database_url) as mine:
            for i in range(20):
                at = T0 + timedelta(hours=offset, minutes=i)
                batches.write_batch(mine, Batch(at, [Reading(series_id, at, float(i))], [MESSAGE]))
                mine.commit()

    async def follow() -> list[int]:
        seen: list[int] = []
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as reader:
            await live.listen_live(reader)
            while writers_alive() or (await live.read_live_bounds(reader))[1] > (seen[-1] if seen else 0):
                seen += [event.event_id for event in await live.read_live(reader, after=seen[-1] if seen else 0)]
                await asyncio.sleep(0.001)
        return seen

    def writers_alive() -> bool:
        return any(thread.is_alive() for thread in threads)

    threads = [threading.Thread(target=write, args=(offset,)) for offset in (1, 2)]
    for thread in threads:
        thread.start()
    seen = asyncio.run(follow())
    stored = [row[0] for row in connection.execute("SELECT event_id FROM live_event ORDER BY event_id")]
    assert seen == stored
    assert len(seen) >= 20


def test_an_unknown_sensor_is_kept_aside_until_adopted(connection: Connection) -> None:
    aside = Aside(replace(MESSAGE, topic="vigie/v1/93051/bin/b9/up"), "b9", "native")
    for _ in range(2):
        batches.write_batch(connection, Batch(T0, asides=[aside]))
    [unknown] = asides.read_unknown_sensors(connection)
    assert (unknown.external_id, unknown.messages) == ("b9", 1)
    assert asides.take_adopted_asides(connection, 10) == []
    sensor = Sensor("b9", SensorKind.BIN, "Bac 9", Site("93051", "rue", "Rue"), Origin.FIELD)
    sensors.adopt_sensor(connection, sensor, T0)
    [message] = asides.take_adopted_asides(connection, 10)
    assert (message.topic, message.payload) == (aside.message.topic, aside.message.payload)
    assert asides.read_unknown_sensors(connection) == []


def forecast_of(series_id: int, issued_at: datetime, fallback: str | None = "no_model") -> Forecast:
    steps = [
        ForecastStep(issued_at + timedelta(hours=lead), tuple(float(level * 100) for level in QUANTILES), 50.0)
        for lead in range(3)
    ]
    return Forecast(series_id, issued_at, timedelta(hours=1), issued_at - timedelta(hours=1), steps, None, fallback)


def test_forecasts_are_kept_and_read_as_of(connection: Connection, series_id: int) -> None:
    first, second = forecast_of(series_id, T0), forecast_of(series_id, T0 + timedelta(hours=1))
    assert forecasts.write_forecasts(connection, [first, second, first]) == 2
    newest = forecasts.read_forecast(connection, series_id)
    earlier = forecasts.read_forecast(connection, series_id, as_of=T0 + timedelta(minutes=59))
    assert newest is not None
    assert earlier is not None
    assert (newest.issued_at, earlier.issued_at) == (second.issued_at, T0)
    assert list(newest.steps) == list(second.steps)


def test_a_forecast_is_scored_once_when_its_time_has_passed(connection: Connection, series_id: int) -> None:
    forecasts.write_forecasts(connection, [forecast_of(series_id, T0)])
    due = T0 + timedelta(hours=4)
    assert scores.read_passed(connection, "power_kw", ended_by=due - timedelta(seconds=1), limit=9) == []
    [passed] = scores.read_passed(connection, "power_kw", ended_by=due, limit=9)
    assert (passed.series_id, passed.issued_at, passed.step, passed.steps) == (series_id, T0, timedelta(hours=1), 3)
    score = Score(series_id, T0, 0, None, None, None, None, None)
    assert scores.write_scores(connection, [score], due) == {(series_id, T0)}
    assert scores.write_scores(connection, [score], due) == set()
    assert scores.read_passed(connection, "power_kw", ended_by=due, limit=9) == []


def test_a_late_issue_is_scored_though_later_ones_were(connection: Connection, series_id: int) -> None:
    late = T0 + timedelta(hours=3)
    forecasts.write_forecasts(connection, [forecast_of(series_id, late)])
    due = late + timedelta(hours=4)
    scores.write_scores(connection, [Score(series_id, late, 0, None, None, None, None, None)], due)
    forecasts.write_forecasts(
        connection, [forecast_of(series_id, T0), forecast_of(series_id, late - scores.LATE_ISSUES)]
    )
    assert [one.issued_at for one in scores.read_passed(connection, "power_kw", ended_by=due, limit=9)] == [T0]


def test_crossed_quantiles_never_reach_the_table(connection: Connection, series_id: int) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "INSERT INTO forecast_step (series_id, issued_at, valid_at, p05, p10, p25, p50, p75, p90, p95)"
            " VALUES (%s, %s, %s, 1, 2, 3, 2, 5, 6, 7)",
            (series_id, T0, T0),
        )
