"""What integrators' entities are made of in the store: whom they are about, newest values, readings and hours of many.

Everything is read by the batch: the ids that a question selects in one statement, then a page of them in two or three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.clock import Window
from core.places import Site
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of longitudes and latitudes in degrees, its sides included; it does not cross the 180th meridian."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sensors, series or sites are asked for; None asks nothing.

    Parameters
    ----------
    kinds
        Kinds of the sensors.
    metrics
        At least one of these has a newest reading; of series, their metric.
    numbers
        Their ids.
    box
        Where their site stands; a site without a point is nowhere.
    retired
        Whether retired sensors count: they have no present, and still their history.
    since
        The newest reading that counts for ``metrics`` was observed then or later.
    """

    kinds: Sequence[str]
    metrics: Sequence[str] | None = None
    numbers: Sequence[int] | None = None
    box: Box | None = None
    retired: bool = False
    since: datetime | None = None

    def parameters(self) -> dict[str, object]:
        """Return what the statements of this file ask with."""
        box = self.box
        return {
            "kinds": list(self.kinds),
            "metrics": None if self.metrics is None else list(self.metrics),
            "numbers": None if self.numbers is None else list(self.numbers),
            "retired": self.retired,
            "since": self.since,
            "west": box and box.west,
            "south": box and box.south,
            "east": box and box.east,
            "north": box and box.north,
        }


_SENSOR_NUMBERS = """
    SELECT coalesce(array_agg(sensor.sensor_id ORDER BY sensor.sensor_id), '{}')
      FROM sensor JOIN site USING (site_id)
     WHERE sensor.kind = ANY(%(kinds)s) AND (%(retired)s OR sensor.retired_at IS NULL)
       AND (%(numbers)s::integer[] IS NULL OR sensor.sensor_id = ANY(%(numbers)s))
       AND (%(west)s::float8 IS NULL OR (site.longitude BETWEEN %(west)s AND %(east)s
                                         AND site.latitude BETWEEN %(south)s AND %(north)s))
       AND (%(metrics)s::text[] IS NULL
            OR EXISTS (SELECT FROM series JOIN latest USING (series_id)
                        WHERE series.sensor_id = sensor.sensor_id AND series.metric = ANY(%(metrics)s)
                          AND (%(since)s::timestamptz IS NULL OR latest.observed_at >= %(since)s)))
"""
_SERIES_NUMBERS = """
    SELECT coalesce(array_agg(series.series_id ORDER BY series.series_id), '{}')
      FROM series JOIN latest USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
     WHERE sensor.kind = ANY(%(kinds)s) AND (%(retired)s OR sensor.retired_at IS NULL)
       AND series.metric = ANY(%(metrics)s)
       AND (%(since)s::timestamptz IS NULL OR latest.observed_at >= %(since)s)
       AND (%(numbers)s::integer[] IS NULL OR series.series_id = ANY(%(numbers)s))
       AND (%(west)s::float8 IS NULL OR (site.longitude BETWEEN %(west)s AND %(east)s
                                         AND site.latitude BETWEEN %(south)s AND %(north)s))
"""
_SITE_NUMBERS = """
    SELECT coalesce(array_agg(site.site_id ORDER BY site.site_id), '{}')
      FROM site
     WHERE (%(numbers)s::integer[] IS NULL OR site.site_id = ANY(%(numbers)s))
       AND (%(west)s::float8 IS NULL OR (site.longitude BETWEEN %(west)s AND %(east)s
                                         AND site.latitude BETWEEN %(south)s AND %(north)s))
       AND EXISTS (SELECT FROM sensor WHERE sensor.site_id = site.site_id AND sensor.kind = ANY(%(kinds)s)
                                        AND (%(retired)s OR sensor.retired_at IS NULL))
"""


def read_sensor_numbers(connection: Connection, wanted: Wanted) -> list[int]:
    """Return the ids of the sensors that are asked for, ascending."""
    return _numbers(connection, _SENSOR_NUMBERS, wanted)


def read_series_numbers(connection: Connection, wanted: Wanted) -> list[int]:
    """Return the ids of the series with readings that are asked for, ascending; ``wanted`` names their metrics."""
    return _numbers(connection, _SERIES_NUMBERS, wanted)


def read_site_numbers(connection: Connection, wanted: Wanted) -> list[int]:
    """Return the ids of the sites where such sensors stand, ascending."""
    return _numbers(connection, _SITE_NUMBERS, wanted)


def _numbers(connection: Connection, statement: str, wanted: Wanted) -> list[int]:
    row = connection.execute(statement, wanted.parameters()).fetchone()
    assert row is not None, "an aggregate returns a row"
    return list(row[0])


@dataclass(frozen=True, slots=True)
class NewestValue:
    """The newest reading of a series, calibrated, in the stored unit of its metric.

    Parameters
    ----------
    silent_after_s
        After how long the series is silent, as was learnt of its rhythm; None where nothing was learnt yet.
    """

    series_id: int
    sensor_id: int
    metric: str
    observed_at: datetime
    value: float
    quality: int
    flags: int
    silent_after_s: float | None = None


