"""A contest says the same on one process and on several."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from core.clock import EPOCH
from core.metrics import metric_named
from models.backtest import BacktestSettings, Forecaster, Utterance, folds_of
from models.history import History
from models.yardsticks import YARDSTICKS, HouseNaive
from services.backtesting import Contest, run_contest


def test_processes_share_the_work_and_change_nothing() -> None:
    metric = metric_named("power_kw")
    assert metric.plan is not None
    values = np.random.default_rng(5).uniform(1, 9, (2, 30 * 24))
    history = History(metric, metric.plan, (1, 2), EPOCH, EPOCH + timedelta(days=30), values)
    folds = folds_of(history, BacktestSettings(timedelta(days=6), timedelta(days=1), timedelta(days=3)))
    forecasters: tuple[Forecaster, ...] = (HouseNaive(), YARDSTICKS["persistence"])
    contest = Contest(history, folds, forecasters)
    told: list[Utterance] = []
    alone, spread = run_contest(contest, 1, told.append), run_contest(contest, 2, told.append)
    assert contest.utterances == 4
    assert len(told) == 8
    assert [(one.forecaster, one.fold) for one in alone] == [(one.forecaster, one.fold) for one in spread]
    for one, other in zip(alone, spread, strict=True):
        np.testing.assert_array_equal(one.quantiles, other.quantiles)
