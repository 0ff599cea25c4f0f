"""What evaluation reads and writes of alarms: marks, what is watched, what is known, what moved.

A mark goes with the commit of what it asked for, as of `core.store.touched`. Alarms are written by set, under the live
feed's lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from core.alarms import Alarm
from core.clock import format_instant
from core.columns import Ints, instants_of, to_microseconds
from core.events import Severity
from core.quality.marks import codes_of, hours_of, series_of
from core.quality.traces import HOUR_US
from core.store.alarms import alarm_of
from core.store.packed import integers
from core.store.pool import Connection
from core.store.touched import MARKS_A_ROW


@dataclass(frozen=True, slots=True)
class Watched:
    """A series with where it stands, as rules ask for it.

    Parameters
    ----------
    lag_s
        How late its newest reading came, seconds: what it said since may be as late, so nothing is known of it.
    """

    series_id: int
    sensor_id: int
    metric: str
    interval_s: int | None
    external_id: str
    kind: str
    site_id: int
    commune_insee: str
    retired_at: datetime | None
    lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NewAlarm:
    """An alarm to be written, as of `core.alarms.Alarm`."""

    name: str
    severity: Severity
    commune_insee: str | None
    site_id: int | None
    since: datetime
    until: datetime | None
    confirmed_at: datetime
    raised_at: datetime
    rule_id: int | None = None
    sensor_id: int | None = None
    series_id: int | None = None
    gateway: str | None = None
    subject: str = ""
    cleared_at: datetime | None = None
    found_late: bool = False
    muted: bool = False
    figures: Mapping[str, Any] = field(default_factory=dict)


def leave_marks(connection: Connection, codes: Ints, *, hourly: bool = False) -> None:
    """Mark hours of series, by code, whose alarms are to be looked at again, in the caller's transaction."""
    for start in range(0, len(codes), MARKS_A_ROW):
        part = codes[start : start + MARKS_A_ROW]
        connection.execute(
            "INSERT INTO alarm_touched (hourly, series_ids, hours) VALUES (%s, %s::bigint[]::integer[], %s)",
            (hourly, series_of(part), instants_of(hours_of(part) * HOUR_US)),
        )


_TAKE = """
    WITH free AS (
        SELECT touched_id, series_ids, hours FROM alarm_touched WHERE hourly = %(hourly)s
         ORDER BY touched_id LIMIT %(rows)s FOR UPDATE SKIP LOCKED
    ), counted AS (
        SELECT touched_id, series_ids, hours, sum(cardinality(hours)) OVER (ORDER BY touched_id) AS marks FROM free
    ), taken AS (
        SELECT touched_id, series_ids, hours FROM counted WHERE marks - cardinality(hours) < %(marks)s
    ), gone AS (
        DELETE FROM alarm_touched USING taken WHERE alarm_touched.touched_id = taken.touched_id
    )
    SELECT string_agg(int4send(mark.series_id), ''), string_agg(timestamptz_send(mark.hour), '')
      FROM taken, unnest(taken.series_ids, taken.hours) AS mark (series_id, hour)
"""


def take_marks(connection: Connection, *, hourly: bool, rows: int, marks: int) -> Ints:
    """Take the oldest marks that no other worker holds, in the caller's transaction; return their codes, ascending."""
    asked = {"hourly": hourly, "rows": rows, "marks": marks}
    row = connection.execute(_TAKE, asked, binary=True).fetchone()
    assert row is not None, "an aggregate returns a row"
    return np.unique(codes_of(integers(row[0], 32), integers(row[1], 64)))


def read_watched(connection: Connection, series_ids: Sequence[int], *, with_siblings: bool = False) -> list[Watched]:
    """Return series with where they stand, in order of ids; with the other series of their sensors, where asked."""
    rows = connection.execute(
        """
        SELECT series.series_id, sensor.sensor_id, series.metric, sensor.interval_s, sensor.external_id, sensor.kind,
               site.site_id, site.commune_insee, sensor.retired_at,
               coalesce(greatest(extract(epoch FROM latest.received_at - latest.observed_at), 0), 0)::double precision
          FROM series JOIN sensor USING (sensor_id) JOIN site USING (site_id) LEFT JOIN latest USING (series_id)
         WHERE series.series_id = ANY(%(ids)s)
            OR (%(siblings)s AND series.sensor_id IN (SELECT sensor_id FROM series WHERE series_id = ANY(%(ids)s)))
         ORDER BY series.series_id
        """,
        {"ids": list(series_ids), "siblings": with_siblings},
    )
    return [Watched(*row) for row in rows]


