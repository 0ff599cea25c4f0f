"""The database away, full, slow, and a kill at each point of a transaction: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from conftest import Mosquitto, fresh_port
from gateways import Gateway, Load
from ingesting import IngestProcess, ingest_running, wait_until
from killable_postgres import KillablePostgres, postgres_running
from reckoning import adopt_all, reckon, stored_messages, wait_for_messages
from telling import tell
from watching import counters, memory_watched

pytestmark = pytest.mark.integration

FULL = os.environ.get("VIGIE_FAULTS") == "full"
AWAY_S = 180 if FULL else 6
PER_S = 500
MEMORY_MIB_MAX = 96
"""Growth that ingest's own bounds allow: its queue, one batch, what the allocator keeps."""

_SWITCH = """
    CREATE TABLE fault (is_on boolean NOT NULL); INSERT INTO fault VALUES (false); GRANT SELECT ON fault TO PUBLIC
"""
_TRIGGER = """
    CREATE FUNCTION strike() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF (SELECT is_on FROM fault) THEN {what}; END IF; RETURN NULL; END $$
"""
_AFTER_COPY = "CREATE TRIGGER strike AFTER INSERT ON reading FOR EACH STATEMENT EXECUTE FUNCTION strike()"
# The live counts of a batch are a row or two: a deferred trigger on them strikes in the commit itself.
_IN_COMMIT = """
    CREATE CONSTRAINT TRIGGER strike AFTER INSERT OR UPDATE ON reception DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION strike()
"""
_DISK_FULL = "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'"
_SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


def load(seconds: float, start_s: int | None = None) -> Load:
    """Return what one gateway of ten sensors sends in so many seconds."""
    steps = int(seconds * PER_S / 10)
    return Load(0, 10, steps, PER_S, start_s or int(time.time()) - steps - 60)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillablePostgres]:
    with postgres_running(tmp_path_factory.mktemp("faults")) as server:
        yield server


