"""The rules' rows: bounded by what is possible, told in the document, and true to real series."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core.columns import Floats, Ints
from core.metrics import METRICS, Nature
from core.quality.judge import judge
from core.quality.rule import QualityRule
from core.quality.rules import QUALITY_RULES
from core.quality.traces import HOUR_US, MINUTE_US, NEVER, Traces
from core.readings import Flag
from ingestors.replay import FILE_METRICS

UNTOLD = "what is possible is usual"
"""Why a metric is held to its physical bounds only."""
ROOT = Path(__file__).resolve().parents[4]
REAL_DATA = Path(os.environ.get("VIGIE_REAL_DATA_DIR", ROOT.parent / "shared" / "data"))


def test_every_metric_has_a_rule_within_its_physical_bounds() -> None:
    assert QUALITY_RULES.keys() == METRICS.keys()
    for name, rule in QUALITY_RULES.items():
        assert METRICS[name].low <= rule.low < rule.high <= METRICS[name].high
        assert rule.why


def test_a_rule_beyond_what_is_possible_is_refused() -> None:
    with pytest.raises(ValueError, match="humidity_ratio"):
        QualityRule("humidity_ratio", 0, 1.2, "relative humidity ends at 1")


def test_states_are_never_stuck() -> None:
    states = [name for name, metric in METRICS.items() if metric.nature is Nature.STATE]
    assert states
    assert [QUALITY_RULES[name].stuck_hours for name in states] == [None] * len(states)


def test_a_reach_is_bounded_whatever_the_interval() -> None:
    week_us = 7 * 24 * HOUR_US
    assert max(rule.reach(week_us) for rule in QUALITY_RULES.values()) <= 96 * HOUR_US
    assert QUALITY_RULES["co2_ppm"].reach(10 * MINUTE_US) == 6 * HOUR_US + 30 * MINUTE_US


def test_the_document_tells_the_rows_as_they_are() -> None:
    told = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
    for name, rule in QUALITY_RULES.items():
        lines = [line for line in told.splitlines() if line.startswith(f"| `{name}` |")]
        assert [rule.why in line for line in lines] == [True] * (rule.why != UNTOLD), name
        for figure in (rule.low, rule.high, rule.step, rule.spike, rule.stuck_hours, rule.calibration_days_max):
            if figure is not None and lines:
                assert f"{figure:,.10g}" in lines[0], (name, figure)


def real_series(folder: str, name: str, interval_us: int) -> tuple[Traces, list[str]]:
    """Return all series of a metric of the real data, in its stored unit, and their names."""
    polars = pytest.importorskip("polars")
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data in {REAL_DATA}: set VIGIE_REAL_DATA_DIR")
    rows = polars.concat(
        polars.read_parquet(file).select("time", polars.col("sensor_id").cast(polars.String), "metric", "value")
        for file in sorted((REAL_DATA / folder).glob("*.parquet"))
    )
    rows = rows.filter(polars.col("metric") == name).sort("sensor_id", "time")
    names = rows["sensor_id"].unique().sort().to_list()
    series: Ints = np.searchsorted(np.array(names), rows["sensor_id"].to_numpy().astype(str)).astype(np.int64)
    raw: Floats = rows["value"].to_numpy().astype(np.float64)
    if name in FILE_METRICS:
        raw = raw * FILE_METRICS[name].factor + FILE_METRICS[name].offset
    epoch_us = 946_684_800_000_000
    times: Ints = rows["time"].dt.epoch("us").to_numpy().astype(np.int64) - epoch_us
    ones = np.ones(len(raw), dtype=np.int64)
    plain, zero = np.ones(len(raw)), np.zeros(len(raw))
    return Traces(series, times, raw, plain, zero, NEVER * ones, interval_us * ones, 0 * ones), names


REAL = [
    ("indoor_air/robod", "co2_ppm", "co2_ppm", 5 * MINUTE_US),
    ("indoor_air/robod", "temperature_c", "temperature_c", 5 * MINUTE_US),
    ("indoor_air/robod", "humidity_pct", "humidity_ratio", 5 * MINUTE_US),
    ("indoor_air/robod", "pm25_ugm3", "pm25_ugm3", 5 * MINUTE_US),
    ("indoor_air/robod", "noise_dba", "noise_dba", 5 * MINUTE_US),
    ("indoor_air/ratp_chatelet", "co2_ppm", "co2_ppm", HOUR_US),
    ("indoor_air/ratp_chatelet", "no2_ugm3", "no2_ugm3", HOUR_US),
    ("outdoor_air/airparif_paris13", "no2_ugm3", "no2_ugm3", HOUR_US),
    ("outdoor_air/airparif_paris13", "o3_ugm3", "o3_ugm3", HOUR_US),
]


@pytest.mark.real_data
@pytest.mark.parametrize(("folder", "name", "metric", "interval_us"), REAL)
def test_good_series_are_not_accused(folder: str, name: str, metric: str, interval_us: int) -> None:
    traces, _ = real_series(folder, name, interval_us)
    flagged = judge(traces, QUALITY_RULES[metric]) != 0
    assert flagged.mean() < 1e-4


@pytest.mark.real_data
def test_the_car_parks_that_are_stuck_are_found_and_no_other() -> None:
    traces, names = real_series("parking/montpellier_garages", "free_spaces", HOUR_US)
    stuck = (judge(traces, QUALITY_RULES["vehicles_count"]) & int(Flag.STUCK)) != 0
    known = {"triangle", "polygone", "pitot", "gaumont-ouest", "gaumont-est", "gaumont-circe"}
    assert {names[number].removeprefix("mtp-") for number in np.unique(traces.series[stuck])} == known


@pytest.mark.real_data
def test_dead_counters_and_repeated_days_are_found_and_little_else() -> None:
    bikes, _ = real_series("mobility/paris_bike_counters", "bikes_per_hour", HOUR_US)
    dead = (judge(bikes, QUALITY_RULES["bikes_count"]) & int(Flag.STUCK)) != 0
    assert len(np.unique(bikes.series[dead])) == 4
    assert (bikes.raw[dead] == 0).all()
    loads, _ = real_series("energy/cambridge_estates", "electricity_kwh", HOUR_US)
    flags = judge(loads, QUALITY_RULES["power_kw"])
    repeated = (flags & int(Flag.STUCK)) != 0
    assert len(np.unique(loads.series[repeated])) == 11
    assert ((flags & int(Flag.SPIKE | Flag.STEP)) != 0).mean() < 1e-4
