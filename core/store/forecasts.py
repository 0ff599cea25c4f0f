"""Forecasts, their models and their scores in the store: kept for ever."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.forecasts import Forecast, ForecastStep, Score
from core.store.expectations import write_expectations
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A trained model as it is kept.

    Parameters
    ----------
    history_start, history_end
        The window it was fitted on.
    rows, series
        How much it was fitted on.
    duration_s
        How long the fit took.
    card
        Features, settings and validation scores, as JSON.
    artifact
        The boosters and their calibration, as `models.artifacts` writes them.
    """

    metric: str
    trained_at: datetime
    history_start: datetime
    history_end: datetime
    rows: int
    series: int
    duration_s: float
    card: dict[str, Any]
    artifact: bytes
    model_id: int | None = None


def write_model(connection: Connection, model: StoredModel) -> int:
    """Keep a trained model; return its id."""
    row = connection.execute(
        """
        INSERT INTO model (metric, trained_at, history_start, history_end, rows, series, duration_s, card, artifact)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING model_id
        """,
        (
            model.metric,
            model.trained_at,
            model.history_start,
            model.history_end,
            model.rows,
            model.series,
            model.duration_s,
            json.dumps(model.card),
            model.artifact,
        ),
    ).fetchone()
    assert row is not None, "an insert returns its row"
    return int(row[0])


def read_model(connection: Connection, metric: str, *, as_of: datetime) -> StoredModel | None:
    """Return the newest model of this metric that was trained by ``as_of``, or None."""
    row = connection.execute(
        """
        SELECT metric, trained_at, history_start, history_end, rows, series, duration_s, card, artifact, model_id
          FROM model WHERE metric = %s AND trained_at <= %s ORDER BY trained_at DESC, model_id DESC LIMIT 1
        """,
        (metric, as_of),
    ).fetchone()
    return StoredModel(*row) if row else None


def read_models(connection: Connection) -> list[StoredModel]:
    """Return the newest model of each metric, without its artifact."""
    rows = connection.execute(
        """
        SELECT DISTINCT ON (metric) metric, trained_at, history_start, history_end, rows, series, duration_s, card,
               ''::bytea, model_id
          FROM model ORDER BY metric, trained_at DESC
        """,
    )
    return [StoredModel(*row) for row in rows]


def write_forecasts(connection: Connection, forecasts: Sequence[Forecast]) -> int:
    """Keep forecasts in one transaction; one already issued for its (series, issued_at) stays as it was.

    Returns how many were new.
    """
    new = []
    with connection.transaction(), connection.cursor() as cursor:
        for forecast in forecasts:
            cursor.execute(
                """
                INSERT INTO forecast (series_id, issued_at, step_s, steps, history_until, model_id, fallback)
                VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (series_id, issued_at) DO NOTHING
                """,
                (
                    forecast.series_id,
                    forecast.issued_at,
                    int(forecast.step.total_seconds()),
                    len(forecast.steps),
                    forecast.history_until,
                    forecast.model_id,
                    forecast.fallback,
                ),
            )
            if cursor.rowcount:
                new.append(forecast)
                cursor.executemany(
                    """
                    INSERT INTO forecast_step (series_id, issued_at, valid_at, p05, p10, p25, p50, p75, p90, p95, naive)
                    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                    """,
                    [
                        (forecast.series_id, forecast.issued_at, step.valid_at, *step.quantiles, step.naive)
                        for step in forecast.steps
                    ],
                )
        write_expectations(connection, new)
    return len(new)


def read_forecast(connection: Connection, series_id: int, *, as_of: datetime | None = None) -> Forecast | None:
    """Return the newest forecast of a series, or the newest issued by ``as_of``; None when there is none."""
    head = connection.execute(
        """
        SELECT issued_at, step_s, history_until, model_id, fallback FROM forecast
         WHERE series_id = %(series_id)s AND (%(as_of)s::timestamptz IS NULL OR issued_at <= %(as_of)s)
         ORDER BY issued_at DESC LIMIT 1
        """,
        {"series_id": series_id, "as_of": as_of},
    ).fetchone()
    if head is None:
        return None
    issued_at, step_s, history_until, model_id, fallback = head
    steps = read_forecast_steps(connection, series_id, issued_at)
    return Forecast(series_id, issued_at, timedelta(seconds=step_s), history_until, steps, model_id, fallback)


def read_forecast_steps(connection: Connection, series_id: int, issued_at: datetime) -> list[ForecastStep]:
    """Return the steps of one forecast, in time order."""
    rows = connection.execute(
        """
        SELECT valid_at, p05, p10, p25, p50, p75, p90, p95, naive FROM forecast_step
         WHERE series_id = %s AND issued_at = %s ORDER BY valid_at
        """,
        (series_id, issued_at),
    )
    return [ForecastStep(row[0], tuple(row[1:8]), row[8]) for row in rows]


def read_last_issues(connection: Connection) -> dict[str, datetime]:
    """Return when each metric was last forecast; one that never was is absent."""
    rows = connection.execute(
        """
        SELECT series.metric, max(newest.issued_at)
          FROM series CROSS JOIN LATERAL (
                SELECT issued_at FROM forecast WHERE forecast.series_id = series.series_id
                 ORDER BY issued_at DESC LIMIT 1
               ) AS newest
         GROUP BY series.metric
        """,
    )
    return dict(rows)


def read_unscored(connection: Connection, metric: str, *, ended_by: datetime, limit: int) -> list[Forecast]:
    """Return forecasts of a metric, without their steps, whose last step ended by then and that have no score."""
    rows = connection.execute(
        """
        SELECT forecast.series_id, forecast.issued_at, forecast.step_s, forecast.history_until, forecast.model_id,
               forecast.fallback
          FROM forecast JOIN series USING (series_id) LEFT JOIN score USING (series_id, issued_at)
         WHERE series.metric = %(metric)s AND score.series_id IS NULL
           AND forecast.issued_at + make_interval(secs => forecast.step_s * (forecast.steps + 1)) <= %(ended_by)s
         ORDER BY forecast.issued_at, forecast.series_id LIMIT %(limit)s
        """,
        {"metric": metric, "ended_by": ended_by, "limit": limit},
    )
    return [Forecast(row[0], row[1], timedelta(seconds=row[2]), row[3], (), row[4], row[5]) for row in rows]


def write_scores(connection: Connection, scores: Sequence[Score], scored_at: datetime) -> None:
    """Keep scores; a forecast is scored once."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO score (series_id, issued_at, scored_at, steps, pinball, pinball_naive, absolute_error,
                               absolute_error_naive, coverage, model_id)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (series_id, issued_at) DO NOTHING
            """,
            [
                (
                    s.series_id,
                    s.issued_at,
                    scored_at,
                    s.steps,
                    s.pinball,
                    s.pinball_naive,
                    s.absolute_error,
                    s.absolute_error_naive,
                    s.coverage,
                    s.model_id,
                )
                for s in scores
            ],
        )
