"""Where the store's reads are measured: a month of readings of all the métropole, generated, on each engine at hand.

The values are made up (a daily curve, noise, two decimals): only their number, order and size matter here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import psycopg

from core.clock import EPOCH, Window, floor_to_step, now
from core.columns import to_microseconds
from core.places import communes
from core.store.migrate import migrate
from core.store.months import make_months, months_of
from core.store.pool import Connection, connected
from core.store.staging import HEADER
from vigie.embedded import DatabaseServer, EmbeddedDatabase

SERIES_OF_A_SENSOR = 2
_FIELDS = (("series_id", ">i4"), ("observed_at", ">i8"), ("value", ">f8"), ("quality", ">i2"), ("received_at", ">i8"))
_ROW = np.dtype(
    [("fields", ">i2"), *(part for name, form in _FIELDS for part in ((f"{name}_bytes", ">i4"), (name, form)))]
)
_ROWS_A_COPY = 500_000
_DAY_US = 86_400_000_000
# The embedded server comes with the settings of a very small machine; these are those of docker-compose.yml.
_SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "effective_cache_size": "4GB", "random_page_cost": "1.1"}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is built.

    Parameters
    ----------
    sensors
        Registered, with two series each, and with a latest value each.
    series
        Of these, so many have readings.
    readings
        Of each such series, evenly over 30 days.
    year_series
        So many have a year of hourly roll-ups; the others 30 days of them.
    """

    sensors: int
    series: int
    readings: int
    year_series: int

    @property
    def rows(self) -> int:
        """Readings in all."""
        return self.series * self.readings


FULL = Size(sensors=26_000, series=14_000, readings=5_000, year_series=1_000)
QUICK = Size(sensors=2_600, series=1_400, readings=1_000, year_series=100)


@dataclass(frozen=True, slots=True)
class Place:
    """A filled database: its engine as the bench names it, its address, what is in it and over which month."""

    engine: str
    url: str
    size: Size
    month: Window


@contextmanager
def server(engine: str, folder: Path) -> Iterator[DatabaseServer]:
    """Give the server of an engine: ``plain`` is embedded, ``timescale`` the one that VIGIE_TEST_SERVER names."""
    if engine == "timescale":
        yield DatabaseServer(os.environ["VIGIE_TEST_SERVER"])
        return
    embedded = EmbeddedDatabase(folder)
    with psycopg.connect(embedded.address("postgres"), autocommit=True) as connection:
        for name, value in _SETTINGS.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    embedded.stop()
    again = EmbeddedDatabase(folder)
    try:
        yield again
    finally:
        again.stop()


@contextmanager
def place(engine: str, folder: Path, size: Size) -> Iterator[Place]:
    """Give a database with a month of readings, dropped afterwards."""
    with server(engine, folder / "postgres") as running:
        name = f"bench_{os.getpid()}"
        url = running.create(name)
        try:
            migrate(url)
            end = floor_to_step(now(), timedelta(days=1))
            built = Place(engine, url, size, Window.ending(end, timedelta(days=30)))
            _register(built)
            _fill_readings(built)
            _fill_derived(built)
            yield built
        finally:
            running.drop(name)


def _register(place: Place) -> None:
    """Write sensors, spread evenly over the communes, and their series."""
    with connected(place.url) as connection:
        connection.execute(
            "INSERT INTO site (commune_insee, code, name) SELECT unnest(%s::text[]), 'bench', 'Bench'",
            (sorted(communes()),),
        )
        connection.execute(
            """
            INSERT INTO sensor (external_id, kind, name, site_id, origin, adopted_at)
            SELECT 'bench-' || number, 'indoor_air', 'Bench', chosen.site_id, 'simulated', %(at)s
              FROM generate_series(0, %(sensors)s - 1) AS number
              JOIN (SELECT site_id, row_number() OVER (ORDER BY site_id) - 1 AS rank, count(*) OVER () AS sites
                      FROM site) AS chosen ON chosen.rank = number %% chosen.sites
             ORDER BY number
            """,
            {"sensors": place.size.sensors, "at": EPOCH},
        )
        connection.execute(
            """
            INSERT INTO series (sensor_id, metric)
            SELECT sensor_id, metric FROM sensor CROSS JOIN unnest('{co2_ppm,temperature_c}'::text[]) AS metric
             ORDER BY sensor_id, metric
            """
        )


def _fill_readings(place: Place) -> None:
    """Copy the readings in, in order of time as they would come, without the way of ingestion."""
    with connected(place.url) as connection:
        make_months(connection, months_of(place.month))
        connection.commit()
        for rows in _readings(place):
            with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                copy.write(HEADER + rows.tobytes() + b"\xff\xff")
            connection.commit()


_COPY = "COPY reading (series_id, observed_at, value, quality, received_at) FROM STDIN (FORMAT BINARY)"


