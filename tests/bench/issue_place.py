"""Where issues are measured: meters of some communes with six weeks of hours, their roll-ups, and a model.

The values are made up (a day, a week, noise, two decimals): only their number, order and size matter here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from store_place import server

from core.clock import EPOCH, Window, floor_to_step, now
from core.columns import to_microseconds
from core.metrics import metric_named
from core.places import communes
from core.settings import WorkerSettings
from core.store.migrate import migrate
from core.store.months import make_months, months_of
from core.store.pool import Pool, connected, open_pool
from core.store.staging import HEADER, TRAILER
from services.forecast import RECEIVED_IN, Issue
from services.training import train_model

METRIC = metric_named("power_kw")
LENGTH = timedelta(days=42)
TRAIN_ROWS = 20_000
"""Enough for trees as large as ever: how many there are, and how deep, is set, and does not follow from the rows."""
_HOUR_US = 3_600_000_000
_FIELDS = (("series_id", ">i4"), ("observed_at", ">i8"), ("value", ">f8"), ("quality", ">i2"), ("received_at", ">i8"))
_ROW = np.dtype(
    [("fields", ">i2"), *(part for name, form in _FIELDS for part in ((f"{name}_bytes", ">i4"), (name, form)))]
)
_COPY = "COPY reading (series_id, observed_at, value, quality, received_at) FROM STDIN (FORMAT BINARY)"


@dataclass(frozen=True, slots=True)
class Town:
    """A filled database: its address, the settings and the pool of a worker on it, what is issued in it.

    Parameters
    ----------
    hours
        Of its readings.
    communes
        INSEE codes; each has as many meters.
    """

    url: str
    settings: WorkerSettings
    pool: Pool
    hours: Window
    communes: tuple[str, ...]

    @property
    def issues(self) -> list[Issue]:
        """The newest issue of each commune."""
        return [Issue(METRIC, commune, self.issued_at) for commune in self.communes]

    @property
    def issued_at(self) -> datetime:
        """When they are issued: a minute after the newest hour."""
        return self.hours.end + RECEIVED_IN


@contextmanager
def town(folder: Path, communes_wanted: int, meters_each: int) -> Iterator[Town]:
    """Give a database with meters and a model that speaks for them, dropped afterwards."""
    with server("plain", folder / "postgres") as running:
        name = f"bench_{os.getpid()}"
        url = running.create(name)
        try:
            migrate(url)
            os.environ |= {"VIGIE_DATABASE_URL": url, "VIGIE_TRAIN_ROWS_MAX": str(TRAIN_ROWS), "VIGIE_THREADS": "1"}
            settings = WorkerSettings.from_environment()
            with open_pool(url, 4) as pool:
                end = floor_to_step(now(), timedelta(hours=1))
                chosen = tuple(sorted(communes())[:communes_wanted])
                built = Town(url, settings, pool, Window.ending(end, LENGTH), chosen)
                _fill(built, meters_each)
                train_model(pool, settings, METRIC, end, "first")
                # It speaks since its training ended, which took its time; here it spoke before.
                with pool.connection() as connection:
                    connection.execute("UPDATE reign SET since = %s", (end,))
                yield built
        finally:
            running.drop(name)


def touch_newest(built: Town) -> None:
    """Have the newest hour of every meter wait to be judged, as it does right after its readings came."""
    with connected(built.url) as connection:
        connection.execute(
            """
            INSERT INTO touched (series_ids, hours)
            SELECT array_agg(series_id), array_agg(%s::timestamptz) FROM series
            """,
            (built.hours.end - timedelta(hours=1),),
        )


def _fill(built: Town, meters_each: int) -> None:
    with connected(built.url) as connection:
        make_months(connection, months_of(built.hours))
        for statement in (_SITES, _SENSORS, _SERIES):
            connection.execute(statement, {"communes": list(built.communes), "each": meters_each, "at": EPOCH})
        connection.commit()
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.write(HEADER)
            for series_id in range(1, len(built.communes) * meters_each + 1):
                copy.write(_readings(built.hours, series_id).tobytes())
            copy.write(TRAILER)
        for statement in (_LATEST, _HOURS, _DAYS):
            connection.execute(statement, {"end": built.hours.end})
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def _readings(hours: Window, series_id: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    generator = np.random.default_rng(series_id)
    count = hours.length // timedelta(hours=1)
    at = np.arange(count)
    # Every day is as strong as chance will have it: who looks at the day so far knows more than who looks at last week.
    strength = np.repeat(1 + 0.5 * generator.normal(0, 1, count // 24 + 1), 24)[:count]
    habit = strength * np.sin(2 * np.pi * (at + generator.integers(24)) / 24)
    rows = np.zeros(count, _ROW)
    rows["fields"] = len(_FIELDS)
    for name, form in _FIELDS:
        rows[f"{name}_bytes"] = np.dtype(form).itemsize
    rows["series_id"] = series_id
    rows["observed_at"] = to_microseconds(hours.start) + at * _HOUR_US
    rows["received_at"] = rows["observed_at"] + 1_250_000
    rows["value"] = np.round(generator.uniform(5, 200) * (2 + habit) + generator.normal(0, 3, count), 2)
    return rows


_SITES = """
    INSERT INTO site (commune_insee, code, name)
    SELECT commune, 'bench-' || number, 'Bench'
      FROM unnest(%(communes)s::text[]) AS commune CROSS JOIN generate_series(1, (%(each)s + 9) / 10) AS number
"""
_SENSORS = """
    INSERT INTO sensor (external_id, kind, name, site_id, origin, adopted_at)
    SELECT 'bench-' || commune || '-' || number, 'meter', 'Bench', site.site_id, 'simulated', %(at)s
      FROM unnest(%(communes)s::text[]) WITH ORDINALITY AS asked (commune, place)
     CROSS JOIN generate_series(0, %(each)s - 1) AS number
      JOIN site ON site.commune_insee = commune AND site.code = 'bench-' || (number / 10 + 1)
     ORDER BY place, number
"""
_SERIES = "INSERT INTO series (sensor_id, metric) SELECT sensor_id, 'power_kw' FROM sensor ORDER BY sensor_id"
_LATEST = """
    INSERT INTO latest (series_id, observed_at, value, quality, received_at)
    SELECT series_id, %(end)s::timestamptz - interval '1 hour', 20, 0, %(end)s FROM series ORDER BY series_id
"""
_HOURS = """
    INSERT INTO rollup_hour (series_id, hour, count, good, slots, mean, low, high, last)
    SELECT series_id, observed_at, 1, 1, 1, value, value, value, value FROM reading ORDER BY observed_at, series_id
"""
_DAYS = """
    INSERT INTO rollup_day (series_id, day, count, good, slots, hours, hours_valid, mean, low, high, last, rolled_at)
    SELECT series_id, (hour AT TIME ZONE 'Europe/Paris')::date, sum(count), sum(good), sum(slots), count(*), count(*),
           avg(mean), min(low), max(high), max(last), %(end)s
      FROM rollup_hour GROUP BY 1, 2 ORDER BY 2, 1
"""
