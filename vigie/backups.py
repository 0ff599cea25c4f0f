"""Backups: a folder for each, with pg_dump's files and a manifest that says what they must come to when restored.

Dump and manifest are of one state of the database, taken while everything goes on. A restored database is counted and
summed again, table by table: what differs is told.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from core.clock import format_instant, parse_instant
from core.errors import BackupDamaged, BackupRefused
from core.store.backup import (
    Fingerprint,
    ServerVersion,
    drop_database,
    exported_snapshot,
    finish_restoring,
    make_database,
    prepare_restoring,
    read_fingerprints,
    read_migrations,
    read_version,
)
from core.store.pool import connected
from vigie.postgres_tools import ended, fit_tools

MANIFEST = "manifest.json"
DUMP = "dump"
FORMAT = 1
_PREFIX = "vigie-"
_PART = ".part"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is, and what it must come to.

    Parameters
    ----------
    made_at
        When the state was taken.
    tools
        Major version of the pg_dump that wrote it; pg_restore must not be older.
    migrations
        Names of the migrations that were run.
    tables
        By name, what each holds.
    files
        SHA-256 of each file of the dump.
    """

    made_at: datetime
    server: ServerVersion
    tools: int
    migrations: tuple[str, ...]
    tables: Mapping[str, Fingerprint]
    files: Mapping[str, str]

    @property
    def rows(self) -> int:
        """How many rows there are in all tables together."""
        return sum(table.rows for table in self.tables.values())

    def write(self, folder: Path) -> None:
        """Write it beside the dump."""
        told = {"format": FORMAT, **asdict(self), "made_at": format_instant(self.made_at)}
        (folder / MANIFEST).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a backup.

        Raises
        ------
        BackupDamaged
            If there is none, or it is none of ours.
        """
        try:
            told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if told["format"] != FORMAT:
                raise BackupDamaged(f"{folder}: its form is {told['format']}, this version reads {FORMAT}")
            return cls(
                made_at=parse_instant(told["made_at"]),
                server=ServerVersion(**told["server"]),
                tools=int(told["tools"]),
                migrations=tuple(told["migrations"]),
                tables={name: Fingerprint(**held) for name, held in told["tables"].items()},
                files=dict(told["files"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupDamaged(
                f"{folder} has no manifest that can be read ({type(error).__name__}: {error})"
            ) from None


@dataclass(frozen=True, slots=True)
class Checked:
    """A table after the restoring, beside what it must be; None where it is missing on one side."""

    table: str
    kept: Fingerprint | None
    found: Fingerprint | None

    @property
    def equal(self) -> bool:
        """Whether it has come back as it was."""
        return self.kept == self.found


def back_up(dsn: str, folder: Path, now: datetime, *, jobs: int) -> Path:
    """Write a backup of the database into a new folder in ``folder``; return where. Unfinished, it has another name.

    Raises
    ------
    BackupRefused
        If pg_dump is not there in a fit version, or fails: nothing is left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    finished = folder / (_PREFIX + format_instant(now.replace(microsecond=0)).replace(":", "-"))
    if finished.exists():
        raise BackupRefused(f"{finished} is there already")
    part = finished.with_name(finished.name + _PART)
    part.mkdir(mode=0o700)
    try:
        _dump(dsn, part, now, jobs)
        part.rename(finished)
    finally:
        if part.exists():
            shutil.rmtree(part)
    return finished


def _dump(dsn: str, folder: Path, now: datetime, jobs: int) -> None:
    with exported_snapshot(dsn) as snapshot:
        server = read_version(snapshot.connection)
        tools = fit_tools(server.postgresql)
        options = ["--format=directory", f"--file={folder / DUMP}", f"--jobs={jobs}", f"--snapshot={snapshot.name}"]
        dumping = tools.run("pg_dump", [*options, "--no-password"], dsn)
        try:
            tables = dict(read_fingerprints(snapshot.connection))
            migrations = tuple(read_migrations(snapshot.connection))
            ended(dumping, "pg_dump")
        finally:
            dumping.kill()
    files = {path.name: _digest(path) for path in sorted((folder / DUMP).iterdir())}
    Manifest(now, server, tools.major, migrations, tables, files).write(folder)


def restore(backup: Path, dsn: str, *, jobs: int) -> list[Checked]:
    """Restore a backup into an empty database, made where it is absent; return each table beside what it must be.

    Raises
    ------
    BackupDamaged
        If a file is not what it was: nothing was restored.
    BackupRefused
        If the database is not empty or not fit, or pg_restore fails.
    """
    manifest = read_whole(backup)
    dsn = make_database(dsn)
    with connected(dsn) as connection:
        prepare_restoring(connection, manifest.server)
        here = read_version(connection)
    tools = fit_tools(max(manifest.tools, here.postgresql))
    # TimescaleDB's catalogue comes back in order only with one job.
    jobs = jobs if manifest.server.timescaledb is None else 1
    # Who may do what is restored too: the logins are there by now.
    options = [f"--jobs={jobs}", "--no-owner", "--exit-on-error", "--no-password"]
    restoring = tools.run("pg_restore", [*options, "--dbname=", str(backup / DUMP)], dsn)
    try:
        ended(restoring, "pg_restore")
    finally:
        restoring.kill()
    with connected(dsn) as connection:
        finish_restoring(connection, manifest.server)
        return list(_checked(manifest.tables, dict(read_fingerprints(connection))))


def read_whole(backup: Path) -> Manifest:
    """Return the manifest of a backup after each of its files was read and found to be what it was.

    Raises
    ------
    BackupDamaged
        With every file that is missing, changed or strange.
    """
    manifest = Manifest.read(backup)
    dump = backup / DUMP
    found = {path.name: _digest(path) for path in sorted(dump.iterdir())} if dump.is_dir() else {}
    wrong = sorted(name for name in manifest.files.keys() | found.keys() if manifest.files.get(name) != found.get(name))
    if wrong:
        raise BackupDamaged(f"{backup} is damaged, these files are not what they were: {', '.join(wrong)}")
    return manifest


def verify(backup: Path, dsn: str, *, jobs: int) -> list[Checked]:
    """Restore a backup into a database of its own beside the one at ``dsn``, and drop that; return each table."""
    name = f"vigie_verified_{uuid.uuid4().hex[:12]}"
    address = make_database(dsn, name)
    try:
        return restore(backup, address, jobs=jobs)
    finally:
        drop_database(dsn, name)


def rotate(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest ``keep`` backups of a folder; return which. What is no whole backup is left alone."""
    gone = backups_in(folder)[:-keep]
    for backup in gone:
        shutil.rmtree(backup)
    return gone


def backups_in(folder: Path) -> list[Path]:
    """Return the whole backups of a folder, oldest first."""
    named = (path for path in folder.glob(f"{_PREFIX}*") if path.suffix != _PART)
    return sorted(path for path in named if (path / MANIFEST).is_file())


def _checked(kept: Mapping[str, Fingerprint], found: Mapping[str, Fingerprint]) -> Iterator[Checked]:
    for table in sorted(kept.keys() | found.keys()):
        yield Checked(table, kept.get(table), found.get(table))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
