"""Hourly roll-ups in the store: written whole whenever their hour was touched, read by hour and by local day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from core.clock import EPOCH, Window
from core.columns import Floats
from core.quality.hours import Hours
from core.quality.traces import HOUR_US
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class HourRollUp:
    """What the readings of one hour come to, as `core.quality.hours.Hours` says; None where it says NaN."""

    series_id: int
    hour: datetime
    count: int
    good: int
    slots: int
    mean: float | None
    low: float | None
    high: float | None
    last: float | None
    increment: float | None


# An hour that comes to the same is left as it is: most of what a late reading touches does not move.
_WRITE = """
    INSERT INTO rollup_hour (series_id, hour, count, good, slots, mean, low, high, last, increment)
    SELECT series_id, %(epoch)s::timestamptz + hour * interval '1 hour', count, good, slots, mean, low, high, last,
           increment
      FROM unnest(%(series_ids)s::integer[], %(hours)s::integer[], %(count)s::integer[], %(good)s::integer[],
                  %(slots)s::smallint[], %(mean)s::float8[], %(low)s::float8[], %(high)s::float8[], %(last)s::float8[],
                  %(increment)s::float8[])
           AS rolled (series_id, hour, count, good, slots, mean, low, high, last, increment)
    ON CONFLICT (series_id, hour) DO UPDATE
       SET count = excluded.count, good = excluded.good, slots = excluded.slots, mean = excluded.mean,
           low = excluded.low, high = excluded.high, last = excluded.last, increment = excluded.increment
     WHERE (rollup_hour.count, rollup_hour.good, rollup_hour.slots, rollup_hour.mean, rollup_hour.low,
            rollup_hour.high, rollup_hour.last, rollup_hour.increment)
           IS DISTINCT FROM (excluded.count, excluded.good, excluded.slots, excluded.mean, excluded.low,
                             excluded.high, excluded.last, excluded.increment)
"""


def write_hours(connection: Connection, hours: Hours) -> int:
    """Write the roll-ups of hours in order of series and hour; return how many moved."""
    if not len(hours.hours):
        return 0
    return connection.execute(
        _WRITE,
        {
            "epoch": EPOCH,
            "series_ids": hours.series.tolist(),
            "hours": (hours.hours // HOUR_US).tolist(),
            "count": hours.count.tolist(),
            "good": hours.good.tolist(),
            "slots": hours.slots.tolist(),
            "mean": _or_null(hours.mean),
            "low": _or_null(hours.low),
            "high": _or_null(hours.high),
            "last": _or_null(hours.last),
            "increment": _or_null(hours.increment),
        },
    ).rowcount


def _or_null(values: Floats) -> list[Any]:
    return [
        None if missing else value for value, missing in zip(values.tolist(), np.isnan(values).tolist(), strict=True)
    ]


def read_hours(connection: Connection, series_id: int, window: Window) -> list[HourRollUp]:
    """Return the roll-ups of the hours that start in ``window``, oldest first; an hour without a reading is absent."""
    rows = connection.execute(
        """
        SELECT series_id, hour, count, good, slots, mean, low, high, last, increment FROM rollup_hour
         WHERE series_id = %(series_id)s AND hour >= %(start)s AND hour < %(end)s ORDER BY hour
        """,
        {"series_id": series_id, "start": window.start, "end": window.end},
    )
    return [HourRollUp(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Channel:
    """A series as completeness looks at it: how often it should speak, and from when until when.

    ``interval_s`` and ``retired_at`` are None where its sensor has none.
    """

    series_id: int
    sensor_id: int
    external_id: str
    name: str
    metric: str
    interval_s: int | None
    first_hour: datetime
    retired_at: datetime | None


def read_channels(connection: Connection, *, commune: str | None = None, series_id: int | None = None) -> list[Channel]:
    """Return the series of a commune, or one, that ever had a reading, in order of sensor and series."""
    rows = connection.execute(
        """
        SELECT series.series_id, sensor.sensor_id, sensor.external_id, sensor.name, series.metric, sensor.interval_s,
               oldest.hour, sensor.retired_at
          FROM series JOIN sensor USING (sensor_id) JOIN site USING (site_id)
         CROSS JOIN LATERAL (
                SELECT hour FROM rollup_hour WHERE rollup_hour.series_id = series.series_id ORDER BY hour LIMIT 1
               ) AS oldest
         WHERE (%(commune)s::text IS NULL OR site.commune_insee = %(commune)s)
           AND (%(series_id)s::integer IS NULL OR series.series_id = %(series_id)s)
         ORDER BY sensor.sensor_id, series.series_id
        """,
        {"commune": commune, "series_id": series_id},
    )
    return [Channel(*row) for row in rows]


def read_day_slots(
    connection: Connection, enough: Mapping[int, int], days: Sequence[Window]
) -> dict[tuple[int, int], tuple[int, int]]:
    """Return what the hours of series come to by local day; a day without a reading is absent.

    Parameters
    ----------
    enough
        By series id: how many slots make an hour valid.
    days
        They follow each other.

    Returns
    -------
    dict
        By (series id, number of the day in ``days``): slots filled, and valid hours.
    """
    if not days:
        return {}
    rows = connection.execute(
        """
        SELECT series_id, width_bucket(hour, %(starts)s::timestamptz[]) - 1 AS day, sum(slots)::integer,
               (count(*) FILTER (WHERE slots >= enough))::integer
          FROM rollup_hour JOIN unnest(%(series_ids)s::integer[], %(enough)s::integer[]) AS asked (series_id, enough)
               USING (series_id)
         WHERE hour >= %(start)s AND hour < %(end)s
         GROUP BY series_id, day
        """,
        {
            "series_ids": list(enough),
            "enough": list(enough.values()),
            "starts": [day.start for day in days],
            "start": days[0].start,
            "end": days[-1].end,
        },
    )
    return {(series_id, day): (slots, valid) for series_id, day, slots, valid in rows}
