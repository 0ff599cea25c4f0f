"""First models: asked for every minute until they are there, trained once, and postponed where little is known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import procrastinate
import pytest
from issuing import POWER, queue_of, write_town
from pydantic import SecretStr

from core.clock import floor_to_step, format_instant, now
from core.errors import ShortHistory
from core.places import Sensor, SensorKind, Site
from core.readings import Batch, Message, Reading
from core.settings import WorkerSettings
from core.store.batches import write_batch
from core.store.models import read_challenger, read_reigns
from core.store.places import write_series
from core.store.pool import Connection, Pool, connected, open_pool
from core.store.sensors import declare_sensor
from services.forecast import first_models_due, next_models_due
from services.jobs import forecasting
from services.jobs.forecasting import Followers, add_forecasting, ask_to_train_metrics
from services.jobs.queue import TRAIN
from services.quality import judge_touched
from services.training import train_model

pytestmark = pytest.mark.integration
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def settings(database_url: str) -> WorkerSettings:
    return WorkerSettings(database_url=SecretStr(database_url), train_rows_max=1_000, threads=1)


@pytest.fixture
def pool(settings: WorkerSettings) -> Iterator[Pool]:
    with open_pool(settings.dsn, 2) as pool:
        yield pool


@pytest.fixture
def app(database_url: str, settings: WorkerSettings, pool: Pool) -> Iterator[procrastinate.App]:
    end = floor_to_step(now(), HOUR)
    write_town(database_url, end - 16 * DAY, end)
    with queue_of(database_url) as app:
        add_forecasting(app, pool, settings, Followers(of_issue=lambda: None, of_period=lambda _: None))
        yield app


def trained(connection: Connection) -> list[tuple[str]]:
    return connection.execute("SELECT why FROM model ORDER BY model_id").fetchall()


def waiting(connection: Connection) -> list[tuple[str, datetime | None]]:
    return connection.execute(
        "SELECT args->>'metric', scheduled_at FROM procrastinate_jobs WHERE task_name = %s", (TRAIN,)
    ).fetchall()


def test_a_first_model_that_is_asked_for_while_it_is_trained_is_trained_once(
    app: procrastinate.App, database_url: str
) -> None:
    train, while_trained = app.tasks[TRAIN], format_instant(now() + HOUR)
    for _ in range(2):
        train(metric=POWER.name, why="first", asked_at=while_trained)
    with connected(database_url) as connection:
        assert trained(connection) == [("first",)]
    train(metric=POWER.name, why="asked", asked_at=while_trained)
    train(metric=POWER.name, why="asked", asked_at=format_instant(now() - HOUR))
    with connected(database_url) as connection:
        assert trained(connection) == [("first",), ("asked",)]


def test_a_first_model_that_too_little_is_known_for_is_not_tried_every_minute(
    app: procrastinate.App, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_little(*_: object) -> int:
        raise ShortHistory("too few hours")

    monkeypatch.setattr(forecasting, "train_model", too_little)
    began = now()
    app.tasks[TRAIN](metric=POWER.name, why="first", asked_at=format_instant(began))
    ask_to_train_metrics(app, [POWER.name], "first")
    with connected(database_url) as connection:
        [(metric, not_before)] = waiting(connection)
    assert metric == POWER.name
    assert not_before is not None
    assert not_before >= began + forecasting.POSTPONED


def test_where_the_champion_cannot_speak_any_more_the_next_model_does(
    app: procrastinate.App, database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    del app
    first = train_model(pool, settings, POWER, now(), "first")
    assert next_models_due(pool, now()) == []
    with connected(database_url) as connection:
        connection.execute("UPDATE model SET sha256 = repeat('0', 64)")
    assert next_models_due(pool, now()) == [POWER.name]
    second, third = (train_model(pool, settings, POWER, now(), "schedule") for _ in range(2))
    assert next_models_due(pool, now()) == []
    with connected(database_url) as connection:
        assert [reign.model_id for reign in read_reigns(connection, POWER.name)] == [first, second]
        challenger = read_challenger(connection, POWER.name, as_of=now())
    assert challenger is not None
    assert challenger.model_id == third


def test_bins_wait_until_ten_days_before_a_horizon_are_known(database_url: str, pool: Pool) -> None:
    at = datetime.fromisoformat("2026-03-16T00:00:00+00:00")
    sensor = Sensor("bac-1", SensorKind.BIN, "Bac", Site("93051", "bacs", "Bacs"))
    with connected(database_url) as connection:
        series_id = write_series(connection, declare_sensor(connection, sensor, at - 30 * DAY), "fill_ratio")
        rows = [Reading(series_id, at - number * HOUR, (400 - number) % 100 / 100) for number in range(1, 24 * 16)]
        write_batch(connection, Batch(at, rows, [Message("t", b"", at, 0)] * len(rows)))
        judge_touched(connection)
    assert first_models_due(pool, at) == []
    with connected(database_url) as connection:
        rows = [Reading(series_id, at - number * HOUR, 0.5) for number in range(24 * 16, 24 * 18)]
        write_batch(connection, Batch(at, rows, [Message("t", b"", at, 0)] * len(rows)))
        judge_touched(connection)
    assert first_models_due(pool, at) == ["fill_ratio"]


def test_one_that_speaks_live_does_not_have_the_others_learnt_from_half_of_their_history(
    database_url: str, pool: Pool
) -> None:
    end = floor_to_step(now(), HOUR)
    write_town(database_url, end - 30 * DAY, end - 10 * DAY)
    assert first_models_due(pool, end) == []
    with connected(database_url) as connection:
        ids = [row[0] for row in connection.execute("SELECT series_id FROM series ORDER BY series_id")]
    for heard, is_enough in ((1, False), (2, False), (3, True)):
        with connected(database_url) as connection:
            fresh = [Reading(ids[heard - 1], end, 40.0)]
            write_batch(connection, Batch(end, fresh, [Message("t", b"", end, 0)]))
        assert (first_models_due(pool, end) == [POWER.name]) is is_enough
