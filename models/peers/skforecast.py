"""skforecast: one recursive LightGBM over all series, with its conformal intervals from residuals out of sample.

Set up as its user guides do: lags, rolling means and calendar features, series scaled and encoded by number, the
weather as exogenous variables; fitted without the last four weeks, whose errors of whole horizons make the intervals
(`set_out_sample_residuals`, by bins of the predicted value), then fitted again on everything.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from core.errors import ShortHistory
from core.forecasts import QUANTILES
from models.history import Floats, History
from models.peers.frame import filled, known_weather

LEVELS = (0.5, 0.8, 0.9)
CALIBRATION = timedelta(days=28)
CALIBRATION_SHARE = 4
"""The calibration is a quarter of a history shorter than sixteen weeks."""
LAG_HOURS = (1, 2, 3, 23, 24, 25, 48, 72, 144, 167, 168, 169, 336)
SHORT_LAG_STEPS = (1, 2, 3, 6, 12)


@dataclass(frozen=True, slots=True)
class SkforecastPeer:
    """The peer, unfitted."""

    name: str = "skforecast"

    def fit(self, history: History) -> FittedSkforecast:
        """Fit it on the whole history, its intervals on the last weeks.

        Raises
        ------
        ShortHistory
            If its lags and its calibration need more.
        """
        lags = _lags_of(history)
        steps = history.plan.steps
        held_out = min(CALIBRATION // history.plan.step, history.length // CALIBRATION_SHARE) // steps * steps
        if held_out < steps or history.length - held_out < 2 * max(lags):
            raise ShortHistory(f"skforecast needs more than {history.length} steps for its lags and intervals")
        early = history.until(history.instant_of(history.length - held_out))
        forecaster = _forecaster(history, lags)
        series, outside = _frames(history)
        rehearsal_series, rehearsal_outside = _frames(early)
        forecaster.fit(series=rehearsal_series, exog=rehearsal_outside, suppress_warnings=True)
        truth, said = history.values[:, -held_out:], _rehearsed(forecaster, history, held_out)
        forecaster.fit(series=series, exog=outside, suppress_warnings=True)
        known = {name: np.isfinite(truth[row]) for row, name in enumerate(said)}
        forecaster.set_out_sample_residuals(
            {name: truth[row, known[name]] for row, name in enumerate(said) if known[name].any()},
            {name: told[known[name]] for name, told in said.items() if known[name].any()},
        )
        return FittedSkforecast(forecaster)


@dataclass(frozen=True, slots=True, eq=False)
class FittedSkforecast:
    """The peer, fitted."""

    forecaster: Any

    def quantiles(self, history: History) -> Floats:
        """Return its point and its conformal intervals as our quantiles."""
        columns: dict[str, Floats] = {}
        for level in LEVELS:
            said = _ask(self.forecaster, history, "predict_interval", interval=level, use_in_sample_residuals=False)
            low, high = f"p{round(50 - 50 * level):02}", f"p{round(50 + 50 * level):02}"
            columns |= {low: said["lower_bound"], "p50": said["pred"], high: said["upper_bound"]}
        ordered = [columns[f"p{round(100 * level):02}"] for level in QUANTILES]
        return np.sort(np.stack(ordered, axis=2), axis=2)


def _lags_of(history: History) -> list[int]:
    per_hour = history.steps_per_hour
    lags = {hours * per_hour for hours in LAG_HOURS if hours * per_hour * 4 <= history.length}
    return sorted(lags | set(SHORT_LAG_STEPS) if per_hour > 1 else lags)


def _forecaster(history: History, lags: list[int]) -> Any:
    lightgbm, scalers = importlib.import_module("lightgbm"), importlib.import_module("sklearn.preprocessing")
    preprocessing = importlib.import_module("skforecast.preprocessing")
    recursive = importlib.import_module("skforecast.recursive")
    windows = [hours * history.steps_per_hour for hours in (24, 168) if hours * history.steps_per_hour <= max(lags)]
    return recursive.ForecasterRecursiveMultiSeries(
        estimator=lightgbm.LGBMRegressor(n_estimators=200, num_leaves=31, n_jobs=1, verbosity=-1, random_state=1),
        lags=lags,
        window_features=preprocessing.RollingFeatures(stats=["mean"] * len(windows), window_sizes=windows),
        calendar_features=preprocessing.CalendarFeatures(features=["hour", "day_of_week", "month"], encoding=None),
        encoding="ordinal",
        transformer_series=scalers.StandardScaler(),
    )


def _rehearsed(forecaster: Any, history: History, held_out: int) -> dict[str, Floats]:
    """Return what it says of the held-out steps, horizon after horizon, per series."""
    steps = history.plan.steps
    parts = [
        _ask(forecaster, history.until(history.instant_of(origin)), "predict")["pred"]
        for origin in range(history.length - held_out, history.length - steps + 1, steps)
    ]
    together = np.concatenate(parts, axis=1)
    return {str(series): together[row] for row, series in enumerate(history.series_ids)}


def _ask(forecaster: Any, history: History, what: str, **how: Any) -> dict[str, Floats]:
    """Ask it for the steps after the history; return each column of its answer, shape (series, steps)."""
    window = _frames(history, last=forecaster.window_size)[0]
    pandas = importlib.import_module("pandas")
    ahead = known_weather(history, history.length, history.length + history.plan.steps)
    outside = None
    if ahead:
        index = _index(history, history.length, history.plan.steps)
        outside = {
            str(series): pandas.DataFrame({name: values[row] for name, values in ahead.items()}, index=index)
            for row, series in enumerate(history.series_ids)
        }
    answer = getattr(forecaster, what)(
        steps=history.plan.steps,
        last_window=pandas.DataFrame(window),
        exog=outside,
        suppress_warnings=True,
        **how,
    )
    by_series = dict(iter(answer.groupby("level", sort=False)))
    columns = [column for column in answer.columns if column != "level"]
    return {
        column: np.stack([by_series[str(series)][column].to_numpy() for series in history.series_ids])
        for column in columns
    }


def _frames(history: History, last: int | None = None) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return its series and exogenous variables by series, gaps filled; of the last so many steps, or of all."""
    pandas = importlib.import_module("pandas")
    first = 0 if last is None else history.length - last
    index = _index(history, first, history.length - first)
    values = filled(history.values)[:, first:]
    series = {
        str(one): pandas.Series(values[row], index=index, name=str(one)) for row, one in enumerate(history.series_ids)
    }
    told = known_weather(history, first, history.length) if last is None else {}
    if not told:
        return series, None
    outside = {
        str(one): pandas.DataFrame({name: columns[row] for name, columns in told.items()}, index=index)
        for row, one in enumerate(history.series_ids)
    }
    return series, outside


def _index(history: History, first: int, count: int) -> Any:
    pandas = importlib.import_module("pandas")
    return pandas.date_range(history.instant_of(first).replace(tzinfo=None), periods=count, freq=history.plan.step)
