"""`vigie export` and `vigie exports`: a file now, or a file of each day by itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.clock import PARIS, Window, format_instant, in_utc, now, parse_instant
from core.errors import SettingInvalid, VigieError
from core.log import start_log
from core.settings import Settings, WorkerSettings
from core.store.pool import connected
from vigie.commands.tables import table_lines

if TYPE_CHECKING:
    from services.exports.asked import Format, Wanted
    from services.exports.columns import By

app = typer.Typer(no_args_is_help=True, help="Files of each local day, written by themselves: add, list, remove, run.")

Of = Annotated[
    list[str] | None,
    typer.Option(
        "--of",
        help="WORD=VALUE, again for more: commune=93051, site=93051/ecole-a, sensor=EXTERNAL_ID, family=air, "
        "metric=co2_ppm, series=41, origin=field. Values of one word widen, several words narrow; without any, all.",
    ),
]
Lines = Annotated[str, typer.Option(help="What a line is: raw (a reading), hour (UTC) or day (Europe/Paris).")]
FormatOption = Annotated[str, typer.Option("--format", help="csv-fr, csv or parquet.")]
Author = Annotated[str, typer.Option("--by", help="Who does it.")]

WORDS = {
    "commune": "communes",
    "site": "sites",
    "sensor": "sensors",
    "family": "families",
    "metric": "metrics",
    "series": "series",
    "origin": "origins",
}
"""What `--of` takes, and what `services.exports.asked.Wanted` calls it."""


class ScheduleRefused(VigieError):
    """The scheduled export cannot be added, removed or run."""


def export_file(
    file: Annotated[Path | None, typer.Argument(help="Where to; without it, to standard output.")] = None,
    *,
    start: Annotated[str, typer.Option("--from", help="A local day, or an instant with its offset.")],
    until: Annotated[str | None, typer.Option(help="The same, excluded; else up to now.")] = None,
    of: Of = None,
    lines: Lines = "raw",
    file_format: FormatOption = "csv-fr",
    as_of: Annotated[str | None, typer.Option(help="Only what was known at this instant.")] = None,
) -> None:
    """Export readings, or their roll-ups by hour or day, as one file; it appears once it is whole."""
    from services.exports.asked import Asked, check_size
    from services.exports.destinations import put_file
    from services.exports.stream import Flow

    window = Window(_instant("--from", start), _instant("--until", until) if until else now())
    known = _instant("--as-of", as_of) if as_of else None
    asked = Asked(_wanted(of), _by(lines), _format(file_format), window, known)
    dsn = Settings.from_environment().dsn
    with connected(dsn) as connection:
        labels = asked.wanted.labels(connection)
    check_size(asked, labels)
    flow = Flow(dsn, asked, labels)
    if file is None:
        _pour(flow.pieces())
        return
    put = put_file(file, flow.pieces())
    print(f"{file}: {flow.export.rows} rows, {put.bytes} bytes, sha256 {put.sha256}")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens: names its files.")],
    *,
    to: Annotated[str, typer.Option(help="s3://BUCKET/PREFIX, or a folder below VIGIE_EXPORTS_DIR.")],
    by: Author,
    since: Annotated[str | None, typer.Option(help="First local day; else yesterday.")] = None,
    of: Of = None,
    lines: Lines = "raw",
    file_format: FormatOption = "csv-fr",
) -> None:
    """Have the worker write a file of each local day from now on, and again when it was touched since."""
    from core.store.exports import NAME, NewSchedule, add_schedule
    from services.exports.destinations import check_destination

    wanted = _wanted(of)
    if not NAME.fullmatch(name):
        raise SettingInvalid(f"NAME: {name!r} is not of small letters, digits and hyphens, 63 at most")
    check_destination(to)
    first = _day("--since", since) if since else now().astimezone(PARIS).date() - timedelta(days=1)
    new = NewSchedule(name, wanted.told(), _by(lines), _format(file_format), to, first, by)
    with connected(Settings.from_environment().dsn) as connection:
        fitting = len(wanted.labels(connection).series_ids)
        if add_schedule(connection, new, now()) is None:
            raise ScheduleRefused(f"there is a scheduled export {name} already")
    print(f"{name}: {fitting} series now, a file of each day since {first} to {to}")


@app.command("list")
def list_schedules() -> None:
    """Print the scheduled exports and how they do."""
    from core.store.exports import read_schedules

    with connected(Settings.from_environment().dsn) as connection:
        schedules = read_schedules(connection)
    heads = ("name", "to", "lines", "format", "since", "by", "succeeded", "failures", "failure")
    rows = [
        (
            one.name,
            one.destination,
            one.by,
            one.format,
            one.since.isoformat(),
            one.author,
            format_instant(one.succeeded_at.replace(microsecond=0)) if one.succeeded_at else "never",
            str(one.failures),
            one.failure,
        )
        for one in schedules
    ]
    print("\n".join(table_lines([heads, *rows])) if rows else "nothing is scheduled")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="Its name.")], *, by: Author) -> None:
    """Stop writing a scheduled export; its files stay where they are."""
    from core.store.exports import remove_schedule

    with connected(Settings.from_environment().dsn) as connection:
        if not remove_schedule(connection, name, by, now()):
            raise ScheduleRefused(f"there is no scheduled export {name}")
    print(f"{name}: removed; its files stay")


@app.command()
def run(name: Annotated[str, typer.Argument(help="Its name.")]) -> None:
    """Write now what is due of a scheduled export, as the worker does every five minutes."""
    from core.store.exports import read_schedules
    from services.exports.schedules import run_schedule

    settings = WorkerSettings.from_environment()
    start_log("exports", as_json=settings.log_json)
    with connected(settings.dsn) as connection:
        schedule = next((one for one in read_schedules(connection) if one.name == name), None)
        connection.commit()
        if schedule is None:
            raise ScheduleRefused(f"there is no scheduled export {name}")
        files = 0
        while (look := run_schedule(connection, settings, schedule, now())).files:
            files += look.files
            if not look.left:
                break
    if look.failure:
        raise ScheduleRefused(f"{name}: {look.failure}")
    print(f"{name}: {files} files written")


def _pour(pieces: Iterable[bytes]) -> None:
    """Write to standard output; whoever reads it may have had enough."""
    try:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Otherwise Python tries once more at its end, and says so.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None


def _wanted(of: list[str] | None) -> Wanted:
    from services.exports.asked import Wanted

    words: dict[str, list[Any]] = {}
    for one in of or ():
        word, _, value = one.partition("=")
        if word not in WORDS or not value or (word == "series" and not value.isdecimal()):
            raise SettingInvalid(f"--of: {one} is none of {', '.join(f'{known}=...' for known in WORDS)}")
        words.setdefault(WORDS[word], []).append(int(value) if word == "series" else value)
    return Wanted.of(words)


def _by(name: str) -> By:
    from services.exports.columns import By

    try:
        return By(name)
    except ValueError:
        raise SettingInvalid(f"--lines: {name} is none of {', '.join(By)}") from None


def _format(name: str) -> Format:
    from services.exports.asked import Format

    try:
        return Format(name)
    except ValueError:
        raise SettingInvalid(f"--format: {name} is none of {', '.join(Format)}") from None


def _instant(option: str, text: str) -> datetime:
    try:
        if len(text) == len("2026-03-02"):
            return in_utc(datetime.combine(date.fromisoformat(text), time(), PARIS))
        return parse_instant(text)
    except ValueError as error:
        raise SettingInvalid(f"{option}: {error}") from None


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SettingInvalid(f"{option}: {error}") from None
