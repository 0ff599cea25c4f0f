from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.forecasts import QUANTILES, Forecast, ForecastStep
from models.scores import coverage, figures, pinball, score, skill

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FAN = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)


def forecast_of(*fans: tuple[float, ...], naive: float | None = 5.0) -> Forecast:
    steps = tuple(ForecastStep(NOON + at * HOUR, fan, naive) for at, fan in enumerate(fans))
    return Forecast(3, NOON, HOUR, NOON - HOUR, steps, model_id=9)


def test_pinball_is_the_mean_over_levels_by_hand() -> None:
    truth, quantiles = np.array([4.5]), np.array([FAN])
    by_hand = [(level if fan <= 4.5 else level - 1) * (4.5 - fan) for level, fan in zip(QUANTILES, FAN, strict=True)]
    assert pinball(truth, quantiles) == pytest.approx(np.mean(by_hand))


def test_coverage_counts_both_bounds_in() -> None:
    quantiles = np.array([FAN] * 4)
    assert coverage(np.array([2.0, 6.0, 1.99, 6.01]), quantiles) == 0.5


def test_skill_is_the_share_saved() -> None:
    assert skill(3.0, 4.0) == 0.25
    assert skill(5.0, 4.0) == -0.25
    assert skill(0.0, 0.0) is None


def test_a_step_whose_truth_is_missing_does_not_count() -> None:
    judged = score(forecast_of(FAN, FAN, FAN), {NOON: 4.0, NOON + HOUR: float("nan")})
    assert judged.steps == 1
    assert judged.absolute_error == 0
    assert judged.absolute_error_naive == 1
    assert judged.coverage == 1
    assert judged.model_id == 9


def test_no_truth_at_all_leaves_every_figure_missing() -> None:
    judged = score(forecast_of(FAN), {})
    assert judged.steps == 0
    assert judged.pinball is judged.coverage is judged.absolute_error is judged.pinball_naive is None


def test_no_naive_leaves_only_its_figures_missing() -> None:
    judged = score(forecast_of(FAN, naive=None), {NOON: 4.0})
    assert judged.pinball is not None
    assert judged.pinball_naive is None
    assert judged.absolute_error_naive is None


def test_the_naive_is_judged_by_its_own_quantiles_where_they_are_given() -> None:
    forecast = forecast_of(FAN)
    alone = score(forecast, {NOON: 4.0})
    fair = score(forecast, {NOON: 4.0}, replace(forecast, fallback="no_model", model_id=None))
    assert alone.pinball_naive == pytest.approx(0.5)
    assert fair.pinball_naive == fair.pinball


def test_figures_set_the_naive_beside() -> None:
    truth = np.array([4.0, 5.0])
    judged = figures(truth, np.array([FAN, FAN]), np.array([4.0, 7.0]), np.array([FAN, np.array(FAN) + 10]))
    assert judged.steps == 2
    assert judged.absolute_error == 0.5
    assert judged.absolute_error_naive == 1.0
    assert judged.coverage_naive == 0.5
    assert judged.skill is not None
    assert judged.skill > 0
