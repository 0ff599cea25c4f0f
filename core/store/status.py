"""How far the platform has come, for whoever watches it start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Progress:
    """What is in the store.

    Parameters
    ----------
    readings
        Readings stored in the last two days of arrival (`core.store.live.RECEPTION_KEPT`).
    newest_observed_at
        ``observed_at`` of the newest reading, None when there is none.
    models
        Metrics that have a model, in order.
    forecasts
        Series that have at least one forecast by a model.
    """

    sensors: int
    readings: int
    newest_observed_at: datetime | None
    models: tuple[str, ...]
    forecasts: int


def read_progress(connection: Connection) -> Progress:
    """Return how far the platform has come."""
    row = connection.execute(
        """
        SELECT (SELECT count(*) FROM sensor),
               (SELECT coalesce(sum(stored), 0) FROM reception),
               (SELECT max(observed_at) FROM latest),
               (SELECT coalesce(array_agg(DISTINCT metric ORDER BY metric), '{}') FROM model),
               (SELECT count(DISTINCT series_id) FROM forecast WHERE model_id IS NOT NULL)
        """,
    ).fetchone()
    assert row is not None, "a SELECT without FROM returns a row"
    sensors, readings, newest, models, forecasts = row
    return Progress(sensors, readings, newest, tuple(models), forecasts)


def count_stored(connection: Connection) -> int:
    """Return how many readings were stored in the last two days of arrival (`core.store.live.RECEPTION_KEPT`)."""
    row = connection.execute("SELECT coalesce(sum(stored), 0)::bigint FROM reception").fetchone()
    assert row is not None, "an aggregate returns a row"
    return int(row[0])


def heard_up_to(connection: Connection, external_ids: Sequence[str]) -> datetime | None:
    """Return the instant that half of these sensors have readings of or beyond, None when fewer have any.

    One sensor that a person tried out today says nothing of the others, and one that fell silent does not hold them.
    """
    row = connection.execute(
        """
        SELECT nullif(percentile_disc(0.5) WITHIN GROUP (ORDER BY newest.observed_at), '-infinity')
          FROM (SELECT coalesce(max(latest.observed_at), '-infinity') AS observed_at
                  FROM sensor LEFT JOIN series USING (sensor_id) LEFT JOIN latest USING (series_id)
                 WHERE sensor.external_id = ANY(%s)
                 GROUP BY sensor_id) AS newest
        """,
        (list(external_ids),),
    ).fetchone()
    return row[0] if row else None
