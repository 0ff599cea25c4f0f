"""`vigie import` and `vigie backfill`: what is taken in otherwise than live, carried out by the command itself."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from core.clock import now, parse_instant
from core.errors import SettingInvalid
from core.intakes import BackfillAsked, Intake, IntakeKind
from core.store.sensors import UNSIGNED

if TYPE_CHECKING:
    from ingestors.files.run import FileFormat, ImportReport

By = Annotated[str, typer.Option("--by", help="Who does it.")]


def import_files(
    files: Annotated[list[Path], typer.Argument(help="CSV, Parquet, or uplinks as lines of JSON.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of them.")] = False,
    file_format: Annotated[
        str | None, typer.Option("--format", help="csv, parquet or ndjson; else by the file's name.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="In which times without an offset are told, Europe/Paris say.")
    ] = None,
    by: By = UNSIGNED,
) -> None:
    """Take files in, through the same checks as live messages; what is stored already counts once.

    A file that was stopped half-way goes on where it was when it is given again.
    """
    from ingestors.files.run import FileImport, GivenFile
    from vigie.carrying import Errand, carry_out

    given = [GivenFile.open(path, _format(file_format), _zone(zone)) for path in files]
    for one in given:
        work = FileImport(one)
        errand = Errand(IntakeKind.IMPORT, one.arguments(), by, work.run, {"digest": one.digest})
        began_s = monotonic()
        done = carry_out(errand, dry_run=dry_run)
        for line in report_lines(one.path.name, work.report, done, monotonic() - began_s, dry_run=dry_run):
            print(line)


def backfill(
    application: Annotated[str, typer.Option(help="The application of The Things Stack.")],
    since: Annotated[str, typer.Option(help="From this instant on, with its offset.")],
    *,
    until: Annotated[str | None, typer.Option(help="Before this instant, with its offset; else up to now.")] = None,
    sensor: Annotated[str | None, typer.Option("--sensor", help="Device id; only this device.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of them.")] = False,
    by: By = UNSIGNED,
) -> None:
    """Fetch uplinks that The Things Stack kept, to fill gaps; VIGIE_TTS_URL and VIGIE_TTS_API_KEY say from where."""
    from vigie.carrying import Errand, carry_out, outcome_line

    end = _instant("--until", until) if until else now()
    asked = BackfillAsked(application, _instant("--since", since), end, sensor.lower() if sensor else None)
    if asked.since >= asked.until:
        raise SettingInvalid("--since: not before --until")
    done = carry_out(Errand(IntakeKind.BACKFILL, asked.arguments(), by), dry_run=dry_run)
    print(("would be: " if dry_run else "") + outcome_line(done))


def report_lines(name: str, report: ImportReport, done: Intake, took_s: float, *, dry_run: bool) -> list[str]:
    """Say what became of a file, or would: the counts, the reasons, the first wrong lines."""
    from vigie.carrying import outcome_line

    pace = f"{report.lines} lines in {took_s:.1f} s, {report.lines / max(took_s, 1e-9):,.0f} lines/s"
    told = [f"{name}: {'would be ' if dry_run else ''}{outcome_line(done)} ({pace})"]
    told += [f"  refused, {reason}: {count}" for reason, count in report.reasons.most_common()]
    told += [f"  no message, {why}: {count}" for why, count in report.faults.most_common(10)]
    if report.first:
        told.append("  first wrong lines:")
        told += [f"    line {fault.line}: {fault.why}" for fault in report.first]
    if dry_run:
        told.append("  nothing was written; copies between pieces of the file are not seen in a dry run")
    return told


def _format(name: str | None) -> FileFormat | None:
    from ingestors.files.run import FileFormat

    try:
        return FileFormat(name) if name else None
    except ValueError:
        raise SettingInvalid(f"--format: {name} is none of {', '.join(FileFormat)}") from None


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingInvalid(f"--zone: {name} is no time zone") from None


def _instant(option: str, text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise SettingInvalid(f"{option}: {error}") from None
