"""Forecasts as a service: read the history as of now, let the models speak, keep what they say, score it later."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import structlog

from core import instruments
from core.clock import Window, floor_to_step, format_instant
from core.errors import ShortHistory
from core.forecasts import Forecast, Score
from core.metrics import ForecastPlan, Metric, forecast_metrics
from core.settings import WorkerSettings
from core.store.arrow import ArrowConnection, opened_arrow
from core.store.forecasts import (
    StoredModel,
    read_forecast_steps,
    read_last_issues,
    read_model,
    read_unscored,
    write_forecasts,
    write_model,
    write_scores,
)
from core.store.history import Selection, read_series_ids, read_step_history
from core.store.live import write_live_forecasts
from core.store.places import read_series_communes
from core.store.pool import Connection, Pool
from core.store.readings import read_spans
from core.store.replica import followed_dsn
from models.artifacts import ArtifactUnreadable, dumps, loads
from models.boosting import BoostingSettings
from models.forecaster import forecast
from models.history import History
from models.scores import score
from models.train import TrainedModel, TrainingSettings, train

log = structlog.get_logger(__name__)

MIN_HISTORY = timedelta(days=12)
"""A first model is trained when so much is known: a week to look back on, days to learn from, days to calibrate on."""
FRESH_STEPS = 3
SCORED_AT_ONCE = 500
YARDSTICK_HISTORY = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Due:
    """Metrics whose forecasts, or whose first model, are due."""

    to_forecast: list[str]
    to_train: list[str]


def metrics_due(pool: Pool, now: datetime) -> Due:
    """Return what is due: forecasts not issued yet in the present period, and first models with history enough.

    A first model waits until the newest reading is fresh, so that a history that is still coming in is not trained
    on its first half. The metrics with the most series come first.
    """
    with pool.connection() as connection:
        spans, issues = read_spans(connection), read_last_issues(connection)
        due = Due([], [])
        for metric, plan in forecast_metrics():
            if metric.name not in spans:
                continue
            span = spans[metric.name]
            issued_at = issues.get(metric.name)
            if issued_at is None or issued_at < floor_to_step(now, plan.every):
                due.to_forecast.append(metric.name)
            fresh = span.newest > now - FRESH_STEPS * max(plan.step, metric.step)
            if (
                fresh
                and span.newest - span.oldest >= MIN_HISTORY
                and read_model(connection, metric.name, as_of=now) is None
            ):
                due.to_train.append(metric.name)
    due.to_train.sort(key=lambda name: -spans[name].series)
    return due


def read_history(
    arrow: ArrowConnection, metric: Metric, window: Window, *, as_known: bool = True, in_service: bool = False
) -> History:
    """Read the stepped history of every series of a metric, as known at the window's end, or else as known now.

    What retired sensors measured is history to learn from and to score; ``in_service`` leaves it out.
    """
    plan = _plan_of(metric)
    selection = Selection(metrics=(metric.name,), in_service=in_service)
    series_ids = read_series_ids(arrow, selection)
    aligned = Window(floor_to_step(window.start, plan.step), window.end)
    of_these = replace(selection, series_ids=tuple(series_ids))
    steps = read_step_history(arrow, of_these, aligned, plan.step, as_of=window.end if as_known else None)
    return History.of(metric, aligned, series_ids, steps if series_ids else ())


def issue_forecasts(pool: Pool, settings: WorkerSettings, metric: Metric, now: datetime) -> None:
    """Issue and keep a forecast of each series in service; where it must, the naive one stands in, and is recorded."""
    issued_at = now.replace(microsecond=0)
    window = Window.ending(issued_at, timedelta(days=settings.history_days))
    with opened_arrow(settings.dsn) as arrow:
        history = read_history(arrow, metric, window, in_service=True)
    with pool.connection() as connection:
        stored = read_model(connection, metric.name, as_of=issued_at)
        model = _loaded(stored)
        made = forecast(history, model, issued_at, model_id=stored.model_id if stored else None)
        written = write_forecasts(connection, made)
        write_live_forecasts(connection, now, _live_bodies(connection, metric, made))
    by_naive = sum(one.fallback is not None for one in made)
    instruments.FORECASTS.labels(metric.name, "model").inc(len(made) - by_naive)
    instruments.FORECASTS.labels(metric.name, "naive").inc(by_naive)
    log.info(
        "forecasts_issued",
        metric=metric.name,
        series=len(made),
        new=written,
        by_naive=by_naive,
        model_id=stored.model_id if stored else None,
    )


def _live_bodies(connection: Connection, metric: Metric, made: list[Forecast]) -> dict[str, list[dict[str, Any]]]:
    communes = read_series_communes(connection, [one.series_id for one in made])
    bodies: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in made:
        bodies[communes[one.series_id]].append(
            {"series_id": one.series_id, "metric": metric.name, "issued_at": format_instant(one.issued_at)},
        )
    return dict(bodies)


def _loaded(stored: StoredModel | None) -> TrainedModel | None:
    """Return the model that was kept, or None where there is none that this version can read: naive then speaks."""
    if stored is None:
        return None
    try:
        return loads(stored.artifact)
    except ArtifactUnreadable as error:
        log.warning("model_unreadable", metric=stored.metric, model_id=stored.model_id, reason=str(error))
        return None


def train_model(pool: Pool, settings: WorkerSettings, metric: Metric, now: datetime) -> int:
    """Fit a model on the history known now and keep it; return its id.

    Raises
    ------
    ShortHistory
        If there is too little to learn from.
    """
    window = Window.ending(now, timedelta(days=settings.history_days))
    with opened_arrow(followed_dsn(settings, pool)) as arrow:
        history = read_history(arrow, metric, window)
    if not history.series_ids:
        raise ShortHistory(f"{metric.name} has no series")
    trained = train(history, training_settings(settings))
    with pool.connection() as connection:
        model_id = write_model(
            connection,
            StoredModel(
                metric=metric.name,
                trained_at=now,
                history_start=window.start,
                history_end=window.end,
                rows=trained.rows,
                series=len(history.series_ids),
                duration_s=trained.duration_s,
                card=trained.card,
                artifact=dumps(trained),
            ),
        )
    instruments.MODEL_LAST_SUCCESS.labels(metric.name).set(now.timestamp())
    instruments.MODEL_TRAIN_SECONDS.labels(metric.name).set(trained.duration_s)
    log.info("model_trained", metric=metric.name, model_id=model_id, rows=trained.rows, duration_s=trained.duration_s)
    return model_id


def score_forecasts(pool: Pool, settings: WorkerSettings, metric: Metric, now: datetime) -> int:
    """Score the forecasts of a metric whose last step has passed; return how many.

    The yardstick is the naive forecast with its own quantiles, made again from what was known when each was issued.
    """
    with pool.connection() as connection, opened_arrow(settings.dsn) as arrow:
        passed = read_unscored(connection, metric.name, ended_by=now, limit=SCORED_AT_ONCE)
        scores = []
        for issued_at, alike in groupby(passed, key=lambda head: head.issued_at):
            heads = [replace(one, steps=read_forecast_steps(connection, one.series_id, issued_at)) for one in alike]
            scores += _score_issue(arrow, metric, issued_at, heads)
        write_scores(connection, scores, now)
    instruments.SCORES.labels(metric.name).inc(len(scores))
    if scores:
        log.info("forecasts_scored", metric=metric.name, forecasts=len(scores))
    return len(scores)


def _score_issue(arrow: ArrowConnection, metric: Metric, issued_at: datetime, issued: list[Forecast]) -> list[Score]:
    plan = _plan_of(metric)
    start = floor_to_step(issued_at, plan.step)
    known = read_history(arrow, metric, Window.ending(issued_at, YARDSTICK_HISTORY))
    yardsticks = {naive.series_id: naive for naive in forecast(known, None, issued_at)}
    came = read_history(arrow, metric, Window(start, start + plan.horizon + plan.step), as_known=False)
    truth = {
        series_id: {came.instant_of(index): value for index, value in enumerate(values)}
        for series_id, values in zip(came.series_ids, came.values.tolist(), strict=True)
    }
    return [score(one, truth[one.series_id], yardsticks.get(one.series_id)) for one in issued]


def training_settings(settings: WorkerSettings) -> TrainingSettings:
    """Return how models are trained under these settings."""
    return TrainingSettings(boosting=BoostingSettings(threads=settings.threads), rows_max=settings.train_rows_max)


def _plan_of(metric: Metric) -> ForecastPlan:
    assert metric.plan is not None, "only metrics with a plan are asked for"
    return metric.plan
