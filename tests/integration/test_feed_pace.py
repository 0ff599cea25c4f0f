"""The feed of weeks of history keeps pace with the store, so that what a person publishes meanwhile need not wait."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

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
