"""Cut, held and half-open lines, to the broker and to the database: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Mosquitto
from gateways import Gateway, Load
from ingesting import ingest_running, wait_until
from killable_postgres import KillablePostgres, postgres_running
from psycopg.conninfo import make_conninfo
from reckoning import adopt_all, reckon, stored_messages, wait_for_messages, wait_until_written
from tcp_line import TcpLine, line_to
from telling import tell

from core.clock import now

pytestmark = pytest.mark.integration

FULL = os.environ.get("VIGIE_FAULTS") == "full"
PER_S = 300


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillablePostgres]:
    with postgres_running(tmp_path_factory.mktemp("lines")) as server:
        yield server


@contextmanager
def traffic_over(
    what: str, mosquitto: Mosquitto, postgres: KillablePostgres, folder: Path, seconds: float
) -> Iterator[tuple[TcpLine, str, Gateway]]:
    """Run ingest with a line to the broker or to the database, and a gateway; at the end everything must be stored."""
    steps = int(seconds * PER_S / 10)
    load = Load(0, 10, steps, PER_S, int(time.time()) - steps - 60)
    database_url = postgres.migrated(folder.name)
    adopt_all(database_url, [load])
    with line_to(mosquitto.port if what == "broker" else postgres.port) as line:
        through = f"mqtt://127.0.0.1:{line.port}"
        broker_url, store_url = (
            (through, database_url)
            if what == "broker"
            else (mosquitto.url, make_conninfo(database_url, port=line.port))
        )
        with ingest_running(broker_url, store_url, folder):
            gateway = Gateway(mosquitto.port, load)
            wait_until(lambda: stored_messages(database_url) > 0)
            yield line, database_url, gateway
            assert gateway.wait(120)["refused"] == 0
            wait_for_messages(database_url, load.messages, 20)
            reckoning = reckon(database_url, [load])
            assert reckoning.is_whole, reckoning


@pytest.mark.parametrize("what", ["broker", "database"])
def test_a_line_that_is_cut_again_and_again(
    what: str, mosquitto: Mosquitto, postgres: KillablePostgres, tmp_path: Path
) -> None:
    with traffic_over(what, mosquitto, postgres, tmp_path, 6) as (line, database_url, gateway):
        for _ in range(3):
            time.sleep(0.7)
            stored = stored_messages(database_url)
            line.cut()
            wait_until_written(database_url, now(), lambda: gateway.publishes, 15)
            assert stored_messages(database_url) > stored


@pytest.mark.parametrize("what", ["broker", "database"])
def test_a_line_on_which_nothing_passes_for_a_while(
    what: str, mosquitto: Mosquitto, postgres: KillablePostgres, tmp_path: Path
) -> None:
    with traffic_over(what, mosquitto, postgres, tmp_path, 5) as (line, database_url, _):
        line.hold()
        time.sleep(1)
        stored = stored_messages(database_url)
        time.sleep(2)
        assert stored_messages(database_url) == stored
        line.release()


def test_a_broker_that_takes_the_line_and_never_answers_is_asked_anew(
    mosquitto: Mosquitto, postgres: KillablePostgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with traffic_over("broker", mosquitto, postgres, tmp_path, 9) as (line, database_url, gateway):
        line.swallow()
        line.cut()
        wait_until(lambda: line.swallowed > 0)
        stored = stored_messages(database_url)
        line.release()
        back_s = time.monotonic()
        wait_until_written(database_url, now(), lambda: gateway.publishes, 9)
        tell(capsys, "a broker that never answered", [f"replaced after {time.monotonic() - back_s:.1f} s"])
        assert stored_messages(database_url) > stored


@pytest.mark.skipif(not FULL, reason="takes two minutes: VIGIE_FAULTS=full")
def test_a_half_open_line_to_the_broker_is_noticed(
    mosquitto: Mosquitto, postgres: KillablePostgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with traffic_over("broker", mosquitto, postgres, tmp_path, 100) as (line, database_url, gateway):
        line.lose()
        lost_s = time.monotonic()
        stored = stored_messages(database_url)
        wait_until_written(database_url, now(), lambda: gateway.publishes, 60)
        tell(capsys, "half-open line to the broker", [f"noticed and replaced after {time.monotonic() - lost_s:.0f} s"])
        assert stored_messages(database_url) > stored
