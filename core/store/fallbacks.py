"""Why the naive forecast stands in at present."""

from __future__ import annotations

from collections.abc import Sequence

from core.store.pool import Connection


def read_fallbacks(connection: Connection, metrics: Sequence[str]) -> dict[str, str]:
    """Return by metric why the naive stands in most often, among the newest forecast of each series.

    A metric of which no series falls back is absent.
    """
    rows = connection.execute(
        """
        SELECT DISTINCT ON (metric) metric, fallback
          FROM (SELECT series.metric, newest.fallback, count(*) AS series
                  FROM series
                 CROSS JOIN LATERAL (
                       SELECT fallback FROM forecast WHERE forecast.series_id = series.series_id
                        ORDER BY issued_at DESC LIMIT 1) AS newest
                 WHERE series.metric = ANY(%s) AND newest.fallback IS NOT NULL
                 GROUP BY series.metric, newest.fallback) AS told
         ORDER BY metric, series DESC, fallback
        """,
        (list(metrics),),
    )
    return dict(rows)
