"""The worker's part in alarms: touched hours every ten seconds, the clock each minute, what is slow by hour and night.

All share one lock: whoever moves alarms does so alone, and what is found silent rests on what was found before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime

import procrastinate

from core.clock import now
from core.store.pool import Connection, Pool
from services.alarms.clock import find_silent, settle, tend_alarms
from services.alarms.days import evaluate_days
from services.alarms.evaluating import evaluate_touched
from services.alarms.issues import evaluate_issues
from services.alarms.learning import learn_rhythms
from services.jobs.queue import (
    ALARMS,
    ALARMS_HOURLY,
    ALARMS_MINUTELY,
    ALARMS_NIGHTLY,
    LONG,
    PRIORITY,
    RETRIES,
    RHYTHMS,
    put,
)

ROUNDS_MAX = 8
"""Rounds of evaluation in one job, some seconds each; what is then left goes back on the queue."""


def add_alarming(app: procrastinate.App, pool: Pool) -> None:
    """Add the tasks that raise, move and clear alarms."""
    _add_touched(app, pool)
    _add_clock(app, pool)
    _add_slow(app, pool)


def _add_touched(app: procrastinate.App, pool: Pool) -> None:
    """Add the task that looks at what was judged: where nothing was, it costs one look at an empty table."""

    @app.periodic(cron="* * * * * */10", lock=ALARMS, queueing_lock=ALARMS, priority=PRIORITY[ALARMS])
    @app.task(name=ALARMS, retry=RETRIES)
    def alarms(timestamp: int) -> None:
        if look_at_touched(pool, now()):
            put(app, ALARMS, ALARMS, {"timestamp": timestamp})


def _add_clock(app: procrastinate.App, pool: Pool) -> None:
    @app.periodic(cron="* * * * *", lock=ALARMS, queueing_lock=ALARMS_MINUTELY, priority=PRIORITY[ALARMS])
    @app.task(name=ALARMS_MINUTELY, retry=RETRIES)
    def alarms_minutely(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate names it
        """Look at who fell silent and at what was forecast, then at what the clock ends, wakes and escalates."""
        take_turns(pool, now(), (find_silent, evaluate_issues, tend_alarms))


def _add_slow(app: procrastinate.App, pool: Pool) -> None:
    @app.periodic(cron="35 * * * *", lock=ALARMS, queueing_lock=ALARMS_HOURLY)
    @app.task(name=ALARMS_HOURLY, retry=RETRIES)
    def alarms_hourly(timestamp: int) -> None:
        if look_at_touched(pool, now(), hourly=True):
            put(app, ALARMS_HOURLY, ALARMS_HOURLY, {"timestamp": timestamp})

    @app.periodic(cron="20 0 * * *", lock=ALARMS, queueing_lock=ALARMS_NIGHTLY)
    @app.task(name=ALARMS_NIGHTLY, retry=RETRIES)
    def alarms_nightly(timestamp: int) -> None:  # noqa: ARG001 - as above
        """Look at the local days that are over (00:20 UTC is past midnight in Paris, all year)."""
        with pool.connection() as connection:
            evaluate_days(connection, now())

    @app.periodic(cron="40 1 * * *", lock=RHYTHMS, queueing_lock=RHYTHMS)
    @app.task(name=RHYTHMS, queue=LONG, retry=RETRIES)
    def rhythms(timestamp: int) -> None:  # noqa: ARG001 - as above
        with pool.connection() as connection:
            learn_rhythms(connection, now())


def take_turns(pool: Pool, at: datetime, turns: Sequence[Callable[[Connection, datetime], object]]) -> None:
    """Do one thing after the other, each on its own connection: one that fails holds up none, and fails the job."""
    with ExitStack() as left:
        for turn in reversed(turns):
            left.callback(_take_turn, pool, at, turn)


def _take_turn(pool: Pool, at: datetime, turn: Callable[[Connection, datetime], object]) -> None:
    with pool.connection() as connection:
        turn(connection, at)


def look_at_touched(pool: Pool, at: datetime, *, hourly: bool = False) -> bool:
    """Look at what was touched, round by round, and tell of it; return whether some is left."""
    for _ in range(ROUNDS_MAX):
        with pool.connection() as connection:
            evaluated = evaluate_touched(connection, at, hourly=hourly)
            if evaluated.moved:
                settle(connection, at)
        if not evaluated.hours_touched:
            return False
    return True
