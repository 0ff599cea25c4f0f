"""Readings in the store: the ways out, all of them calibrated as of an instant; the raw values stay in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import EPOCH, Window
from core.readings import Flag, Quality, Reading
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class StepValue:
    """One step of one series: the mean of its readings (for states, their share), and how many there were."""

    start: datetime
    mean: float
    low: float
    high: float
    count: int


def read_readings(
    connection: Connection,
    series_id: int,
    window: Window,
    *,
    as_of: datetime | None = None,
    limit: int = 10_000,
) -> list[Reading]:
    """Return the readings of a series observed in ``window``, oldest first, as they were known ``as_of``.

    Values are calibrated as was known then; flags and quality are those of now.
    """
    rows = connection.execute(
        """
        SELECT observed_at, value * coalesce(gain, 1) + coalesce(shift, 0), quality, flags
          FROM reading
          LEFT JOIN calibration_as_of(%(as_of)s) AS calibrated
                 ON calibrated.series_id = reading.series_id AND calibrated.series_id = %(series_id)s
                AND observed_at >= valid_from AND observed_at < valid_until
         WHERE reading.series_id = %(series_id)s AND observed_at >= %(start)s AND observed_at < %(end)s
           AND (%(as_of)s::timestamptz IS NULL OR received_at <= %(as_of)s)
         ORDER BY observed_at LIMIT %(limit)s
        """,
        {"series_id": series_id, "start": window.start, "end": window.end, "as_of": as_of, "limit": limit},
    )
    return [
        Reading(series_id, observed_at, value, Quality(quality), Flag(flags))
        for observed_at, value, quality, flags in rows
    ]


def read_steps(
    connection: Connection,
    series_ids: Sequence[int],
    window: Window,
    step: timedelta,
    *,
    as_of: datetime | None = None,
) -> dict[int, list[StepValue]]:
    """Return the stepped readings of several series; a step without a reading is absent, never zero.

    Steps lie on the grid of `core.clock.EPOCH` in UTC; readings marked bad are left out.
    """
    rows = connection.execute(
        """
        SELECT series_id, date_bin(%(step)s, observed_at, %(origin)s) AS start, avg(measured), min(measured),
               max(measured), count(*)
          FROM (
                SELECT reading.series_id, observed_at, value * coalesce(gain, 1) + coalesce(shift, 0) AS measured
                  FROM reading
                  LEFT JOIN calibration_as_of(%(as_of)s) AS calibrated
                         ON calibrated.series_id = reading.series_id
                        AND observed_at >= valid_from AND observed_at < valid_until
                 WHERE reading.series_id = ANY(%(series_ids)s) AND observed_at >= %(start)s AND observed_at < %(end)s
                   AND quality <> %(bad)s AND (%(as_of)s::timestamptz IS NULL OR received_at <= %(as_of)s)
               ) AS kept
         GROUP BY series_id, start
         ORDER BY series_id, start
        """,
        {
            "series_ids": list(series_ids),
            "start": window.start,
            "end": window.end,
            "step": step,
            "origin": EPOCH,
            "bad": int(Quality.BAD),
            "as_of": as_of,
        },
    )
    steps: dict[int, list[StepValue]] = {series_id: [] for series_id in series_ids}
    for series_id, start, mean, low, high, count in rows:
        steps[series_id].append(StepValue(start, mean, low, high, count))
    return steps


@dataclass(frozen=True, slots=True)
class Span:
    """How much there is of a metric: its oldest and newest ``observed_at``, and in how many series."""

    oldest: datetime
    newest: datetime
    series: int


def read_spans(connection: Connection) -> dict[str, Span]:
    """Return how much there is of each metric that has readings, in the series of sensors in service."""
    rows = connection.execute(
        """
        SELECT series.metric, min(oldest.observed_at), max(latest.observed_at), count(*)
          FROM latest JOIN series USING (series_id) JOIN sensor USING (sensor_id)
         CROSS JOIN LATERAL (
                SELECT observed_at FROM reading WHERE reading.series_id = latest.series_id
                 ORDER BY observed_at LIMIT 1
               ) AS oldest
         WHERE sensor.retired_at IS NULL
         GROUP BY series.metric
        """,
    )
    return {metric: Span(oldest, newest, series) for metric, oldest, newest, series in rows}


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest reading of a series, with the forecast that was expected of it when there was one."""

    series_id: int
    sensor_id: int
    metric: str
    observed_at: datetime
    received_at: datetime
    value: float
    quality: int
    expected_p05: float | None
    expected_p50: float | None
    expected_p95: float | None
    flags: int = 0


def read_latest(connection: Connection, *, commune: str | None = None) -> list[Latest]:
    """Return the newest reading of every series in service, of a commune or of all, with what was expected of it.

    A retired sensor has no present; its history stays where it is. Expected: the step that holds the reading, of the
    newest forecast issued before it was observed.
    """
    rows = connection.execute(
        """
        SELECT latest.series_id, sensor.sensor_id, series.metric, latest.observed_at, latest.received_at,
               latest.value * coalesce(calibrated.gain, 1) + coalesce(calibrated.shift, 0), latest.quality,
               expected.p05, expected.p50, expected.p95, latest.flags
          FROM latest JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
          LEFT JOIN calibration_as_of(NULL) AS calibrated
                 ON calibrated.series_id = latest.series_id
                AND latest.observed_at >= calibrated.valid_from AND latest.observed_at < calibrated.valid_until
          LEFT JOIN LATERAL (
                SELECT forecast_step.p05, forecast_step.p50, forecast_step.p95
                  FROM forecast JOIN forecast_step USING (series_id, issued_at)
                 WHERE forecast.series_id = latest.series_id AND forecast.issued_at <= latest.observed_at
                   AND forecast.issued_at > latest.observed_at - interval '2 days'
                   AND forecast_step.issued_at > latest.observed_at - interval '2 days'
                   AND forecast_step.valid_at <= latest.observed_at
                   AND forecast_step.valid_at > latest.observed_at - make_interval(secs => forecast.step_s)
                 ORDER BY forecast.issued_at DESC LIMIT 1
               ) AS expected ON true
         WHERE (%(commune)s::text IS NULL OR site.commune_insee = %(commune)s) AND sensor.retired_at IS NULL
         ORDER BY latest.series_id
        """,
        {"commune": commune},
    )
    return [Latest(*row) for row in rows]