def read_newest_values(
    connection: Connection, sensor_ids: Sequence[int], metrics: Sequence[str] | None = None
) -> list[NewestValue]:
    """Return the newest reading of each series of these sensors, in order of their ids; of these metrics, or of all."""
    rows = connection.execute(
        """
        SELECT latest.series_id, series.sensor_id, series.metric, latest.observed_at,
               latest.value * coalesce(calibrated.gain, 1) + coalesce(calibrated.shift, 0), latest.quality,
               latest.flags,
               (SELECT silent_after_s FROM rhythm WHERE rhythm.series_id = latest.series_id
                 ORDER BY since DESC LIMIT 1)
          FROM series JOIN latest USING (series_id)
          LEFT JOIN calibration_as_of(NULL) AS calibrated
                 ON calibrated.series_id = latest.series_id
                AND latest.observed_at >= calibrated.valid_from AND latest.observed_at < calibrated.valid_until
         WHERE series.sensor_id = ANY(%(sensor_ids)s)
           AND (%(metrics)s::text[] IS NULL OR series.metric = ANY(%(metrics)s))
         ORDER BY latest.series_id
        """,
        {"sensor_ids": list(sensor_ids), "metrics": None if metrics is None else list(metrics)},
    )
    return [NewestValue(*row) for row in rows]


def read_series_owners(connection: Connection, series_ids: Sequence[int]) -> list[tuple[int, int, str]]:
    """Return series as (series id, sensor id, metric), in order of their ids."""
    rows = connection.execute(
        "SELECT series_id, sensor_id, metric FROM series WHERE series_id = ANY(%s) ORDER BY series_id",
        (list(series_ids),),
    )
    return [(series_id, sensor_id, metric) for series_id, sensor_id, metric in rows]


def read_sites_of(connection: Connection, site_ids: Sequence[int]) -> list[Site]:
    """Return the sites of these ids, in order of them."""
    rows = connection.execute(
        """
        SELECT commune_insee, code, name, longitude, latitude, site_id FROM site
         WHERE site_id = ANY(%s) ORDER BY site_id
        """,
        (list(site_ids),),
    )
    return [Site(*row) for row in rows]


def read_sensors_on_sites(connection: Connection, site_ids: Sequence[int], kinds: Sequence[str]) -> list[int]:
    """Return the ids of the sensors in service of these kinds that stand on these sites, ascending."""
    rows = connection.execute(
        """
        SELECT sensor_id FROM sensor
         WHERE site_id = ANY(%s) AND kind = ANY(%s) AND retired_at IS NULL ORDER BY sensor_id
        """,
        (list(site_ids), list(kinds)),
    )
    return [sensor_id for (sensor_id,) in rows]


@dataclass(frozen=True, slots=True)
class Instance:
    """One reading of one series, calibrated, in the stored unit of its metric."""

    series_id: int
    observed_at: datetime
    value: float
    quality: int
    flags: int


_OLDEST = """
    SELECT found.series_id, found.observed_at,
           found.value * coalesce(calibrated.gain, 1) + coalesce(calibrated.shift, 0), found.quality, found.flags
      FROM unnest(%(series_ids)s::integer[]) AS asked (series_id)
     CROSS JOIN first_readings(asked.series_id, %(start)s, %(end)s, %(start)s, %(end)s, %(limit)s) AS found
      LEFT JOIN calibration_as_of(NULL) AS calibrated
             ON calibrated.series_id = found.series_id
            AND found.observed_at >= calibrated.valid_from AND found.observed_at < calibrated.valid_until
     ORDER BY found.series_id, found.observed_at
"""
_NEWEST = """
    SELECT found.series_id, found.observed_at,
           found.value * coalesce(calibrated.gain, 1) + coalesce(calibrated.shift, 0), found.quality, found.flags
      FROM unnest(%(series_ids)s::integer[]) AS asked (series_id)
     CROSS JOIN last_readings(asked.series_id, %(start)s, %(end)s, %(start)s, %(end)s, %(limit)s) AS found
      LEFT JOIN calibration_as_of(NULL) AS calibrated
             ON calibrated.series_id = found.series_id
            AND found.observed_at >= calibrated.valid_from AND found.observed_at < calibrated.valid_until
     ORDER BY found.series_id, found.observed_at DESC
"""


def read_instances(
    connection: Connection, series_ids: Sequence[int], window: Window, limit: int, *, newest_first: bool = False
) -> list[Instance]:
    """Return at most ``limit`` readings of each series in ``window``, by series; the oldest of them, or the newest."""
    rows = connection.execute(
        _NEWEST if newest_first else _OLDEST,
        {"series_ids": list(series_ids), "start": window.start, "end": window.end, "limit": limit},
    )
    return [Instance(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class SeriesHour:
    """The roll-up of one hour of one series, in the stored unit of its metric (`core.quality.hours.Hours`)."""

    series_id: int
    hour: datetime
    count: int
    mean: float | None
    low: float | None
    high: float | None
    increment: float | None
    known_s: int | None


def read_hours_of(connection: Connection, series_ids: Sequence[int], window: Window, limit: int) -> list[SeriesHour]:
    """Return the hourly roll-ups of several series whose hours start in ``window``, by series and hour: ``limit`` rows.

    An hour without a reading is absent.
    """
    rows = connection.execute(
        """
        SELECT series_id, hour, count, mean, low, high, increment, known_s FROM rollup_hour
         WHERE series_id = ANY(%(series_ids)s) AND hour >= %(start)s AND hour < %(end)s
         ORDER BY series_id, hour LIMIT %(limit)s
        """,
        {"series_ids": list(series_ids), "start": window.start, "end": window.end, "limit": limit},
    )
    return [SeriesHour(*row) for row in rows]
