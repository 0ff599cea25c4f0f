"""The real series of the alarm bench, judged as the platform judges them, as tracks.

Reads ``VIGIE_REAL_DATA_DIR`` (default ``../shared/data`` beside the repository).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from core.alarms import Condition
from core.clock import EPOCH
from core.columns import Floats, Ints
from core.metrics import expected_interval
from core.places import SensorKind
from core.quality.judge import judge, qualities
from core.quality.rules import QUALITY_RULES
from core.quality.traces import DAY_US, HOUR_US, Traces
from ingestors.replay import FILE_METRICS
from services.alarms.rhythm import LEARN_US, Rhythm, learn
from services.alarms.track import Track

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("VIGIE_REAL_DATA_DIR", ROOT.parent / "shared" / "data"))
WEEK_HOURS = 168
EXPECTED_WEEKS, EXPECTED_WEEKS_MIN = 8, 5
"""What is expected of a load here: p05 to p95 of the same hour of the week, in the eight weeks before."""


@dataclass(frozen=True)
class Place:
    """One data set.

    Parameters
    ----------
    interval_s
        How often its sensors say that they speak; None: as the metric expects.
    moved_us
        Added to the times, so that a working day of elsewhere falls on the local hours of Paris.
    metrics
        Metrics of the files that `ingestors.replay.FILE_METRICS` does not know, by the stored metric that stands in.
    only
        Conditions that its series can say anything of.
    """

    name: str
    folder: str
    kind: SensorKind
    interval_s: int | None = None
    moved_us: int = 0
    metrics: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()
    only: frozenset[Condition] = frozenset(Condition)


PLACES = (
    Place(
        "Montpellier, car parks",
        "parking/montpellier_garages",
        SensorKind.COUNTER,
        metrics=(("free_spaces", "vehicles_count"),),
    ),
    Place("ROBOD, two rooms", "indoor_air/robod", SensorKind.INDOOR_AIR, 300, 6 * HOUR_US),
    Place(
        "Cambridge, buildings",
        "energy/cambridge_estates",
        SensorKind.METER,
        3_600,
        left_out=("temperature_c", "humidity_pct"),
    ),
    Place("RATP, underground station", "indoor_air/ratp_chatelet", SensorKind.INDOOR_AIR, 3_600),
    Place("Paris, bicycle counters", "mobility/paris_bike_counters", SensorKind.COUNTER, 3_600),
    Place("Airparif, Paris 13", "outdoor_air/airparif_paris13", SensorKind.OUTDOOR_AIR, 3_600),
    Place("London, Marylebone Road", "outdoor_air/london_marylebone", SensorKind.OUTDOOR_AIR, 3_600),
    Place(
        "London, three sites",
        "outdoor_air/london_4sites_2009",
        SensorKind.OUTDOOR_AIR,
        3_600,
        left_out=("temperature_c",),
    ),
    Place(
        "Edinburgh, bins (one reading an emptying)",
        "bins/edinburgh_enevo",
        SensorKind.BIN,
        2 * 86_400,
        left_out=("weight_kg",),
        only=frozenset({Condition.SILENCE}),
    ),
)


@dataclass(frozen=True, eq=False)
class Line:
    """One series of a data set: whose it is, and its track."""

    sensor: str
    kind: SensorKind
    track: Track


def lines_of(place: Place) -> list[Line]:
    """Return the series of a data set, judged, with what was expected of loads and the rhythm as it was learnt."""
    rows = _rows(place)
    end_us = int(rows["time"].max())  # type: ignore[arg-type]  # a column of integers
    return [
        Line(sensor, place.kind, _track(place, metric, end_us, (times, values)))
        for sensor, metric, times, values in _series(rows)
    ]


def _rows(place: Place) -> pl.DataFrame:
    known = {name: (one.metric, one.factor, one.offset, one.zero_is_missing) for name, one in FILE_METRICS.items()}
    known |= {name: (metric, 1.0, 0.0, False) for name, metric in place.metrics}
    frames = [
        pl.scan_parquet(file)
        .select("time", pl.col("sensor_id").cast(pl.String), pl.col("metric").cast(pl.String), "value")
        .filter(pl.col("metric").is_in([name for name in known if name not in place.left_out]))
        for file in sorted((DATA / place.folder).glob("*.parquet"))
    ]
    rows = pl.concat(frames).collect()
    epoch_us = int(EPOCH.timestamp()) * 1_000_000
    parts = [
        part.filter((pl.col("value") != 0) | (not known[name][3])).select(
            (pl.col("time").dt.epoch("us") - epoch_us + place.moved_us).alias("time"),
            "sensor_id",
            pl.lit(known[name][0]).alias("metric"),
            (pl.col("value").cast(pl.Float64) * known[name][1] + known[name][2]).alias("value"),
        )
        for (name,), part in rows.group_by("metric", maintain_order=True)
    ]
    return pl.concat(parts).unique(["sensor_id", "metric", "time"], keep="first").sort("sensor_id", "metric", "time")


def _series(rows: pl.DataFrame) -> Iterator[tuple[str, str, Ints, Floats]]:
    for (sensor, metric), part in rows.group_by("sensor_id", "metric", maintain_order=True):
        yield str(sensor), str(metric), part["time"].to_numpy().astype(np.int64), part["value"].to_numpy()


def _track(place: Place, metric: str, end_us: int, series: tuple[Ints, Floats]) -> Track:
    times, values = series
    interval_us = round(expected_interval(metric, place.interval_s).total_seconds()) * 1_000_000
    return rhythmic(judged(metric, interval_us, times, values), end_us)


def judged(metric: str, interval_us: int, times: Ints, values: Floats) -> Track:
    """Return readings with the quality that the platform gives them, and what was expected where they are a load."""
    rule = QUALITY_RULES[metric]
    traces = Traces.plain(times, values, interval_us)
    flags = judge(traces, rule)
    track = Track(metric, times, values, qualities(traces, flags, rule), flags, interval_us, int(times[-1]))
    return expected(track) if metric == "power_kw" else track


def rhythmic(track: Track, end_us: int) -> Track:
    """Return a track with the rhythm that each night learnt from the four weeks before, up to an end."""
    nights = np.arange(track.observed[0] // DAY_US + 1, end_us // DAY_US + 1) * DAY_US
    since: list[int] = []
    after: list[int] = []
    for night in nights.tolist():
        first, last = np.searchsorted(track.observed, [night - LEARN_US, night])
        found = learn(track.observed[first:last], track.interval_us)
        if found is not None and (not after or after[-1] != found.silent_after_us):
            since.append(night)
            after.append(found.silent_after_us)
    return replace(track, end_us=end_us, rhythm=Rhythm(np.array(since, np.int64), np.array(after, np.int64)))


def expected(track: Track) -> Track:
    """Return a track of hours with what the eight weeks before make expect: a stand-in for a forecast."""
    hours = track.observed // HOUR_US
    first = int(hours[0])
    grid = np.full(int(hours[-1]) - first + 1, np.nan)
    grid[hours - first] = track.value
    past = np.full((EXPECTED_WEEKS, len(grid)), np.nan)
    for week in range(1, EXPECTED_WEEKS + 1):
        past[week - 1, week * WEEK_HOURS :] = grid[: max(len(grid) - week * WEEK_HOURS, 0)]
    ordered = np.sort(past, axis=0)
    count = np.isfinite(past).sum(axis=0)
    low, high = _quantile(ordered, count, 0.05), _quantile(ordered, count, 0.95)
    return replace(track, expected_low=low[hours - first], expected_high=high[hours - first])


def _quantile(ordered: Floats, count: Ints, level: float) -> Floats:
    """Return a quantile of the known values of each column, which are its first; NaN where they are too few."""
    place = level * np.maximum(count - 1, 0)
    below = np.floor(place).astype(np.int64)
    columns = np.arange(ordered.shape[1])
    lower, upper = ordered[below, columns], ordered[np.minimum(below + 1, np.maximum(count - 1, 0)), columns]
    return np.where(count >= EXPECTED_WEEKS_MIN, lower + (place - below) * (upper - lower), np.nan)


def sensor_months(lines: list[Line]) -> float:
    """Return for how many months sensors were heard: each from its first reading to its last, months of 30 days."""
    spans: dict[str, tuple[int, int]] = {}
    for line in lines:
        first, last = spans.get(line.sensor, (2**62, 0))
        spans[line.sensor] = (min(first, int(line.track.observed[0])), max(last, int(line.track.observed[-1])))
    return sum(last - first for first, last in spans.values()) / (30 * DAY_US)
