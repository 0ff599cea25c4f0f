"""What was forecast of a series for a stretch of the past, before it began; and how its forecasts turned out lately."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from core.scores import Sums
from core.store.pool import Connection


def read_issue_before(connection: Connection, series_id: int, instant: datetime, within: timedelta) -> datetime | None:
    """Return when the newest forecast of a series was issued at or before an instant, ``within`` so long before it."""
    row = connection.execute(
        """
        SELECT issued_at FROM forecast
         WHERE series_id = %(series_id)s AND issued_at <= %(instant)s AND issued_at > %(instant)s - %(within)s
         ORDER BY issued_at DESC LIMIT 1
        """,
        {"series_id": series_id, "instant": instant, "within": within},
    ).fetchone()
    return None if row is None else row[0]


def read_series_sums(connection: Connection, series_id: int, since: date) -> Sums | None:
    """Return how what was issued of a series turned out since a local day; None where nothing was scored."""
    row = connection.execute(
        """
        SELECT 1, sum(steps), coalesce(sum(steps) FILTER (WHERE model_id = 0), 0), sum(pinball), sum(pinball_naive),
               sum(absolute_error), sum(absolute_error_naive), sum(within_80), sum(within_90),
               ARRAY[sum(below[1]), sum(below[2]), sum(below[3]), sum(below[4]), sum(below[5]), sum(below[6]),
                     sum(below[7])]
          FROM score_day WHERE series_id = %s AND issued AND day >= %s HAVING sum(steps) > 0
        """,
        (series_id, since),
    ).fetchone()
    return None if row is None else Sums(*row)


def read_daily_gains(connection: Connection, series_id: int, since: date) -> list[tuple[date, float, float]]:
    """Return the days on which forecasts of a series were scored: loss of what was issued, and of the naive."""
    return connection.execute(
        """
        SELECT day, sum(pinball), sum(pinball_naive) FROM score_day
         WHERE series_id = %s AND issued AND day >= %s GROUP BY day ORDER BY day
        """,
        (series_id, since),
    ).fetchall()