@pytest.fixture
def database_url(postgres: KillablePostgres, request: pytest.FixtureRequest) -> str:
    """A migrated database with a switch that the faults of these tests obey."""
    postgres.restart()
    url = postgres.migrated(f"faults_{abs(hash(request.node.name))}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_SWITCH)
    return url


def arrange(database_url: str, what: str, when: str) -> None:
    """Make the database do ``what`` at ``when`` of each batch, once the switch is on."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_TRIGGER.replace("{what}", what).encode())
        connection.execute(when.encode())


def switch(database_url: str, *, on: bool) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE fault SET is_on = %s", (on,))


def expect_whole(database_url: str, gateway: Gateway) -> None:
    """Everything that the gateway published is stored, once."""
    assert gateway.wait(120)["refused"] == 0
    wait_for_messages(database_url, gateway.load.messages, 20)
    reckoning = reckon(database_url, [gateway.load])
    assert reckoning.is_whole, reckoning


def settled(metrics_port: int) -> float:
    return counters(metrics_port)["vigie_ingest_messages_total"]


def test_a_database_that_is_away_costs_nothing_but_time(
    mosquitto: Mosquitto,
    postgres: KillablePostgres,
    database_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent = load(AWAY_S + 4)
    adopt_all(database_url, [sent])
    metrics_port = fresh_port()
    with ingest_running(mosquitto.url, database_url, tmp_path, {"VIGIE_METRICS_PORT": str(metrics_port)}) as ingest:
        gateway = Gateway(mosquitto.port, sent)
        wait_until(lambda: stored_messages(database_url) > PER_S)
        assert ingest.process is not None
        with memory_watched(ingest.process.pid) as memory:
            postgres.stop()
            time.sleep(1)
            before = settled(metrics_port)
            time.sleep(AWAY_S - 1)
            assert settled(metrics_port) == before, "something was acknowledged while the database was away"
            waiting = counters(metrics_port)["vigie_ingest_messages_in_flight"]
            postgres.start()
            back_s = time.monotonic()
            wait_until(lambda: settled(metrics_port) > before, 60)
            first_s = time.monotonic() - back_s
            expect_whole(database_url, gateway)
            caught_up_s = time.monotonic() - back_s
    tell(
        capsys,
        f"database away for {AWAY_S} s at {PER_S} messages/s",
        [
            f"published {sent.messages}, lost 0, doubled 0; {waiting:.0f} waited in ingest, the others with the broker",
            f"first commit {first_s:.1f} s after its return, all caught up after {caught_up_s:.1f} s",
            f"resident memory of ingest: {memory}",
        ],
    )
    assert memory.growth < MEMORY_MIB_MAX


def test_ingest_killed_while_the_database_is_away_had_acknowledged_nothing(
    mosquitto: Mosquitto, postgres: KillablePostgres, database_url: str, tmp_path: Path
) -> None:
    sent = load(5)
    adopt_all(database_url, [sent])
    with ingest_running(mosquitto.url, database_url, tmp_path) as ingest:
        gateway = Gateway(mosquitto.port, sent)
        wait_until(lambda: stored_messages(database_url) > 0)
        postgres.kill()
        time.sleep(2)
        ingest.end(signal.SIGKILL)
        ingest.launch()
        time.sleep(1)
        postgres.start()
        expect_whole(database_url, gateway)


def test_a_full_disk_is_waited_out(mosquitto: Mosquitto, database_url: str, tmp_path: Path) -> None:
    sent = load(4)
    adopt_all(database_url, [sent])
    arrange(database_url, _DISK_FULL, _AFTER_COPY)
    with ingest_running(mosquitto.url, database_url, tmp_path) as ingest:
        gateway = Gateway(mosquitto.port, sent)
        wait_until(lambda: stored_messages(database_url) > 0)
        switch(database_url, on=True)
        wait_until(lambda: "store_absent" in ingest.log.read_text())
        full = stored_messages(database_url)
        time.sleep(1.5)
        assert stored_messages(database_url) == full
        switch(database_url, on=False)
        expect_whole(database_url, gateway)


def test_a_slow_database_holds_back_and_loses_nothing(
    mosquitto: Mosquitto, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = load(4)
    adopt_all(database_url, [sent])
    arrange(database_url, "PERFORM pg_sleep(1)", _AFTER_COPY)
    with ingest_running(mosquitto.url, database_url, tmp_path) as ingest:
        assert ingest.process is not None
        with memory_watched(ingest.process.pid) as memory:
            switch(database_url, on=True)
            gateway = Gateway(mosquitto.port, sent)
            time.sleep(3)
            switch(database_url, on=False)
            expect_whole(database_url, gateway)
    tell(capsys, "each batch a second slower", [f"resident memory of ingest: {memory}"])
    assert memory.growth < MEMORY_MIB_MAX


@pytest.mark.parametrize("when", ["after the copy", "in the commit"])
def test_a_kill_at_any_point_of_the_transaction(
    when: str, mosquitto: Mosquitto, database_url: str, tmp_path: Path
) -> None:
    sent = load(4)
    adopt_all(database_url, [sent])
    arrange(database_url, "PERFORM pg_sleep(1)", {"after the copy": _AFTER_COPY, "in the commit": _IN_COMMIT}[when])
    with ingest_running(mosquitto.url, database_url, tmp_path) as ingest:
        gateway = Gateway(mosquitto.port, sent)
        for _ in range(2):
            kill_asleep(ingest, database_url)
        expect_whole(database_url, gateway)
        # A commit that went through without ingest hearing of it comes again, and is known.
        assert ("messages_duplicate" in ingest.log.read_text()) is (when == "in the commit")


def kill_asleep(ingest: IngestProcess, database_url: str) -> None:
    """Kill ingest while the database sleeps in one of its transactions, and start it again."""
    stored = stored_messages(database_url)
    wait_until(lambda: stored_messages(database_url) > stored)
    switch(database_url, on=True)
    with psycopg.connect(database_url, autocommit=True) as connection:
        wait_until(lambda: connection.execute(_SLEEPING.encode()).fetchall() == [(1,)])
        ingest.end(signal.SIGKILL)
    switch(database_url, on=False)
    ingest.launch()
