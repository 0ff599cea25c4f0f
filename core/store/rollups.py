"""Roll-ups in the store, by hour and by local day: written whole whenever they were touched, by the column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from core.clock import EPOCH, Window
from core.columns import Ints, instants_of, to_microseconds
from core.quality.days import Days
from core.quality.hours import Hours
from core.quality.marks import codes_of, hours_of, series_of
from core.quality.traces import HOUR_US
from core.store.packed import floats, integers
from core.store.pool import Connection
from core.store.stretches import stretches

# An hour that comes to the same is left as it is: most of what a late reading touches does not move. NaN is how an
# array of numbers says that there is none.
_WRITE_HOURS = """
    WITH moved AS (
        INSERT INTO rollup_hour
               (series_id, hour, count, good, slots, mean, low, high, last, increment, known_s)
        SELECT series_id, %(epoch)s::timestamptz + hour * interval '1 hour', count, good, slots, nullif(mean, 'NaN'),
               nullif(low, 'NaN'), nullif(high, 'NaN'), nullif(last, 'NaN'), nullif(increment, 'NaN'),
               nullif(known_s, 'NaN')::integer
          FROM unnest(%(series)s::integer[], %(hours)s::integer[], %(count)s::integer[], %(good)s::integer[],
                      %(slots)s::integer[], %(mean)s::float8[], %(low)s::float8[], %(high)s::float8[],
                      %(last)s::float8[], %(increment)s::float8[], %(known_s)s::float8[])
               AS rolled (series_id, hour, count, good, slots, mean, low, high, last, increment, known_s)
        ON CONFLICT (series_id, hour) DO UPDATE
           SET count = excluded.count, good = excluded.good, slots = excluded.slots, mean = excluded.mean,
               low = excluded.low, high = excluded.high, last = excluded.last, increment = excluded.increment,
               known_s = excluded.known_s
         WHERE (rollup_hour.count, rollup_hour.good, rollup_hour.slots, rollup_hour.mean, rollup_hour.low,
                rollup_hour.high, rollup_hour.last, rollup_hour.increment, rollup_hour.known_s)
               IS DISTINCT FROM (excluded.count, excluded.good, excluded.slots, excluded.mean, excluded.low,
                                 excluded.high, excluded.last, excluded.increment, excluded.known_s)
           AND rollup_hour.hour >= %(settled)s::timestamptz
        RETURNING series_id, hour
    )
    SELECT string_agg(int4send(series_id), ''), string_agg(timestamptz_send(hour), '') FROM moved
"""
# Only an hour that nobody spoke in goes: it told a state that was held, and is not any more. Looked for before any is
# deleted, and deleted by constants: TimescaleDB takes apart what is compressed for a deletion that it cannot foresee.
_FIND_HELD = """
    SELECT string_agg(int4send(series_id), ''), string_agg(timestamptz_send(rollup_hour.hour), '')
      FROM unnest(%(series)s::integer[], %(hours)s::integer[]) AS empty (series_id, number)
      JOIN rollup_hour USING (series_id)
     WHERE rollup_hour.count = 0 AND rollup_hour.hour = %(epoch)s::timestamptz + empty.number * interval '1 hour'
       AND series_id = ANY(%(owners)s::integer[]) AND rollup_hour.hour BETWEEN %(first)s AND %(last)s
"""
_FORGET_HOURS = """
    DELETE FROM rollup_hour
     WHERE series_id = %(series_id)s AND count = 0 AND hour = ANY(%(hours)s::timestamptz[])
       AND hour BETWEEN %(first)s AND %(last)s
"""
_READ_HOURS = """
    SELECT string_agg(int4send(series_id), ''), string_agg(timestamptz_send(hour), ''),
           string_agg(int4send(count), ''), string_agg(int4send(good), ''), string_agg(int2send(slots), ''),
           string_agg(float8send(coalesce(mean, 'NaN')), ''), string_agg(float8send(coalesce(low, 'NaN')), ''),
           string_agg(float8send(coalesce(high, 'NaN')), ''), string_agg(float8send(coalesce(last, 'NaN')), ''),
           string_agg(float8send(coalesce(increment, 'NaN')), ''),
           string_agg(float8send(coalesce(known_s, 'NaN'::float8)), '')
      FROM unnest(%(series)s::integer[], %(opens)s::integer[], %(closes)s::integer[]) AS zone (owner, opens, closes)
     CROSS JOIN LATERAL (
            SELECT * FROM rollup_hour
             WHERE series_id = zone.owner AND series_id = ANY(%(owners)b::integer[])
               AND hour >= %(epoch)s::timestamptz + zone.opens * interval '1 hour'
               AND hour <= %(epoch)s::timestamptz + zone.closes * interval '1 hour'
               AND hour BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
            OFFSET 0
           ) AS near
