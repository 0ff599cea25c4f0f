"""Carrying an intake out in the foreground: asked, held and run by the command line, its progress in one line."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from core.clock import now
from core.errors import VigieError
from core.intakes import Intake, IntakeKind, IntakeState
from core.log import start_log
from core.settings import IngestSettings
from core.store.intakes import ask_intake, hold_intake, read_intake, read_open_intake
from core.store.pool import Connection, connected
from ingestors.intake_run import IntakeRun
from ingestors.intakes import RUNS, Run, intake_run, run_intake
from vigie.signals import stop_on_signal


class IntakeNotDone(VigieError):
    """The intake did not come to its end; the message says why, and what is to be done."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What the command line asks, and carries out itself.

    Parameters
    ----------
    run
        Carries it out; None: as the ingest process would.
    resumes
        An open intake whose arguments hold these goes on, instead of a new one; None: always a new one.
    """

    kind: IntakeKind
    arguments: dict[str, Any]
    by: str
    run: Run | None = None
    resumes: dict[str, Any] | None = None


def carry_out(errand: Errand, *, dry_run: bool = False) -> Intake:
    """Ask an intake and run it here, or in a dry run only say what would be; return it as it ended.

    Raises
    ------
    IntakeNotDone
        If it failed, was cancelled or stopped. A stopped one is taken over by the ingest process.
    """
    settings = IngestSettings.from_environment()
    start_log("intake", as_json=settings.log_json)
    with connected(settings.dsn) as connection:
        connection.autocommit = True
        if dry_run:
            return _try_out(connection, settings, errand)
        with connection.transaction():
            asked = _asked(connection, errand)
            held = hold_intake(connection, asked.intake_id, now())
        if held is None:
            raise IntakeNotDone(f"another process carries out intake {asked.intake_id}, or has just ended it")
        run = _told(intake_run(connection, settings, held, stop_on_signal()))
        state = run_intake(run, errand.run)
        _end_line()
        return _ended(connection, run.intake, state)


def _asked(connection: Connection, errand: Errand) -> Intake:
    """Return the open intake that the errand resumes, or a new one."""
    if errand.resumes is not None:
        before = read_open_intake(connection, errand.kind, errand.resumes)
        if before is not None:
            return before
    return ask_intake(connection, errand.kind, errand.by, errand.arguments, now())


def _try_out(connection: Connection, settings: IngestSettings, errand: Errand) -> Intake:
    at = now()
    imagined = Intake(0, errand.kind, at, errand.by, errand.arguments, IntakeState.RUNNING, at)
    run = _told(intake_run(connection, settings, imagined, stop_on_signal()))
    run.dry_run = True
    done = (errand.run or RUNS[errand.kind])(run)
    _end_line()
    if not done:
        raise IntakeNotDone("stopped: this is what would have become of the messages so far")
    return run.intake


def _ended(connection: Connection, intake: Intake, state: IntakeState) -> Intake:
    intake_id = intake.intake_id
    kept = read_intake(connection, intake_id)
    assert kept is not None, "an intake outlives its run"
    if state is IntakeState.RUNNING:
        rest = "an ingest process goes on with it" if intake.kind in RUNS else "the same command goes on with it"
        raise IntakeNotDone(f"stopped: intake {intake_id} is not done; {rest}, unless it is cancelled")
    if state is not IntakeState.DONE:
        raise IntakeNotDone(f"intake {intake_id} {state}{f': {kept.detail}' if kept.detail else ''}")
    return kept


def _told(run: IntakeRun) -> IntakeRun:
    """Have a run tell its progress in one line, where a person sees it."""
    if sys.stderr.isatty():
        run.told = lambda intake: print(f"\r{outcome_line(intake)}\033[K", end="", file=sys.stderr)
    return run


def _end_line() -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)


def outcome_line(intake: Intake) -> str:
    """Say in one line how far an intake is, and what became of its messages."""
    counts = intake.counts
    of_total = f" of {intake.total}" if intake.total not in {None, counts.messages} else ""
    words = {"stored": counts.stored, "duplicate": counts.duplicate, "rejected": counts.rejected, "aside": counts.aside}
    became = ", ".join(f"{count} {word}" for word, count in words.items() if count)
    return f"{counts.messages}{of_total} messages" + (f": {became}" if became else "")
