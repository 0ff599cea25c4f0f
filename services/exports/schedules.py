"""Scheduled exports: the file of each local day, once it is over, and again where it was touched since.

Whoever is killed leaves whole files only, and the next one goes on: what was put and not noted is put once more, the
same. Several workers may look at once: each schedule is held by one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import structlog

from core.clock import EPOCH, PARIS, Window, format_instant, in_utc
from core.errors import SettingInvalid
from core.events import EventName, PlatformAlarm, Severity
from core.instruments import EXPORT_FILES, EXPORT_LAST_SUCCESS
from core.metrics import metric_named
from core.settings import WorkerSettings
from core.store.arrow import ArrowConnection, opened_arrow
from core.store.events import DAILY, end_alarm, raise_alarm
from core.store.exports import (
    DayDue,
    Schedule,
    WrittenFile,
    count_runs,
    held_schedule,
    read_days_due,
    read_schedules,
    store_clock,
    write_failure,
    write_run,
    write_success,
)
from core.store.pool import Connection
from core.store.retention import read_whole_since
from services.exports.asked import Asked, Format, NothingFits, Wanted, WantedInvalid
from services.exports.columns import By
from services.exports.destinations import Destination, DestinationAbsent, DestinationInvalid, destination_of
from services.exports.labels import Labels
from services.exports.stream import FILES, Export, read_batches_asked

SETTLED = timedelta(hours=1)
"""How long after its end a local day is first written: what comes later is a correction."""
DAYS_AT_ONCE = 31
"""Days of one schedule that one look writes; the others wait for the next."""
FAILURES_TOLD = 3
"""So often in a row, some seven minutes: then somebody is told."""
RETRY_MIN, RETRY_MAX = timedelta(minutes=1), timedelta(hours=1)

REACTED = (DestinationAbsent, DestinationInvalid, SettingInvalid, NothingFits, WantedInvalid)
"""What fails one schedule, is told, and may come right by itself or by a person: the others go on."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a schedule came to: files that were put, whether days are left that are due, why it failed."""

    files: int = 0
    left: bool = False
    failure: str = ""


@dataclass(frozen=True, slots=True)
class _Work:
    """A schedule under way: who holds it, and all that its days have in common."""

    connection: Connection
    arrow: ArrowConnection
    schedule: Schedule
    labels: Labels
    destination: Destination


def run_due(connection: Connection, settings: WorkerSettings, at: datetime) -> bool:
    """Write what is due of every schedule at an instant; return whether days are left that are due.

    What one destination does not take is told, and tried again later; the other schedules go on.
    """
    left = False
    for schedule in read_schedules(connection):
        if schedule.next_try_at <= at:
            left |= run_schedule(connection, settings, schedule, at).left
    tell_successes(connection)
    return left


def run_schedule(connection: Connection, settings: WorkerSettings, schedule: Schedule, at: datetime) -> Look:
    """Write what is due of one schedule at an instant, unless somebody else is at it."""
    with held_schedule(connection, schedule.schedule_id) as held:
        if not held:
            return Look()
        try:
            look = _write_due(connection, settings, schedule, at)
        except REACTED as error:
            connection.rollback()
            next_try_at = at + min(RETRY_MIN * 2 ** min(schedule.failures, 10), RETRY_MAX)
            write_failure(connection, schedule.schedule_id, str(error), next_try_at)
            if schedule.failures + 1 >= FAILURES_TOLD:
                raise_alarm(connection, _failed(schedule, str(error), at), at, reminded=DAILY)
            connection.commit()
            EXPORT_FILES.labels("failed").inc()
            log.warning("export_failed", schedule=schedule.name, reason=str(error), failures=schedule.failures + 1)
            return Look(failure=str(error))
        if not look.left:
            write_success(connection, schedule.schedule_id, at)
            end_alarm(connection, _failed(schedule, "", at), at)
            connection.commit()
        return look


def _failed(schedule: Schedule, reason: str, at: datetime) -> PlatformAlarm:
    communes = Wanted.of(schedule.wanted).communes
    return PlatformAlarm(
        EventName.ALARM_EXPORT_FAILED,
        Severity.WARNING,
        at,
        f"export:{schedule.name}",
        communes[0] if len(communes) == 1 else None,
        {"name": schedule.name, "reason": reason},
    )


