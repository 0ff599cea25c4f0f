"""Late readings: a quarter of a million over a year, written as a back-fill writes them, judged and rolled up.

On TimescaleDB beside a continuous aggregate of the same readings, which knows less of them (docs/adr/0012).
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import numpy as np
from figures import Figure, below
from store_place import Place

from core.clock import now
from core.columns import Columns, to_microseconds
from core.readings import Arrival, Batch
from core.store.batches import write_batch
from core.store.pool import Connection, connected
from core.store.touched import count_touched
from services.quality import judge_touched

SERIES, HOURS = 29, 8_760
BATCH_READINGS = 5_000
LATE_S_MAX = 60.0


def late_figures(found: Place, name: str) -> list[Figure]:
    """Back-fill an hourly reading of 29 series over the year that ends with the month; return how long it took."""
    readings = _late_readings(found)
    with connected(found.url) as connection:
        connection.autocommit = True
        began = time.monotonic()
        for first in range(0, len(readings), BATCH_READINGS):
            kept = np.zeros(len(readings), dtype=bool)
            kept[first : first + BATCH_READINGS] = True
            write_batch(connection, Batch(now(), readings.where(kept), arrival=Arrival.BACKFILLED))
        written_s = time.monotonic() - began
        while judge_touched(connection).hours_touched:
            pass
        took_s = time.monotonic() - began
        assert count_touched(connection) == 0, "nothing waits once nothing is found"
        assert _rolled_up(connection, found) == SERIES * HOURS, "each late hour is rolled up"
    return [
        Figure(f"{name}_late_written", written_s, "s", "lower"),
        below(f"{name}_late_written_and_rolled_up", took_s, "s", LATE_S_MAX),
        Figure(f"{name}_late_rate", len(readings) / took_s, "readings/s", "higher"),
    ]


def late_beside_aggregate(found: Place) -> list[Figure]:
    """Measure ours as `late_figures` does, and the refresh of a continuous aggregate after the same late readings."""
    span = {"start": found.month.end - timedelta(hours=HOURS), "end": found.month.end}
    with connected(found.url) as connection:
        connection.autocommit = True
        connection.execute(_AGGREGATE)
        first_s = _refresh(connection, span)
        figures = late_figures(found, "timescale")
        again_s = _refresh(connection, span)
        connection.execute("DROP MATERIALIZED VIEW aggregate_hour")
    ours_s = next(one.value for one in figures if one.name == "timescale_late_written_and_rolled_up")
    written_s = next(one.value for one in figures if one.name == "timescale_late_written")
    return [
        *figures,
        Figure("timescale_aggregate_first_refresh", first_s, "s", "lower"),
        Figure("timescale_aggregate_refresh_after_late", again_s, "s", "lower"),
        Figure("timescale_aggregate_refresh_to_our_roll_up", again_s / (ours_s - written_s), "ratio", "higher"),
    ]


def _refresh(connection: Connection, span: dict[str, datetime]) -> float:
    began = time.monotonic()
    connection.execute("CALL refresh_continuous_aggregate('aggregate_hour', %(start)s, %(end)s)", span)
    return time.monotonic() - began


_AGGREGATE = """
    CREATE MATERIALIZED VIEW aggregate_hour WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
    SELECT series_id, time_bucket('1 hour', observed_at) AS hour, count(*) AS count, avg(value) AS mean,
           min(value) AS low, max(value) AS high, last(value, observed_at) AS last
      FROM reading GROUP BY 1, 2 WITH NO DATA
"""


def _late_readings(found: Place) -> Columns:
    """Return them hour by hour, 95 seconds after the full hour: at no instant that has a reading already."""
    count = SERIES * HOURS
    start_us = to_microseconds(found.month.end - timedelta(hours=HOURS)) + 95_000_000
    observed_us = np.repeat(start_us + 3_600_000_000 * np.arange(HOURS), SERIES)
    return Columns(
        series_id=np.tile(2 * np.arange(SERIES) + 1, HOURS),
        observed_us=observed_us,
        value=np.round(600 + 100 * np.sin(observed_us / 3.6e9) + np.arange(count) % 7, 2),
        quality=np.zeros(count, np.int64),
        flags=np.zeros(count, np.int64),
        message=np.arange(count),
    )


def _rolled_up(connection: Connection, found: Place) -> int:
    row = connection.execute(
        """
        SELECT count(*) FROM rollup_hour
         WHERE series_id = ANY(%s) AND hour >= %s AND hour < %s
        """,
        ([2 * number + 1 for number in range(SERIES)], found.month.end - timedelta(hours=HOURS), found.month.end),
    ).fetchone()
    assert row is not None, "an aggregate returns a row"
    return int(row[0])
