"""The newest reading of each series, with what was expected of it: by the column, for a commune or all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.columns import Floats, Ints, from_microseconds, none_for_missing
from core.metrics import METRICS
from core.store.packed import floats, integers
from core.store.pool import Connection

ALL = 10_000_000
"""More series than there are."""
_EMPTIED = {metric.name for metric in METRICS.values() if metric.plan is not None and metric.plan.cumulates}


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


@dataclass(frozen=True, slots=True, eq=False)
class LatestColumns:
    """Newest readings as columns, in order of their series; iterating gives each as `Latest`.

    ``observed`` and ``received`` are microseconds since `core.clock.EPOCH`; the expected are NaN where there was no
    forecast. ``rhythm``: after how long the series is silent, as was learnt; ``interval``: how often its sensor says
    that it speaks; both microseconds, 0 where nothing is known.
    """

    series: Ints
    sensor: Ints
    metric: list[str]
    observed: Ints
    received: Ints
    value: Floats
    quality: Ints
    p05: Floats
    p50: Floats
    p95: Floats
    flags: Ints
    rhythm: Ints
    interval: Ints

    def __len__(self) -> int:
        return len(self.series)

    def __iter__(self) -> Iterator[Latest]:
        expected = (none_for_missing(column) for column in (self.p05, self.p50, self.p95))
        return map(
            Latest,
            self.series.tolist(),
            self.sensor.tolist(),
            self.metric,
            map(from_microseconds, self.observed.tolist()),
            map(from_microseconds, self.received.tolist()),
            self.value.tolist(),
            self.quality.tolist(),
            *expected,
            self.flags.tolist(),
        )


# Expected as `core.store.expectations` keeps it; the last column says whether what it does not tell may still be found.
_LATEST = """
    SELECT string_agg(int4send(series_id), ''), string_agg(int4send(sensor_id), ''), string_agg(metric, ' '),
           string_agg(timestamptz_send(observed_at), ''), string_agg(timestamptz_send(received_at), ''),
           string_agg(float8send(value * coalesce(gain, 1) + coalesce(shift, 0)), ''),
           string_agg(int2send(quality), ''), string_agg(float8send(coalesce(p05[place], 'NaN')), ''),
           string_agg(float8send(coalesce(p50[place], 'NaN')), ''),
           string_agg(float8send(coalesce(p95[place], 'NaN')), ''), string_agg(int2send(flags), ''),
           string_agg(int2send(is_expected::integer::smallint), ''),
           string_agg(int8send((coalesce(silent_after_s, 0) * 1e6)::bigint), ''),
           string_agg(int8send(coalesce(interval_s, 0) * 1000000::bigint), '')
      FROM (
            SELECT latest.*, sensor.sensor_id, sensor.interval_s, series.metric, learnt.silent_after_s,
                   calibrated.gain, calibrated.shift, expectation.p05,
                   expectation.p50, expectation.p95, width_bucket(latest.observed_at, expectation.since) AS place,
                   expectation.series_id IS NOT NULL AS is_expected
              FROM latest JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
              LEFT JOIN calibration_as_of(NULL) AS calibrated
                     ON calibrated.series_id = latest.series_id
                    AND latest.observed_at >= calibrated.valid_from AND latest.observed_at < calibrated.valid_until
              LEFT JOIN expectation ON expectation.series_id = latest.series_id
              LEFT JOIN LATERAL (
                   SELECT silent_after_s FROM rhythm
                    WHERE rhythm.series_id = latest.series_id ORDER BY since DESC LIMIT 1) AS learnt ON true
             WHERE (%(commune)s::text IS NULL OR site.commune_insee = %(commune)s) AND sensor.retired_at IS NULL
               AND (%(sensor_id)s::integer IS NULL OR sensor.sensor_id = %(sensor_id)s)
               AND latest.series_id > %(after)s
             ORDER BY latest.series_id LIMIT %(limit)s
           ) AS page
"""
_EXPECTED = """
    SELECT asked.series_id, expected.p05, expected.p50, expected.p95
      FROM unnest(%(series_ids)s::integer[], %(instants)s::timestamptz[]) AS asked (series_id, observed_at)
     CROSS JOIN LATERAL (
            SELECT forecast_step.p05, forecast_step.p50, forecast_step.p95
              FROM forecast JOIN forecast_step USING (series_id, issued_at)
             WHERE forecast.series_id = asked.series_id AND forecast.issued_at <= asked.observed_at
               AND forecast.issued_at > asked.observed_at - interval '2 days'
               AND forecast_step.issued_at > asked.observed_at - interval '2 days'
               AND forecast_step.valid_at <= asked.observed_at
               AND forecast_step.valid_at > asked.observed_at - make_interval(secs => forecast.step_s)
             ORDER BY forecast.issued_at DESC LIMIT 1
           ) AS expected
"""


def read_latest(
    connection: Connection,
    *,
    commune: str | None = None,
    sensor_id: int | None = None,
    after: int = 0,
    limit: int = ALL,
) -> LatestColumns:
    """Return the newest reading of series in service, of a commune, a sensor or of all, with what was expected of it.

    In order of the series' ids, after ``after``. A retired sensor has no present; its history stays where it is.
    Expected: the step that holds the reading, of the newest forecast issued before it was observed. What adds up until
    somebody empties it is forecast as if nobody did: of its present anything from empty on is expected.
    """
    asked = {"commune": commune, "sensor_id": sensor_id, "after": after, "limit": limit}
    # Planned anew each time: a plan for any limit is one for few.
    row = connection.execute(_LATEST, asked, prepare=False, binary=True).fetchone()
    assert row is not None, "an aggregate returns a row"
    order = np.argsort(series := integers(row[0], 32))
    metric = (row[2] or "").split()
    found = LatestColumns(
        series=series[order],
        sensor=integers(row[1], 32)[order],
        metric=[metric[place] for place in order.tolist()],
        observed=integers(row[3], 64)[order],
        received=integers(row[4], 64)[order],
        value=floats(row[5])[order],
        quality=integers(row[6], 16)[order],
        p05=floats(row[7])[order],
        p50=floats(row[8])[order],
        p95=floats(row[9])[order],
        flags=integers(row[10], 16)[order],
        rhythm=integers(row[12], 64)[order],
        interval=integers(row[13], 64)[order],
    )
    _search_expected(connection, found, np.flatnonzero(integers(row[11], 16)[order] & np.isnan(found.p50)))
    for name in _EMPTIED & set(found.metric):
        told = np.array([one == name for one in found.metric]) & np.isfinite(found.p05)
        found.p05[told] = METRICS[name].low
    return found


def _search_expected(connection: Connection, latest: LatestColumns, untold: Ints) -> None:
    """Fill in what the forecasts themselves tell of those at these positions."""
    if not len(untold):
        return
    series_ids = latest.series[untold].tolist()
    instants = [from_microseconds(instant) for instant in latest.observed[untold].tolist()]
    rows = connection.execute(_EXPECTED, {"series_ids": series_ids, "instants": instants})
    for series_id, p05, p50, p95 in rows:
        place = np.searchsorted(latest.series, series_id)
        latest.p05[place], latest.p50[place], latest.p95[place] = p05, p50, p95