def tell_successes(connection: Connection) -> None:
    """Show when each schedule last succeeded, as the store knows it, so that any worker's instruments say so."""
    EXPORT_LAST_SUCCESS.clear()
    for schedule in read_schedules(connection):
        succeeded_at = schedule.succeeded_at
        EXPORT_LAST_SUCCESS.labels(schedule.name).set(succeeded_at.timestamp() if succeeded_at else 0)
    connection.commit()


def local_day(day: date) -> Window:
    """Return a day of Europe/Paris: 23, 24 or 25 hours."""
    return Window(*(in_utc(datetime.combine(one, time(), PARIS)) for one in (day, day + timedelta(days=1))))


def first_open_day(at: datetime) -> date:
    """Return the first local day that is not to be written yet at an instant."""
    return (at - SETTLED).astimezone(PARIS).date()


def file_name(schedule: Schedule, day: date) -> str:
    """Return where the file of a day lies below its destination: ``air/2026/air-2026-03-02.csv``."""
    return f"{schedule.name}/{day.year}/{schedule.name}-{day.isoformat()}.{FILES[Format(schedule.format)].suffix}"


def _write_due(connection: Connection, settings: WorkerSettings, schedule: Schedule, at: datetime) -> Look:
    labels = Wanted.of(schedule.wanted).labels(connection)
    due = read_days_due(connection, schedule, labels.series_ids, until=first_open_day(at), at=at)
    # A file of readings that were let go of since holds more than is left of them: it stays.
    whole_since = _whole_since(connection, schedule, labels)
    due = [one for one in due if one.sha256 is None or local_day(one.day).start >= whole_since]
    connection.commit()
    if not due:
        return Look()
    with opened_arrow(settings.dsn) as arrow:
        work = _Work(connection, arrow, schedule, labels, destination_of(schedule.destination, settings))
        for day in due[:DAYS_AT_ONCE]:
            _write_day(work, day, at)
    return Look(len(due[:DAYS_AT_ONCE]), len(due) > DAYS_AT_ONCE)


def _whole_since(connection: Connection, schedule: Schedule, labels: Labels) -> datetime:
    """Return since when what a schedule writes is whole: roll-ups always are."""
    if By(schedule.by) is not By.RAW:
        return EPOCH
    families = {metric_named(one.metric).family for one in labels.told}
    return max(read_whole_since(connection, family) for family in families)


def _write_day(work: _Work, due: DayDue, at: datetime) -> None:
    """Put the file of a day, then its manifest, then keep that both are there."""
    schedule, connection = work.schedule, work.connection
    known_at = store_clock(connection)
    connection.commit()
    asked = Asked(Wanted.of(schedule.wanted), By(schedule.by), Format(schedule.format), local_day(due.day))
    export, name = Export(asked, work.labels), file_name(schedule, due.day)
    put = work.destination.put(name, export.pieces(read_batches_asked(work.arrow, asked, work.labels)))
    corrects = due.sha256 is not None and due.sha256 != put.sha256
    written = WrittenFile(due.day, known_at, name, export.rows, put.bytes, put.sha256, corrects)
    if due.sha256 != put.sha256:
        versions = count_runs(connection, schedule.schedule_id, due.day) + 1
        work.destination.put(f"{name}.json", [manifest(schedule, asked, work.labels, written, versions)])
    write_run(connection, schedule.schedule_id, written, was=due.sha256, at=at)
    connection.commit()
    outcome = "written" if due.sha256 is None else "corrected" if corrects else "unchanged"
    EXPORT_FILES.labels(outcome).inc()
    log.info(
        "export_written", schedule=schedule.name, file=name, outcome=outcome, rows=export.rows, size_bytes=put.bytes
    )


def manifest(schedule: Schedule, asked: Asked, labels: Labels, written: WrittenFile, version: int) -> bytes:
    """Return what lies beside a file: what it holds, how many rows, and the checksum of its bytes."""
    told = {
        **asked.told(labels),
        "schedule": schedule.name,
        "day": written.day.isoformat(),
        "file": written.file.rpartition("/")[2],
        "format": asked.format,
        "rows": written.rows,
        "bytes": written.bytes,
        "sha256": written.sha256,
        "known_at": format_instant(written.known_at),
        "version": version,
    }
    return (json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
