"""Forecasts, their models and their scores in the store: kept for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.forecasts import Doubt, Forecast, ForecastStep
from core.store.expectations import write_expectations
from core.store.forecast_steps import packed_steps
from core.store.pool import Connection

_COPY_STEPS = """
    COPY forecast_step (series_id, issued_at, valid_at, p05, p10, p25, p50, p75, p90, p95, naive, mean)
    FROM STDIN (FORMAT BINARY)
"""


def write_forecasts(connection: Connection, forecasts: Sequence[Forecast]) -> int:
    """Keep forecasts in one transaction; one already issued for its (series, issued_at) stays as it was.

    Returns how many were new.
    """
    with connection.transaction():
        new = _write_heads(connection, sorted(forecasts, key=lambda one: (one.series_id, one.issued_at)))
        with connection.cursor() as cursor, cursor.copy(_COPY_STEPS) as copy:
            copy.write(packed_steps(new))
        write_expectations(connection, new)
    return len(new)


def _write_heads(connection: Connection, forecasts: Sequence[Forecast]) -> list[Forecast]:
    """Write what forecasts are, without their steps; return those that were not there."""
    rows = connection.execute(
        """
        INSERT INTO forecast (series_id, issued_at, step_s, steps, history_until, model_id, fallback, doubts)
        SELECT series_id, issued_at, step_s, steps, history_until, model_id, fallback, string_to_array(doubts, ',')
          FROM unnest(%s::integer[], %s::timestamptz[], %s::integer[], %s::integer[], %s::timestamptz[],
                      %s::integer[], %s::text[], %s::text[])
               AS one (series_id, issued_at, step_s, steps, history_until, model_id, fallback, doubts)
        ON CONFLICT (series_id, issued_at) DO NOTHING RETURNING series_id, issued_at
        """,
        (
            [one.series_id for one in forecasts],
            [one.issued_at for one in forecasts],
            [int(one.step.total_seconds()) for one in forecasts],
            [len(one.steps) for one in forecasts],
            [one.history_until for one in forecasts],
            [one.model_id for one in forecasts],
            [one.fallback for one in forecasts],
            [",".join(one.doubts) for one in forecasts],
        ),
    )
    each = {(one.series_id, one.issued_at): one for one in reversed(forecasts)}
    return [each[key] for key in rows.fetchall()]


def read_forecast(connection: Connection, series_id: int, *, as_of: datetime | None = None) -> Forecast | None:
    """Return the newest forecast of a series, or the newest issued by ``as_of``; None when there is none."""
    head = connection.execute(
        """
        SELECT issued_at, step_s, history_until, model_id, fallback, doubts FROM forecast
         WHERE series_id = %(series_id)s AND (%(as_of)s::timestamptz IS NULL OR issued_at <= %(as_of)s)
         ORDER BY issued_at DESC LIMIT 1
        """,
        {"series_id": series_id, "as_of": as_of},
    ).fetchone()
    if head is None:
        return None
    issued_at, step_s, history_until, model_id, fallback, doubts = head
    return Forecast(
        series_id=series_id,
        issued_at=issued_at,
        step=timedelta(seconds=step_s),
        history_until=history_until,
        steps=read_forecast_steps(connection, series_id, issued_at),
        model_id=model_id,
        fallback=fallback,
        doubts=tuple(map(Doubt, doubts)),
    )


def read_forecast_steps(connection: Connection, series_id: int, issued_at: datetime) -> list[ForecastStep]:
    """Return the steps of one forecast, in time order."""
    rows = connection.execute(
        """
        SELECT valid_at, p05, p10, p25, p50, p75, p90, p95, naive, mean FROM forecast_step
         WHERE series_id = %s AND issued_at = %s ORDER BY valid_at
        """,
        (series_id, issued_at),
    )
    return [ForecastStep(row[0], tuple(row[1:8]), row[8], row[9]) for row in rows]


@dataclass(frozen=True, slots=True)
class Heard:
    """What is heard of a metric in a commune, of its series whose sensors are in service.

    Parameters
    ----------
    newest
        The newest ``observed_at``.
    series
        How many of them have ever spoken.
    issued_at
        Of the newest issue of its forecasts that was made, None where there never was one.
    """

    metric: str
    commune: str
    newest: datetime
    series: int
    issued_at: datetime | None


def read_heard(connection: Connection) -> list[Heard]:
    """Return what is heard, by metric and commune; of where nothing ever was, nothing."""
    rows = connection.execute(
        """
        SELECT heard.metric, heard.commune_insee::text, heard.newest, heard.series, newest_issue.issued_at
          FROM (SELECT series.metric, site.commune_insee, max(latest.observed_at) AS newest, count(*) AS series
                  FROM latest JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
                 WHERE sensor.retired_at IS NULL
                 GROUP BY series.metric, site.commune_insee) AS heard
          LEFT JOIN newest_issue USING (metric, commune_insee)
         ORDER BY heard.metric, heard.commune_insee
        """,
    )
    return [Heard(*row) for row in rows]


def write_newest_issue(connection: Connection, metric: str, commune: str, issued_at: datetime) -> None:
    """Note, in the transaction that writes its forecasts, that an issue was made."""
    connection.execute(
        """
        INSERT INTO newest_issue (metric, commune_insee, issued_at) VALUES (%s, %s, %s)
        ON CONFLICT (metric, commune_insee) DO UPDATE
           SET issued_at = greatest(newest_issue.issued_at, excluded.issued_at)
        """,
        (metric, commune, issued_at),
    )
