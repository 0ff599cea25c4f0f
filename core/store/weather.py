"""Forecasts of the weather in the store: kept as they were issued, read as of an instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

import core.store.packed  # noqa: F401 - lets statements take arrays
from core.clock import Window
from core.columns import Floats
from core.store.pool import Connection
from core.weather import HOUR, HOURS_MAX, VARIABLES, WeatherIssue

_LONGEST = HOURS_MAX * HOUR
_WRITE = """
    INSERT INTO weather_issue (commune_insee, provider, issued_at, received_at, kept_at, start, temperature_c,
                               humidity_ratio, irradiance_wm2, wind_ms, precipitation_mm, cloud_ratio)
    VALUES (%(commune)s, %(provider)s, %(issued_at)s, %(received_at)s, %(kept_at)s, %(start)s, %(temperature_c)s,
            %(humidity_ratio)s, %(irradiance_wm2)s, %(wind_ms)s, %(precipitation_mm)s, %(cloud_ratio)s)
    ON CONFLICT (commune_insee, provider, issued_at) DO NOTHING
"""
# The variables as one value: of each, PostgreSQL's own form of an array, which numpy reads as it is.
_READ = """
    SELECT commune_insee::text, provider, issued_at, received_at, start,
           array_send(temperature_c) || array_send(humidity_ratio) || array_send(irradiance_wm2)
           || array_send(wind_ms) || array_send(precipitation_mm) || array_send(cloud_ratio)
      FROM unnest(%(communes)s::char(5)[]) AS asked (commune_insee) CROSS JOIN LATERAL (
           SELECT max(received_at) AS before FROM weather_issue
            WHERE weather_issue.commune_insee = asked.commune_insee AND kept_at <= %(end)s
              AND received_at <= %(start)s AND received_at >= %(oldest)s) AS known
      JOIN weather_issue USING (commune_insee)
     WHERE received_at >= coalesce(known.before, %(start)s) AND received_at <= %(end)s AND kept_at <= %(end)s
"""
_LATEST = """
    SELECT commune_insee::text, provider, issued_at, received_at, start,
           array_send(temperature_c) || array_send(humidity_ratio) || array_send(irradiance_wm2)
           || array_send(wind_ms) || array_send(precipitation_mm) || array_send(cloud_ratio)
      FROM weather_issue
     WHERE commune_insee = %(commune)s AND received_at <= %(as_of)s AND kept_at <= %(as_of)s
     ORDER BY received_at DESC, start DESC, provider DESC, issued_at DESC LIMIT 1
"""
_STATION_HOURS = """
    SELECT site.commune_insee::text, series.metric, rollup_hour.hour, avg(rollup_hour.mean)
      FROM rollup_hour JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
     WHERE sensor.kind = 'outdoor_air' AND sensor.retired_at IS NULL
       AND series.metric IN ('temperature_c', 'humidity_ratio') AND rollup_hour.mean IS NOT NULL
       AND rollup_hour.hour >= %(start)s AND rollup_hour.hour < %(end)s
       AND site.commune_insee = ANY(%(communes)s::char(5)[])
     GROUP BY site.commune_insee, series.metric, rollup_hour.hour
"""
_ARRAY_HEAD_WORDS = 5
"""Dimensions, nulls, type, length, lower bound; then each element's size and value: words of four bytes."""


def write_weather(connection: Connection, issues: Sequence[WeatherIssue], *, kept_at: datetime | None = None) -> int:
    """Keep issues in the caller's transaction; return how many were new: one that is there already stays as it is.

    Parameters
    ----------
    kept_at
        When they are written, where that is later than they say they were received: a past that is filled in
        afterwards was not known to what was issued meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.executemany(_WRITE, [_row(issue, kept_at) for issue in issues])
        return max(cursor.rowcount, 0)


def read_weather_issues(connection: Connection, communes: Sequence[str], known_between: Window) -> list[WeatherIssue]:
    """Return what became known of some communes' weather in a window, as it was known at the window's end.

    Of each commune also the newest issue that was known when the window began. In the order in which they became
    known; an issue of the end itself is known. What was written later than the window's end is not.
    """
    asked = {
        "communes": list(communes),
        "start": known_between.start,
        "end": known_between.end,
        "oldest": known_between.start - _LONGEST,
    }
    with connection.cursor(binary=True) as cursor:
        issues = [_issue(row) for row in cursor.execute(_READ, asked)]
    # Here, not there: PostgreSQL sorts the hours along, on disk where they are many.
    return sorted(issues, key=lambda one: (one.received_at, one.start, one.commune_insee, one.provider, one.issued_at))


def read_latest_weather(connection: Connection, commune: str, as_of: datetime) -> WeatherIssue | None:
    """Return the newest issue of a commune's weather that was known at an instant, None where there was none."""
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute(_LATEST, {"commune": commune, "as_of": as_of}).fetchone()
    return None if row is None else _issue(row)


