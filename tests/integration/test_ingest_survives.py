from __future__ import annotations

import shutil
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest
from conftest import Mosquitto
from ingesting import Traffic, adopt, count_stored, ingest_running, publisher_to, sensor, stored, wait_until

from core.store.migrate import migrate
from core.store.pool import connected
from core.store.rejections import read_rejections
from vigie.embedded import EmbeddedDatabase

pytestmark = pytest.mark.integration

SENSORS = [sensor(number) for number in range(10)]


def expect_all(database_url: str, steps: int) -> None:
    """Every sensor's every value is there, once, in order; nothing was refused."""
    values = stored(database_url)
    assert len(values) == 2 * len(SENSORS)
    for (metric, _), found in values.items():
        expected = [400.0 + step % 1_000 for step in range(steps)] if metric == "co2_ppm" else [20.0] * steps
        assert found == expected
    with connected(database_url) as connection:
        assert read_rejections(connection) == []


def more_stored_than(database_url: str, readings: float) -> bool:
    return count_stored(database_url) > readings


def test_kill_in_the_middle_loses_and_doubles_nothing(mosquitto: Mosquitto, database_url: str, tmp_path: Path) -> None:
    adopt(database_url, SENSORS)
    with ingest_running(mosquitto.url, database_url, tmp_path) as ingest, publisher_to(mosquitto.url) as publisher:
        traffic = Traffic(publisher, SENSORS, steps=600, pause_s=0.02)
        traffic.start()
        for reached in (0.1, 0.4, 0.7):
            wait_until(partial(more_stored_than, database_url, reached * traffic.readings))
            assert ingest.end(signal.SIGKILL) == -signal.SIGKILL
            assert count_stored(database_url) < traffic.readings
            ingest.start()
        traffic.join()
        wait_until(lambda: count_stored(database_url) >= traffic.readings)
        time.sleep(0.5)
    expect_all(database_url, 600)


def test_sigterm_drains_and_leaves_the_rest_with_the_broker(
    mosquitto: Mosquitto, database_url: str, tmp_path: Path
) -> None:
    adopt(database_url, SENSORS)
    with ingest_running(mosquitto.url, database_url, tmp_path) as ingest, publisher_to(mosquitto.url) as publisher:
        traffic = Traffic(publisher, SENSORS, steps=300, pause_s=0.01)
        traffic.start()
        wait_until(lambda: count_stored(database_url) > 0)
        assert ingest.end(signal.SIGTERM) == 0
        assert count_stored(database_url) < traffic.readings
        traffic.join()
        assert "ingest_stopped" in ingest.log.read_text()
        ingest.start()
        wait_until(lambda: count_stored(database_url) >= traffic.readings)
        # What was written before the stop was acknowledged too: none of it came again.
        lines = ingest.log.read_text().split("ingest_stopped")[1].splitlines()
        assert not any("duplicate" in line for line in lines)
    expect_all(database_url, 300)


def test_an_absent_database_loses_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    server = EmbeddedDatabase(tmp_path / "postgres")
    address = server.create("vigie")
    migrate(address)
    adopt(address, SENSORS)
    with ingest_running(mosquitto.url, address, tmp_path) as ingest, publisher_to(mosquitto.url) as publisher:
        traffic = Traffic(publisher, SENSORS, steps=200, pause_s=0.02)
        traffic.start()
        wait_until(lambda: count_stored(address) > 0)
        server.stop()
        wait_until(lambda: "store_absent" in ingest.log.read_text())
        traffic.join()
        server = EmbeddedDatabase(tmp_path / "postgres")
        wait_until(lambda: count_stored(address) >= traffic.readings)
        expect_all(address, 200)
        assert ingest.end(signal.SIGTERM) == 0
    server.stop()


def test_a_broker_that_restarts_loses_nothing(mosquitto: Mosquitto, database_url: str, tmp_path: Path) -> None:
    adopt(database_url, SENSORS)
    with ingest_running(mosquitto.url, database_url, tmp_path), publisher_to(mosquitto.url) as publisher:
        traffic = Traffic(publisher, SENSORS, steps=200, pause_s=0.02)
        traffic.start()
        wait_until(lambda: count_stored(database_url) > 0)
        mosquitto.stop()
        time.sleep(0.5)
        mosquitto.start()
        traffic.join()
        wait_until(lambda: count_stored(database_url) >= traffic.readings)
    expect_all(database_url, 200)


def test_mosquitto_pub_is_enough_to_send_a_reading(mosquitto: Mosquitto, database_url: str, tmp_path: Path) -> None:
    binary = shutil.which("mosquitto_pub")
    if binary is None:
        pytest.skip("Debian's mosquitto-clients is not installed")
    adopt(database_url, SENSORS[:1])
    with ingest_running(mosquitto.url, database_url, tmp_path):
        message = '[{"bt":1772442000,"n":"co2","u":"ppm","v":612}]'
        topic = "vigie/v1/93066/indoor_air/room-0/up"
        subprocess.run(
            [binary, "-p", str(mosquitto.port), "-q", "1", "-t", topic, "-m", message], check=True, timeout=10
        )
        wait_until(lambda: count_stored(database_url) == 1, 10)
    assert list(stored(database_url).values()) == [[612.0]]
