"""Bins: forecast as if nobody emptied them, by what comes in, whoever empties them when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from core.forecasts import QUANTILES
from core.metrics import metric_named
from models.boosting import BoostingSettings
from models.features.rows import Rows, rows_of_origin
from models.features.table import FEATURE_NAMES, feature_table
from models.forecaster import Fallback, outlook
from models.history import Floats, History
from models.naive import naive_forecast
from models.outcomes import outcomes
from models.train import TrainedModel, TrainingSettings, train

START = datetime(2026, 3, 2, tzinfo=UTC)
FILL = metric_named("fill_ratio")
DAYS = 42
SMALL = TrainingSettings(boosting=BoostingSettings(trees=20, leaves=15, learning_rate=0.2, threads=1), rows_max=6_000)


def bins(count: int = 4, days: int = DAYS, seed: int = 1) -> Floats:
    """Return levels of bins that fill by day, some days more than others, and are emptied at any time."""
    random = np.random.default_rng(seed)
    hour, day = np.arange(days * 24) % 24, np.arange(days * 24) // 24
    busy = np.where((hour >= 8) & (hour < 20), 0.010, 0.001) * random.uniform(0.2, 2.0, days)[day]
    levels = np.empty((count, days * 24))
    for bin_ in range(count):
        level = 0.2 * bin_
        for step in range(days * 24):
            if level > 0.75 and random.random() < 0.1:
                level = 0.0
            level = min(level + busy[step] * random.uniform(0.5, 1.5), 1.0)
            levels[bin_, step] = level
    return levels.round(3)


def history_of(levels: Floats) -> History:
    assert FILL.plan is not None
    end = START + levels.shape[1] * FILL.plan.step
    return History(FILL, FILL.plan, tuple(range(len(levels))), START, end, levels)


def model() -> TrainedModel:
    return train(history_of(bins()), SMALL)


def test_the_naive_adds_last_week_s_inflow_to_the_level_of_now() -> None:
    levels = bins()
    known = history_of(levels)
    said = naive_forecast(known)
    assert said.point.shape == (4, 168)
    assert np.isfinite(said.quantiles).all()
    assert (np.diff(said.point, axis=1) >= -0.15 - 1e-9).all(), "nobody is thought to empty it"
    assert (said.quantiles >= np.minimum(levels[:, -1:, None], 1.0) - 1e-9).all()
    emptied = levels.copy()
    emptied[:, -1] = 0.0
    fresh = naive_forecast(history_of(emptied))
    assert (fresh.point[:, 0] < 0.1).all()


def test_levels_are_forecast_as_if_nobody_emptied_them_and_better_than_the_naive() -> None:
    levels = bins(days=DAYS + 7)
    known = history_of(levels[:, : DAYS * 24])
    trained = train(known, SMALL)
    assert trained.card["validation"]["skill"] > 0
    ahead = outlook(known, trained)
    assert ahead.fallbacks == (None,) * 4
    whole = history_of(levels)
    came = outcomes(whole, rows_of_origin(whole, DAYS * 24)).reshape(4, 168)
    median = ahead.quantiles[..., QUANTILES.index(0.5)]
    assert np.nanmean(np.abs(median - came)) < 0.1
    assert (np.diff(ahead.quantiles, axis=1) >= 0).all(), "nobody is thought to empty it"
    assert (ahead.quantiles >= 0).all()
    assert (ahead.quantiles <= 1).all()


def test_a_silent_bin_is_left_to_the_naive_which_knows_no_level() -> None:
    levels = bins()
    levels[0, -30:] = np.nan
    ahead = outlook(history_of(levels), model())
    assert ahead.fallbacks[0] is Fallback.STALE_HISTORY
    assert ahead.fallbacks[1] is None


def test_nothing_from_after_the_origin_is_in_the_features_of_a_bin() -> None:
    levels = bins()
    origin = 20 * 24
    rows = rows_of_origin(history_of(levels), origin)
    shuffled = levels.copy()
    shuffled[:, origin:] = np.random.default_rng(2).random((4, levels.shape[1] - origin))
    table, other = (feature_table(history_of(values), rows) for values in (levels, shuffled))
    assert np.array_equal(table.matrix, other.matrix, equal_nan=True)
    assert np.array_equal(table.base, other.base)


def test_a_row_begins_at_the_newest_level_it_knows_and_tells_when_it_was_emptied() -> None:
    levels = np.full((1, 30 * 24), np.nan)
    levels[0] = 0.4 + 0.0005 * np.arange(30 * 24)
    levels[0, 500:] = 0.05 + 0.0005 * np.arange(30 * 24 - 500)
    known = history_of(levels)
    origin = np.array([510])
    row = Rows.at(np.array([0]), origin, np.array([5]))
    table = feature_table(known, row)
    assert table.base.tolist() == [levels[0, 509]]
    told = dict(zip(FEATURE_NAMES, table.matrix[0].tolist(), strict=True))
    assert told["emptied_h"] == 10
    assert abs(told["level_now"] - levels[0, 509]) < 1e-6
    late = replace(row, known=np.array([508]))
    assert feature_table(known, late).base.tolist() == [levels[0, 507]]
