"""The store: how soon a chart, a year, all latest values and a model's history come, against the obvious SQL.

70 million generated readings, a month of 14,000 series, on the embedded PostgreSQL and, where VIGIE_TEST_SERVER names a
TimescaleDB, on it before and after compression. Latencies are taken at a client in this process, rows and all, over
randomly chosen series; each reference is taken in the same run on the same rows.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent))
from figures import Figure, at_least, below, tell
from store_late import late_beside_aggregate, late_figures
from store_place import FULL, QUICK, Place, Size, bytes_per_row, compress, place

from core.clock import Window
from core.store.arrow import opened_arrow
from core.store.history import Selection, read_history
from core.store.latest import read_latest
from core.store.pool import Connection, connected
from core.store.readings import read_readings
from core.store.rollups import read_hours

WEEK, YEAR, DAY = timedelta(days=7), timedelta(days=365), timedelta(days=1)
LOOKS, SLOW_LOOKS = 200, 3
SERIES_SEED = 5
WEEK_P95_MS = {"plain": 20.0, "compressed": 3.0}
YEAR_P95_MS, LATEST_P95_MS, ARROW_ROWS_PER_S = 20.0, 100.0, 1_000_000.0
Say = Callable[[str], None]
Look = Callable[[int], Any]

# As one writes it who has one table, and a question.
_OBVIOUS_WEEK = """
    SELECT observed_at, value FROM unindexed
     WHERE series_id = %s AND observed_at >= %s AND observed_at < %s ORDER BY observed_at
"""
_BARE_WEEK = """
    SELECT observed_at, value FROM reading
     WHERE series_id = %s AND observed_at >= %s AND observed_at < %s ORDER BY observed_at
"""
_OBVIOUS_HOURS = """
    SELECT date_trunc('hour', observed_at), avg(value), min(value), max(value) FROM reading
     WHERE series_id = %s GROUP BY 1 ORDER BY 1
"""
_OBVIOUS_LATEST = """
    SELECT DISTINCT ON (series_id) series_id, observed_at, value FROM reading ORDER BY series_id, observed_at DESC
"""
_OBVIOUS_DAY = """
    SELECT series_id, observed_at, value, quality, flags, received_at
      FROM reading JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
     WHERE commune_insee = %s AND observed_at >= %s AND observed_at < %s ORDER BY series_id, observed_at