def _readings(place: Place) -> Iterator[np.ndarray[tuple[int], np.dtype[np.void]]]:
    """Yield rows as COPY BINARY takes them, all series at each instant, some hundred thousand at once."""
    size, generator = place.size, np.random.default_rng(2026)
    every_us = place.month.length // timedelta(microseconds=1) // size.readings
    at_once = max(1, _ROWS_A_COPY // size.series)
    start_us = to_microseconds(place.month.start)
    phase = generator.uniform(0, 2 * np.pi, size.series)
    for first in range(0, size.readings, at_once):
        instants = start_us + every_us * np.arange(first, min(first + at_once, size.readings))
        rows = np.zeros(len(instants) * size.series, _ROW)
        rows["fields"] = len(_FIELDS)
        for name, form in _FIELDS:
            rows[f"{name}_bytes"] = np.dtype(form).itemsize
        rows["series_id"] = np.tile(np.arange(1, size.series + 1), len(instants))
        rows["observed_at"] = np.repeat(instants, size.series)
        # A second or so until it is stored.
        rows["received_at"] = rows["observed_at"] + 1_250_000
        turn = 2 * np.pi * np.repeat(instants % _DAY_US, size.series) / _DAY_US + np.tile(phase, len(instants))
        rows["value"] = np.round(600 + 200 * np.sin(turn) + generator.normal(0, 15, len(rows)), 2)
        yield rows


def _fill_derived(place: Place) -> None:
    """Write what ingestion and the worker would have written: latest values, roll-ups, and a day of forecasts."""
    asked = {
        "series": place.size.series,
        "year_series": place.size.year_series,
        "start": place.month.start,
        "end": place.month.end,
        "year": place.month.end - timedelta(days=365),
        "at": place.month.end,
    }
    with connected(place.url) as connection:
        for statement in (_LATEST, _HOURS, _YEAR_OF_HOURS, _DAYS, _FORECASTS, _FORECAST_STEPS, _EXPECTATIONS):
            connection.execute(statement, asked)
            connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


_CHUNKS = """
    SELECT format('%I.%I', chunk_schema, chunk_name)
      FROM timescaledb_information.chunks JOIN timescaledb_information.hypertables USING (hypertable_name)
     WHERE compression_enabled ORDER BY hypertable_name, range_start
"""
_LATEST = """
    INSERT INTO latest (series_id, observed_at, value, quality, received_at)
    SELECT series_id, %(end)s::timestamptz - interval '1 minute', 20, 0, %(end)s FROM series ORDER BY series_id
"""
_HOURS = """
    INSERT INTO rollup_hour (series_id, hour, count, good, slots, mean, low, high, last)
    SELECT series_id, date_bin('1 hour', observed_at, '2000-01-01+00'), count(*), count(*), least(count(*), 6),
           avg(value), min(value), max(value), max(value)
      FROM reading GROUP BY 1, 2 ORDER BY 2, 1
"""
_YEAR_OF_HOURS = """
    INSERT INTO rollup_hour (series_id, hour, count, good, slots, mean, low, high, last)
    SELECT series_id, hour, 6, 6, 6, 600 + series_id %% 10, 500, 700, 600
      FROM generate_series(%(year)s::timestamptz, %(start)s::timestamptz - interval '1 hour', interval '1 hour') AS hour
     CROSS JOIN generate_series(1, %(year_series)s) AS series_id
"""
_DAYS = """
    INSERT INTO rollup_day (series_id, day, count, good, slots, hours, hours_valid, mean, low, high, last, rolled_at)
    SELECT series_id, (hour AT TIME ZONE 'Europe/Paris')::date, sum(count), sum(good), sum(slots), count(*), count(*),
           avg(mean), min(low), max(high), max(last), %(at)s
      FROM rollup_hour GROUP BY 1, 2 ORDER BY 2, 1
"""
_FORECASTS = """
    INSERT INTO forecast (series_id, issued_at, step_s, steps, history_until, fallback)
    SELECT series_id, %(end)s::timestamptz - interval '1 hour', 900, 24, %(end)s::timestamptz - interval '2 hours',
           'too_little_history'
      FROM generate_series(1, %(series)s) AS series_id
"""
_FORECAST_STEPS = """
    INSERT INTO forecast_step (series_id, issued_at, valid_at, p05, p10, p25, p50, p75, p90, p95, naive)
    SELECT series_id, issued_at, issued_at + step * interval '15 minutes', 1, 2, 3, 4, 5, 6, 7, 4
      FROM forecast CROSS JOIN generate_series(0, 23) AS step
"""
_EXPECTATIONS = """
    INSERT INTO expectation (series_id, issued_at, since, p05, p50, p95)
    SELECT series_id, issued_at,
           ARRAY(SELECT issued_at + step * interval '15 minutes' FROM generate_series(0, 4) AS step ORDER BY step),
           '{1,1,1,1,NULL}', '{4,4,4,4,NULL}', '{7,7,7,7,NULL}'
      FROM forecast
"""


def bytes_per_row(connection: Connection, relation: str) -> float:
    """Return what a row takes on disk with its share of the indexes, over all chunks or months of a relation."""
    row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()  # noqa: S608 - names of ours
    assert row is not None, "an aggregate returns a row"
    rows = int(row[0])
    extended = connection.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    of_hypertable = "SELECT hypertable_size(%(relation)s::regclass)"
    of_table = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(%(relation)s::regclass)"
    for statement in (of_table,) if extended is None else (of_hypertable, of_table):
        row = connection.execute(statement, {"relation": relation}).fetchone()
        if row is not None and row[0] is not None:
            return float(row[0]) / rows
    row = connection.execute("SELECT pg_total_relation_size(%s::regclass)", (relation,)).fetchone()
    assert row is not None, "a SELECT without FROM returns a row"
    return float(row[0]) / rows


def compress(connection: Connection) -> float:
    """Compress all that may be, as the policies would chunk by chunk; return how many seconds it took."""
    began = time.monotonic()
    for (chunk,) in connection.execute(_CHUNKS).fetchall():
        connection.execute("SELECT compress_chunk(%s::regclass)", (chunk,))
    connection.execute("VACUUM ANALYZE")
    return time.monotonic() - began
