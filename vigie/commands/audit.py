"""`vigie audit`: whether the record of who did what is as it was written, its head to note, how long it is kept."""

from __future__ import annotations

from typing import Annotated

import typer

from core.audit import Head
from core.audit_check import Fault, Trace, check
from core.errors import SettingInvalid
from core.settings import Settings
from core.store.audit import KEPT_DAYS_MAX, KEPT_DAYS_MIN, chain_read, read_chain, write_kept_days
from core.store.pool import connected

app = typer.Typer(no_args_is_help=True, help="The record of who did what: check it, note its head, say how long.")

_SAID = {
    Trace.CHANGED: "act {number} is not what was written after the one before it: it was changed",
    Trace.REMOVED: "act {number} was removed",
    Trace.INSERTED: "act {number} was inserted: nobody wrote it there",
    Trace.REORDERED: "act {number} was written at another place: the order was changed",
    Trace.CUT: "the end was cut off: act {number} is the first that is missing",
    Trace.REWRITTEN: "act {number} is not the one whose hash was noted: what leads to it was written anew",
    Trace.UNCOMPARED: "act {number} was pruned since its hash was noted: give a newer head",
}


@app.command()
def verify(
    *,
    head: Annotated[str | None, typer.Option(help="NUMBER:HASH, as `vigie audit head` or an export gave it.")] = None,
) -> None:
    """Compute the whole chain anew: exit 1 and the first place where an act was changed, removed, inserted or moved."""
    noted = _head(head)
    with connected(Settings.from_environment().dsn) as connection:
        connection.commit()
        with chain_read(connection) as (chain, entries):
            verdict = check(entries, chain.start, chain.head, noted)
    if verdict.fault is not None:
        print(_told(verdict.fault, verdict.end))
        raise typer.Exit(1)
    since = f", after {chain.start.number} that were pruned" if chain.start.number else ""
    print(f"{verdict.entries} acts are as they were written{since}; head {verdict.end}")


@app.command("head")
def tell_head() -> None:
    """Print where the chain ends: noted elsewhere, it shows later whether anything up to it was written anew."""
    with connected(Settings.from_environment().dsn) as connection:
        print(read_chain(connection).head)


@app.command()
def keep(
    days: Annotated[int, typer.Option(min=KEPT_DAYS_MIN, max=KEPT_DAYS_MAX, help="Keep acts so many days at least.")],
) -> None:
    """Say how long acts are kept. The worker prunes older ones at night; that is an act itself."""
    with connected(Settings.from_environment().dsn) as connection:
        write_kept_days(connection, days)
    print(f"acts are kept {days} days from now on")


def _told(fault: Fault, end: Head) -> str:
    said = _SAID[fault.trace].format(number=fault.number)
    return f"{said}; the last act that holds is {end}" if end.number else said


def _head(text: str | None) -> Head | None:
    try:
        return None if text is None else Head.parse(text)
    except ValueError as error:
        raise SettingInvalid(f"--head: {error}") from None
