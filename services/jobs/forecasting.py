"""The jobs of forecasting: issues, training, scoring, and the ticks that ask for them.

An issue is asked for as (metric, commune, issued_at): any number of workers share them, and whoever makes one, however
often, writes the same rows. A training is asked for as of an instant, and leaves one model or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import procrastinate
import structlog

from core.clock import floor_to_step, format_instant, now, parse_instant
from core.errors import ShortHistory
from core.metrics import forecast_metrics, metric_named
from core.settings import WorkerSettings
from core.store.models import read_champion, read_newest_trainings
from core.store.pool import Pool
from core.store.turns import turn
from services.decisions.life import SETTLED
from services.drift import drifted_models_due, look_for_drift
from services.forecast import Issue, communes_heard, first_models_due, issue_forecasts, issues_due, next_models_due
from services.jobs.queue import ISSUE, LONG, RETRIES, SCORE, TRAIN, put
from services.promotion import promote_by_rule
from services.scoring import score_forecasts
from services.training import FIRST, train_model

log = structlog.get_logger(__name__)

PERIOD = timedelta(minutes=15)
POSTPONED = timedelta(minutes=15)
"""A first model that there is too little to learn from is tried again after so long."""
FORECASTS_FROM, FORECASTS_AWAITED = timedelta(minutes=1), timedelta(minutes=3)
"""When in a period its own forecasts are asked for, and how long into it the decisions wait for them."""


@dataclass(frozen=True, slots=True)
class Followers:
    """What is asked for next.

    Parameters
    ----------
    of_issue
        Called when an issue was made: what lacked a forecast need not wait for the next tick.
    of_period
        Called with the present instant when the period's forecasts are there, or were waited for long enough.
    """

    of_issue: Callable[[], None]
    of_period: Callable[[datetime], None]


def add_forecasting(app: procrastinate.App, pool: Pool, settings: WorkerSettings, followers: Followers) -> None:
    """Add the tasks."""
    _add_issuing(app, pool, settings, followers)
    _add_training(app, pool, settings)
    _add_scoring(app, pool, settings)

    # Ten seconds past the minute: what was received by then is committed, and who forecasts as of it reads it all.
    @app.periodic(cron="* * * * * 10")
    @app.task(name="tick", queueing_lock="tick")
    def tick(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate names it
        """Ask every minute for the issues, first models and decisions that are due."""
        at = now()
        due = issues_due(pool, at)
        ask_issues(app, due)
        ask_to_train_metrics(app, first_models_due(pool, at), FIRST)
        into = at - floor_to_step(at, PERIOD)
        if into >= FORECASTS_AWAITED or (not due and into >= FORECASTS_FROM):
            followers.of_period(at)


def ask_to_train_metrics(app: procrastinate.App, metrics: Iterable[str], why: str) -> None:
    """Ask for a model of each metric, as of now."""
    for metric in metrics:
        _ask_to_train(app, metric, why)


def _ask_to_train(app: procrastinate.App, metric: str, why: str, *, not_before: datetime | None = None) -> None:
    arguments = {"metric": metric, "why": why, "asked_at": format_instant(now())}
    put(app, TRAIN, f"{TRAIN}:{metric}", arguments, not_before=not_before)


def ask_issues(app: procrastinate.App, issues: Iterable[Issue]) -> None:
    """Ask for issues, each once while it waits, and from when all that was received by then is committed."""
    for one in issues:
        at = format_instant(one.issued_at)
        arguments = {"metric": one.metric.name, "commune": one.commune, "issued_at": at}
        put(app, ISSUE, f"{ISSUE}:{one.metric.name}:{one.commune}:{at}", arguments, not_before=one.issued_at + SETTLED)


def _add_issuing(app: procrastinate.App, pool: Pool, settings: WorkerSettings, followers: Followers) -> None:
    @app.task(name=ISSUE, retry=RETRIES)
    def issue(metric: str, commune: str, issued_at: str) -> None:
        if issue_forecasts(pool, settings, Issue(metric_named(metric), commune, parse_instant(issued_at))):
            followers.of_issue()


def _add_training(app: procrastinate.App, pool: Pool, settings: WorkerSettings) -> None:
    @app.task(name=TRAIN, queue=LONG, retry=RETRIES)
    def train(metric: str, why: str, asked_at: str) -> None:
        with turn(settings.dsn, f"{TRAIN}:{metric}") as is_ours:
            if not is_ours or not _is_wanted(pool, metric, why, parse_instant(asked_at)):
                log.info("training_dropped", metric=metric, asked_at=asked_at, is_under_way=not is_ours)
                return
            try:
                model_id = train_model(pool, settings, metric_named(metric), now(), why)
            except ShortHistory as error:
                log.info("training_postponed", metric=metric, reason=str(error))
                if why == FIRST:
                    # The tick asks for it every minute, but not while it waits.
                    _ask_to_train(app, metric, why, not_before=now() + POSTPONED)
                return
        # A first model that lost to the naive does not speak: what was read meanwhile is forecast by the naive at once.
        if why == FIRST or _speaks(pool, metric, model_id):
            _ask_anew(app, pool, metric)

    @app.periodic(cron="40 1 * * *")
    @app.task(name="nightly_training", queueing_lock="nightly_training")
    def nightly_training(timestamp: int) -> None:  # noqa: ARG001 - as above
        """Ask every night (01:40 UTC) for a new model where the newest is a week old, or the champion drifts."""
        ask_to_train_metrics(app, next_models_due(pool, now()), "schedule")
        ask_to_train_metrics(app, drifted_models_due(pool, now()), "drift")


def _add_scoring(app: procrastinate.App, pool: Pool, settings: WorkerSettings) -> None:
    @app.task(name=SCORE, queue=LONG, retry=RETRIES)
    def score(metric: str) -> None:
        measured = metric_named(metric)
        score_forecasts(pool, settings, measured, now())
        look_for_drift(pool, measured, now())
        if promote_by_rule(pool, measured, now().replace(microsecond=0)):
            _ask_anew(app, pool, metric)

    @app.periodic(cron="17 * * * *")
    @app.task(name="hourly_scores", queueing_lock="hourly_scores")
    def hourly_scores(timestamp: int) -> None:  # noqa: ARG001 - as above
        """Ask every hour to score what has come true."""
        for metric, _ in forecast_metrics():
            put(app, SCORE, f"{SCORE}:{metric.name}", {"metric": metric.name})


def _is_wanted(pool: Pool, metric: str, why: str, asked_at: datetime) -> bool:
    """Whether a model of a metric still lacks: whoever was thought gone may have trained it since it was asked for.

    A first one is asked for every minute, also while it is being trained: it lacks where there is none.
    """
    if why == FIRST:
        return metric in first_models_due(pool, now())
    with pool.connection() as connection:
        trained_at = read_newest_trainings(connection).get(metric)
    return trained_at is None or trained_at < asked_at


def _speaks(pool: Pool, metric: str, model_id: int) -> bool:
    with pool.connection() as connection:
        champion = read_champion(connection, metric, as_of=now())
    return champion is not None and champion.model_id == model_id


def _ask_anew(app: procrastinate.App, pool: Pool, metric: str) -> None:
    """Ask for an issue as of this second wherever the metric is heard: another model speaks from now on."""
    at = now().replace(microsecond=0)
    ask_issues(app, [Issue(metric_named(metric), commune, at) for commune in communes_heard(pool, metric)])
