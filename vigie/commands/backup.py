"""`vigie backup`, `restore` and `carry`: the whole database in a folder, back, or over, counted and summed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from core.clock import now
from core.settings import Settings
from core.store.backup import BackupMade, Fingerprint, note_backup
from core.store.carry import Carried, carry
from core.store.migrate import is_migrated
from core.store.pool import connected
from vigie.backups import Checked, Manifest, back_up, restore, rotate, verify
from vigie.commands.tables import table_lines

Jobs = Annotated[int, typer.Option(min=1, max=64, help="Tables at once.")]
_HEADS = ("table", "rows", "rows found", "")


def backup_database(
    folder: Annotated[Path, typer.Argument(help="Where backups are kept; each gets a folder of its own in it.")],
    *,
    jobs: Jobs = 2,
    keep: Annotated[int, typer.Option(min=0, max=10_000, help="Keep the newest so many; 0 keeps all.")] = 0,
    check: Annotated[bool, typer.Option("--verify", help="Restore it beside, compare, and drop that again.")] = False,
) -> None:
    """Back the whole database up while everything goes on. Older backups go once the new one is whole."""
    dsn, at = Settings.from_environment().dsn, now()
    made = back_up(dsn, folder, at, jobs=jobs)
    manifest = Manifest.read(made)
    size_bytes = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
    print(f"{made}: {len(manifest.tables)} tables, {manifest.rows} rows, {size_bytes / 1e6:.1f} MB")
    if check:
        _tell(verify(made, dsn, jobs=jobs))
    with connected(dsn) as connection:
        note_backup(connection, BackupMade(at, now(), manifest.rows, size_bytes, verified=check))
    for gone in rotate(folder, keep) if keep else ():
        print(f"removed {gone}")


def restore_database(
    backup: Annotated[Path, typer.Argument(help="One backup: the folder that holds its manifest.json.")],
    *,
    into: Annotated[
        str,
        typer.Option(
            envvar="VIGIE_RESTORE_INTO_URL",
            help="Address of an empty database, made where it is absent; in the variable, nobody sees its password.",
        ),
    ],
    jobs: Jobs = 2,
) -> None:
    """Restore a backup into an empty database and compare every table: exit 1 when one has not come back as it was."""
    _tell(restore(backup, into, jobs=jobs))
    with connected(into) as connection:
        if not is_migrated(connection):
            print("the backup is of an earlier version: run `vigie migrate` on it before the other processes")


def carry_database(
    *,
    into: Annotated[
        str,
        typer.Option(
            envvar="VIGIE_CARRY_INTO_URL",
            help="Address of a database that was migrated and not used; in the variable, nobody sees its password.",
        ),
    ],
) -> None:
    """Carry every row into a database of another engine or server: all of them, or none and exit 1.

    Stop ingest, worker and api first: what is written meanwhile stays behind. The broker keeps what the sensors send.
    """
    _tell(carry(Settings.from_environment().dsn, into))


def _tell(tables: Sequence[Checked] | Sequence[Carried]) -> None:
    print("\n".join(table_lines([_HEADS, *map(_row, tables)])))
    wrong = [one.table for one in tables if not one.equal]
    if wrong:
        print(f"NOT as it was: {', '.join(wrong)}")
        raise typer.Exit(1)
    print(f"{len(tables)} tables are as they were: same rows, same checksums")


def _row(one: Checked | Carried) -> tuple[str, str, str, str]:
    word = "same" if one.equal else "DIFFERS"
    return one.table, _rows_of(one.kept), _rows_of(one.found), word


def _rows_of(held: Fingerprint | None) -> str:
    return "absent" if held is None else str(held.rows)
