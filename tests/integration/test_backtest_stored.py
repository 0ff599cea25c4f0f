"""A backtest of the stored history: judged with names and figures, as of each origin where that is asked for."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from core.errors import SettingInvalid
from core.places import Sensor, SensorKind, Site
from core.readings import Batch, Message, Reading
from core.settings import WorkerSettings
from core.store.batches import write_batch
from core.store.places import write_series
from core.store.pool import connected
from core.store.roles import Login, as_login
from core.store.sensors import declare_sensor
from models.backtest import BacktestSettings
from services.backtesting import StoredPast
from services.quality import judge_touched
from vigie.__main__ import app
from vigie.judging import Wanted, judge_stored, lines_of

pytestmark = pytest.mark.integration
NOW = datetime(2026, 3, 16, 9, tzinfo=UTC)
DAY = timedelta(days=1)
MESSAGE = Message("t", b"", NOW, 0)
WANTED = Wanted(("power_kw",), 24 * DAY, BacktestSettings(6 * DAY, DAY, 6 * DAY), processes=1)


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> WorkerSettings:
    """Work as the worker's login, with small models."""
    monkeypatch.setenv("VIGIE_DATABASE_URL", as_login(database_url, Login.WORKER))
    monkeypatch.setenv("VIGIE_TRAIN_ROWS_MAX", "3000")
    return WorkerSettings.from_environment()


def write_load(dsn: str, start: datetime, end: datetime, received_at: datetime) -> int:
    """Write an hourly load of a town hall that became known at an instant; return its series."""
    hours = [start + timedelta(hours=hour) for hour in range((end - start) // timedelta(hours=1))]
    with connected(dsn) as connection:
        sensor = Sensor("b1", SensorKind.METER, "Compteur général", Site("93051", "mairie", "Mairie"))
        series_id = write_series(connection, declare_sensor(connection, sensor, start), "power_kw")
        rows = [
            Reading(series_id, at, 50 + 30 * math.sin(at.hour / 12 * math.pi) + at.timestamp() // 3600 * 7 % 5)
            for at in hours
        ]
        write_batch(connection, Batch(received_at, rows, [MESSAGE] * len(rows)))
        judge_touched(connection)
    return series_id


def test_the_stored_history_is_judged_beside_the_rules(database_url: str, settings: WorkerSettings) -> None:
    write_load(database_url, NOW - 24 * DAY, NOW, NOW)
    [judged] = judge_stored(settings, WANTED, NOW)
    assert judged.names == ("Mairie, Compteur général",)
    assert {one.forecaster for one in judged.hearing.verdicts()} >= {"vigie", "naive", "four_weeks"}
    assert len(judged.hearing.origins) == 5
    assert len(lines_of([judged])) == 7


def test_a_metric_without_history_is_left_out(settings: WorkerSettings) -> None:
    assert list(judge_stored(settings, WANTED, NOW)) == []


def test_what_came_late_was_not_known_before(database_url: str, settings: WorkerSettings) -> None:
    series_id = write_load(database_url, NOW - 10 * DAY, NOW - 4 * DAY, NOW - 4 * DAY)
    write_load(database_url, NOW - 4 * DAY, NOW - 2 * DAY, NOW - DAY)
    past = StoredPast(settings.dsn, "power_kw", NOW - 10 * DAY, (series_id,))
    then, now = past(NOW - 2 * DAY), past(NOW)
    assert then.start == now.start
    assert then.length == 8 * 24
    assert np.isfinite(then.values[0]).sum() == 6 * 24
    assert np.isfinite(now.values[0]).sum() == 8 * 24


def test_a_peer_that_is_not_installed_is_said_so(settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    wanted = Wanted(("power_kw",), 24 * DAY, WANTED.settings, ("openstef",))
    with pytest.raises(SettingInvalid, match="openstef is not installed"):
        list(judge_stored(settings, wanted, NOW))


@pytest.mark.parametrize(
    ("asked", "told"),
    [(["--peer", "oracle"], "there are mlforecast"), (["--language", "de"], "neither fr nor en")],
)
def test_a_wrong_word_is_refused_before_anything_is_read(asked: list[str], told: str) -> None:
    result = CliRunner().invoke(app, ["backtest", "power_kw", *asked])
    assert result.exit_code != 0
    assert told in str(result.exception)


def test_the_report_has_a_folder_to_go_to(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["backtest", "--report", str(tmp_path / "absent" / "report.html")])
    assert isinstance(result.exception, SettingInvalid)
