"""Workers are killed while they issue and train: nothing is half there, nothing is missing, nothing is there twice."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from issuing import (
    COMMUNES,
    METERS_EACH,
    issues_at,
    kill_at,
    queue_of,
    take_back,
    until_done,
    worker,
    write_town,
    written,
)
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from core.clock import floor_to_step, format_instant, now
from core.settings import WorkerSettings
from core.store.pool import connected, open_pool
from services.decisions.life import SETTLED
from services.forecast import issue_forecasts
from services.jobs.forecasting import ask_issues, ask_to_train_metrics
from services.jobs.queue import ISSUE, TRAIN
from services.training import train_model
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
HOUR = timedelta(hours=1)


@pytest.fixture
def town(database_url: str, database_server: DatabaseServer) -> Iterator[tuple[str, str]]:
    """Two databases with the same meters and the same model: the one to try, and a copy to compare with."""
    end = floor_to_step(now() - HOUR, HOUR)
    write_town(database_url, end - timedelta(days=16), end)
    settings = settings_of(database_url)
    with open_pool(settings.dsn, 2) as pool:
        train_model(pool, settings, issues_at(end)[0].metric, end, "first")
    copy, name = f"copy_{uuid.uuid4().hex}", conninfo_to_dict(database_url)["dbname"]
    yield database_url, database_server.create(copy, template=str(name))
    database_server.drop(copy)


def settings_of(dsn: str) -> WorkerSettings:
    """Return the settings of a worker, as the owner."""
    return WorkerSettings(database_url=SecretStr(dsn), train_rows_max=1_000, threads=1)


def made_alone(dsn: str, issued_at: datetime) -> list[tuple[object, ...]]:
    """Return what the issues come to when one process makes them, one after the other."""
    settings = settings_of(dsn)
    with open_pool(settings.dsn, 2) as pool:
        for issue in issues_at(issued_at):
            issue_forecasts(pool, settings, issue)
    return written(dsn)


def test_a_killed_workers_issues_are_made_by_others_once_and_the_same(town: tuple[str, str]) -> None:
    dsn, copy = town
    # The workers' own ticks ask for others, as of later instants.
    issued_at = now().replace(microsecond=0) - SETTLED
    with queue_of(dsn) as app:
        ask_issues(app, issues_at(issued_at))
    with worker(dsn) as first:
        # It has written its forecasts, and is about to say so.
        kill_at(dsn, "newest_issue", first)
    assert written(dsn) == []
    with worker(dsn), worker(dsn):
        take_back(dsn)
        until_done(dsn, ISSUE, format_instant(issued_at))
    with connected(dsn) as connection:
        connection.execute("DELETE FROM forecast_step WHERE issued_at <> %s", (issued_at,))
        connection.execute("DELETE FROM forecast WHERE issued_at <> %s", (issued_at,))
    issued = written(dsn)
    assert len(issued) == len(COMMUNES) * METERS_EACH
    assert issued == made_alone(copy, issued_at)
    with connected(dsn) as connection:
        spoken = connection.execute("SELECT count(*) FROM forecast WHERE model_id IS NOT NULL").fetchone()
        told = connection.execute(
            """
            SELECT count(*) FROM live_event CROSS JOIN LATERAL json_array_elements(body) AS item
             WHERE kind = 'forecasts' AND (item ->> 'issued_at')::timestamptz = %s
            """,
            (issued_at,),
        ).fetchone()
    assert spoken == (len(issued),)
    assert told == (len(issued),)


def test_a_worker_killed_in_training_leaves_no_model_and_another_leaves_one(town: tuple[str, str]) -> None:
    dsn, _ = town
    with queue_of(dsn) as app:
        ask_to_train_metrics(app, ["power_kw"], "asked")
    with worker(dsn) as first:
        kill_at(dsn, "model", first)
    with connected(dsn) as connection:
        assert connection.execute("SELECT why FROM model").fetchall() == [("first",)]
    with worker(dsn):
        take_back(dsn)
        until_done(dsn, TRAIN, "asked")
    with connected(dsn) as connection:
        assert connection.execute("SELECT why FROM model ORDER BY model_id").fetchall() == [("first",), ("asked",)]
        # A challenger says nothing yet.
        assert connection.execute("SELECT count(*) FROM reign").fetchall() == [(1,)]
