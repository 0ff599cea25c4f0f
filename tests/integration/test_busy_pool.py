"""Many more requests than connections: all are answered in their turn, or told to come back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import httpx
import psycopg
import pytest
from api_process import api_running_with, api_settings
from passes import EVERYTHING, enter, shown

pytestmark = pytest.mark.integration
WAITING = """
    SELECT count(*) FROM pg_locks
     WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
THREADS = 60
"""More than the 40 threads that the web framework runs requests on."""


@pytest.fixture
def api(database_url: str) -> Iterator[httpx.Client]:
    """An API with two connections for its requests."""
    settings = api_settings(database_url, database_pool_size=2, database_wait_s_max=9)
    with api_running_with(settings) as client:
        client.headers.update(shown(enter(database_url, *EVERYTHING)))
        yield client


def test_more_requests_than_threads_end_all_the_same(api: httpx.Client) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        statuses = list(threads.map(lambda _: api.get("/communes").status_code, range(2 * THREADS)))
    assert set(statuses) == {200}


def test_a_busy_store_says_when_to_come_back(database_url: str) -> None:
    settings = api_settings(database_url, database_pool_size=1, database_wait_s_max=0.2)
    with api_running_with(settings) as api, ThreadPoolExecutor(1) as threads, psycopg.connect(database_url) as locking:
        api.headers.update(shown(enter(database_url, *EVERYTHING)))
        # Whoever reads the communes holds the one connection until this transaction ends.
        locking.execute("LOCK TABLE commune IN ACCESS EXCLUSIVE MODE")
        first = threads.submit(api.get, "/communes")
        while locking.execute(WAITING).fetchone() == (0,):
            sleep(0.01)
        refused = api.get("/communes")
        assert api.get("/health").status_code == 200
        assert api.get("/ready").status_code == 200
        locking.rollback()
        assert first.result().status_code == 200
        assert (refused.status_code, refused.json()["code"]) == (503, "store_busy")
        assert refused.headers["retry-after"] == "5"
        assert api.get("/communes").status_code == 200
