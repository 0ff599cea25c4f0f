"""A real ingest process, sensors that publish to it, and what came of it, for the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import Window
from core.metrics import METRICS
from core.places import Sensor, SensorKind, Site
from core.store.places import read_series
from core.store.pool import connected
from core.store.readings import read_readings
from core.store.roles import Login, as_login
from core.store.sensors import adopt_sensor
from ingestors.broker import BrokerAddress, Publisher
from ingestors.decoders.senml import format_pack
from ingestors.topics import uplink_topic

ROOT = Path(__file__).resolve().parent.parent.parent
START = datetime(2026, 3, 2, tzinfo=UTC)
ALL = Window(START, START + timedelta(days=366))
SITE = Site("93066", "ecole", "École")


def sensor(number: int) -> Sensor:
    """Return one of the test's sensors."""
    return Sensor(f"room-{number}", SensorKind.INDOOR_AIR, f"Room {number}", SITE)


def pack(step: int) -> bytes:
    """Return the pack that a sensor publishes at its ``step``-th minute: two readings."""
    values = [(METRICS["co2_ppm"], 400.0 + step % 1_000), (METRICS["temperature_c"], 20.0)]
    return format_pack(START + timedelta(minutes=step), values)


def adopt(database_url: str, sensors: list[Sensor]) -> None:
    """Adopt sensors, as the command line does."""
    with connected(database_url) as connection:
        for one in sensors:
            adopt_sensor(connection, one, START)


def stored(database_url: str) -> dict[tuple[str, int], list[float]]:
    """Return the stored values by (metric, sensor id), in time order."""
    with connected(database_url) as connection:
        return {
            (one.metric, one.sensor_id): [
                reading.value for reading in read_readings(connection, one.series_id, ALL, limit=1_000_000)
            ]
            for one in read_series(connection)
        }


def count_stored(database_url: str) -> int:
    """Return how many readings are stored."""
    return sum(len(values) for values in stored(database_url).values())


def wait_until(told: Callable[[], bool], timeout_s: float = 60) -> None:
    """Wait until ``told()``, or fail."""
    deadline = time.monotonic() + timeout_s
    while not told():
        if time.monotonic() > deadline:
            pytest.fail(f"did not come about within {timeout_s:g} s")
        time.sleep(0.05)


@dataclass
class IngestProcess:
    """``vigie ingest`` as a process of its own, with its own login.

    ``log`` holds its lines, ``settings`` what it is told besides.
    """

    broker_url: str
    database_url: str
    log: Path
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start it, again under the same client id, without waiting for it."""
        environment = os.environ | {
            "VIGIE_BROKER_URL": self.broker_url,
            "VIGIE_DATABASE_URL": as_login(self.database_url, Login.INGEST),
            "VIGIE_RETRY_S_MAX": "1",
            # START lies ever further back.
            "VIGIE_PAST_DAYS_MAX": "10000",
            **self.settings,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vigie", "ingest"], cwd=ROOT, env=environment, stderr=log
            )

    def start(self) -> None:
        """Start it, and wait until it has the broker."""
        already = self.log.read_text().count("broker_connected") if self.log.exists() else 0
        self.launch()
        wait_until(lambda: self.log.read_text().count("broker_connected") > already, 30)

    def end(self, number: signal.Signals) -> int:
        """Send a signal, wait for the end, return the exit code."""
        assert self.process is not None, "started"
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process = None
        return code


@contextmanager
def ingest_running(
    broker_url: str, database_url: str, folder: Path, settings: dict[str, str] | None = None
) -> Iterator[IngestProcess]:
    """Run an ingest process; it is killed at the end if it still runs."""
    ingest = IngestProcess(broker_url, database_url, folder / "ingest.log", settings or {})
    ingest.start()
    try:
        yield ingest
    finally:
        if ingest.process is not None:
            ingest.end(signal.SIGKILL)


@contextmanager
def publisher_to(broker_url: str) -> Iterator[Publisher]:
    """Give a connected publisher; nothing may be unconfirmed at the end."""
    publisher = Publisher(BrokerAddress.parse(broker_url))
    assert publisher.open(threading.Event())
    yield publisher
    unconfirmed = publisher.drain(30)
    publisher.close()
    assert unconfirmed == 0
    assert publisher.refused == 0


@dataclass
class Traffic(threading.Thread):
    """Publishes ``steps`` packs of each sensor from a thread of its own."""

    publisher: Publisher
    sensors: list[Sensor]
    steps: int
    pause_s: float = 0.0

    def __post_init__(self) -> None:
        super().__init__()

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Publish all."""
        for step in range(self.steps):
            for one in self.sensors:
                self.publisher.publish(uplink_topic(one), pack(step))
            time.sleep(self.pause_s)

    @property
    def readings(self) -> int:
        """How many readings that makes."""
        return 2 * self.steps * len(self.sensors)
