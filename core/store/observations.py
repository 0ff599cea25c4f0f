"""Readings as observations of series over stretches of time: by the key of the history, never by scanning it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import LiteralString

from psycopg import sql
from psycopg.rows import dict_row

from core.clock import EPOCH
from core.store.criteria import Node
from core.store.pool import Connection
from core.store.things import Row, composer

EARLIEST = EPOCH
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""Between which instants observations lie: those that Vigie takes."""

# One stretch at a time: ``asked`` is the row of it. The place that was sampled is where the sensor stood then.
_OBSERVATION = sql.SQL("""(
    SELECT asked.series_id AS datastream_id, reading.observed_at AS phenomenon_time,
           reading.received_at AS result_time, reading.value AS raw, calibrated.gain, calibrated.shift,
           reading.value * coalesce(calibrated.gain, 1) + coalesce(calibrated.shift, 0) AS result,
           reading.quality, reading.flags, calibrated.valid_from, asked.metric, asked.sensor_id,
           coalesce((SELECT former_place.site_id FROM former_place
                      WHERE former_place.sensor_id = asked.sensor_id AND former_place.left_at > reading.observed_at
                      ORDER BY former_place.left_at LIMIT 1), asked.site_id) AS feature_id
      FROM {readings} AS reading
      LEFT JOIN calibrated ON calibrated.series_id = asked.series_id
                          AND reading.observed_at >= calibrated.valid_from
                          AND reading.observed_at < calibrated.valid_until
     WHERE reading.series_id = asked.series_id
       AND reading.observed_at >= asked.since AND reading.observed_at < asked.until
       AND reading.observed_at >= %(earliest)s AND reading.observed_at < %(latest)s)""")
# All of them are looked at where a condition decides; else the first ones in their order are read and no more.
_EVERY = sql.SQL("reading")
_FIRST = sql.SQL(
    "first_readings(asked.series_id, asked.since, asked.until, %(earliest)s, %(latest)s, %(each)s::bigint)"
)
_LAST = sql.SQL("last_readings(asked.series_id, asked.since, asked.until, %(earliest)s, %(latest)s, %(each)s::bigint)")

_ASKED: LiteralString = """
    WITH calibrated AS MATERIALIZED (
        SELECT series_id, valid_from, valid_until, gain, shift FROM calibration_as_of(NULL)
         WHERE series_id = ANY(%(series_ids)s))
    """

_STRETCHES: LiteralString = """
    (SELECT stretch.series_id, stretch.since, stretch.until, stretch.rank, series.metric, sensor.sensor_id,
            sensor.site_id
       FROM unnest(%(series_ids)s::integer[], %(since)s::timestamptz[], %(until)s::timestamptz[])
            WITH ORDINALITY AS stretch (series_id, since, until, rank)
       JOIN series USING (series_id) JOIN sensor USING (sensor_id)) AS asked
    """


class Sequenced(Enum):
    """In which order observations come."""

    BY_SERIES = "asked.rank, one.phenomenon_time"
    BY_TIME = "one.phenomenon_time, asked.rank"
    BY_TIME_DESCENDING = "one.phenomenon_time DESC, asked.rank"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A series over ``[since, until)``."""

    series_id: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class ObservationAsk:
    """Which observations of stretches.

    Parameters
    ----------
    each
        How many of each stretch at most, the first ones in the order; None: all that meet the condition.
    limit
        How many in all at most, after ``skip``.
    order
        Terms to order by, and whether each descends; where there are some, ``sequence`` only decides ties.
    """

    sequence: Sequenced = Sequenced.BY_SERIES
    condition: Node | None = None
    each: int | None = None
    limit: int = 100
    skip: int = 0
    order: tuple[tuple[Node, bool], ...] = ()


def read_observations(connection: Connection, stretches: Sequence[Stretch], ask: ObservationAsk) -> list[Row]:
    """Return observations, each with the ``rank`` of its stretch, from 0."""
    if not stretches:
        return []
    writing = composer()
    descending = ask.sequence is Sequenced.BY_TIME_DESCENDING
    in_order = _LAST if descending else _FIRST
    statement = sql.SQL(
        """
        {asked} SELECT asked.rank::integer - 1 AS rank, one.*
          FROM {stretches} CROSS JOIN LATERAL (
               SELECT seen.* FROM {observation} AS seen WHERE {holds}
                ORDER BY seen.phenomenon_time {direction} LIMIT %(each)s) AS one
         ORDER BY {order} LIMIT %(limit)s OFFSET %(skip)s
        """
    ).format(
        asked=sql.SQL(_ASKED),
        stretches=sql.SQL(_STRETCHES),
        observation=_OBSERVATION.format(readings=in_order if ask.condition is None else _EVERY),
        holds=writing.condition(ask.condition, "seen"),
        direction=sql.SQL("DESC" if descending else "ASC"),
        order=sql.SQL(", ").join([*writing.terms(ask.order, "one"), sql.SQL(ask.sequence.value)]),
    )
    values = writing.values | _values(stretches) | {"each": ask.each, "limit": ask.limit, "skip": ask.skip}
    return connection.cursor(row_factory=dict_row).execute(statement, values).fetchall()


def count_observations(
    connection: Connection, stretches: Sequence[Stretch], condition: Node | None = None
) -> dict[int, int]:
    """Return how many observations of each stretch meet a condition, by the stretch's rank from 0."""
    if not stretches:
        return {}
    writing = composer()
    statement = sql.SQL(
        """
        {asked} SELECT asked.rank::integer - 1, one.count
          FROM {stretches} CROSS JOIN LATERAL (
               SELECT count(*) AS count FROM {observation} AS seen WHERE {holds}) AS one
        """
    ).format(
        asked=sql.SQL(_ASKED),
        stretches=sql.SQL(_STRETCHES),
        observation=_OBSERVATION.format(readings=_EVERY),
        holds=writing.condition(condition, "seen"),
    )
    return dict(connection.execute(statement, writing.values | _values(stretches)).fetchall())