def read_newest_weather(connection: Connection, communes: Sequence[str], provider: str) -> dict[str, datetime]:
    """Return when a provider's newest issue became known, of those of some communes that it spoke of."""
    rows = connection.execute(
        """
        SELECT asked.commune_insee::text, newest.received_at
          FROM unnest(%(communes)s::char(5)[]) AS asked (commune_insee) CROSS JOIN LATERAL (
               SELECT received_at FROM weather_issue
                WHERE weather_issue.commune_insee = asked.commune_insee AND provider = %(provider)s
                ORDER BY received_at DESC LIMIT 1) AS newest
        """,
        {"communes": list(communes), "provider": provider},
    )
    return dict(rows.fetchall())


def read_first_weather(connection: Connection, communes: Sequence[str], but: str) -> dict[str, datetime]:
    """Return when the first issue of each commune became known, of all providers ``but`` one."""
    rows = connection.execute(
        """
        SELECT commune_insee::text, min(received_at) FROM weather_issue
         WHERE commune_insee = ANY(%(communes)s::char(5)[]) AND provider <> %(but)s GROUP BY commune_insee
        """,
        {"communes": list(communes), "but": but},
    )
    return dict(rows.fetchall())


def read_weather_communes(connection: Connection) -> list[str]:
    """Return the communes whose weather matters: those where sensors work, ascending."""
    rows = connection.execute(
        """
        SELECT DISTINCT commune_insee::text FROM site JOIN sensor USING (site_id)
         WHERE sensor.retired_at IS NULL ORDER BY commune_insee::text
        """
    )
    return [commune for (commune,) in rows]


def read_station_hours(connection: Connection, communes: Sequence[str], window: Window) -> dict[str, Floats]:
    """Return the hourly means that the outdoor stations of each commune measured, of those that have a station.

    Shape (hours of the window, `VARIABLES`), NaN where nothing was measured; of several stations their mean.
    """
    hours = window.length // HOUR
    found: dict[str, Floats] = {}
    asked = {"communes": list(communes), "start": window.start, "end": window.end}
    for commune, metric, hour, mean in connection.execute(_STATION_HOURS, asked):
        measured = found.setdefault(commune, np.full((hours, len(VARIABLES)), np.nan))
        measured[(hour - window.start) // HOUR, VARIABLES.index(metric)] = mean
    return found


def prune_weather(connection: Connection, before: datetime) -> int:
    """Let go of the issues that became known before an instant; return how many."""
    return connection.execute("DELETE FROM weather_issue WHERE received_at < %s", (before,)).rowcount


def _row(issue: WeatherIssue, kept_at: datetime | None) -> dict[str, Any]:
    told = {
        "commune": issue.commune_insee,
        "provider": issue.provider,
        "issued_at": issue.issued_at,
        "received_at": issue.received_at,
        "kept_at": max(kept_at, issue.received_at) if kept_at is not None else issue.received_at,
        "start": issue.start,
    }
    return told | {name: issue.values[:, at] for at, name in enumerate(VARIABLES)}


def _issue(row: tuple[Any, ...]) -> WeatherIssue:
    commune, provider, issued_at, received_at, start, packed = row
    words = np.frombuffer(packed, dtype=">f4").reshape(len(VARIABLES), -1)
    values = words[:, _ARRAY_HEAD_WORDS + 1 :: 2].T.astype(np.float64)
    return WeatherIssue(commune, provider, issued_at, received_at, start, values)
