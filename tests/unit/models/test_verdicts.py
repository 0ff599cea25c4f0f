"""CRPS as OpenSTEF computes it, coverage, and verdicts by lead, series and regime."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from made_up_histories import history_of

from core.forecasts import QUANTILES
from models.backtest import BacktestSettings, Fold, Utterance, folds_of
from models.history import Floats, History
from models.regimes import Regime
from models.verdicts import CRPS_WEIGHTS, Hearing, losses_of


def heard(history: History, folds: tuple[Fold, ...], said: dict[str, Floats]) -> Hearing:
    utterances = [
        Utterance(name, folds[0], quantiles.astype(np.float32), 1.0, 2.0, 3.0) for name, quantiles in said.items()
    ]
    return Hearing.of(history, folds, utterances)


@pytest.fixture
def ramp() -> tuple[History, tuple[Fold, ...], Floats]:
    """Two series that climb, and forecasts 1 below to 1 above what came."""
    history = history_of(np.arange(10 * 24, dtype=float) * np.array([[1.0], [10.0]]))
    folds = folds_of(history, BacktestSettings(timedelta(days=4), timedelta(days=1)))
    truth = np.stack([history.values[:, at : at + history.plan.steps] for at in folds[0].origins])
    return history, folds, truth[..., None] + np.linspace(-1, 1, len(QUANTILES))


def test_the_weights_are_those_of_the_intervals_around_each_level() -> None:
    # openstef_beam.metrics.represented_interval_weights, 4.7.0, on our seven levels.
    np.testing.assert_allclose(CRPS_WEIGHTS, [0.075, 0.1, 0.2, 0.25, 0.2, 0.1, 0.075])


def test_crps_is_that_of_openstef() -> None:
    # openstef_beam.metrics.crps and rcrps(lower_quantile=0.01, upper_quantile=0.99), 4.7.0, on the same arrays.
    truth = np.array([100.0, 120.0, 110.0])
    quantiles = truth[::-1, None] + np.array([-8.0, -5.0, -2.0, 0.5, 3.0, 6.0, 9.0])
    crps = float(2 * CRPS_WEIGHTS @ losses_of(truth, quantiles).mean(axis=0))
    assert crps == pytest.approx(5.305833333333333)
    assert crps / np.diff(np.quantile(truth, [0.01, 0.99]))[0] == pytest.approx(0.27070578231292525)


def test_a_step_counts_where_all_spoke_and_the_truth_came(
    ramp: tuple[History, tuple[Fold, ...], Floats],
) -> None:
    history, folds, near = ramp
    silent = near.copy()
    silent[0, 0, :5] = np.nan
    first, second = heard(history, folds, {"near": near, "silent": silent}).verdicts()
    assert first.steps == second.steps == near[..., 0].size - 5
    assert first.pinball == pytest.approx(second.pinball)


def test_coverage_and_reliability(ramp: tuple[History, tuple[Fold, ...], Floats]) -> None:
    history, folds, near = ramp
    (verdict,) = heard(history, folds, {"near": near}).verdicts()
    assert verdict.coverage_80 == verdict.coverage_90 == 1
    assert verdict.below[:3] == (0, 0, 0)
    assert verdict.below[4:] == (1, 1, 1)
    (low,) = heard(history, folds, {"low": near - 2}).verdicts()
    assert low.coverage_90 == 0
    assert low.absolute_error == pytest.approx(2, rel=1e-3)


def test_the_relative_score_weighs_every_series_alike(ramp: tuple[History, tuple[Fold, ...], Floats]) -> None:
    history, folds, near = ramp
    hearing = heard(history, folds, {"near": near})
    (verdict,) = hearing.verdicts()
    by_series = [verdicts[0].rcrps for _, verdicts in hearing.by_series()]
    assert verdict.rcrps == pytest.approx(np.mean(by_series))
    assert by_series[0] == pytest.approx(10 * by_series[1], rel=1e-2)


def test_groups_hold_every_step_once(ramp: tuple[History, tuple[Fold, ...], Floats]) -> None:
    history, folds, near = ramp
    hearing = heard(history, folds, {"near": near})
    whole = hearing.verdicts()[0].steps
    for groups in (hearing.by_lead(), hearing.by_series(), hearing.by_regime()):
        assert sum(verdicts[0].steps for _, verdicts in groups) == whole
    assert [lead for lead, _ in hearing.by_lead()] == ["0", "1", "3", "6", "12", "24"]
    assert {regime for regime, _ in hearing.by_regime()} == set(Regime)


def test_a_series_that_never_moved_has_no_relative_score() -> None:
    history = history_of(np.full((1, 240), 3.0))
    folds = folds_of(history, BacktestSettings(timedelta(days=4), timedelta(days=1)))
    said = np.full((len(folds[0].origins), 1, history.plan.steps, len(QUANTILES)), 3.0)
    (verdict,) = heard(history, folds, {"right": said}).verdicts()
    assert verdict.pinball == 0
    assert np.isnan(verdict.rcrps)


def test_costs_are_those_of_all_folds() -> None:
    history = history_of(np.arange(20 * 24, dtype=float)[None])
    folds = folds_of(history, BacktestSettings(timedelta(days=8), timedelta(days=1), timedelta(days=4)))
    shape = (1, history.plan.steps, len(QUANTILES))
    said = [Utterance("one", fold, np.zeros((len(fold.origins), *shape), np.float32), 1.0, 2.0, 4.0) for fold in folds]
    cost = Hearing.of(history, folds, said).costs["one"]
    assert (cost.fit_s, cost.predict_s, cost.processor_s) == (2, 4, 8)
