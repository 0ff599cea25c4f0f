"""What evaluation asks beside readings: local days that were rolled up, and up to where a turn has come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from core.store.pool import Connection


def read_reached(connection: Connection, turn: str) -> datetime | None:
    """Return up to where a turn has come, None before the first."""
    row = connection.execute("SELECT reached FROM alarm_turn WHERE turn = %s", (turn,)).fetchone()
    return None if row is None else row[0]


def write_reached(connection: Connection, turn: str, reached: datetime) -> None:
    """Keep up to where a turn has come, with what it found."""
    connection.execute(
        """
        INSERT INTO alarm_turn (turn, reached) VALUES (%s, %s)
        ON CONFLICT (turn) DO UPDATE SET reached = excluded.reached
        """,
        (turn, reached),
    )


def read_rolled(
    connection: Connection, since: datetime, before: date, metrics: Sequence[str] | None
) -> dict[int, date]:
    """Return the first local day before ``before`` of each series that was rolled up since an instant.

    Of some metrics, or of all; retired sensors aside.
    """
    rows = connection.execute(
        """
        SELECT rollup_day.series_id, min(rollup_day.day)
          FROM rollup_day JOIN series USING (series_id) JOIN sensor USING (sensor_id)
         WHERE rollup_day.rolled_at >= %(since)s AND rollup_day.day < %(before)s AND sensor.retired_at IS NULL
           AND (%(metrics)s::text[] IS NULL OR series.metric = ANY(%(metrics)s))
         GROUP BY rollup_day.series_id
        """,
        {"since": since, "before": before, "metrics": None if metrics is None else list(metrics)},
    )
    return dict(rows.fetchall())


def read_first_hours(connection: Connection, series_ids: Sequence[int]) -> dict[int, datetime]:
    """Return the first hour of each series that was rolled up."""
    rows = connection.execute("SELECT series_id, hour FROM first_hours(%s)", (list(series_ids),))
    return dict(rows.fetchall())
