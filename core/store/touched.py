"""Touched hours in the store: the marks that writers leave, and the readings around them to be judged again.

A mark goes with the commit of the work that it asked for. Several workers may take marks at once: each takes rows that
no other holds, and holds the series while it works on them, so that what it writes rests on all that was committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from core.clock import EPOCH
from core.columns import Floats, Ints, Mask, from_microseconds
from core.quality.marks import codes_of, hours_of, series_of
from core.readings import ARRIVAL_FLAGS
from core.store.packed import floats, integers
from core.store.pool import Connection
from core.store.stretches import stretches

MARKS_A_ROW = 10_000


@dataclass(frozen=True, slots=True)
class SeriesLife:
    """What judging needs to know of a series; ``interval_s`` is None where its metric says how often it speaks."""

    series_id: int
    metric: str
    interval_s: int | None
    adopted_at: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Readings as they are stored, in order of series and time; instants are microseconds since `EPOCH`."""

    series: Ints
    times: Ints
    raw: Floats
    flags: Ints
    quality: Ints

    def judged(self, flags: Ints, quality: Ints, moved: Mask) -> Stored:
        """Return the readings that ``moved``, with their new flags and quality."""
        return Stored(self.series[moved], self.times[moved], self.raw[moved], flags[moved], quality[moved])


# The series and the bounds say no more than the join; constants let the planner leave out the other months or chunks,
# and TimescaleDB take apart no other compressed rows than those around the moved ones (`core.store.stretches`).
_WRITE_FLAGS = """
    UPDATE reading SET flags = (reading.flags & %(arrival)s) | moved.flags, quality = moved.quality
      FROM unnest(%(times)s::bigint[], %(flags)s::smallint[], %(quality)s::smallint[]) AS moved (time, flags, quality)
     WHERE reading.series_id = %(series_id)s
       AND reading.observed_at = %(epoch)s::timestamptz + moved.time * interval '1 microsecond'
       AND reading.observed_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
"""
# In order of key, as ingest writes them: the two never wait for each other in a circle.
_WRITE_LATEST = """
    WITH held AS (
        SELECT latest.series_id, moved.flags, moved.quality
          FROM latest
          JOIN unnest(%(series_ids)s::integer[], %(times)s::bigint[], %(flags)s::smallint[], %(quality)s::smallint[])
               AS moved (series_id, time, flags, quality)
            ON latest.series_id = moved.series_id
           AND latest.observed_at = %(epoch)s::timestamptz + moved.time * interval '1 microsecond'
         ORDER BY latest.series_id FOR NO KEY UPDATE OF latest
    )
    UPDATE latest SET flags = (latest.flags & %(arrival)s) | held.flags, quality = held.quality
      FROM held WHERE latest.series_id = held.series_id
"""
# Rows are locked before they are counted: a window may not stand beside FOR UPDATE.
_TAKE = """
    WITH free AS (
        SELECT touched_id, series_ids, hours FROM touched ORDER BY touched_id LIMIT %(rows)s FOR UPDATE SKIP LOCKED
    ), counted AS (
        SELECT touched_id, series_ids, hours, sum(cardinality(hours)) OVER (ORDER BY touched_id) AS marks FROM free
    ), taken AS (
        SELECT touched_id, series_ids, hours FROM counted WHERE marks - cardinality(hours) < %(marks)s
    ), gone AS (
        DELETE FROM touched USING taken WHERE touched.touched_id = taken.touched_id
    )
    SELECT string_agg(int4send(mark.series_id), ''), string_agg(timestamptz_send(mark.hour), '')
      FROM taken, unnest(taken.series_ids, taken.hours) AS mark (series_id, hour)
"""


def take_touched(connection: Connection, *, rows: int, marks: int) -> Ints:
    """Take the oldest marks that no other worker holds, in the caller's transaction; return their codes, ascending.

    At most ``rows`` rows, and no further row once ``marks`` marks are taken.
    """
    row = connection.execute(_TAKE, {"rows": rows, "marks": marks}, binary=True).fetchone()
    assert row is not None, "an aggregate returns a row"
    return np.unique(codes_of(integers(row[0], 32), integers(row[1], 64)))


def count_touched(connection: Connection) -> int:
    """Return how many rows of marks wait."""
    row = connection.execute("SELECT count(*) FROM touched").fetchone()
    assert row is not None, "an aggregate returns a row"
    return int(row[0])


def touch_series(connection: Connection, series_ids: Sequence[int], since: datetime) -> int:
    """Mark every hour from ``since`` on in which one of the series has readings, or a state held; return how many."""
    return connection.execute(
        """
        WITH hours AS (
            SELECT series_id, date_bin('1 hour', observed_at, %(epoch)s) AS hour FROM reading
             WHERE series_id = ANY(%(series_ids)s) AND observed_at >= %(since)s
             UNION
            SELECT series_id, hour FROM rollup_hour
             WHERE series_id = ANY(%(series_ids)s) AND hour >= %(since)s AND count = 0
        ), numbered AS (
            SELECT series_id, hour, row_number() OVER (ORDER BY series_id, hour) / %(a_row)s AS part FROM hours
        )
        INSERT INTO touched (series_ids, hours)
        SELECT array_agg(series_id ORDER BY series_id, hour), array_agg(hour ORDER BY series_id, hour)
          FROM numbered GROUP BY part ORDER BY part
        """,
        {"series_ids": list(series_ids), "since": since, "epoch": EPOCH, "a_row": MARKS_A_ROW},
    ).rowcount


