"""How a sensor's messages come: how late, and, where no counter numbers them, which of them did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import Window
from core.store.pool import Connection

LIVE_WITHIN = timedelta(days=1)
"""Later than that, a reading was not sent live: it says nothing of the radio."""


@dataclass(frozen=True, slots=True)
class Delays:
    """How long after they were observed messages came: seconds, never below zero; None where none came live."""

    median_s: float | None
    p95_s: float | None


def read_frame_delays(connection: Connection, sensor_id: int, window: Window) -> Delays:
    """Return the delays of the LoRaWAN frames of a sensor that came live, by when they were observed."""
    row = connection.execute(
        """
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY delay_s),
               percentile_cont(0.95) WITHIN GROUP (ORDER BY delay_s)
          FROM (SELECT greatest(extract(epoch FROM received_at - observed_at)::float8, 0) AS delay_s FROM frame
                 WHERE sensor_id = %(sensor_id)s AND arrival = 'live' AND received_at - observed_at < %(within)s
                   AND observed_at >= %(start)s AND observed_at < %(end)s) AS live
        """,
        {"sensor_id": sensor_id, "within": LIVE_WITHIN, "start": window.start, "end": window.end},
    ).fetchone()
    assert row is not None, "an aggregate returns its row"
    return Delays(*row)


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch between two instants of a sensor in which nothing of it was observed."""

    after_at: datetime
    before_at: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """What was observed of a sensor whose messages no counter numbers.

    Parameters
    ----------
    instants
        At how many instants anything was.
    silences
        The stretches longer than was asked, the newest first.
    """

    instants: int
    first_at: datetime | None
    last_at: datetime | None
    delays: Delays
    silences: tuple[Silence, ...]


def read_heard(
    connection: Connection, series_ids: Sequence[int], window: Window, longer_than: timedelta, *, limit: int
) -> Heard:
    """Return what was observed of these series of one sensor in ``window``."""
    asked = {"series_ids": list(series_ids), "start": window.start, "end": window.end, "within": LIVE_WITHIN}
    row = connection.execute(
        """
        SELECT count(*), min(observed_at), max(observed_at),
               percentile_cont(0.5) WITHIN GROUP (ORDER BY delay_s) FILTER (WHERE is_live),
               percentile_cont(0.95) WITHIN GROUP (ORDER BY delay_s) FILTER (WHERE is_live)
          FROM (SELECT observed_at, greatest(extract(epoch FROM min(received_at) - observed_at)::float8, 0) AS delay_s,
                       min(received_at) - observed_at < %(within)s AS is_live
                  FROM reading
                 WHERE series_id = ANY(%(series_ids)s) AND observed_at >= %(start)s AND observed_at < %(end)s
                 GROUP BY observed_at) AS message
        """,
        asked,
    ).fetchone()
    assert row is not None, "an aggregate returns its row"
    silences = connection.execute(
        """
        SELECT after_at, observed_at
          FROM (SELECT observed_at, lag(observed_at) OVER (ORDER BY observed_at) AS after_at
                  FROM reading
                 WHERE series_id = ANY(%(series_ids)s) AND observed_at >= %(start)s AND observed_at < %(end)s
                 ) AS message
         WHERE observed_at - after_at > %(longer_than)s ORDER BY observed_at DESC LIMIT %(limit)s
        """,
        asked | {"longer_than": longer_than, "limit": limit},
    ).fetchall()
    return Heard(row[0], row[1], row[2], Delays(row[3], row[4]), tuple(Silence(*one) for one in silences))


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A reading as it is stored, calibrated, in the metric's unit."""

    metric: str
    observed_at: datetime
    value: float
    quality: int


def read_stored_at(connection: Connection, sensor_id: int, instants: Sequence[datetime]) -> list[StoredValue]:
    """Return the readings of a sensor that were observed at these very instants, by instant and metric."""
    if not instants:
        return []
    rows = connection.execute(
        """
        SELECT series.metric, reading.observed_at, reading.value * coalesce(gain, 1) + coalesce(shift, 0),
               reading.quality
          FROM series JOIN reading USING (series_id)
          LEFT JOIN calibration_as_of(NULL) AS calibrated
                 ON calibrated.series_id = reading.series_id AND reading.observed_at >= valid_from
                AND reading.observed_at < valid_until
         WHERE series.sensor_id = %(sensor_id)s AND reading.observed_at = ANY(%(instants)s)
           AND reading.observed_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
         ORDER BY reading.observed_at, series.metric
        """,
        {"sensor_id": sensor_id, "instants": list(instants), "first": min(instants), "last": max(instants)},
    )
    return [StoredValue(*row) for row in rows]
