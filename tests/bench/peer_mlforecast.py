"""A peer on the same origins: mlforecast, one global LightGBM, recursive, with conformal intervals.

Set up as its documentation does for hourly load (lags of hours, days and weeks, rolling means, date features, scaling
per series), fitted once at the first origin, its history renewed at each later one; on one thread, for its many tiny
predictions only wait for a second. It takes no gaps: they are filled forward for it, and judged nowhere.
Not tuned further; differencing by a week did worse here than the plain set-up.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import polars as pl

from core.forecasts import QUANTILES
from models.history import Floats, History
from models.scores import absolute_error, coverage, pinball

LEVELS = (50, 80, 90)
CONFORMAL_WINDOWS = 10


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """How the peer did; losses in the metric's unit."""

    pinball: float
    coverage: float
    absolute_error: float
    fit_s: float
    predict_s: float


def peer_backtest(history: History, origins: range) -> PeerFigures:
    """Fit the peer before the first origin and forecast every origin."""
    frame = _frame(history)
    began = perf_counter()
    model = _fitted(frame.filter(pl.col("index") < origins[0]), history.plan.steps)
    fit_s = perf_counter() - began
    began = perf_counter()
    quantiles = np.stack([_predict(model, frame.filter(pl.col("index") < origin), history) for origin in origins])
    predict_s = perf_counter() - began
    truth = np.stack([history.values[:, origin : origin + history.plan.steps] for origin in origins])
    known = np.isfinite(truth)
    return PeerFigures(
        pinball=pinball(truth[known], quantiles[known]),
        coverage=coverage(truth[known], quantiles[known]),
        absolute_error=absolute_error(truth[known], quantiles[known][:, QUANTILES.index(0.5)]),
        fit_s=fit_s,
        predict_s=predict_s,
    )


def _frame(history: History) -> pl.DataFrame:
    """Return the history in the peer's own long form, local time of the site, gaps filled."""
    times = [history.instant_of(index).replace(tzinfo=None) for index in range(history.length)]
    return pl.concat(
        [
            pl.DataFrame(
                {"unique_id": [row] * history.length, "ds": times, "y": values, "index": range(history.length)}
            ).with_columns(pl.col("y").fill_nan(None).forward_fill().backward_fill())
            for row, values in enumerate(history.values)
        ]
    )


def _fitted(frame: pl.DataFrame, steps: int) -> object:
    mlforecast, lightgbm = importlib.import_module("mlforecast"), importlib.import_module("lightgbm")
    lag_transforms = importlib.import_module("mlforecast.lag_transforms")
    target_transforms = importlib.import_module("mlforecast.target_transforms")
    utils = importlib.import_module("mlforecast.utils")
    model = mlforecast.MLForecast(
        models={"peer": lightgbm.LGBMRegressor(n_estimators=200, num_leaves=31, n_jobs=1, verbosity=-1)},
        freq="1h",
        lags=[1, 2, 3, 24, 48, 72, 144, 168, 336],
        lag_transforms={1: [lag_transforms.RollingMean(24), lag_transforms.RollingMean(168)]},
        date_features=["hour", "weekday"],
        target_transforms=[target_transforms.LocalStandardScaler()],
        num_threads=1,
    )
    intervals = utils.PredictionIntervals(n_windows=CONFORMAL_WINDOWS, h=steps)
    model.fit(frame.drop("index"), static_features=[], prediction_intervals=intervals)
    return model


def _predict(model: object, known: pl.DataFrame, history: History) -> Floats:
    """Return the peer's quantiles of every series from the end of ``known``, shape (series, steps, levels)."""
    ahead = model.predict(history.plan.steps, new_df=known.drop("index"), level=list(LEVELS))  # type: ignore[attr-defined] # untyped peer
    columns = [
        *(f"peer-lo-{level}" for level in reversed(LEVELS)),
        "peer",
        *(f"peer-hi-{level}" for level in LEVELS),
    ]
    quantiles = ahead.sort("unique_id", "ds").select(columns).to_numpy()
    return np.sort(quantiles.reshape(len(history.series_ids), history.plan.steps, len(QUANTILES)), axis=2)
