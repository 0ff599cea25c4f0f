"""Forecasts as a service: read the history as of an instant, let the model speak, keep what it says.

An issue is all that is said of a metric in a commune at an instant, which is decided when it is asked for, not when it
is made: whoever makes it, whenever and however often, reads the same and writes the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from core import instruments
from core.clock import Window, floor_to_step, format_instant
from core.forecasts import Forecast
from core.metrics import ForecastPlan, Metric, forecast_metrics
from core.settings import WorkerSettings
from core.store.arrow import ArrowConnection, opened_arrow
from core.store.forecasts import read_heard, write_forecasts, write_newest_issue
from core.store.live import write_live_forecasts
from core.store.models import read_newest_trainings
from core.store.pool import Connection, Pool
from core.store.readings import Span, read_span
from core.store.scores import read_speaking
from models.forecaster import Speaking, forecast
from models.history import History
from services.history import Reach, read_history
from services.model_loading import load_champion, newest_can_speak

log = structlog.get_logger(__name__)

MIN_HISTORY, LEARNT_FROM = timedelta(days=12), timedelta(days=10)
"""A first model is trained when so much is known: a week to look back on, days to learn from, days to calibrate on; and
so much before a whole horizon, which is held out."""
FRESH_STEPS = 3
REFITTED_AFTER = timedelta(days=6, hours=12)
"""So that what is looked for every night is fitted every seventh."""
LOOKED_BACK = timedelta(days=36)
"""What a forecast is made from: the naive judges itself by four weeks of errors, each against a week before."""
RECEIVED_IN = timedelta(seconds=60)
"""How long after a step's end its readings are waited for, before what follows is forecast."""


@dataclass(frozen=True, slots=True)
class Issue:
    """All that is said of a metric in a commune at an instant.

    Parameters
    ----------
    commune
        By its INSEE code.
    issued_at
        What was known by then, is what is said.
    """

    metric: Metric
    commune: str
    issued_at: datetime


def issued_at_of(plan: ForecastPlan, now: datetime) -> datetime:
    """Return when the newest issue of a plan was to be made: a minute after its period began."""
    return floor_to_step(now - RECEIVED_IN, plan.every) + RECEIVED_IN


def issues_due(pool: Pool, now: datetime) -> list[Issue]:
    """Return the issues of the present period that were not made yet.

    Where nothing was ever forecast, it is from this second on: what was read by the beginning of the period may be
    nothing at all.
    """
    with pool.connection() as connection:
        heard = read_heard(connection)
    issues = []
    for metric, plan in forecast_metrics():
        wanted = issued_at_of(plan, now)
        for one in heard:
            if one.metric == metric.name and (one.issued_at is None or one.issued_at < wanted):
                at = now.replace(microsecond=0) if one.issued_at is None else wanted
                issues.append(Issue(metric, one.commune, at))
    return issues


def first_models_due(pool: Pool, now: datetime) -> list[str]:
    """Return the metrics without any model that have history enough for a first one, those of the most series first.

    It waits until the newest reading is fresh, so that a history that is still coming in is not trained on its first
    half.
    """
    with pool.connection() as connection:
        trained = read_newest_trainings(connection)
        spans = {
            metric: span
            for metric, _ in forecast_metrics()
            if metric.name not in trained and (span := read_span(connection, metric.name)) is not None
        }
    due = [metric for metric, span in spans.items() if _is_enough(metric, span, now)]
    return [metric.name for metric in sorted(due, key=lambda metric: -spans[metric].series)]


def next_models_due(pool: Pool, now: datetime) -> list[str]:
    """Return the metrics whose newest model was trained `REFITTED_AFTER` ago or earlier, or cannot speak any more."""
    with pool.connection() as connection:
        trained = read_newest_trainings(connection)
        return [
            metric.name
            for metric, _ in forecast_metrics()
            if metric.name in trained
            and (trained[metric.name] <= now - REFITTED_AFTER or not newest_can_speak(connection, metric))
        ]


def communes_heard(pool: Pool, metric: str) -> list[str]:
    """Return the communes in which a metric is heard, by INSEE code."""
    with pool.connection() as connection:
        return [one.commune for one in read_heard(connection) if one.metric == metric]


def issue_forecasts(pool: Pool, settings: WorkerSettings, issue: Issue) -> int:
    """Make an issue and keep it, whole or not at all; return how many forecasts of it were new.

    Each series in service is forecast; where it must, the naive forecast stands in, and is recorded.
    """
    with pool.connection() as connection, opened_arrow(settings.dsn) as arrow:
        made = make_forecasts(connection, arrow, issue)
    with pool.connection() as connection, connection.transaction():
        written = write_forecasts(connection, made)
        write_newest_issue(connection, issue.metric.name, issue.commune, issue.issued_at)
        if written:
            write_live_forecasts(connection, issue.issued_at, {issue.commune: _live_body(issue, made)})
    if written:
        _count(issue.metric, made)
    log.info(
        "forecasts_issued",
        metric=issue.metric.name,
        commune=issue.commune,
        issued_at=format_instant(issue.issued_at),
        series=len(made),
        new=written,
        by_naive=_by_naive(made),
    )
    return written


def make_forecasts(connection: Connection, arrow: ArrowConnection, issue: Issue) -> list[Forecast]:
    """Return the forecasts of an issue as it was or is to be made: from what was known at its instant, and no more."""
    history = read_issue_history(connection, arrow, issue)
    champion = load_champion(connection, issue.metric.name, as_of=issue.issued_at)
    silenced, shifts = read_speaking(connection, history.series_ids, issue.issued_at)
    return forecast(
        history,
        champion.model if champion else None,
        issue.issued_at,
        model_id=champion.model_id if champion else None,
        speaking=Speaking(silenced, shifts),
    )


def read_issue_history(connection: Connection, arrow: ArrowConnection, issue: Issue) -> History:
    """Read what an issue is made from."""
    window = Window.ending(issue.issued_at, LOOKED_BACK)
    return read_history(arrow, connection, issue.metric, Reach(window, (issue.commune,), in_service=True))


def _is_enough(metric: Metric, span: Span, now: datetime) -> bool:
    assert metric.plan is not None, "only metrics with a plan are asked for"
    fresh = span.newest > now - FRESH_STEPS * max(metric.plan.step, metric.step)
    whole = now - floor_to_step(span.oldest, metric.plan.step) >= LEARNT_FROM + metric.plan.horizon
    return fresh and whole and span.newest - span.oldest >= MIN_HISTORY


def _live_body(issue: Issue, made: Sequence[Forecast]) -> list[dict[str, Any]]:
    at = format_instant(issue.issued_at)
    return [{"series_id": one.series_id, "metric": issue.metric.name, "issued_at": at} for one in made]


def _by_naive(made: Sequence[Forecast]) -> int:
    return sum(one.fallback is not None for one in made)


def _count(metric: Metric, made: Sequence[Forecast]) -> None:
    by_naive = _by_naive(made)
    instruments.FORECASTS.labels(metric.name, "model").inc(len(made) - by_naive)
    instruments.FORECASTS.labels(metric.name, "naive").inc(by_naive)
