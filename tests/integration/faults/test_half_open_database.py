"""A database that is gone without a word, its connections still open: noticed by us, and by it of us."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Mosquitto
from ingesting import Traffic, adopt, count_stored, ingest_running, publisher_to, sensor, wait_until
from killable_postgres import KillablePostgres, postgres_running
from psycopg.conninfo import make_conninfo
from tcp_line import line_to
from telling import tell

from core.store.pool import Connection, connected, open_pool

pytestmark = pytest.mark.integration

FULL = os.environ.get("VIGIE_FAULTS") == "full"
ELSEWHERE = "127.0.0.77"
"""A loopback address of this test's own: the machine can be told to drop what is sent to it."""


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillablePostgres]:
    with postgres_running(tmp_path_factory.mktemp("half-open")) as server:
        yield server


def watched(connection: Connection) -> tuple[int, int, int]:
    """Return when our end asks whether the other is there (s), when it gives up (ms), and when the other does (ms)."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        idle_s = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        unanswered_ms = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    row = connection.execute("SELECT setting::integer FROM pg_settings WHERE name = 'tcp_user_timeout'").fetchone()
    assert row is not None
    return idle_s, unanswered_ms, row[0]


def test_every_line_to_the_database_is_watched_from_both_ends(postgres: KillablePostgres) -> None:
    with connected(postgres.address("postgres")) as connection:
        assert watched(connection) == (10, 20_000, 20_000)
    with open_pool(postgres.address("postgres"), 1) as pool, pool.connection() as connection:
        assert watched(connection) == (10, 20_000, 20_000)


@contextmanager
def dropped(address: str) -> Iterator[None]:
    """Have the machine drop whatever is sent to this address."""
    route = ("blackhole", f"{address}/32", "table", "local")
    ip = shutil.which("ip")
    if ip is None or subprocess.run([ip, "route", "add", *route], capture_output=True, check=False).returncode:
        pytest.skip("the routes of this machine are not ours to change")
    try:
        yield
    finally:
        subprocess.run([ip, "route", "del", *route], check=True)


@pytest.mark.skipif(not FULL, reason="takes half a minute: VIGIE_FAULTS=full")
def test_a_database_gone_without_a_word_is_noticed_within_a_minute(
    mosquitto: Mosquitto, postgres: KillablePostgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    direct = postgres.migrated("half_open")
    adopt(direct, [sensor(0)])
    with line_to(postgres.port, ELSEWHERE) as line:
        through = make_conninfo(direct, host=ELSEWHERE, port=line.port)
        with ingest_running(mosquitto.url, through, tmp_path) as ingest, publisher_to(mosquitto.url) as publisher:
            traffic = Traffic(publisher, [sensor(0)], 200, 0.05)
            traffic.start()
            wait_until(lambda: count_stored(direct) > 0)
            with dropped(ELSEWHERE):
                gone_s = time.monotonic()
                wait_until(lambda: "store_absent" in ingest.log.read_text(), 60)
                took_s = time.monotonic() - gone_s
            traffic.join()
            wait_until(lambda: count_stored(direct) == traffic.readings, 30)
            assert ingest.log.read_text().count("store_absent") == 1
    tell(capsys, "half-open line to the database", [f"noticed after {took_s:.0f} s"])
