"""What forecasts are judged by: pinball loss, coverage, absolute error, skill against the naive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sklearn.metrics import mean_absolute_error, mean_pinball_loss

from core.forecasts import QUANTILES, Forecast, Score
from models.history import Floats

_LOW, _MEDIAN, _HIGH = (QUANTILES.index(level) for level in (0.10, 0.50, 0.90))


def pinball(truth: Floats, quantiles: Floats) -> float:
    """Return the mean pinball loss over rows and levels, in the unit of ``truth``; rows all known.

    Twice it, over ever finer levels, is the continuous ranked probability score.
    """
    losses = [mean_pinball_loss(truth, quantiles[:, at], alpha=level) for at, level in enumerate(QUANTILES)]
    return float(np.mean(losses))


def coverage(truth: Floats, quantiles: Floats) -> float:
    """Return the share of rows whose truth lies in [p10, p90]; 0.8 is promised."""
    return float(np.mean((quantiles[:, _LOW] <= truth) & (truth <= quantiles[:, _HIGH])))


def absolute_error(truth: Floats, point: Floats) -> float:
    """Return the mean absolute error of a point forecast, in the unit of ``truth``."""
    return float(mean_absolute_error(truth, point))


def skill(loss: float, yardstick: float) -> float | None:
    """Return the share of the yardstick's loss that is saved: 0 no better, 1 perfect; None where it lost nothing."""
    return 1 - loss / yardstick if yardstick > 0 else None


@dataclass(frozen=True, slots=True)
class Figures:
    """How forecasts of many steps turned out, beside the naive of the same steps; losses in the metric's unit.

    Parameters
    ----------
    steps
        Steps whose truth came and that the naive spoke of.
    skill
        Pinball saved against the naive and its own quantiles; None where the naive lost nothing.
    coverage, coverage_naive
        Share of truths in [p10, p90].
    """

    steps: int
    pinball: float
    pinball_naive: float
    skill: float | None
    coverage: float
    coverage_naive: float
    absolute_error: float
    absolute_error_naive: float


def figures(truth: Floats, quantiles: Floats, naive: Floats, naive_quantiles: Floats) -> Figures:
    """Judge many steps at once; every row known."""
    loss, yardstick = pinball(truth, quantiles), pinball(truth, naive_quantiles)
    return Figures(
        steps=len(truth),
        pinball=loss,
        pinball_naive=yardstick,
        skill=skill(loss, yardstick),
        coverage=coverage(truth, quantiles),
        coverage_naive=coverage(truth, naive_quantiles),
        absolute_error=absolute_error(truth, quantiles[:, _MEDIAN]),
        absolute_error_naive=absolute_error(truth, naive),
    )


def score(forecast: Forecast, truth: Mapping[datetime, float], yardstick: Forecast | None = None) -> Score:
    """Judge one forecast by what came; steps whose truth is missing do not count.

    Parameters
    ----------
    forecast
        As it was issued, with its steps.
    truth
        The value of each step by its start, in the metric's unit.
    yardstick
        The naive forecast of the same steps with its own quantiles. Without it, the naive value that the forecast
        carries is judged as if all its quantiles were that value, which is kinder to the forecast.
    """
    naive_of = {step.valid_at: step.quantiles for step in yardstick.steps} if yardstick else {}
    came = [step for step in forecast.steps if np.isfinite(truth.get(step.valid_at, np.nan))]
    if not came:
        return Score(forecast.series_id, forecast.issued_at, 0, None, None, None, None, None, forecast.model_id)
    values = np.array([truth[step.valid_at] for step in came])
    quantiles = np.array([step.quantiles for step in came])
    beside = [step for step in came if step.naive is not None]
    beside_values = np.array([truth[step.valid_at] for step in beside])
    naive = np.array([step.naive for step in beside], dtype=np.float64)
    naive_quantiles = np.array([naive_of.get(step.valid_at, (step.naive,) * len(QUANTILES)) for step in beside])
    return Score(
        series_id=forecast.series_id,
        issued_at=forecast.issued_at,
        steps=len(came),
        pinball=pinball(values, quantiles),
        pinball_naive=pinball(beside_values, naive_quantiles.astype(np.float64)) if beside else None,
        absolute_error=absolute_error(values, quantiles[:, _MEDIAN]),
        absolute_error_naive=absolute_error(beside_values, naive) if beside else None,
        coverage=coverage(values, quantiles),
        model_id=forecast.model_id,
    )
