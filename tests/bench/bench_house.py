"""Forecasts on real data: rolling-origin skill against the seasonal naive, coverage, seconds, and a peer beside.

Reads ``VIGIE_REAL_DATA_DIR`` (default ``../shared/data`` beside the repository). The method was tuned on Cambridge
electricity of 8 January to 4 June 2019; no Cambridge figure is judged on those months. The least size of a leaf in
hours was settled with a look at the CO2 figures below, which are therefore not wholly unseen.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent))
from figures import Figure

from core.clock import Window, floor_to_step
from core.metrics import metric_named
from models.backtest import Backtest, BacktestSettings, backtest, origins_of, table_of
from models.boosting import BoostingSettings
from models.history import History
from models.train import TrainingSettings

ROOT = Path(__file__).resolve().parents[2]
SKILL_TARGET = 0.10
COVERAGE_LOW, COVERAGE_HIGH = 0.75, 0.85


@dataclass(frozen=True, slots=True)
class Measure:
    """Real data of one metric to forecast.

    Parameters
    ----------
    files
        Under the data folder.
    column
        The metric's name in the files.
    metric
        Ours; the values are in its unit.
    window
        History before the test stretch, and the stretch.
    test_length
        The last part of the window.
    moved
        Added to the files' times, where people there live by another clock than Paris.
    """

    name: str
    files: tuple[str, ...]
    column: str
    metric: str
    window: Window
    test_length: timedelta
    moved: timedelta = timedelta(0)


def _window(first_test_day: datetime, history_days: int, test_days: int) -> Window:
    return Window(first_test_day - timedelta(days=history_days), first_test_day + timedelta(days=test_days))


_CAMBRIDGE = ("energy/cambridge_estates/buildings_2019_2022h1.parquet",)
_ROBOD = ("indoor_air/robod/room1_sep_oct2021.parquet", "indoor_air/robod/room2_sep_oct2021.parquet")
_WEEKS_4 = timedelta(days=28)
CAMBRIDGE = tuple(
    Measure(name, _CAMBRIDGE, "electricity_kwh", "power_kw", _window(first, 120, 28), _WEEKS_4)
    for name, first in (
        ("cambridge_autumn_2019", datetime(2019, 10, 7, tzinfo=UTC)),
        ("cambridge_spring_2022", datetime(2022, 5, 2, tzinfo=UTC)),
    )
)
"""Hourly kWh are mean kW of the hour. 120 days of history, then four weeks of 48-hour forecasts each midnight."""
OTHERS = (
    # Singapore is six hours ahead of Paris in summer: moved, its working day falls on the local hours of Paris.
    Measure(
        "robod_co2",
        _ROBOD,
        "co2_ppm",
        "co2_ppm",
        _window(datetime(2021, 9, 26, tzinfo=UTC), 19, 6),
        timedelta(days=6),
        timedelta(hours=6),
    ),
    Measure(
        "paris13_no2",
        ("outdoor_air/airparif_paris13/hourly_2017_2018.parquet",),
        "no2_ugm3",
        "no2_ugm3",
        _window(datetime(2018, 11, 1, tzinfo=UTC), 365, 56),
        timedelta(days=56),
    ),
)


def read_history(folder: Path, measure: Measure, series_max: int | None = None) -> History:
    """Return the measure's history on its metric's grid, as of the end of its window."""
    metric = metric_named(measure.metric)
    assert metric.plan is not None, "only forecast metrics are measured"
    step, start = metric.plan.step, floor_to_step(measure.window.start, metric.plan.step)
    rows = (
        pl.concat([pl.read_parquet(folder / file) for file in measure.files])
        .filter(pl.col("metric").cast(pl.String) == measure.column)
        .with_columns(time=pl.col("time") + measure.moved, sensor=pl.col("sensor_id").cast(pl.String))
        .filter((pl.col("time") >= start) & (pl.col("time") < measure.window.end))
        .with_columns(index=(pl.col("time") - start).dt.total_seconds() // int(step.total_seconds()))
        .group_by("sensor", "index")
        .agg(pl.col("value").cast(pl.Float64).mean())
    )
    sensors = sorted(rows["sensor"].unique().to_list())[:series_max]
    values = np.full((len(sensors), (measure.window.end - start) // step), np.nan)
    for row, sensor in enumerate(sensors):
        of_sensor = rows.filter(pl.col("sensor") == sensor)
        values[row, of_sensor["index"].to_numpy()] = of_sensor["value"].to_numpy()
    return History(metric, metric.plan, tuple(range(len(sensors))), start, measure.window.end, values)


def figures_of(name: str, result: Backtest, *, aimed: bool) -> list[Figure]:
    """Return the figures of one backtest; only an aimed one has targets."""
    judged = result.figures
    gain = judged.skill or 0.0
    covered = COVERAGE_LOW <= judged.coverage <= COVERAGE_HIGH
    return [
        Figure(f"{name}_skill", gain, "ratio", "higher", *((SKILL_TARGET, gain > SKILL_TARGET) if aimed else ())),
        Figure(f"{name}_coverage", judged.coverage, "ratio", "higher", *((COVERAGE_LOW, covered) if aimed else ())),
        Figure(f"{name}_naive_coverage", judged.coverage_naive, "ratio", "higher"),
        Figure(f"{name}_pinball", judged.pinball, result.unit, "lower"),
        Figure(f"{name}_mae", judged.absolute_error, result.unit, "lower"),
        Figure(f"{name}_fit", result.fit_s, "s", "lower"),
        Figure(f"{name}_predict", result.predict_s, "s", "lower"),
    ]


def _settings(measure: Measure, *, quick: bool, threads: int) -> BacktestSettings:
    boosting = (
        BoostingSettings(trees=60, learning_rate=0.12, threads=threads) if quick else BoostingSettings(threads=threads)
    )
    training = TrainingSettings(boosting=boosting, rows_max=40_000 if quick else 120_000)
    train_every = measure.test_length if quick else _WEEKS_4
    return BacktestSettings(test_length=measure.test_length, train_every=train_every, training=training)


def _peer_figures(measure: Measure, history: History, settings: BacktestSettings, ours: Backtest) -> list[Figure]:
    """Return what mlforecast makes of the same origins, or nothing where it is not installed."""
    if importlib.util.find_spec("mlforecast") is None:
        print("mlforecast is not installed (extra `bench`): no peer beside")
        return []
    from peer_mlforecast import peer_backtest  # noqa: PLC0415 # it needs mlforecast, which is optional

    peer = peer_backtest(history, origins_of(history, settings))
    print(
        f"peer mlforecast on {measure.name}: pinball {peer.pinball:.4g}, p10-p90 {peer.coverage:.3f}, "
        f"MAE {peer.absolute_error:.4g}, fit {peer.fit_s:.1f} s, predict {peer.predict_s:.1f} s"
    )
    ratio = ours.figures.pinball / peer.pinball
    return [
        Figure(f"{measure.name}_pinball_to_mlforecast", ratio, "ratio", "lower", 1.0, ratio < 1.0),
        Figure(f"{measure.name}_mlforecast_coverage", peer.coverage, "ratio", "higher"),
        Figure(f"{measure.name}_fit_to_mlforecast", ours.fit_s / peer.fit_s, "ratio", "lower"),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; return 0 when every target is met, 1 when one is missed, 2 when there is nothing to run on."""
    parser = argparse.ArgumentParser(prog="bench house", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer buildings, rows and trees; one Cambridge window")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument(
        "--threads", type=int, default=1, help="threads to train on; more than one only helps on idle cores"
    )
    arguments = parser.parse_args(argv)
    folder = Path(os.environ.get("VIGIE_REAL_DATA_DIR", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        print(f"no real data in {folder}: set VIGIE_REAL_DATA_DIR")
        return 2
    results, found = [], []
    aimed = CAMBRIDGE[:1] if arguments.quick else CAMBRIDGE
    for measure in (*aimed, *OTHERS):
        history = read_history(folder, measure, 8 if arguments.quick else None)
        settings = _settings(measure, quick=arguments.quick, threads=arguments.threads)
        result = backtest(history, settings)
        results.append(result)
        print(
            f"{measure.name}: {result.series} series, {history.length * history.plan.step // timedelta(days=1)} days, "
            f"{result.origins} origins from {result.first_origin:%Y-%m-%d} to {result.last_origin:%Y-%m-%d}, "
            f"fit {result.fit_s:.1f} s, predict {result.predict_s:.1f} s",
            flush=True,
        )
        found += figures_of(measure.name, result, aimed=measure in aimed)
        if measure is CAMBRIDGE[0] and not arguments.quick:
            found += _peer_figures(measure, history, settings, result)
    print(table_of(results))
    if arguments.json:
        print(json.dumps({"bench": "house", "figures": [figure.as_json() for figure in found]}))
    return 0 if all(figure.met is not False for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
