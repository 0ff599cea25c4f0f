"""The worker's jobs on a real database: due, trained, forecast with what was known, scored when the time has come."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
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
from core.store.forecasts import read_forecast
from core.store.models import read_champion, read_models
from core.store.places import write_series
from core.store.pool import Pool, connected, open_pool
from core.store.roles import Login, as_login
from core.store.sensor_life import hold_sensor, retire_sensor
from core.store.sensors import declare_sensor
from services.forecast import Issue, first_models_due, issue_forecasts, issues_due
from services.history import Reach, read_history
from services.jobs import ask_to_train
from services.quality import judge_touched
from services.scoring import score_forecasts
from services.training import train_model

pytestmark = pytest.mark.integration
NOW = datetime(2026, 3, 16, 9, 20, tzinfo=UTC)
POWER = metric_named("power_kw")
COMMUNE = "93051"
ISSUE = Issue(POWER, COMMUNE, NOW)
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
        sensor = Sensor("b1", SensorKind.METER, "Mairie", Site(COMMUNE, "mairie", "Mairie"))
        series_id = write_series(connection, declare_sensor(connection, sensor, start), "power_kw")
        hours = int((end - start) / timedelta(hours=1))
        rows = [
            Reading(series_id, at, 50 + 30 * strength * math.sin(at.hour / 24 * 2 * math.pi) + (7 * i) % 5)
            for i in range(hours)
            for at in [start + timedelta(hours=i)]
            # Days differ in strength: who knows the day so far knows more than who looks at a week ago.
            for strength in [1 + 0.3 * math.sin((at.date() - NOW.date()).days * 1.9)]
        ]
        write_batch(connection, Batch(received_at or end, rows, [MESSAGE] * len(rows)))
    return series_id


def test_a_first_model_is_due_when_twelve_days_are_known_and_fresh(database_url: str, pool: Pool) -> None:
    write_power(database_url, NOW - timedelta(days=11), NOW)
    assert first_models_due(pool, NOW) == []
    write_power(database_url, NOW - timedelta(days=13), NOW - timedelta(days=11))
    with pool.connection() as connection:
        judge_touched(connection)
    assert first_models_due(pool, NOW) == ["power_kw"]
    assert first_models_due(pool, NOW + timedelta(days=1)) == []


def test_without_a_model_the_naive_speaks_and_says_so(database_url: str, settings: WorkerSettings, pool: Pool) -> None:
    series_id = write_power(database_url, NOW - timedelta(days=21), NOW)
    assert issues_due(pool, NOW) == [ISSUE]
    assert issue_forecasts(pool, settings, ISSUE) == 1
    assert issue_forecasts(pool, settings, ISSUE) == 0
    next_period = NOW.replace(hour=10, minute=1)
    assert issues_due(pool, next_period - timedelta(seconds=1)) == []
    assert issues_due(pool, next_period + timedelta(minutes=20)) == [replace(ISSUE, issued_at=next_period)]
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
    issue_forecasts(pool, settings, ISSUE)
    write_power(database_url, NOW, NOW + timedelta(hours=50))
    signed = Signature("Nadia", NOW + timedelta(hours=50))
    with connected(database_url) as connection:
        retire_sensor(connection, hold_sensor(connection, 1), signed.at, signed)
    issue_forecasts(pool, settings, replace(ISSUE, issued_at=signed.at))
    assert (issues_due(pool, signed.at), first_models_due(pool, signed.at)) == ([], [])
    with connected(database_url) as connection:
        [issue] = connection.execute("SELECT series_id, issued_at FROM forecast").fetchall()
        assert issue == (series_id, NOW)
    with opened_arrow(settings.dsn) as arrow, pool.connection() as connection:
        nine_days = Window.ending(signed.at, timedelta(days=9))
        assert read_history(arrow, connection, POWER, Reach(nine_days)).series_ids == (series_id,)
        assert read_history(arrow, connection, POWER, Reach(nine_days, in_service=True)).series_ids == ()
        before = Window.ending(NOW, timedelta(days=9))
        assert read_history(arrow, connection, POWER, Reach(before, in_service=True)).series_ids == (series_id,)
    assert score_forecasts(pool, settings, POWER, signed.at) == 1


def test_a_model_is_trained_kept_and_speaks(database_url: str, settings: WorkerSettings, pool: Pool) -> None:
    series_id = write_power(database_url, NOW - timedelta(days=35), NOW)
    model_id = train_model(pool, settings, POWER, NOW, "first")
    # It speaks from the end of its training on.
    assert issue_forecasts(pool, settings, replace(ISSUE, issued_at=NOW + timedelta(hours=1))) == 1
    with connected(database_url) as connection:
        forecast, [model] = read_forecast(connection, series_id), read_models(connection)
        assert read_champion(connection, "power_kw", as_of=NOW - timedelta(seconds=1)) is None
    assert forecast is not None
    assert (forecast.model_id, forecast.fallback) == (model_id, None)
    assert model.card["validation"]
    noon = next(step for step in forecast.steps if step.valid_at.hour == 6)
    assert 65 < noon.quantiles[3] < 95


def test_a_forecast_uses_only_what_was_known(database_url: str, settings: WorkerSettings, pool: Pool) -> None:
    write_power(database_url, NOW - timedelta(days=9), NOW, received_at=NOW + timedelta(seconds=1))
    with opened_arrow(settings.dsn) as arrow, pool.connection() as connection:
        history = read_history(arrow, connection, POWER, Reach(Window.ending(NOW, timedelta(days=9))))
    assert history.newest().tolist() == [-1]
    issue_forecasts(pool, settings, ISSUE)
    with connected(database_url) as connection:
        assert read_forecast(connection, 1) is None


def test_a_forecast_is_scored_against_the_naive_when_its_time_has_come(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    write_power(database_url, NOW - timedelta(days=30), NOW)
    train_model(pool, settings, POWER, NOW, "first")
    issue_forecasts(pool, settings, replace(ISSUE, issued_at=NOW + timedelta(hours=1)))
    later = NOW + timedelta(hours=51)
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
