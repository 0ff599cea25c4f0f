"""Intakes, carried out by the ingest process beside its own work: each kind in a thread and on a connection of its own.

An intake is held by the connection that runs it. When that ends, whatever ended it, the next process that looks goes
on behind the last committed batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from core.clock import now
from core.errors import StoreAbsent
from core.events import EventName, PlatformAlarm, Severity
from core.intakes import Intake, IntakeKind, IntakeState
from core.settings import IngestSettings
from core.store.events import raise_alarm
from core.store.intakes import (
    IntakeGone,
    claim_intake,
    commune_of,
    end_intake,
    hear_intakes,
    listen_intakes,
    release_intake,
)
from core.store.pool import Connection, connected, store_absence_told
from core.store.sensors import listen_sensors
from ingestors.adopted import AdoptedSensors
from ingestors.backfill.run import backfill
from ingestors.batch import BatchWriter
from ingestors.intake_run import IntakeFailed, IntakeRun
from ingestors.rejections import replay_rejections
from ingestors.validate import Limits

LOOK_S = 1.0
"""How often intakes that another process left are looked for; of one that is asked we are told at once."""
RETRY_S = 5.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Run = Callable[[IntakeRun], bool]
"""Carries an intake out; returns whether all is done, False when it was stopped. Raises `IntakeFailed`."""

RUNS: dict[IntakeKind, Run] = {
    IntakeKind.REPLAY: replay_rejections,
    IntakeKind.BACKFILL: backfill,
}
"""What runs by itself once it is asked, by kind."""


@contextmanager
def running_intakes(settings: IngestSettings) -> Iterator[None]:
    """Carry out what is asked, from threads of their own, while in the block."""
    end = threading.Event()
    threads = [threading.Thread(target=_run_until, args=(settings, kind, end), name=f"intake-{kind}") for kind in RUNS]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join()


def _run_until(settings: IngestSettings, kind: IntakeKind, end: threading.Event) -> None:
    while not end.is_set():
        try:
            with store_absence_told(), connected(settings.dsn) as connection:
                connection.autocommit = True
                _run_on_one_line(connection, settings, kind, end)
        except StoreAbsent as error:
            _log.warning("intakes_held_back", kind=kind, reason=str(error), retry_s=RETRY_S)
        except Exception:  # noqa: BLE001 - a thread has no caller: what is not told here is never seen
            _log.exception("intakes_failed", kind=kind, retry_s=RETRY_S)
        end.wait(RETRY_S)


def _run_on_one_line(connection: Connection, settings: IngestSettings, kind: IntakeKind, end: threading.Event) -> None:
    listen_intakes(connection)
    while not end.is_set():
        intake = claim_intake(connection, [kind], now())
        if intake is None:
            hear_intakes(connection, LOOK_S)
        else:
            run_intake(intake_run(connection, settings, intake, end))


def intake_run(connection: Connection, settings: IngestSettings, intake: Intake, stop: threading.Event) -> IntakeRun:
    """Return the run of an intake that this connection, in autocommit, holds."""
    listen_sensors(connection)
    adopted = AdoptedSensors()
    adopted.refresh(connection)
    return IntakeRun(intake, BatchWriter(connection, adopted, Limits.of(settings)), settings, stop)


def run_intake(run: IntakeRun, carry_out: Run | None = None) -> IntakeState:
    """Carry out a held intake, by its kind or by ``carry_out``, and return how it ended; still running when stopped.

    Raises
    ------
    StoreAbsent
        If the database went away: the intake is as its last batch left it, and will be claimed again.
    """
    ending, detail = IntakeState.DONE, ""
    try:
        with store_absence_told():
            if not (carry_out or RUNS[run.intake.kind])(run):
                release_intake(run.connection, run.intake.intake_id)
                return IntakeState.RUNNING
    except StoreAbsent:
        raise
    except IntakeGone:
        ending = IntakeState.CANCELLED
    except IntakeFailed as failed:
        ending, detail = IntakeState.FAILED, str(failed)
    except Exception as error:  # noqa: BLE001 - a mistake of ours would be made again at each claim: it ends here
        _log.exception("intake_broke", intake_id=run.intake.intake_id, kind=run.intake.kind)
        ending, detail = IntakeState.FAILED, f"{type(error).__name__}: a mistake of Vigie's, see the log"
    with store_absence_told():
        with run.connection.transaction():
            end_intake(run.connection, run.intake, ending, now(), detail=detail)
            if ending is IntakeState.FAILED:
                raise_alarm(run.connection, _failed(run.intake, detail), now())
        release_intake(run.connection, run.intake.intake_id)
    _log.info("intake_ended", **_facts(run.intake), state=ending, detail=detail)
    return ending


def _failed(intake: Intake, detail: str) -> PlatformAlarm:
    name, subject = EventName.ALARM_INTAKE_FAILED, f"intake:{intake.intake_id}"
    values = {"kind": intake.kind.value, "reason": detail}
    return PlatformAlarm(name, Severity.WARNING, intake.changed_at, subject, commune_of(intake), values)


def _facts(intake: Intake) -> dict[str, object]:
    counts = intake.counts
    return {
        "intake_id": intake.intake_id,
        "kind": intake.kind,
        "messages": counts.messages,
        "messages_stored": counts.stored,
        "messages_duplicate": counts.duplicate,
        "messages_rejected": counts.rejected,
        "messages_aside": counts.aside,
    }