"""
_WRITE_DAYS = """
    WITH moved AS (
        INSERT INTO rollup_day
               (series_id, day, count, good, slots, hours, hours_valid, mean, low, high, last, increment, known_s,
                rolled_at)
        SELECT series_id, %(epoch)s::date + day, count, good, slots, hours, hours_valid, nullif(mean, 'NaN'),
               nullif(low, 'NaN'), nullif(high, 'NaN'), nullif(last, 'NaN'), nullif(increment, 'NaN'),
               nullif(known_s, 'NaN')::integer, clock_timestamp()
          FROM unnest(%(series)s::integer[], %(days)s::integer[], %(count)s::integer[], %(good)s::integer[],
                      %(slots)s::integer[], %(hours)s::integer[], %(hours_valid)s::integer[], %(mean)s::float8[],
                      %(low)s::float8[], %(high)s::float8[], %(last)s::float8[], %(increment)s::float8[],
                      %(known_s)s::float8[])
               AS rolled (series_id, day, count, good, slots, hours, hours_valid, mean, low, high, last, increment,
                          known_s)
        ON CONFLICT (series_id, day) DO UPDATE
           SET count = excluded.count, good = excluded.good, slots = excluded.slots, hours = excluded.hours,
               hours_valid = excluded.hours_valid, mean = excluded.mean, low = excluded.low, high = excluded.high,
               last = excluded.last, increment = excluded.increment, known_s = excluded.known_s,
               rolled_at = excluded.rolled_at
         WHERE (rollup_day.count, rollup_day.good, rollup_day.slots, rollup_day.hours, rollup_day.hours_valid,
                rollup_day.mean, rollup_day.low, rollup_day.high, rollup_day.last, rollup_day.increment,
                rollup_day.known_s)
               IS DISTINCT FROM (excluded.count, excluded.good, excluded.slots, excluded.hours, excluded.hours_valid,
                                 excluded.mean, excluded.low, excluded.high, excluded.last, excluded.increment,
                                 excluded.known_s)
        RETURNING 1
    )
    SELECT count(*) FROM moved
"""
_READ_DAYS = """
    SELECT string_agg(int4send(series_id), ''), string_agg(int4send(day - %(epoch)s::date), ''),
           string_agg(int4send(count), ''), string_agg(int4send(good), ''), string_agg(int4send(slots), ''),
           string_agg(int2send(hours), ''), string_agg(int2send(hours_valid), ''),
           string_agg(float8send(coalesce(mean, 'NaN')), ''), string_agg(float8send(coalesce(low, 'NaN')), ''),
           string_agg(float8send(coalesce(high, 'NaN')), ''), string_agg(float8send(coalesce(last, 'NaN')), ''),
           string_agg(float8send(coalesce(increment, 'NaN')), ''),
           string_agg(float8send(coalesce(known_s, 'NaN'::float8)), '')
      FROM rollup_day
     WHERE series_id = ANY(%(series_ids)s) AND day >= %(first)s AND day <= %(last)s
