"""Scheduled exports in the store: what is written where, which days are due, and each file that was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from core.audit import Act, What
from core.store.audit import record
from core.store.pool import Connection

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""What a scheduled export may be called."""
COMMITTED_S_MAX = 600
"""How long after its time a roll-up is committed at most: the time is that of its writing, the commit comes later."""
CORRECTED_EVERY = timedelta(hours=1)
"""A day that goes on being touched is written again no more often."""
LOOKED_BACK = timedelta(hours=3)
"""How far before the last success touched days are looked for: more than what the two above leave for later."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A scheduled export, and how it does.

    Parameters
    ----------
    wanted
        Of which series, as `services.exports.asked.Wanted` tells it.
    since
        The first local day that is written.
    succeeded_at
        When all that was due was last written.
    failures, failure, next_try_at
        Since then: how often it failed, why it last did, and when it is tried again.
    """

    schedule_id: int
    name: str
    wanted: dict[str, Any]
    by: str
    format: str
    destination: str
    since: date
    added_at: datetime
    author: str
    succeeded_at: datetime | None
    failures: int
    failure: str
    next_try_at: datetime


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A scheduled export as it is asked for."""

    name: str
    wanted: dict[str, Any]
    by: str
    format: str
    destination: str
    since: date
    author: str


@dataclass(frozen=True, slots=True)
class DayDue:
    """A local day that is to be written; ``sha256`` is of the file that lies there, None where there is none yet."""

    day: date
    sha256: str | None


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file as it was written. ``corrects``: it differs from the one that lay there before."""

    day: date
    known_at: datetime
    file: str
    rows: int
    bytes: int
    sha256: str
    corrects: bool


@dataclass(frozen=True, slots=True)
class ExportRun:
    """A file that was written, and when."""

    run_id: int
    written_at: datetime
    written: WrittenFile


def add_schedule(connection: Connection, new: NewSchedule, at: datetime) -> Schedule | None:
    """Write a new scheduled export and return it; None where one of its name is there already."""
    row = connection.execute(
        """
        INSERT INTO export_schedule (name, wanted, by, format, destination, since, added_at, author, next_try_at)
        VALUES (%(name)s, %(wanted)s, %(by)s, %(format)s, %(destination)s, %(since)s, %(at)s, %(author)s, %(at)s)
        ON CONFLICT (name) WHERE removed_at IS NULL DO NOTHING
        RETURNING schedule_id, name, wanted, by, format, destination, since, added_at, author, succeeded_at, failures,
                  failure, next_try_at
        """,
        {
            "name": new.name,
            "wanted": Jsonb(new.wanted),
            "by": new.by,
            "format": new.format,
            "destination": new.destination,
            "since": new.since,
            "author": new.author,
            "at": at,
        },
    ).fetchone()
    if row is None:
        return None
    told = {"wanted": new.wanted, "by": new.by, "format": new.format, "destination": new.destination}
    record(connection, Act(What.SCHEDULE_ADDED, f"schedule:{new.name}", after=told | {"said_by": new.author}))
    return Schedule(*row)


def remove_schedule(connection: Connection, name: str, author: str, at: datetime) -> bool:
    """End a scheduled export; what it wrote stays. False where there is none of this name."""
    removed = connection.execute(
        "UPDATE export_schedule SET removed_at = %s, removed_by = %s WHERE name = %s AND removed_at IS NULL",
        (at, author, name),
    ).rowcount
    if removed == 0:
        return False
    record(connection, Act(What.SCHEDULE_REMOVED, f"schedule:{name}", after={"said_by": author}))
    return True


def read_schedules(connection: Connection) -> list[Schedule]:
    """Return the scheduled exports that are not removed, by name."""
    rows = connection.execute(
        """
        SELECT schedule_id, name, wanted, by, format, destination, since, added_at, author, succeeded_at, failures,
               failure, next_try_at
          FROM export_schedule WHERE removed_at IS NULL ORDER BY name
        """
    )
    return [Schedule(*row) for row in rows]


def is_schedule(connection: Connection, schedule_id: int) -> bool:
    """Whether there is such a scheduled export, or was one."""
    row = connection.execute("SELECT FROM export_schedule WHERE schedule_id = %s", (schedule_id,)).fetchone()
    return row is not None


@contextmanager
def held_schedule(connection: Connection, schedule_id: int) -> Iterator[bool]:
    """Hold a scheduled export on this connection, so that nobody else writes its files; False where somebody does."""
    key = (f"vigie.export.{schedule_id}",)
    row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key).fetchone()
    connection.commit()
    if row != (True,):
        yield False
        return
    try:
        yield True
    finally:
        if not connection.closed:
            connection.rollback()
            connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)
            connection.commit()