def touch_sensors(connection: Connection, sensor_ids: Sequence[int]) -> None:
    """Mark every hour in which one of the sensors has readings: how often they are due was changed."""
    rows = connection.execute("SELECT series_id FROM series WHERE sensor_id = ANY(%s)", (list(sensor_ids),))
    touch_series(connection, [series_id for (series_id,) in rows], EPOCH)


def take_unrolled(connection: Connection, limit: int) -> list[int]:
    """Take series whose roll-ups are all to be written anew, in the caller's transaction; return their ids."""
    rows = connection.execute(
        """
        WITH taken AS (SELECT series_id FROM unrolled ORDER BY series_id LIMIT %s FOR UPDATE SKIP LOCKED)
        DELETE FROM unrolled USING taken WHERE unrolled.series_id = taken.series_id RETURNING unrolled.series_id
        """,
        (limit,),
    )
    return sorted(series_id for (series_id,) in rows)


def hold_series(connection: Connection, series_ids: Sequence[int]) -> None:
    """Hold series until the commit, so that no other worker judges them meanwhile. Writers of readings are not held up.

    In order of their ids, so that two workers never wait for each other in a circle.
    """
    connection.execute(
        "SELECT FROM series WHERE series_id = ANY(%s) ORDER BY series_id FOR NO KEY UPDATE", (list(series_ids),)
    )


def read_lives(connection: Connection, series_ids: Sequence[int]) -> list[SeriesLife]:
    """Return what judging needs to know of series, in order of their ids."""
    rows = connection.execute(
        """
        SELECT series.series_id, series.metric, sensor.interval_s, sensor.adopted_at
          FROM series JOIN sensor USING (sensor_id) WHERE series_id = ANY(%s) ORDER BY series_id
        """,
        (list(series_ids),),
    )
    return [SeriesLife(*row) for row in rows]


def read_stored(connection: Connection, firsts: Ints, lasts: Ints, *, as_of: datetime | None = None) -> Stored:
    """Return the readings of whole hours, from code ``firsts[i]`` to code ``lasts[i]``, both included.

    Only those that had come by ``as_of``, when it is given.
    """
    asked = {
        "series_ids": series_of(firsts),
        "owners": np.unique(series_of(firsts)),
        "firsts": hours_of(firsts),
        "lasts": hours_of(lasts),
        "from": EPOCH + timedelta(hours=int(hours_of(firsts).min())),
        "until": EPOCH + timedelta(hours=int(hours_of(lasts).max()) + 1),
        "epoch": EPOCH,
        "as_of": as_of,
    }
    # Planned for these very values: a plan for any reads every series' compressed rows. Measured: 1.3 s for 0.16 s.
    # OFFSET 0 has it look up zone after zone: the planner would compare each reading with each zone, 1.7 s for 0.2 s.
    row = connection.execute(
        """
        SELECT string_agg(int4send(series_id), ''), string_agg(timestamptz_send(observed_at), ''),
               string_agg(float8send(value), ''), string_agg(int2send(flags), ''), string_agg(int2send(quality), '')
          FROM unnest(%(series_ids)s::integer[], %(firsts)s::integer[], %(lasts)s::integer[])
               AS zone (owner, first, last)
         CROSS JOIN LATERAL (
                SELECT series_id, observed_at, value, flags, quality FROM reading
                 WHERE series_id = zone.owner AND series_id = ANY(%(owners)s::integer[])
                   AND observed_at >= %(epoch)s::timestamptz + zone.first * interval '1 hour'
                   AND observed_at < %(epoch)s::timestamptz + (zone.last + 1) * interval '1 hour'
                   AND observed_at >= %(from)s::timestamptz AND observed_at < %(until)s::timestamptz
                   AND (%(as_of)s::timestamptz IS NULL OR received_at <= %(as_of)s)
                OFFSET 0
               ) AS near
        """,
        asked,
        binary=True,
        prepare=False,
    ).fetchone()
    assert row is not None, "an aggregate returns a row"
    series, times, raw = integers(row[0], 32), integers(row[1], 64), floats(row[2])
    flags, quality = integers(row[3], 16), integers(row[4], 16)
    order = np.lexsort((times, series))
    return Stored(series[order], times[order], raw[order], flags[order], quality[order])


def write_flags(connection: Connection, judged: Stored) -> None:
    """Write flags and quality of readings, which are in order of series and time; arrival flags set since stay."""
    if not len(judged.times):
        return
    flags = judged.flags & ~int(ARRIVAL_FLAGS)
    told = {"epoch": EPOCH, "arrival": int(ARRIVAL_FLAGS)}
    for part in stretches(judged.series, judged.times):
        times = judged.times[part]
        moved = {
            "series_id": int(judged.series[part.start]),
            "times": times,
            "flags": flags[part],
            "quality": judged.quality[part],
            "first": from_microseconds(int(times[0])),
            "last": from_microseconds(int(times[-1])),
        }
        # Not prepared: a plan for any values would take apart every compressed row.
        connection.execute(_WRITE_FLAGS, told | moved, prepare=False)
    moved = {"series_ids": judged.series, "times": judged.times, "flags": flags, "quality": judged.quality}
    connection.execute(_WRITE_LATEST, told | moved)
