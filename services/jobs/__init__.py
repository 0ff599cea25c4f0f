"""The worker: what is judged, forecast, decided, trained and scored when, on Procrastinate's queue in one database.

Many workers on many machines may run: a periodic tick is taken by one of them, a lock keeps two from doing the
same work, and what fails is tried again.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from datetime import datetime

import procrastinate
import structlog

from core.clock import format_instant, now, parse_instant
from core.metrics import forecast_metrics, metric_named
from core.settings import WorkerSettings
from core.store.engine import read_engine
from core.store.idempotency import KEPT, prune_kept_answers
from core.store.months import make_months_ahead
from core.store.pool import Pool, noticing, open_pool
from services.alarms.platform import tell_of_backups
from services.audit_care import look_after_acts
from services.decisions.life import (
    DECIDE_S_MAX,
    SETTLED,
    UnknownSubject,
    decide,
    decide_if_moved,
    decisions_due,
    impossible_subjects,
    subject_named,
)
from services.decisions.registry import DECIDERS
from services.exports.schedules import run_due
from services.jobs.alarming import add_alarming
from services.jobs.forecasting import Followers, add_forecasting, ask_to_train_metrics
from services.jobs.mailing import add_mailing
from services.jobs.queue import (
    AUDIT,
    DECIDE,
    EXPORT,
    HEARTBEAT_S,
    JUDGE,
    LONG,
    PRIORITY,
    PROMPT,
    RECONSIDER,
    RETAIN,
    RETRIES,
    STALLED_S,
    add_taking_back,
    put,
)
from services.quality import judge_touched, roll_unrolled
from services.retention import let_go
from services.storage import note_todays_sizes, store_told
from services.weather.keeping import keep_weather
from services.weather.registry import weather_provider
from services.webhooks.sending import sending_webhooks

log = structlog.get_logger(__name__)

WEATHER = "weather"
JUDGED_AT_ONCE = 8
"""Rounds of judging in one job, some seconds each; what is then left goes back on the queue."""


def run_worker(settings: WorkerSettings) -> None:
    """Work until SIGTERM or SIGINT; the jobs under way are finished first."""
    with open_pool(settings.dsn, settings.database_pool_size) as pool, store_told(pool), sending_webhooks(settings):
        app = worker_app(settings, pool)
        with pool.connection() as connection:
            engine = read_engine(connection)
        places = {PROMPT: settings.concurrency, LONG: settings.long_concurrency}
        log.info("worker_started", places=places, engine=engine.name, server=engine.server_version)
        asyncio.run(_work(app, places))
    log.info("worker_stopped")


async def _work(app: procrastinate.App, places: Mapping[str, int]) -> None:
    """Work on each queue, with so many places, until a signal says to end."""
    async with app.open_async():
        working = [asyncio.create_task(_work_on(app, queue, count)) for queue, count in places.items()]
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, _end, working)
        try:
            await asyncio.gather(*working)
        except asyncio.CancelledError:
            log.info("worker_ending")
        finally:
            _end(working)
            await asyncio.gather(*working, return_exceptions=True)


def _end(working: Sequence[asyncio.Task[None]]) -> None:
    for one in working:
        one.cancel()


async def _work_on(app: procrastinate.App, queue: str, places: int) -> None:
    await app.run_worker_async(
        queues=[queue],
        concurrency=places,
        delete_jobs="successful",
        shutdown_graceful_timeout=60,
        update_heartbeat_interval=HEARTBEAT_S,
        stalled_worker_timeout=STALLED_S,
        install_signal_handlers=False,
    )


def worker_app(settings: WorkerSettings, pool: Pool) -> procrastinate.App:
    """Return the queue with its tasks: forecast, train and score one metric, and the ticks that ask for them."""
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=noticing(settings.dsn),
            min_size=1,
            max_size=settings.concurrency + settings.long_concurrency + 4,
        ),
    )

    add_taking_back(app)
    followers = Followers(
        of_issue=lambda: _ask_subjects(app, RECONSIDER, impossible_subjects(pool)),
        of_period=lambda at: ask_to_decide(app, pool, at),
    )
    add_forecasting(app, pool, settings, followers)
    _add_judging(app, pool)
    add_alarming(app, pool)
    _add_months(app, pool)
    _add_sizes(app, pool)
    _add_kept_answers(app, pool)
    _add_alarms(app, pool)
    add_mailing(app, pool, settings)
    _add_retention(app, pool)
    _add_audit(app, pool)
    _add_decisions(app, pool)
    _add_exports(app, pool, settings)
    _add_weather(app, pool, settings)
    return app


def _add_judging(app: procrastinate.App, pool: Pool) -> None:
    """Add the task that judges the touched hours; one works at a time, so that forecasts go on beside it.

    It is asked for every ten seconds: where nothing was touched, it costs one look at an empty table.
    """

    @app.periodic(cron="* * * * * */10", lock=JUDGE, queueing_lock=JUDGE, priority=PRIORITY[JUDGE])
    @app.task(name=JUDGE, retry=RETRIES)
    def judge(timestamp: int) -> None:
        for _ in range(JUDGED_AT_ONCE):
            with pool.connection() as connection:
                if not judge_touched(connection).hours_touched and not roll_unrolled(connection):
                    return
        put(app, JUDGE, JUDGE, {"timestamp": timestamp})


def _add_sizes(app: procrastinate.App, pool: Pool) -> None:
    """Add the task that notes how large each relation is, a day."""

    @app.periodic(cron="15 0 * * *")
    @app.task(name="daily_sizes", queueing_lock="daily_sizes", retry=RETRIES)
    def daily_sizes(timestamp: int) -> None:  # noqa: ARG001 - as above
        note_todays_sizes(pool, now())


def _add_kept_answers(app: procrastinate.App, pool: Pool) -> None:
    """Add the task that lets go of answers kept by idempotency key."""

    @app.periodic(cron="50 * * * *")
    @app.task(name="hourly_kept_answers", queueing_lock="hourly_kept_answers", retry=RETRIES)
    def hourly_kept_answers(timestamp: int) -> None:  # noqa: ARG001 - as above
        with pool.connection() as connection:
            prune_kept_answers(connection, now() - KEPT)


def _add_alarms(app: procrastinate.App, pool: Pool) -> None:
    """Add the task that looks for what should have happened, and did not."""

    @app.periodic(cron="25 * * * *")
    @app.task(name="hourly_alarms", queueing_lock="hourly_alarms", retry=RETRIES)
    def hourly_alarms(timestamp: int) -> None:  # noqa: ARG001 - as above
        with pool.connection() as connection:
            tell_of_backups(connection, now())


def _add_retention(app: procrastinate.App, pool: Pool) -> None:
    """Add the task that lets go of raw readings that are older than people want them kept."""

    @app.periodic(cron="30 2 * * *", lock=RETAIN, queueing_lock=RETAIN, priority=PRIORITY[RETAIN])
    @app.task(name=RETAIN, queue=LONG, retry=RETRIES)
    def retain(timestamp: int, after: str | None = None) -> None:
        """Go on, every night (02:30 UTC), by turns of seconds, until all is gone that goes."""
        with pool.connection() as connection:
            done = let_go(connection, now(), None if after is None else parse_instant(after))
        if done is not None:
            put(app, RETAIN, RETAIN, {"timestamp": timestamp, "after": format_instant(done)})


def _add_audit(app: procrastinate.App, pool: Pool) -> None:
    """Add the task that looks after the record of acts."""

    @app.periodic(cron="10 3 * * *", lock=AUDIT, queueing_lock=AUDIT)
    @app.task(name=AUDIT, queue=LONG, retry=RETRIES)
    def audit(timestamp: int) -> None:  # noqa: ARG001 - as above
        """Prune it and compute its chain anew every night (03:10 UTC)."""
        look_after_acts(pool)


def _add_months(app: procrastinate.App, pool: Pool) -> None:
    """Add the task that makes the months of readings ahead, so that live batches meet them."""

    @app.periodic(cron="5 0 * * *")
    @app.task(name="daily_months", queueing_lock="daily_months", retry=RETRIES)
    def daily_months(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate names it
        """Make the months ahead every day (00:05 UTC); most days there is nothing to make."""
        with pool.connection() as connection:
            make_months_ahead(connection, now())


def _add_decisions(app: procrastinate.App, pool: Pool) -> None:
    """Add the tasks that decide on one subject. What fails is told, and asked for again by the next tick."""

    def bounded(task: str, kind: str, code: str) -> None:
        try:
            with pool.connection() as connection:
                subject = subject_named(connection, kind, code)
            at = (now() - SETTLED).replace(microsecond=0)
            (decide if task == DECIDE else decide_if_moved)(pool, DECIDERS[kind], subject, at)
        except UnknownSubject as error:
            log.info("decision_dropped", kind=kind, subject=code, reason=str(error))
        except Exception:
            # Any mistake of one kind: it is told here, and the others go on.
            log.exception("decision_failed", kind=kind, subject=code)

    async def in_time(task: str, kind: str, code: str) -> None:
        # A thread cannot be ended: what comes too late is dropped by life, and the queue goes on meanwhile.
        try:
            await asyncio.wait_for(asyncio.to_thread(bounded, task, kind, code), DECIDE_S_MAX)
        except TimeoutError:
            log.error("decision_late", kind=kind, subject=code, waited_s=DECIDE_S_MAX)  # noqa: TRY400 - says it all

    @app.task(name=DECIDE)
    async def decide_on(kind: str, code: str) -> None:
        await in_time(DECIDE, kind, code)

    @app.task(name=RECONSIDER)
    async def reconsider(kind: str, code: str) -> None:
        await in_time(RECONSIDER, kind, code)


def _add_exports(app: procrastinate.App, pool: Pool, settings: WorkerSettings) -> None:
    """Add the task that writes the files of scheduled exports; it looks every five minutes for what is due."""

    @app.periodic(cron="*/5 * * * *", lock=EXPORT, queueing_lock=EXPORT, priority=PRIORITY[EXPORT])
    @app.task(name=EXPORT, queue=LONG, retry=RETRIES)
    def export(timestamp: int) -> None:
        with pool.connection() as connection:
            left = run_due(connection, settings, now())
        if left:
            put(app, EXPORT, EXPORT, {"timestamp": timestamp})


def _add_weather(app: procrastinate.App, pool: Pool, settings: WorkerSettings) -> None:
    """Add the task that asks for the weather when it has grown old; it looks every ten minutes."""
    provider = weather_provider(settings, pool)

    @app.periodic(cron="*/10 * * * *", lock=WEATHER, queueing_lock=WEATHER)
    @app.task(name=WEATHER, retry=RETRIES)
    def weather(timestamp: int) -> None:  # noqa: ARG001 - as above
        if provider is not None:
            keep_weather(pool, settings, provider, now())


def ask_to_decide(app: procrastinate.App, pool: Pool, at: datetime) -> None:
    """Put one job per subject on the queue: those whose hour has come, and the others to be looked at again."""
    due = decisions_due(pool, at)
    _ask_subjects(app, DECIDE, due.to_decide)
    _ask_subjects(app, RECONSIDER, due.to_reconsider)


def _ask_subjects(app: procrastinate.App, task: str, subjects: Sequence[tuple[str, str]]) -> None:
    for kind, code in subjects:
        # One lock for both tasks: a subject is decided on once at a time.
        put(app, task, f"{DECIDE}:{kind}:{code}", {"kind": kind, "code": code})


def ask_to_train(dsn: str, metrics: Sequence[str] | None) -> list[str]:
    """Ask the workers to train these metrics, or all that are forecast; return their names.

    Raises
    ------
    UnknownMetric
        If one of them is no metric.
    """
    names = [metric_named(name).name for name in metrics] if metrics else [m.name for m, _ in forecast_metrics()]
    app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=dsn))
    with app.open():
        ask_to_train_metrics(app, names, "asked")
    return names
