"""The worker: what is forecast, trained and scored when, on Procrastinate's queue in the same database.

Many workers on many machines may run: a periodic tick is taken by one of them, a lock keeps two from doing the
same work, and what fails is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued

from core.clock import now
from core.errors import ShortHistory
from core.metrics import forecast_metrics, metric_named
from core.settings import WorkerSettings
from core.store.pool import Pool, open_pool
from services.forecast import issue_forecasts, metrics_due, score_forecasts, train_model

log = structlog.get_logger(__name__)

FORECAST, TRAIN, SCORE = "forecast", "train", "score"
PRIORITY = {FORECAST: 2, SCORE: 1, TRAIN: 0}
"""A forecast must not wait behind trainings: the higher goes first."""
RETRIES = procrastinate.RetryStrategy(max_attempts=5, exponential_wait=4)


def run_worker(settings: WorkerSettings) -> None:
    """Work until SIGTERM or SIGINT; the jobs under way are finished first."""
    with open_pool(settings.dsn, settings.database_pool_size) as pool:
        app = worker_app(settings, pool)
        log.info("worker_started", concurrency=settings.concurrency)
        asyncio.run(_work(app, settings.concurrency))
    log.info("worker_stopped")


async def _work(app: procrastinate.App, concurrency: int) -> None:
    async with app.open_async():
        await app.run_worker_async(
            concurrency=concurrency,
            delete_jobs="successful",
            shutdown_graceful_timeout=60,
        )


def worker_app(settings: WorkerSettings, pool: Pool) -> procrastinate.App:
    """Return the queue with its tasks: forecast, train and score one metric, and the ticks that ask for them."""
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=settings.dsn, min_size=1, max_size=settings.concurrency + 2),
    )

    @app.task(name=FORECAST, retry=RETRIES)
    def forecast(metric: str) -> None:
        issue_forecasts(pool, settings, metric_named(metric), now())

    @app.task(name=TRAIN, retry=RETRIES)
    def train(metric: str) -> None:
        try:
            train_model(pool, settings, metric_named(metric), now())
        except ShortHistory as error:
            log.info("training_postponed", metric=metric, reason=str(error))
        else:
            _ask(app, FORECAST, [metric])

    @app.task(name=SCORE, retry=RETRIES)
    def score(metric: str) -> None:
        score_forecasts(pool, metric_named(metric), now())

    @app.periodic(cron="* * * * *")
    @app.task(name="tick", queueing_lock="tick")
    def tick(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate names it
        """Ask every minute for the forecasts and first models that are due."""
        due = metrics_due(pool, now())
        _ask(app, FORECAST, due.to_forecast)
        _ask(app, TRAIN, due.to_train)

    @app.periodic(cron="17 * * * *")
    @app.task(name="hourly_scores", queueing_lock="hourly_scores")
    def hourly_scores(timestamp: int) -> None:  # noqa: ARG001 - as above
        """Ask every hour to score what has come true."""
        _ask(app, SCORE, [metric.name for metric, _ in forecast_metrics()])

    @app.periodic(cron="40 1 * * *")
    @app.task(name="nightly_training", queueing_lock="nightly_training")
    def nightly_training(timestamp: int) -> None:  # noqa: ARG001 - as above
        """Ask every night (01:40 UTC) for a new model of each metric."""
        _ask(app, TRAIN, [metric.name for metric, _ in forecast_metrics()])

    return app


def _ask(app: procrastinate.App, task: str, metrics: Sequence[str]) -> None:
    """Put one job per metric on the queue, unless the same one waits there already or is at work."""
    for metric in metrics:
        key = f"{task}:{metric}"
        try:
            app.configure_task(task, lock=key, queueing_lock=key, priority=PRIORITY[task]).defer(metric=metric)
        except AlreadyEnqueued:
            continue


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
        _ask(app, TRAIN, names)
    return names
