"""`vigie storage`: how long raw readings are kept, family by family, and what that lets go of."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Annotated

import typer

from core.clock import format_instant, now
from core.errors import SettingInvalid
from core.metrics import Family
from core.settings import Settings
from core.store.engine import read_engine
from core.store.pool import Connection, connected
from core.store.retention import (
    RAW_DAYS_MAX,
    RAW_DAYS_MIN,
    Retention,
    read_kept_since,
    read_retention,
    write_retention,
)
from vigie.commands.tables import table_lines

app = typer.Typer(no_args_is_help=True, help="How long raw readings are kept. Nothing goes until you say so.")

_HEADS = ("family", "raw readings", "at least", "said by", "on", "whole since")
_GOING_HEADS = ("chunk", "family", "readings")


@app.command()
def show() -> None:
    """Print the engine, how long each family's raw readings are kept, and since when they are whole."""
    with connected(Settings.from_environment().dsn) as connection:
        engine, kept, since = read_engine(connection), read_retention(connection), read_kept_since(connection)
    print(f"engine: {engine.name}, PostgreSQL {engine.server_version}, TimescaleDB {engine.extension_version or '-'}")
    if engine.columnstores:
        print(f"compressed once they are old: {', '.join(engine.columnstores)}")
    rows = [(family, *_told(kept.get(family)), _day(since.get(family))) for family in Family]
    print("\n".join(table_lines([_HEADS, *rows])))


@app.command()
def keep(
    family: Annotated[Family, typer.Argument(help="Family of metrics.")],
    *,
    by: Annotated[str, typer.Option("--by", help="Who says so; kept beside it.")],
    days: Annotated[int | None, typer.Option(max=RAW_DAYS_MAX, help="Keep raw readings so many days.")] = None,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="Let go of none, from now on.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Say how long a family's raw readings are kept. Older ones go the next nights; roll-ups and forecasts stay."""
    if (days is None) != for_ever:
        raise SettingInvalid("say either --days N or --for-ever")
    if days is not None and days < RAW_DAYS_MIN[family]:
        raise SettingInvalid(f"--days: {family} is kept {RAW_DAYS_MIN[family]} days at least (docs/administrator.md)")
    if not by.strip():
        raise SettingInvalid("--by: say who")
    at = now()
    with connected(Settings.from_environment().dsn) as connection:
        if not dry_run:
            write_retention(connection, Retention(family, days, by.strip(), at))
        print("\n".join(_going(connection, family, days, at)))


def _going(connection: Connection, family: Family, days: int | None, at: datetime) -> list[str]:
    from services.retention import read_going

    if days is None:
        return [f"{family}: kept for ever; what was let go of before stays so"]
    going = list(read_going(connection, at, {family: at - timedelta(days=days)}))
    if not going:
        return [f"{family}: kept {days} days at least; nothing is older yet"]
    rows = [(one.chunk.relation, str(one.family), str(one.readings)) for one in going]
    readings = Counter({one.chunk.relation: one.readings for one in going}).total()
    last = format_instant(going[-1].chunk.end)
    return [*table_lines([_GOING_HEADS, *rows]), f"{readings} raw readings of before {last} go; their roll-ups stay"]


def _told(retention: Retention | None) -> tuple[str, str, str, str]:
    if retention is None:
        return "for ever", "-", "-", "-"
    said = (retention.author, _day(retention.set_at))
    return ("for ever", "-", *said) if retention.raw_days is None else ("kept", f"{retention.raw_days} days", *said)


def _day(instant: datetime | None) -> str:
    return "-" if instant is None else f"{instant:%Y-%m-%d}"