def read_frames_heard(connection: Connection, rows: Sequence[Row]) -> dict[tuple[int, datetime], tuple[int, str]]:
    """Return the frames that brought observations: by sensor and instant, the counter and by which path it came."""
    if not rows:
        return {}
    times = [row["phenomenon_time"] for row in rows]
    found = connection.execute(
        """
        SELECT frame.sensor_id, frame.observed_at, min(frame.f_cnt), min(frame.arrival)
          FROM frame
          JOIN unnest(%(sensor_ids)s::integer[], %(times)s::timestamptz[]) AS brought (sensor_id, observed_at)
            ON brought.sensor_id = frame.sensor_id AND brought.observed_at = frame.observed_at
         WHERE frame.sensor_id = ANY(%(sensor_ids)s) AND frame.observed_at BETWEEN %(first)s AND %(last)s
         GROUP BY frame.sensor_id, frame.observed_at
        """,
        {"sensor_ids": [row["sensor_id"] for row in rows], "times": times, "first": min(times), "last": max(times)},
    )
    return {(sensor_id, at): (f_cnt, arrival) for sensor_id, at, f_cnt, arrival in found}


def read_observed_series(connection: Connection, condition: Node | None, *, after: int = 0, limit: int) -> list[int]:
    """Return series that have readings and whose datastream meets a condition, from id ``after`` on, by id."""
    writing = composer()
    statement = sql.SQL(
        """
        SELECT one.id FROM {datastream} AS one JOIN latest ON latest.series_id = one.id
         WHERE one.id >= %(after)s AND {holds} ORDER BY one.id LIMIT %(limit)s
        """
    ).format(
        datastream=sql.SQL(writing.relations["datastream"]),
        holds=writing.condition(condition, "one"),
    )
    return [row[0] for row in connection.execute(statement, writing.values | {"after": after, "limit": limit})]


def read_observed_spans(connection: Connection, series_ids: Sequence[int]) -> dict[int, Stretch]:
    """Return, of each series that has readings, from its oldest to behind its newest: two looks at an index each."""
    rows = connection.execute(
        """
        SELECT latest.series_id, oldest.observed_at, latest.observed_at + interval '1 microsecond'
          FROM latest
         CROSS JOIN first_readings(latest.series_id, '-infinity', 'infinity', '-infinity', 'infinity', 1) AS oldest
         WHERE latest.series_id = ANY(%s)
        """,
        (list(series_ids),),
    )
    return {row[0]: Stretch(*row) for row in rows}


def read_stays(connection: Connection, condition: Node | None, *, limit: int) -> list[tuple[int, Stretch]]:
    """Return the series of the sensors that stand or stood at places that meet a condition, while they did.

    Each with its place, in order of series and time.
    """
    writing = composer()
    statement = sql.SQL(
        """
        SELECT stay.site_id, series.series_id, stay.since, stay.until
          FROM (SELECT sensor_id, site_id, until,
                       coalesce(lag(until) OVER (PARTITION BY sensor_id ORDER BY until), %(earliest)s) AS since
                  FROM (SELECT sensor_id, site_id, left_at AS until FROM former_place
                         UNION ALL
                        SELECT sensor_id, site_id, %(latest)s FROM sensor) AS ended) AS stay
          JOIN series USING (sensor_id) JOIN latest USING (series_id)
          JOIN {feature} AS one ON one.id = stay.site_id
         WHERE {holds}
         ORDER BY series.series_id, stay.since LIMIT %(limit)s
        """
    ).format(
        feature=sql.SQL(writing.relations["feature_of_interest"]),
        holds=writing.condition(condition, "one"),
    )
    values = writing.values | {"limit": limit, "earliest": EARLIEST, "latest": LATEST}
    return [(site_id, Stretch(*stretch)) for site_id, *stretch in connection.execute(statement, values)]


def _values(stretches: Sequence[Stretch]) -> dict[str, object]:
    return {
        "series_ids": [one.series_id for one in stretches],
        "since": [one.since for one in stretches],
        "until": [one.until for one in stretches],
        "earliest": min(one.since for one in stretches),
        "latest": max(one.until for one in stretches),
    }