"""


def milliseconds(look: Look, over: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return how long each look took; the first tenth again at the end, since it found nothing prepared."""
    taken = []
    for number in (*over, *over[: len(over) // 10]):
        began = time.perf_counter()
        look(number)
        taken.append((time.perf_counter() - began) * 1_000)
    return np.array(taken[len(over) // 10 :])


def p95(look: Look, over: Sequence[int]) -> float:
    """Return the 95th percentile of how long looks took, in milliseconds."""
    return float(np.percentile(milliseconds(look, over), 95))


def read_figures(found: Place, name: str, connection: Connection) -> list[Figure]:
    """Measure a week of one series, also as of an instant, and a year of hours."""
    chosen = np.random.default_rng(SERIES_SEED)
    series = (chosen.choice(found.size.series, LOOKS, replace=False) + 1).tolist()
    year_series = (chosen.choice(found.size.year_series, LOOKS // 2, replace=False) + 1).tolist()
    week, year = Window.ending(found.month.end, WEEK), Window.ending(found.month.end, YEAR)
    as_of = found.month.end - timedelta(days=1)
    bare = connection.cursor(binary=True)

    def bare_week(one: int) -> int:
        return len(bare.execute(_BARE_WEEK, (one, week.start, week.end)).fetchall())

    figures = [
        below(f"{name}_week_p95", p95(lambda one: read_readings(connection, one, week), series), "ms", _week(name)),
        Figure(f"{name}_week_bare_sql_p95", p95(bare_week, series), "ms", "lower"),
        Figure(
            f"{name}_week_as_of_p95",
            p95(lambda one: read_readings(connection, one, week, as_of=as_of), series),
            "ms",
            "lower",
        ),
        below(f"{name}_year_p95", p95(lambda one: read_hours(connection, one, year), year_series), "ms", YEAR_P95_MS),
    ]
    hours = p95(lambda one: connection.execute(_OBVIOUS_HOURS, (one,)).fetchall(), series[:20])
    return [*figures, Figure(f"{name}_month_of_hours_from_readings_p95", hours, "ms", "lower")]


def _week(name: str) -> float:
    return WEEK_P95_MS["compressed" if name == "timescale" else "plain"]


def latest_figures(name: str, connection: Connection) -> list[Figure]:
    """Measure the newest value of all sensors, from the relation that keeps them and from the readings."""
    kept = p95(lambda _: read_latest(connection), range(20))
    obvious = milliseconds(lambda _: connection.execute(_OBVIOUS_LATEST).fetchall(), range(SLOW_LOOKS)).mean()
    return [
        below(f"{name}_latest_of_all_p95", kept, "ms", LATEST_P95_MS),
        Figure(f"{name}_latest_from_readings_to_ours", obvious / kept, "ratio", "higher"),
    ]


def arrow_figures(found: Place, name: str, connection: Connection) -> list[Figure]:
    """Measure one commune's day, and a day of all, as Arrow; and the commune's day row by row."""
    day = Window.ending(found.month.end, DAY)
    row = connection.execute("SELECT min(commune_insee) FROM site WHERE code = 'bench'").fetchone()
    assert row is not None, "an aggregate returns a row"
    commune = str(row[0])
    with opened_arrow(found.url) as arrow:

        def rows_of(selection: Selection) -> int:
            return sum(batch.num_rows for batch in read_history(arrow, selection, day))

        def rate(look: Callable[[], int]) -> float:
            rates = []
            for _ in range(5):
                began = time.perf_counter()
                rates.append(look() / (time.perf_counter() - began))
            return float(np.median(rates))

        of_commune = rate(lambda: rows_of(Selection(communes=(commune,))))
        of_all = rate(lambda: rows_of(Selection()))
    bare = connection.cursor(binary=True)
    by_row = rate(lambda: len(bare.execute(_OBVIOUS_DAY, (commune, day.start, day.end)).fetchall()))
    return [
        at_least(f"{name}_commune_day_arrow", of_commune, "rows/s", ARROW_ROWS_PER_S),
        at_least(f"{name}_day_of_all_arrow", of_all, "rows/s", ARROW_ROWS_PER_S),
        Figure(f"{name}_commune_day_arrow_to_row_by_row", of_commune / by_row, "ratio", "higher"),
    ]


def unindexed_figures(found: Place, name: str, connection: Connection, ours: float) -> list[Figure]:
    """Measure a week of one series on the same rows without an index."""
    connection.execute("CREATE UNLOGGED TABLE unindexed AS SELECT * FROM reading")
    week = Window.ending(found.month.end, WEEK)
    taken = milliseconds(
        lambda one: connection.execute(_OBVIOUS_WEEK, (one + 1, week.start, week.end)).fetchall(), range(SLOW_LOOKS)
    )
    connection.execute("DROP TABLE unindexed")
    return [
        Figure(f"{name}_week_unindexed", float(taken.mean()), "ms", "lower"),
        Figure(f"{name}_week_unindexed_to_ours", float(taken.mean()) / ours, "ratio", "higher"),
    ]


def size_figures(name: str, connection: Connection) -> list[Figure]:
    """Measure what a row takes, with its share of the indexes, in each relation that grows for ever."""
    return [
        Figure(f"{name}_{relation}_bytes_per_row", bytes_per_row(connection, relation), "bytes", "lower")
        for relation in ("reading", "rollup_hour", "rollup_day", "forecast_step")
    ]


def value_of(figures: Sequence[Figure], name: str) -> float:
    """Return the value of the figure of this name."""
    return next(one.value for one in figures if one.name == name)


def measure_plain(found: Place, say: Say) -> list[Figure]:
    """Measure on months of plain PostgreSQL."""
    with connected(found.url) as connection:
        connection.autocommit = True
        say("plain: a week, a year, latest, a day as Arrow")
        figures = [
            *size_figures("plain", connection),
            *read_figures(found, "plain", connection),
            *latest_figures("plain", connection),
            *arrow_figures(found, "plain", connection),
        ]
        say("plain: without an index")
        figures += unindexed_figures(found, "plain", connection, value_of(figures, "plain_week_p95"))
        say("plain: late readings over a year")
        return figures + late_figures(found, "plain")


def measure_timescale(found: Place, say: Say) -> list[Figure]:
    """Measure on TimescaleDB, as it comes in and compressed."""
    with connected(found.url) as connection:
        connection.autocommit = True
        say("timescale: before compression")
        figures = [*size_figures("uncompressed", connection), *read_figures(found, "uncompressed", connection)]
        say("timescale: compressing")
        took_s = compress(connection)
        say("timescale: a week, a year, latest, a day as Arrow")
        figures += [
            *size_figures("timescale", connection),
            Figure("timescale_compressed_in", took_s, "s", "lower"),
            *read_figures(found, "timescale", connection),
            *latest_figures("timescale", connection),
            *arrow_figures(found, "timescale", connection),
        ]
        for measured in ("week_p95", "reading_bytes_per_row"):
            ratio = value_of(figures, f"uncompressed_{measured}") / value_of(figures, f"timescale_{measured}")
            figures.append(Figure(f"timescale_{measured}_uncompressed_to_ours", ratio, "ratio", "higher"))
        say("timescale: late readings over a year")
        return figures + late_beside_aggregate(found)


def run(size: Size, say: Say) -> list[Figure]:
    """Build and measure on each engine at hand, one after the other."""
    engines = {"plain": measure_plain}
    if "VIGIE_TEST_SERVER" in os.environ:
        engines["timescale"] = measure_timescale
    else:
        say("VIGIE_TEST_SERVER names no TimescaleDB: plain PostgreSQL only")
    figures: list[Figure] = []
    for engine, measure in engines.items():
        folder = Path(tempfile.mkdtemp(prefix="vigie-bench-"))
        try:
            say(f"{engine}: building {size.rows:,} readings of {size.series:,} series")
            began = time.monotonic()
            with place(engine, folder, size) as found:
                built_s = time.monotonic() - began
                say(f"{engine}: built in {built_s:.0f} s")
                figures += measure(found, say)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return figures


def main() -> None:
    """Run the bench and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1.4 million readings: for a look, not for a figure")
    parser.add_argument("--json", action="store_true", help="print nothing but one line of JSON")
    arguments = parser.parse_args()
    say: Say = (lambda _: None) if arguments.json else (lambda text: print(f"  {text}", flush=True))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    tell("store", run(QUICK if arguments.quick else FULL, say), as_json_only=arguments.json)


if __name__ == "__main__":
    main()
