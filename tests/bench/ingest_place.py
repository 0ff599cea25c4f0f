"""Where ingestion is measured: a Mosquitto, a database with the publishers' sensors, sessions, and ``vigie ingest``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bare_subscriber import connect
from fast_publisher import COMMUNES, SENSORS

from core.clock import now, parse_instant
from core.places import Sensor, SensorKind, Site
from core.store.migrate import migrate
from core.store.pool import connected
from core.store.sensors import adopt_sensor
from vigie.embedded import DatabaseServer, EmbeddedDatabase

HERE = Path(__file__).resolve().parent
LANE = "bench"


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Run a Mosquitto without limits of its own; give its port."""
    binary = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if binary is None:
        sys.exit("bench_ingest: Debian's mosquitto is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    user = "user root\n" if os.geteuid() == 0 else ""
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        f"{user}listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
    )
    process = subprocess.Popen([binary, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """Give the address of a migrated database whose sensors are those of the publishers."""
    address = os.environ.get("VIGIE_TEST_SERVER")
    server = DatabaseServer(address) if address else EmbeddedDatabase(folder / "postgres")
    name = f"bench_{os.getpid()}"
    url = server.create(name)
    migrate(url)
    with connected(url) as connection:
        for number in range(SENSORS):
            site = Site(COMMUNES[number % len(COMMUNES)], "bench", "Bench")
            adopt_sensor(connection, Sensor(f"bench-{number}", SensorKind.INDOOR_AIR, "Bench", site), now())
    try:
        yield url
    finally:
        server.drop(name)
        if isinstance(server, EmbeddedDatabase):
            server.stop()


def begin_session(client_id: str, port: int, communes: tuple[str, ...] = COMMUNES) -> None:
    """Have the broker keep what the sensors publish from now on for this client, and forget what came before."""
    granted = threading.Event()
    client = connect(client_id, port, clean_start=True)

    def subscribe(*_: object) -> None:
        client.subscribe([(f"vigie/v1/{insee}/#", 1) for insee in communes])

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: granted.set()
    client.loop_start()
    assert granted.wait(10), "the broker answers"
    client.disconnect()
    client.loop_stop()


def forget_session(client_id: str, port: int) -> None:
    """Have the broker keep nothing more for this client."""
    client = connect(client_id, port, clean_start=True, kept_s=0)
    client.loop_start()
    client.disconnect()
    client.loop_stop()


def publishing(port: int, first: int, messages: int, per_s: float = 0) -> subprocess.Popen[str]:
    """Start a publisher."""
    arguments = [str(number) for number in (port, first, messages, per_s)]
    return subprocess.Popen(
        [sys.executable, str(HERE / "fast_publisher.py"), *arguments], stdout=subprocess.PIPE, text=True
    )


def confirmed(publisher: subprocess.Popen[str]) -> int:
    """Wait for a publisher; return how many messages the broker confirmed."""
    told, _ = publisher.communicate(timeout=600)
    return int(told)


@dataclass(frozen=True, slots=True)
class Place:
    """The broker's port, the database's address, and where logs go."""

    port: int
    url: str
    folder: Path


class Ingest:
    """``vigie ingest`` as a process of its own, and what its log tells."""

    def __init__(self, place: Place, lane: str = LANE, communes: tuple[str, ...] = COMMUNES) -> None:
        self.url = place.url
        self._log = place.folder / f"{lane}-{time.monotonic_ns()}.log"
        environment = os.environ | {
            "VIGIE_BROKER_URL": f"mqtt://127.0.0.1:{place.port}",
            "VIGIE_DATABASE_URL": place.url,
            "VIGIE_LANE": lane,
            "VIGIE_COMMUNES": ",".join(communes),
            "VIGIE_PAST_DAYS_MAX": "10000",
            "VIGIE_FLOOD_COMMUNE_BURST": "10000000",
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "vigie", "ingest"], env=environment, stderr=log)

    def told(self, event: str) -> list[dict[str, object]]:
        """Return the log's lines of one event."""
        lines = (json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == event]

    def wait_for(self, event: str) -> None:
        """Wait until the log tells of an event."""
        deadline = time.monotonic() + 60
        while not self.told(event):
            assert time.monotonic() < deadline, f"ingest tells {event}"
            assert self.process.poll() is None, self._log.read_text()[-2_000:]
            time.sleep(0.02)

    def settled(self) -> int:
        """Return how many messages are settled."""
        assert self.process.poll() is None, self._log.read_text()[-2_000:]
        return sum(settled(line) for line in self.told("batch_written"))

    def memory_mib(self) -> float:
        """Return the most memory it has held so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1_024

    def processor_s(self) -> float:
        """Return the processor time it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Stop it as an administrator would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def settled(line: dict[str, object]) -> int:
    """Return how many messages a ``batch_written`` line tells of."""
    return sum(int(str(number)) for name, number in line.items() if name.startswith("messages_"))


def at(line: dict[str, object]) -> datetime:
    """Return when a log line was written."""
    return parse_instant(str(line["timestamp"]))