def store_clock(connection: Connection) -> datetime:
    """Return the database's present: what is read from now on holds all that was committed by then."""
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None, "a row without a table"
    known_at: datetime = row[0]
    return known_at


def read_days_due(
    connection: Connection, schedule: Schedule, series_ids: Sequence[int], *, until: date, at: datetime
) -> list[DayDue]:
    """Return the local days before ``until`` that are to be written at the instant ``at``, oldest first.

    A day is due when it was never written, and when one of the series was rolled up since it was.
    """
    rows = connection.execute(
        """
        WITH newest AS (
            SELECT DISTINCT ON (day) day, known_at, sha256 FROM export_run
             WHERE schedule_id = %(schedule_id)s ORDER BY day, run_id DESC
        ), touched AS (
            SELECT day, max(rolled_at) AS rolled_at FROM rollup_day
             WHERE rolled_at > %(succeeded_at)s::timestamptz - %(looked_back)s::interval
               AND series_id = ANY(%(series_ids)s)
             GROUP BY day
        )
        SELECT wanted.day::date, newest.sha256
          FROM generate_series(%(since)s::date, %(until)s::date - 1, interval '1 day') AS wanted (day)
          LEFT JOIN newest ON newest.day = wanted.day
          LEFT JOIN touched ON touched.day = wanted.day
         WHERE newest.day IS NULL
            OR (touched.rolled_at > newest.known_at - make_interval(secs => %(committed_s)s)
                AND newest.known_at <= %(at)s::timestamptz - %(corrected_every)s::interval)
         ORDER BY wanted.day
        """,
        {
            "schedule_id": schedule.schedule_id,
            "succeeded_at": schedule.succeeded_at or schedule.added_at,
            "looked_back": LOOKED_BACK,
            "series_ids": list(series_ids),
            "since": schedule.since,
            "until": until,
            "committed_s": COMMITTED_S_MAX,
            "at": at,
            "corrected_every": CORRECTED_EVERY,
        },
    )
    return [DayDue(*row) for row in rows]


def write_run(connection: Connection, schedule_id: int, written: WrittenFile, *, was: str | None, at: datetime) -> None:
    """Keep that a file was written; one that came out as it ``was`` is only known to hold for longer."""
    if was == written.sha256:
        connection.execute(
            """
            UPDATE export_run SET known_at = %(known_at)s
             WHERE run_id = (SELECT run_id FROM export_run WHERE schedule_id = %(schedule_id)s AND day = %(day)s
                              ORDER BY run_id DESC LIMIT 1)
            """,
            {"known_at": written.known_at, "schedule_id": schedule_id, "day": written.day},
        )
        return
    connection.execute(
        """
        INSERT INTO export_run (schedule_id, day, known_at, written_at, file, rows, bytes, sha256, corrects)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            schedule_id,
            written.day,
            written.known_at,
            max(at, written.known_at),
            written.file,
            written.rows,
            written.bytes,
            written.sha256,
            written.corrects,
        ),
    )


def write_success(connection: Connection, schedule_id: int, at: datetime) -> None:
    """Keep that all that was due at an instant is written."""
    connection.execute(
        """
        UPDATE export_schedule SET succeeded_at = %(at)s, next_try_at = %(at)s, failures = 0, failure = ''
         WHERE schedule_id = %(schedule_id)s
        """,
        {"schedule_id": schedule_id, "at": at},
    )


def write_failure(connection: Connection, schedule_id: int, failure: str, next_try_at: datetime) -> None:
    """Keep why a scheduled export failed, and when it is tried again."""
    connection.execute(
        """
        UPDATE export_schedule SET failures = failures + 1, failure = %s, next_try_at = %s WHERE schedule_id = %s
        """,
        (failure, next_try_at, schedule_id),
    )


def count_runs(connection: Connection, schedule_id: int, day: date) -> int:
    """Return how often a day's file was written with something new in it."""
    row = connection.execute(
        "SELECT count(*) FROM export_run WHERE schedule_id = %s AND day = %s", (schedule_id, day)
    ).fetchone()
    assert row is not None, "an aggregate returns a row"
    return int(row[0])


def read_runs(
    connection: Connection, schedule_id: int, *, before: int | None = None, limit: int = 100
) -> list[ExportRun]:
    """Return the files that a scheduled export wrote, the newest first, those before the run ``before``."""
    rows = connection.execute(
        """
        SELECT run_id, written_at, day, known_at, file, rows, bytes, sha256, corrects FROM export_run
         WHERE schedule_id = %(schedule_id)s AND (%(before)s::bigint IS NULL OR run_id < %(before)s)
         ORDER BY run_id DESC LIMIT %(limit)s
        """,
        {"schedule_id": schedule_id, "before": before, "limit": limit},
    )
    return [ExportRun(run_id, written_at, WrittenFile(*written)) for run_id, written_at, *written in rows]
