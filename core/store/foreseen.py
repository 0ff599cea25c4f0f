"""What was expected of readings, and what issues of forecasts said: as evaluation of alarms asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from core.columns import Floats, Ints, from_microseconds, instants_of
from core.store.packed import floats, integers
from core.store.pool import Connection


def read_expected(connection: Connection, series_id: int, observed: Ints) -> tuple[Floats, Floats]:
    """Return p05 and p95 of each reading of a series, as the newest forecast issued before it said; NaN without one.

    Parameters
    ----------
    observed
        When each was true, ascending, microseconds since `core.clock.EPOCH`.
    """
    low = np.full(len(observed), np.nan)
    high = low.copy()
    if not len(observed):
        return low, high
    row = connection.execute(
        """
        SELECT string_agg(int4send(asked.place::integer), ''), string_agg(float8send(expected.p05), ''),
               string_agg(float8send(expected.p95), '')
          FROM unnest(%(instants)s::timestamptz[]) WITH ORDINALITY AS asked (observed_at, place)
         CROSS JOIN LATERAL (
                SELECT forecast_step.p05, forecast_step.p95
                  FROM forecast JOIN forecast_step USING (series_id, issued_at)
                 WHERE forecast.series_id = %(series_id)s AND forecast.issued_at <= asked.observed_at
                   AND forecast.issued_at > asked.observed_at - interval '2 days'
                   AND forecast_step.series_id = %(series_id)s
                   AND forecast_step.issued_at > asked.observed_at - interval '2 days'
                   AND forecast_step.issued_at > %(first)s - interval '2 days'
                   AND forecast_step.issued_at <= %(last)s
                   AND forecast_step.valid_at <= asked.observed_at
                   AND forecast_step.valid_at > asked.observed_at - make_interval(secs => forecast.step_s)
                 ORDER BY forecast.issued_at DESC LIMIT 1
               ) AS expected
        """,
        {
            "series_id": series_id,
            "instants": instants_of(observed),
            "first": from_microseconds(int(observed[0])),
            "last": from_microseconds(int(observed[-1])),
        },
        binary=True,
        prepare=False,
    ).fetchone()
    assert row is not None, "an aggregate returns a row"
    places = integers(row[0], 32) - 1
    low[places], high[places] = floats(row[1]), floats(row[2])
    return low, high


def read_issues(
    connection: Connection, series_ids: Sequence[int], since: datetime, within_s: float
) -> dict[int, list[tuple[datetime, Floats]]]:
    """Return what issues said of the next so many seconds, oldest first; quantiles: shape (steps, levels)."""
    rows = connection.execute(
        """
        SELECT forecast.series_id, forecast.issued_at,
               array_agg(ARRAY[p05, p10, p25, p50, p75, p90, p95] ORDER BY valid_at)
          FROM forecast JOIN forecast_step USING (series_id, issued_at)
         WHERE forecast.series_id = ANY(%(series_ids)s) AND forecast.issued_at >= %(since)s
           AND forecast_step.series_id = ANY(%(series_ids)s) AND forecast_step.issued_at >= %(since)s
           AND forecast_step.valid_at < forecast.issued_at + make_interval(secs => %(within_s)s)
         GROUP BY forecast.series_id, forecast.issued_at ORDER BY forecast.series_id, forecast.issued_at
        """,
        {"series_ids": list(series_ids), "since": since, "within_s": within_s},
    )
    found: dict[int, list[tuple[datetime, Floats]]] = {}
    for series_id, issued_at, steps in rows:
        found.setdefault(series_id, []).append((issued_at, np.array(steps, dtype=np.float64)))
    return found


def read_newest_issue(connection: Connection, metric: str) -> datetime | None:
    """Return the newest issue of a metric's forecasts, of any commune."""
    row = connection.execute("SELECT max(issued_at) FROM newest_issue WHERE metric = %s", (metric,)).fetchone()
    return None if row is None else row[0]


def read_forecast_series(connection: Connection, metric: str, since: datetime) -> list[int]:
    """Return the series of a metric that were forecast since an instant."""
    rows = connection.execute(
        """
        SELECT series_id FROM series
         WHERE metric = %s AND EXISTS (SELECT FROM forecast
                                        WHERE forecast.series_id = series.series_id AND forecast.issued_at > %s)
         ORDER BY series_id
        """,
        (metric, since),
    )
    return [series_id for (series_id,) in rows]
