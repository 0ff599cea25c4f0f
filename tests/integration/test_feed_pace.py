"""The feed of weeks of history: it keeps pace with the store, and goes on after a restart where it was."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core.places import Sensor, SensorKind, Site
from core.store.pool import connected
from core.store.sensors import declare_sensor
from core.store.status import heard_up_to
from ingestors.publish import Published
from vigie import feeding
from vigie.feeding import AHEAD_READINGS_MAX, Pace


def store(database_url: str, minute: int, readings: int) -> None:
    """Count readings as stored, as a batch does."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            INSERT INTO reception (commune_insee, kind, minute, stored)
            VALUES ('93051', 'bin', now() + %s * interval '1 minute', %s)
            """,
            (minute, readings),
        )


def test_the_feed_waits_for_the_store(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "STILL_S_MAX", 3_600.0)
    stop = threading.Event()
    store(database_url, -5, 1_000_000)  # of the day before: they say nothing of this feed
    pace = Pace(database_url, stop)
    pace(Published(readings=AHEAD_READINGS_MAX))
    with ThreadPoolExecutor(1) as pool:
        try:
            waiting = pool.submit(pace, Published(readings=AHEAD_READINGS_MAX + 500))
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
            store(database_url, 0, 499)
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
            store(database_url, 1, 1)
            waiting.result(10)
        finally:
            stop.set()


def test_what_is_never_stored_holds_the_feed_back_for_a_moment_only(database_url: str) -> None:
    pace = Pace(database_url, threading.Event())
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(pace, Published(readings=AHEAD_READINGS_MAX * 3)).result(20) is None


@pytest.mark.parametrize(
    ("newest", "heard"),
    [
        ({"a": 1, "b": 10, "c": 10}, 10),  # one fell silent: the others went on
        ({"a": 10, "b": 10, "c": 900}, 10),  # a person tried one out, far ahead of the feed
        ({"a": None, "b": 10, "c": 900}, 10),
        ({"a": None, "b": None, "c": 900}, None),
        ({}, None),
    ],
)
def test_the_feed_goes_on_where_most_of_its_sensors_were_heard(
    database_url: str, newest: dict[str, int | None], heard: int | None
) -> None:
    began = datetime(2026, 3, 1, tzinfo=UTC)
    site = Site("93051", "s", "Site")
    with connected(database_url) as connection:
        for name, hour in newest.items():
            sensor_id = declare_sensor(connection, Sensor(name, SensorKind.METER, name, site), began)
            if hour is not None:
                connection.execute(
                    """
                    WITH one AS (INSERT INTO series (sensor_id, metric) VALUES (%s, 'power_kw') RETURNING series_id)
                    INSERT INTO latest (series_id, observed_at, value, quality, received_at)
                    SELECT series_id, %s, 1, 0, now() FROM one
                    """,
                    (sensor_id, began + timedelta(hours=hour)),
                )
        assert heard_up_to(connection, list(newest)) == (None if heard is None else began + timedelta(hours=heard))
