"""A streaming standby of a PostgreSQL server, with the tools that came with the server; for the tests of replicas."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from vigie.postgres_tools import fit_tools

SERVER_USER = "pgserver" if os.geteuid() == 0 else None
"""PostgreSQL refuses to run as root: whom the wheel founds clusters for then."""


class Standby:
    """A server that replays what its primary writes.

    Parameters
    ----------
    address
        Of the standby's maintenance database.
    """

    def __init__(self, folder: Path, tools: Path) -> None:
        self._folder, self._tools = folder, tools
        self.address = make_conninfo(host=str(folder), user="postgres", dbname="postgres")

    def database(self, name: str) -> str:
        """Return the address of one of its databases."""
        return make_conninfo(self.address, dbname=name)

    def copy(self, primary: str) -> None:
        """Copy the primary as it runs, and have the copy follow it."""
        cluster = self._folder / "cluster"
        options = (f"--dbname={primary}", f"--pgdata={cluster}", "--write-recovery-conf", "--checkpoint=fast")
        self._run("pg_basebackup", *options)

    def start(self) -> None:
        """Start it and wait until it answers; it listens on a socket in its folder only."""
        options = f"-c listen_addresses= -c unix_socket_directories={self._folder} -c hot_standby_feedback=on"
        self._control("start", f"--options={options}", f"--log={self._folder / 'log'}")

    def stop(self) -> None:
        """Stop it at once."""
        self._control("stop", "--mode=immediate")

    def pause(self) -> None:
        """Have it receive and no longer replay: it falls behind."""
        self._say("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        """Have it replay again."""
        self._say("SELECT pg_wal_replay_resume()")

    def promote(self) -> None:
        """Make it a primary of its own."""
        self._say("SELECT pg_promote(true, 30)")

    def _say(self, statement: str) -> None:
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _control(self, act: str, *options: str) -> None:
        self._run("pg_ctl", act, f"--pgdata={self._folder / 'cluster'}", "--wait", "--silent", *options)

    def _run(self, tool: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._tools / tool), *arguments],
            user=SERVER_USER,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def standby_of(primary: str) -> Iterator[Standby]:
    """Copy a running server and start the copy as its standby, in a folder with a short name: it holds the socket."""
    with psycopg.connect(primary) as connection:
        tools = fit_tools(connection.info.server_version // 10_000).folder
    if not (tools / "pg_basebackup").is_file():
        pytest.skip("pg_basebackup is not there")
    with tempfile.TemporaryDirectory(prefix="vigie-standby-") as place:
        folder = Path(place)
        if SERVER_USER is not None:
            shutil.chown(folder, SERVER_USER)
        standby = Standby(folder, tools)
        standby.copy(primary)
        standby.start()
        try:
            yield standby
        finally:
            standby.stop()
