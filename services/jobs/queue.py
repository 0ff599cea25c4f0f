"""The queue of jobs: their names, which go first, how one is asked for, and how a killed worker's are taken back.

A job is asked for by a key: while one of it waits, it is not asked for again, and two of it never work together.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Status

log = structlog.get_logger(__name__)

JUDGE, ISSUE, TRAIN, SCORE, DECIDE, RECONSIDER = "judge", "issue", "train", "score", "decide", "reconsider"
EXPORT, RETAIN, AUDIT, TAKE_BACK = "export", "retain", "audit", "take_back"
ALARMS, ALARMS_MINUTELY, ALARMS_HOURLY = "alarms", "alarms_minutely", "alarms_hourly"
ALARMS_NIGHTLY, RHYTHMS = "alarms_nightly", "rhythms"
PRIORITY = {
    TAKE_BACK: 6,
    JUDGE: 5,
    ALARMS: 5,
    ALARMS_HOURLY: 0,
    ISSUE: 4,
    DECIDE: 3,
    RECONSIDER: 2,
    SCORE: 1,
    TRAIN: 0,
    EXPORT: 0,
    RETAIN: 0,
}
"""Forecasts leave out what was judged bad, and a decision follows the forecasts: the higher goes first."""
PROMPT, LONG = "default", "long"
"""Two queues, each with places of its own: what is due within seconds never waits for what takes minutes."""
_LONG_TASKS = frozenset({TRAIN, SCORE, EXPORT, RETAIN, AUDIT, RHYTHMS})
RETRIES = procrastinate.RetryStrategy(max_attempts=5, exponential_wait=4)
HEARTBEAT_S = 10.0
STALLED_S = 40.0
"""A worker that was not heard of for so long is gone, and its jobs are another's."""


def queue_of(task: str) -> str:
    """Return the queue that a task waits on."""
    return LONG if task in _LONG_TASKS else PROMPT


def put(
    app: procrastinate.App,
    task: str,
    key: str,
    arguments: Mapping[str, str | int],
    *,
    not_before: datetime | None = None,
) -> None:
    """Put a job on the queue, unless the same one waits there already; two of one key never work together."""
    configured = app.configure_task(
        task,
        queue=queue_of(task),
        lock=key,
        queueing_lock=key,
        priority=PRIORITY[task],
        schedule_at=not_before,
    )
    with contextlib.suppress(AlreadyEnqueued):
        configured.defer(**arguments)


def add_taking_back(app: procrastinate.App) -> None:
    """Add the task that gives the jobs of workers that are gone to those that are there."""

    @app.periodic(cron="* * * * * */30", queueing_lock=TAKE_BACK, priority=PRIORITY[TAKE_BACK])
    @app.task(name=TAKE_BACK)
    async def take_back(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate names it
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
            await _taken_back(app, job)


async def _taken_back(app: procrastinate.App, job: procrastinate.jobs.Job) -> None:
    assert job.id is not None, "what was read from the queue has its id"
    told = {"task": job.task_name, "job_id": job.id, "lock": job.lock}
    try:
        await app.job_manager.retry_job(job)
        log.warning("job_taken_back", **told)
    except UniqueViolation:
        # The same was asked for again meanwhile: that one does it.
        await app.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
        log.warning("job_left_to_its_like", **told)
    except ConnectorException as error:
        # Another worker was faster, or the one that was thought gone has ended it.
        log.info("job_taken_elsewhere", **told, reason=str(error))