"""


def write_hours(connection: Connection, hours: Hours, settled: datetime = EPOCH) -> Ints:
    """Write the roll-ups of hours in order of series and hour; return the codes of those that moved, ascending.

    One that is there and lies before ``settled`` stays: the readings that it was made from were let go of.
    """
    if not len(hours):
        return hours.series
    columns = _columns(hours) | {"hours": hours.hours // HOUR_US, "epoch": EPOCH, "settled": settled}
    return _codes(connection, _WRITE_HOURS, columns)


def forget_hours(connection: Connection, empty: Ints, settled: datetime = EPOCH) -> Ints:
    """Delete the roll-ups of hours, by code, that a state is not known in any more; return the codes of those gone.

    An hour that readings were counted in stays, and one before ``settled``: it is what is left of them.
    """
    empty = empty[hours_of(empty) * HOUR_US >= to_microseconds(settled)]
    if not len(empty):
        return empty
    asked = {"series": series_of(empty), "hours": hours_of(empty)}
    held = _codes(connection, _FIND_HELD, asked | _bounds(empty))
    series, starts = series_of(held), hours_of(held) * HOUR_US
    for part in stretches(series, starts):
        hours = instants_of(starts[part])
        gone = {"series_id": int(series[part.start]), "hours": hours, "first": hours[0], "last": hours[-1]}
        connection.execute(_FORGET_HOURS, gone, prepare=False)
    return held


def read_zone_hours(connection: Connection, firsts: Ints, lasts: Ints) -> Hours:
    """Return the roll-ups of the hours from code ``firsts[i]`` to code ``lasts[i]``, both included, in order.

    An hour that comes to nothing is absent.
    """
    if not len(firsts):
        return Hours.none()
    asked = {
        "series": series_of(firsts),
        "opens": hours_of(firsts),
        "closes": hours_of(lasts),
    } | _bounds(np.append(firsts, lasts))
    # Planned for these very values, as the others are: a plan for any takes apart the compressed rows of every series.
    # OFFSET 0 has it look up zone after zone, where the planner would compare each hour with each zone of its series.
    row = connection.execute(_READ_HOURS, asked, binary=True, prepare=False).fetchone()
    assert row is not None, "an aggregate returns a row"
    return Hours(*_in_order(_integers(row[:5], (32, 64, 32, 32, 16)), row[5:]))


def read_hours(connection: Connection, series_id: int, window: Window) -> Hours:
    """Return the roll-ups of a series' hours that start in ``window``, oldest first."""
    # The first hour to start in it, and the last to start before its end.
    bounds = np.array([to_microseconds(window.start) + HOUR_US - 1, to_microseconds(window.end) - 1])
    first, last = codes_of(np.array([series_id] * 2), bounds)
    return read_zone_hours(connection, np.array([first]), np.array([last]))


def write_days(connection: Connection, days: Days) -> int:
    """Write the roll-ups of local days in order of series and day; return how many moved."""
    if not len(days):
        return 0
    row = connection.execute(_WRITE_DAYS, _columns(days) | {"epoch": EPOCH.date()}).fetchone()
    assert row is not None, "an aggregate returns a row"
    return int(row[0])


def forget_days(connection: Connection, empty: Sequence[tuple[int, int]]) -> int:
    """Delete the roll-ups of (series, day in days since `EPOCH`) that no hour is left of; return how many."""
    if not empty:
        return 0
    series, days = np.array(empty).T
    return connection.execute(
        """
        DELETE FROM rollup_day USING unnest(%(series)s::integer[], %(days)s::integer[]) AS empty (series_id, number)
         WHERE rollup_day.series_id = empty.series_id AND rollup_day.day = %(epoch)s::date + empty.number
        """,
        {"series": series, "days": days, "epoch": EPOCH.date()},
    ).rowcount


def read_days(connection: Connection, series_ids: Sequence[int], first: date, last: date) -> Days:
    """Return the roll-ups of the local days of series from ``first`` to ``last``, both included, in order.

    A day that comes to nothing is absent.
    """
    asked = {"series_ids": list(series_ids), "first": first, "last": last, "epoch": EPOCH.date()}
    row = connection.execute(_READ_DAYS, asked, binary=True).fetchone()
    assert row is not None, "an aggregate returns a row"
    return Days(*_in_order(_integers(row[:7], (32, 32, 32, 32, 32, 16, 16)), row[7:]))


def _bounds(codes: Ints) -> dict[str, Any]:
    """Return whose hours these are, the first and the last of all: what a plan needs to leave the others out."""
    first, last = (EPOCH + timedelta(hours=int(end)) for end in (hours_of(codes).min(), hours_of(codes).max()))
    return {"owners": np.unique(series_of(codes)), "first": first, "last": last, "epoch": EPOCH}


def _columns(rolled: Hours | Days) -> dict[str, Any]:
    return {column.name: getattr(rolled, column.name) for column in fields(rolled)}


def _integers(packed: Sequence[bytes | None], bits: Sequence[int]) -> list[Ints]:
    return [integers(column, size) for column, size in zip(packed, bits, strict=True)]


def _in_order(whole: list[Ints], packed: Sequence[bytes | None]) -> list[Any]:
    """Return all columns, in order of the first two."""
    order = np.lexsort((whole[1], whole[0]))
    return [column[order] for column in (*whole, *map(floats, packed))]


def _codes(connection: Connection, statement: str, arguments: dict[str, Any]) -> Ints:
    row = connection.execute(statement, arguments, binary=True, prepare=False).fetchone()
    assert row is not None, "an aggregate returns a row"
    codes: Ints = np.sort(codes_of(integers(row[0], 32), integers(row[1], 64)))
    return codes