def read_known(connection: Connection, watched: Sequence[Watched], since: datetime) -> list[Alarm]:
    """Return the alarms of rules on these series and their sensors that last or ended after ``since``, oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT * FROM alarm
             WHERE withdrawn_at IS NULL AND rule_id IS NOT NULL
               AND (series_id = ANY(%(series)s) OR (series_id IS NULL AND sensor_id = ANY(%(sensors)s)))
               AND (until IS NULL OR until >= %(since)s)
             ORDER BY since
            """,
            {
                "series": [one.series_id for one in watched],
                "sensors": sorted({one.sensor_id for one in watched}),
                "since": since,
            },
        ).fetchall()
    return [alarm_of(row) for row in rows]


def read_heard(connection: Connection, before: Mapping[int, int]) -> dict[int, int]:
    """Return when each series was last heard before an instant (microseconds since the epoch); absent: never."""
    rows = connection.execute(
        """
        SELECT asked.series_id, heard.observed_at
          FROM unnest(%s::integer[], %s::timestamptz[]) AS asked (series_id, before) CROSS JOIN LATERAL (
                SELECT observed_at FROM reading
                 WHERE reading.series_id = asked.series_id AND reading.observed_at < asked.before
                 ORDER BY observed_at DESC LIMIT 1) AS heard
        """,
        (list(before), instants_of(np.array(list(before.values()), dtype=np.int64))),
        prepare=False,
    )
    return {series_id: to_microseconds(at) for series_id, at in rows}


def insert_alarms(connection: Connection, alarms: Sequence[NewAlarm]) -> list[int]:
    """Write new alarms; return their ids, in order."""
    rows = connection.execute(
        """
        WITH given AS (
            SELECT * FROM jsonb_to_recordset(%s) AS one (
                   place integer, rule_id integer, name text, severity text, commune_insee char(5), site_id integer,
                   sensor_id integer, series_id integer, gateway text, subject text, since timestamptz,
                   until timestamptz, confirmed_at timestamptz, raised_at timestamptz, cleared_at timestamptz,
                   found_late boolean, muted boolean, figures jsonb)
        )
        INSERT INTO alarm (rule_id, name, severity, commune_insee, site_id, sensor_id, series_id, gateway, subject,
                           since, until, confirmed_at, raised_at, cleared_at, found_late, muted, figures)
        SELECT rule_id, name, severity, commune_insee, site_id, sensor_id, series_id, gateway, subject, since, until,
               confirmed_at, raised_at, cleared_at, found_late, muted, figures
          FROM given ORDER BY place RETURNING alarm_id
        """,
        (Jsonb([_given(place, one) for place, one in enumerate(alarms)]),),
    ).fetchall()
    return [alarm_id for (alarm_id,) in rows]


def withdraw_alarms(connection: Connection, alarm_ids: Sequence[int], at: datetime) -> None:
    """Say of alarms that they never were; they are kept."""
    connection.execute(
        "UPDATE alarm SET withdrawn_at = %s, parent_id = NULL WHERE alarm_id = ANY(%s)", (at, list(alarm_ids))
    )


def move_alarms(connection: Connection, alarms: Sequence[Alarm]) -> None:
    """Write what the data now say of alarms: dates, figures, and whether they are over or found late."""
    connection.execute(
        """
        UPDATE alarm SET since = one.since, until = one.until, confirmed_at = one.confirmed_at,
                         cleared_at = one.cleared_at, found_late = one.found_late, figures = one.figures
          FROM jsonb_to_recordset(%s) AS one (
               alarm_id bigint, since timestamptz, until timestamptz, confirmed_at timestamptz,
               cleared_at timestamptz, found_late boolean, figures jsonb)
         WHERE alarm.alarm_id = one.alarm_id
        """,
        (Jsonb([_moved(one) for one in alarms]),),
    )


def note_told(connection: Connection, alarm_ids: Sequence[int], at: datetime) -> None:
    """Note since when others know of alarms."""
    connection.execute(
        "UPDATE alarm SET told_at = %s WHERE alarm_id = ANY(%s) AND told_at IS NULL", (at, list(alarm_ids))
    )


def _moved(alarm: Alarm) -> dict[str, Any]:
    return {
        "alarm_id": alarm.alarm_id,
        "since": format_instant(alarm.since),
        "until": _instant(alarm.until),
        "confirmed_at": format_instant(alarm.confirmed_at),
        "cleared_at": _instant(alarm.cleared_at),
        "found_late": alarm.found_late,
        "figures": dict(alarm.figures),
    }


def _given(place: int, new: NewAlarm) -> dict[str, Any]:
    return {
        "place": place,
        "rule_id": new.rule_id,
        "name": new.name,
        "severity": new.severity,
        "commune_insee": new.commune_insee,
        "site_id": new.site_id,
        "sensor_id": new.sensor_id,
        "series_id": new.series_id,
        "gateway": new.gateway,
        "subject": new.subject,
        "since": format_instant(new.since),
        "until": _instant(new.until),
        "confirmed_at": format_instant(new.confirmed_at),
        "raised_at": format_instant(new.raised_at),
        "cleared_at": _instant(new.cleared_at),
        "found_late": new.found_late,
        "muted": new.muted,
        "figures": dict(new.figures),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
