"""The platform's own health over the real store: what it is judged from, and that only who operates is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from api_process import api_running
from judging import adopt
from passes import enter, let_in
from replaying import message, refused

from core.clock import now
from core.roles import Grant, Role
from core.store.backup import BackupMade, note_backup
from core.store.care import note_sizes
from core.store.health import Taught, read_paces, read_refused, read_taught
from core.store.lanes import write_heartbeats
from core.store.pool import Connection, connected
from core.store.rejections import write_rejections

pytestmark = pytest.mark.integration
COMMUNE = "93051"


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        connection.autocommit = True
        yield connection


def test_a_lane_is_as_fast_as_its_beats_of_a_day(store: Connection) -> None:
    at = now().replace(microsecond=0)
    beats = [at - timedelta(minutes=n) for n in range(1, 21)]
    for place, sent_at in enumerate(beats):
        took = timedelta(seconds=5 if place == 0 else 1)
        write_heartbeats(store, "nord", [(sent_at, sent_at)], sent_at + took)
    [pace] = read_paces(store, at)
    assert (pace.lane, pace.beats, pace.p50_s) == ("nord", 20, 1.0)
    assert pace.p95_s == pytest.approx(1.2)
    assert read_paces(store, at - timedelta(days=2)) == []


def test_refused_are_counted_by_days_that_end_now(store: Connection) -> None:
    at = now()
    for hours, steps in ((30, range(3)), (1, range(10, 12))):
        came = at - timedelta(hours=hours)
        write_rejections(store, [refused(replace(message(step), received_at=came)) for step in steps])
    assert read_refused(store, at) == (2, 3, 0, 0, 0, 0, 0, 0)


def test_a_metric_is_taught_or_waits(store: Connection) -> None:
    adopt(store, "salle-2", "co2_ppm", at=now() - timedelta(days=3))
    assert read_taught(store) == [Taught("co2_ppm", None, speaks=False)]


def test_who_operates_is_told_in_words_and_others_are_refused(store: Connection, database_url: str) -> None:
    at = now()
    write_heartbeats(store, "nord", [(at, at)], at + timedelta(milliseconds=310))
    note_backup(store, BackupMade(at - timedelta(days=3), at, 1, 1, verified=True))
    note_sizes(store, at.date())
    with api_running(database_url) as api:
        told = {one["key"]: one for one in api.get("/health/explained").json()["items"]}
        english = api.get("/health/explained", params={"language": "en"}).json()["items"]
        technician = let_in(api, enter(database_url, Grant(Role.TECHNICIAN)))
        assert technician.get("/health/explained").status_code == 403
        mayor = let_in(api, enter(database_url, Grant(Role.ADMINISTRATOR, COMMUNE)))
        assert mayor.get("/health/explained").status_code == 200
    assert told["lanes"]["level"] == "good"
    assert told["lanes"]["figures"]["p95_s"] == pytest.approx(0.31)
    # No worker runs here.
    assert told["queue"]["level"] == "alarm"
    assert "vigie worker" in told["queue"]["next"]
    assert told["backup"]["level"] == "watch"
    assert told["clock"]["level"] == "good"
    assert "certificate" not in told
    assert {one["key"] for one in english} == set(told)
    assert next(one["title"] for one in english if one["key"] == "backup") == "Backup"


def test_the_queue_is_told_as_it_is(store: Connection, database_url: str) -> None:
    def queued(task: str, status: str, event: str, ago: timedelta) -> None:
        row = store.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('default', %s, %s) RETURNING id",
            (task, status),
        ).fetchone()
        assert row is not None
        store.execute("DELETE FROM procrastinate_events WHERE job_id = %s", row)
        for kind, at in (("deferred", now() - ago), (event, now() - ago)):
            store.execute("INSERT INTO procrastinate_events (job_id, type, at) VALUES (%s, %s, %s)", (*row, kind, at))

    store.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    queued("train", "todo", "deferred", timedelta(hours=2))
    queued("issue", "todo", "deferred", timedelta(minutes=1))
    queued("export", "failed", "failed", timedelta(hours=3))
    queued("score", "failed", "failed", timedelta(hours=30))
    store.execute("INSERT INTO touched (series_ids, hours) SELECT '{}', '{}' FROM generate_series(1, 60)")
    with api_running(database_url) as api:
        told = {one["key"]: one for one in api.get("/health/explained").json()["items"]}
    assert told["queue"]["level"] == "alarm"
    assert "(train)" in told["queue"]["detail"]
    assert told["queue"]["figures"]["jobs_waiting"] == 2
    assert told["failures"]["figures"] == {"jobs_failed": 1}
    assert "export" in told["failures"]["detail"]
    assert told["judging"]["figures"] == {"touched_rows": 60, "alarm_touched_rows": 0}
    assert told["judging"]["level"] == "watch"
