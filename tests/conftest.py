"""What tests share: an embedded PostgreSQL, one fresh migrated database a test, a Mosquitto, a browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from core.store.migrate import migrate
from vigie.embedded import DatabaseServer, EmbeddedDatabase

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """A server of this test run: an embedded PostgreSQL, or the one that VIGIE_TEST_SERVER names (TimescaleDB, say)."""
    address = os.environ.get("VIGIE_TEST_SERVER")
    if address:
        yield DatabaseServer(address)
        return
    server = EmbeddedDatabase(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(database_server: DatabaseServer) -> Iterator[str]:
    """The name of a migrated database to copy from."""
    name = f"migrated_{uuid.uuid4().hex}"
    migrate(database_server.create(name))
    yield name
    database_server.drop(name)


@pytest.fixture
def database_url(database_server: DatabaseServer, template: str) -> Iterator[str]:
    """The address of a fresh migrated database, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    yield database_server.create(name, template=template)
    database_server.drop(name)


@dataclass
class Mosquitto:
    """A real broker with persistence, which a test may stop, kill and start again."""

    folder: Path
    port: int
    binary: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, as settings want it."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(
            [self.binary, "-c", str(self.folder / "mosquitto.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        pytest.fail("mosquitto did not answer within 10 s")

    def kill(self) -> None:
        """Kill it -9: what it had not saved is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def stop(self) -> None:
        """Stop it as an administrator would; it saves its sessions."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


def fresh_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto on a loopback port; the test is skipped, saying so, where it is not installed."""
    binary = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if binary is None:
        pytest.skip("Debian's mosquitto is not installed")
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    port = fresh_port()
    user = "user root\n" if os.geteuid() == 0 else ""
    (folder / "mosquitto.conf").write_text(
        f"{user}listener {port} 127.0.0.1\nallow_anonymous true\n"
        f"persistence true\npersistence_location {folder}/\n"
        "autosave_interval 1\nset_tcp_nodelay true\n"
        "max_inflight_messages 0\nmax_queued_messages 0\nmessage_size_limit 0\n",
    )
    broker = Mosquitto(folder, port, binary)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one for all journeys: each visitor has a context of their own."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        # The map draws by WebGL, which a machine without a graphics processor does by software.
        arguments = ["--no-sandbox", "--disable-quic", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
