"""The worker's jobs on a real database: due, trained, forecast with what was known, scored when the time has come."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import Window
from core.metrics import metric_named
from core.places import Sensor, SensorKind, Site
from core.readings import Batch, Message, Reading
from core.sensor_life import Signature
from core.settings import WorkerSettings
from core.store.arrow import opened_arrow
from core.store.batches import write_batch
from core.store.forecasts import read_forecast, read_model, read_models
from core.store.places import write_series
from core.store.pool import Pool, connected, open_pool
from core.store.roles import Login, as_login
from core.store.sensor_life import hold_sensor, retire_sensor
from core.store.sensors import declare_sensor
from services.forecast import issue_forecasts, metrics_due, read_history, score_forecasts, train_model
from services.jobs import ask_to_train
from services.quality import judge_touched

pytestmark = pytest.mark.integration
NOW = datetime(2026, 3, 16, 9, 20, tzinfo=UTC)
POWER = metric_named("power_kw")
MESSAGE = Message("t", b"", NOW, 0)


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> WorkerSettings:
    monkeypatch.setenv("VIGIE_DATABASE_URL", as_login(database_url, Login.WORKER))
    monkeypatch.setenv("VIGIE_TRAIN_ROWS_MAX", "3000")
    return WorkerSettings.from_environment()


@pytest.fixture
def pool(settings: WorkerSettings) -> Iterator[Pool]:
    with open_pool(settings.dsn, 2) as pool:
        yield pool


def write_power(dsn: str, start: datetime, end: datetime, *, received_at: datetime | None = None) -> int:
    """Write an hourly load with a daily shape for one building; return its series."""
    with connected(dsn) as connection:
        sensor = Sensor("b1", SensorKind.METER, "Mairie", Site("93051", "mairie", "Mairie"))
        series_id = write_series(connection, declare_sensor(connection, sensor, start), "power_kw")
        hours = int((end - start) / timedelta(hours=1))
        rows = [
            Reading(series_id, at, 50 + 30 * math.sin(at.hour / 24 * 2 * math.pi) + (7 * i) % 5)
            for i in range(hours)
            for at in [start + timedelta(hours=i)]
        ]
        write_batch(connection, Batch(received_at or end, rows, [MESSAGE] * len(rows)))
    return series_id


def test_a_first_model_is_due_when_twelve_days_are_known_and_fresh(database_url: str, pool: Pool) -> None:
    write_power(database_url, NOW - timedelta(days=11), NOW)
    assert metrics_due(pool, NOW).to_train == []
    write_power(database_url, NOW - timedelta(days=13), NOW - timedelta(days=11))
    with pool.connection() as connection:
        judge_touched(connection)
    assert metrics_due(pool, NOW).to_train == ["power_kw"]
    assert metrics_due(pool, NOW + timedelta(days=1)).to_train == []


def test_without_a_model_the_naive_speaks_and_says_so(database_url: str, settings: WorkerSettings, pool: Pool) -> None:
    series_id = write_power(database_url, NOW - timedelta(days=21), NOW)
    assert metrics_due(pool, NOW).to_forecast == ["power_kw"]
    issue_forecasts(pool, settings, POWER, NOW)
    assert metrics_due(pool, NOW).to_forecast == []
    assert metrics_due(pool, NOW + timedelta(minutes=40)).to_forecast == ["power_kw"]
    with connected(database_url) as connection:
        forecast = read_forecast(connection, series_id)
    assert forecast is not None
    assert (forecast.fallback, forecast.model_id) == ("no_model", None)
    assert forecast.issued_at == NOW
    assert forecast.steps[0].valid_at == NOW.replace(minute=0)
    assert len(forecast.steps) == 48


def test_a_retired_meter_is_forecast_no_longer_and_still_scored(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    series_id = write_power(database_url, NOW - timedelta(days=21), NOW)
    issue_forecasts(pool, settings, POWER, NOW)
    write_power(database_url, NOW, NOW + timedelta(hours=50))
    signed = Signature("Nadia", NOW + timedelta(hours=50))
    with connected(database_url) as connection:
        retire_sensor(connection, hold_sensor(connection, 1), signed.at, signed)
    issue_forecasts(pool, settings, POWER, signed.at)
    due = metrics_due(pool, signed.at)
    assert (due.to_forecast, due.to_train) == ([], [])
    with connected(database_url) as connection:
        [issue] = connection.execute("SELECT series_id, issued_at FROM forecast").fetchall()
        assert issue == (series_id, NOW)
    with opened_arrow(settings.dsn) as arrow:
        assert read_history(arrow, POWER, Window.ending(NOW, timedelta(days=9))).series_ids == (series_id,)
        assert read_history(arrow, POWER, Window.ending(NOW, timedelta(days=9)), in_service=True).series_ids == ()
    assert score_forecasts(pool, settings, POWER, signed.at) == 1


def test_a_model_is_trained_kept_and_speaks(database_url: str, settings: WorkerSettings, pool: Pool) -> None:
    series_id = write_power(database_url, NOW - timedelta(days=35), NOW)
    model_id = train_model(pool, settings, POWER, NOW)
    issue_forecasts(pool, settings, POWER, NOW)
    with connected(database_url) as connection:
        forecast, [model] = read_forecast(connection, series_id), read_models(connection)
        assert read_model(connection, "power_kw", as_of=NOW - timedelta(seconds=1)) is None
    assert forecast is not None
    assert (forecast.model_id, forecast.fallback) == (model_id, None)
    assert model.card["validation"]
    noon = next(step for step in forecast.steps if step.valid_at.hour == 6)
    assert 70 < noon.quantiles[3] < 90


def test_a_forecast_uses_only_what_was_known(database_url: str, settings: WorkerSettings, pool: Pool) -> None:
    write_power(database_url, NOW - timedelta(days=9), NOW, received_at=NOW + timedelta(seconds=1))
    with opened_arrow(settings.dsn) as arrow:
        history = read_history(arrow, POWER, Window.ending(NOW, timedelta(days=9)))
    assert history.newest().tolist() == [-1]
    issue_forecasts(pool, settings, POWER, NOW)
    with connected(database_url) as connection:
        assert read_forecast(connection, 1) is None


def test_a_forecast_is_scored_against_the_naive_when_its_time_has_come(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    write_power(database_url, NOW - timedelta(days=30), NOW)
    train_model(pool, settings, POWER, NOW)
    issue_forecasts(pool, settings, POWER, NOW)
    later = NOW + timedelta(hours=50)
    assert score_forecasts(pool, settings, POWER, NOW + timedelta(hours=47)) == 0
    write_power(database_url, NOW, later)
    assert score_forecasts(pool, settings, POWER, later) == 1
    assert score_forecasts(pool, settings, POWER, later) == 0
    with connected(database_url) as connection:
        row = connection.execute("SELECT steps, pinball, pinball_naive, coverage, model_id FROM score").fetchone()
    assert row is not None
    assert row[0] == 48
    assert 0 < row[1] < 10
    assert row[2] is not None
    assert row[4] == 1


def test_asking_to_train_twice_puts_one_job_on_the_queue(database_url: str, settings: WorkerSettings) -> None:
    assert ask_to_train(settings.dsn, ["power_kw"]) == ["power_kw"]
    ask_to_train(settings.dsn, ["power_kw"])
    with connected(database_url) as connection:
        row = connection.execute("SELECT count(*), min(args->>'metric') FROM procrastinate_jobs").fetchone()
    assert row == (1, "power_kw")
