"""Workers are killed while they write alarms, or work at once: each alarm is there once, and told once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from issuing import kill_at, queue_of, take_back, until, worker
from judging import adopt, judge_all, write

from core.alarms import Condition, Rule, Scope
from core.clock import now
from core.events import Severity
from core.store.alarm_rules import write_rule
from core.store.pool import connected
from core.store.roles import Login, as_login
from services.alarms.clock import settle
from services.alarms.evaluating import evaluate_touched
from services.jobs.queue import ALARMS

pytestmark = pytest.mark.integration

METERS = 12
LIMIT = {"side": "above", "raise": 100, "clear": 80, "minutes": 0, "clear_minutes": 0}


def write_meters(dsn: str) -> None:
    """Write meters beyond a limit, judged, whose alarms nobody has looked at."""
    at = now().replace(microsecond=0)
    with connected(dsn) as connection:
        connection.autocommit = True
        rule = Rule(0, Condition.THRESHOLD, Severity.WARNING, LIMIT, Scope("power_kw"), made_by="test")
        write_rule(connection, rule, at)
        for number in range(METERS):
            [series] = adopt(connection, f"compteur-{number}", "power_kw", at=at - timedelta(days=1))
            write(connection, [(series, at - timedelta(minutes=one), 150.0 + one) for one in (2, 1)], at)
        judge_all(connection)


def raised_and_told(dsn: str) -> tuple[int, int, int]:
    """Return how many alarms there are, how many events tell of their beginning, and how many marks are left."""
    with connected(dsn) as connection:
        row = connection.execute(
            """
            SELECT (SELECT count(*) FROM alarm), (SELECT count(*) FROM event WHERE name = 'alarm.raised'),
                   (SELECT count(*) FROM alarm_touched WHERE NOT hourly)
            """
        ).fetchone()
    assert row is not None, "a count is a row"
    return row[0], row[1], row[2]


def test_what_a_killed_worker_left_another_does_once(database_url: str) -> None:
    write_meters(database_url)
    with queue_of(database_url) as app:
        app.configure_task(ALARMS, priority=9).defer(timestamp=0)
    with worker(database_url) as first:
        kill_at(database_url, "alarm", first)
    assert raised_and_told(database_url)[:2] == (0, 0)
    with worker(database_url):
        take_back(database_url)
        until(database_url, "SELECT count(*) FROM event WHERE name = 'alarm.raised'", (), lambda n: n >= METERS)
    assert raised_and_told(database_url)[:2] == (METERS, METERS)


def test_two_that_look_at_once_raise_each_alarm_once(database_url: str) -> None:
    write_meters(database_url)
    at, failures = now(), []

    def look() -> None:
        try:
            with connected(as_login(database_url, Login.WORKER)) as connection:
                while evaluate_touched(connection, at).hours_touched:
                    settle(connection, at)
                    connection.commit()
                connection.commit()
        except Exception as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert raised_and_told(database_url) == (METERS, METERS, 0)
