"""What the tests of issues share: a town of meters, real worker processes, and what they wrote, as bytes."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import procrastinate
import psycopg

from core.metrics import metric_named
from core.places import Sensor, SensorKind, Site
from core.readings import Batch, Message, Reading
from core.store.batches import write_batch
from core.store.places import write_series
from core.store.pool import connected
from core.store.roles import Login, as_login
from core.store.sensors import declare_sensor
from services.forecast import Issue
from services.jobs.queue import TAKE_BACK
from services.quality import judge_touched

POWER = metric_named("power_kw")
COMMUNES = ("93001", "93005", "93006", "93007")
METERS_EACH = 2
WAIT_S = 240
"""On a machine that does much else."""
_WRITTEN = """
    SELECT head::text, (SELECT string_agg(step::text, E'\n' ORDER BY valid_at) FROM forecast_step AS step
                         WHERE (step.series_id, step.issued_at) = (head.series_id, head.issued_at))
      FROM (SELECT series_id, issued_at, step_s, steps, history_until, model_id, fallback, doubts FROM forecast) AS head
     ORDER BY series_id, issued_at
"""


def write_town(dsn: str, start: datetime, end: datetime) -> None:
    """Write hourly loads of some meters of some communes, no two alike, and have them judged."""
    hours = int((end - start) / timedelta(hours=1))
    with connected(dsn) as connection:
        rows = []
        for place, commune in enumerate(COMMUNES):
            for number in range(METERS_EACH):
                site = Site(commune, f"mairie-{number}", "Mairie")
                sensor = Sensor(f"{commune}-{number}", SensorKind.METER, "Mairie", site)
                series_id = write_series(connection, declare_sensor(connection, sensor, start), POWER.name)
                high = 40 + 10 * place + number
                for hour in range(hours):
                    at = start + timedelta(hours=hour)
                    # Days differ in strength: who knows the day so far knows more than who looks at a week ago.
                    strength = 1 + 0.3 * math.sin(hour // 24 * 1.9 + place)
                    value = high + strength * 20 * math.sin(at.hour / 24 * 2 * math.pi) + (7 * hour) % 5
                    rows.append(Reading(series_id, at, value))
        write_batch(connection, Batch(end, rows, [Message("t", b"", end, 0)] * len(rows)))
        connection.commit()
        while judge_touched(connection).hours_touched:
            connection.commit()


def issues_at(issued_at: datetime) -> list[Issue]:
    """Return the issue of each commune."""
    return [Issue(POWER, commune, issued_at) for commune in COMMUNES]


def written(dsn: str) -> list[tuple[Any, ...]]:
    """Return every forecast that is kept, as text, with its steps: who made it, and when, leaves no trace."""
    with connected(dsn) as connection:
        return connection.execute(_WRITTEN).fetchall()


@contextmanager
def queue_of(dsn: str) -> Iterator[procrastinate.App]:
    """Give the queue, to ask for jobs."""
    app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=dsn))
    with app.open():
        yield app


@contextmanager
def worker(dsn: str) -> Iterator[subprocess.Popen[bytes]]:
    """Give a worker process as it runs anywhere, ended at the end if it still is there."""
    environment = os.environ | {
        "VIGIE_DATABASE_URL": as_login(dsn, Login.WORKER),
        "VIGIE_TRAIN_ROWS_MAX": "1000",
        "VIGIE_CONCURRENCY": "1",
        "VIGIE_THREADS": "1",
        "VIGIE_METRICS_PORT": "0",
    }
    command = [sys.executable, "-m", "vigie", "worker"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def held(dsn: str, table: str) -> Iterator[None]:
    """Keep everybody from writing to a table."""
    with psycopg.connect(dsn) as connection:
        connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        yield
        connection.rollback()


def kill_at(dsn: str, table: str, process: subprocess.Popen[bytes]) -> None:
    """Kill a worker (-9) when it is about to write to a table, and end with it what its connections began."""
    asked = "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
    with held(dsn, table):
        until(dsn, asked, (table,), lambda count: count > 0)
        process.kill()
        process.wait(10)


def take_back(dsn: str) -> None:
    """Let the workers that are gone be gone for long, and have what they did taken back now."""
    with connected(dsn) as connection:
        connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
    with queue_of(dsn) as app:
        app.configure_task(TAKE_BACK, priority=9).defer(timestamp=0)


def until(dsn: str, statement: str, values: tuple[Any, ...], holds: Callable[[int], bool]) -> None:
    """Wait until a count is as it should be."""
    deadline = time.monotonic() + WAIT_S
    with psycopg.connect(dsn, autocommit=True) as connection:
        while True:
            row = connection.execute(statement, values).fetchone()
            assert row is not None, "a count is a row"
            if holds(int(row[0])):
                return
            assert time.monotonic() < deadline, f"{row[0]} still after {WAIT_S} s: {statement}"
            time.sleep(0.1)


def until_done(dsn: str, task: str, asked: str) -> None:
    """Wait until no job of a task that was asked with these words waits, nor is worked on."""
    waiting = """
        SELECT count(*) FROM procrastinate_jobs
         WHERE task_name = %s AND status IN ('todo', 'doing') AND args::text LIKE %s
    """
    until(dsn, waiting, (task, f"%{asked}%"), lambda count: count == 0)
