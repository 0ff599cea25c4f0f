"""How the platform's own work does, in the store: what waits, what failed, how fast messages came in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.store.pool import Connection

REFUSED_DAYS = 8
"""The last 24 hours, and the seven days before them that they are told against."""


@dataclass(frozen=True, slots=True)
class PlatformCare:
    """What waits and what failed, over all communes.

    Parameters
    ----------
    looked_at
        The database's own clock.
    touched_rows, alarm_touched_rows
        Marks of hours that wait to be judged and rolled up, and to be looked at for alarms; 10,000 hours a row at most.
        Marks that are kept for the hour's turn do not wait: they are not counted.
    jobs_waiting, oldest_job_at, oldest_task
        Jobs that are due and that no worker has taken, since when the oldest one waits, and which task it is.
    jobs_failed, failed_task
        Jobs that ended with an error in the last 24 hours, and the task of the newest.
    heard_at, workers
        When a worker was last heard of, None when none ever was; how many were in the last 40 seconds.
    webhooks, webhooks_failing, deliveries_given_up
        Active ones, those of them whose receiver was not there, and events given up in the last seven days.
    notices_waiting, notices_failed
        E-mails that are due and not sent, and those that failed and are tried again, or were given up in the last week.
    outbox_rows, outbox_since
        Messages that wait to be published over MQTT, and since when the oldest does.
    """

    looked_at: datetime
    touched_rows: int
    alarm_touched_rows: int
    jobs_waiting: int
    oldest_job_at: datetime | None
    oldest_task: str | None
    jobs_failed: int
    failed_task: str | None
    heard_at: datetime | None
    workers: int
    webhooks: int
    webhooks_failing: int
    deliveries_given_up: int
    notices_waiting: int
    notices_failed: int
    outbox_rows: int
    outbox_since: datetime | None


@dataclass(frozen=True, slots=True)
class LanePace:
    """How long the heartbeats of a lane took from the broker to their commit over a day, in seconds."""

    lane: str
    beats: int
    p50_s: float
    p95_s: float


@dataclass(frozen=True, slots=True)
class Taught:
    """A metric that is measured: when its newest model was trained, and whether that one speaks; None without one."""

    metric: str
    trained_at: datetime | None
    speaks: bool


def read_platform_care(connection: Connection) -> PlatformCare | None:
    """Return what waits and what failed; None for a pass that operates nothing."""
    row = connection.execute(
        """
        SELECT looked_at, touched_rows, alarm_touched_rows, jobs_waiting, oldest_job_at, oldest_task, jobs_failed,
               failed_task, heard_at, workers, webhooks, webhooks_failing, deliveries_given_up, notices_waiting,
               notices_failed, outbox_rows, outbox_since
          FROM platform_care()
        """
    ).fetchone()
    return PlatformCare(*row) if row else None


def read_paces(connection: Connection, at: datetime) -> list[LanePace]:
    """Return how long each lane's heartbeats of the last 24 hours took, the slowest lane first."""
    rows = connection.execute(
        """
        SELECT lane, count(*),
               extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY committed_at - sent_at))::float8,
               extract(epoch FROM percentile_cont(0.95) WITHIN GROUP (ORDER BY committed_at - sent_at))::float8 AS p95_s
          FROM heartbeat WHERE sent_at >= %s AND sent_at < %s GROUP BY lane ORDER BY p95_s DESC, lane
        """,
        (at - timedelta(days=1), at),
    )
    return [LanePace(*row) for row in rows]


def read_refused(connection: Connection, at: datetime) -> tuple[int, ...]:
    """Return how many of the messages kept were refused in the 24 hours before ``at``, and in each such day before."""
    rows = connection.execute(
        """
        SELECT (SELECT count(*) FROM rejection
                 WHERE received_at >= %(at)s::timestamptz - (age + 1) * interval '24 hours'
                   AND received_at < %(at)s::timestamptz - age * interval '24 hours')
          FROM generate_series(0, %(days)s - 1) AS age ORDER BY age
        """,
        {"at": at, "days": REFUSED_DAYS},
    )
    return tuple(count for (count,) in rows)


def read_taught(connection: Connection) -> list[Taught]:
    """Return each metric that has a series, by name."""
    rows = connection.execute(
        """
        SELECT measured.metric, newest.trained_at, coalesce(newest.model_id = speaking.model_id, false)
          FROM (SELECT DISTINCT metric FROM series) AS measured
          LEFT JOIN LATERAL (SELECT model_id, trained_at FROM model WHERE model.metric = measured.metric
                              ORDER BY trained_at DESC, model_id DESC LIMIT 1) AS newest ON true
          LEFT JOIN LATERAL (SELECT model_id FROM reign WHERE reign.metric = measured.metric
                              ORDER BY since DESC LIMIT 1) AS speaking ON true
         ORDER BY measured.metric
        """
    )
    return [Taught(*row) for row in rows]
