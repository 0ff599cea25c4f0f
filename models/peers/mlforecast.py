"""mlforecast (Nixtla): one LightGBM over all series with conformal intervals, recursive or direct.

Set up as its documentation does for hourly load (lags of hours, days and weeks, rolling means, date features, scaling
per series, `PredictionIntervals`), the weather as exogenous features; fitted once, its history renewed at each origin.
One thread, for its many tiny predictions only wait for a second. Differencing by a week did worse than this set-up.
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

LEVELS = (50, 80, 90)
"""Its intervals are symmetric; these three give our seven quantiles with its point in the middle."""
CONFORMAL_WINDOWS = 10
LAG_HOURS = (1, 2, 3, 24, 48, 72, 144, 168, 336)
SHORT_LAG_STEPS = (1, 2, 3, 6, 12)
"""On a grid finer than an hour, these steps stand in for the lags of one to three hours beside them."""


@dataclass(frozen=True, slots=True)
class MlforecastPeer:
    """The peer, unfitted.

    Parameters
    ----------
    direct
        One model per step ahead (``max_horizon``), not one that feeds on itself.
    """

    direct: bool = False

    @property
    def name(self) -> str:
        """A word for tables."""
        return "mlforecast_direct" if self.direct else "mlforecast"

    def fit(self, history: History) -> FittedMlforecast:
        """Fit it on the history up to its newest value.

        Raises
        ------
        ShortHistory
            If its lags and conformal windows need more.
        """
        # Its intervals come from the newest windows: a weekend without readings would teach it that nothing ever moves.
        history = history.until(history.instant_of(int(history.newest().max()) + 1))
        steps = history.plan.steps
        lags, longest = _lags_of(history)
        if history.length < longest + (CONFORMAL_WINDOWS + 2) * steps:
            raise ShortHistory(f"mlforecast needs more than {history.length} steps for its lags and intervals")
        mlforecast, lightgbm = importlib.import_module("mlforecast"), importlib.import_module("lightgbm")
        rolling = importlib.import_module("mlforecast.lag_transforms").RollingMean
        scaler = importlib.import_module("mlforecast.target_transforms").LocalStandardScaler
        intervals = importlib.import_module("mlforecast.utils").PredictionIntervals
        windows = [hours * history.steps_per_hour for hours in (24, 168) if hours * history.steps_per_hour <= longest]
        model = mlforecast.MLForecast(
            models={"peer": lightgbm.LGBMRegressor(n_estimators=200, num_leaves=31, n_jobs=1, verbosity=-1)},
            freq=f"{history.plan.step // timedelta(minutes=1)}min",
            lags=lags,
            lag_transforms={1: [rolling(window) for window in windows]},
            date_features=["hour", "dayofweek"],
            target_transforms=[scaler()],
            num_threads=1,
        )
        model.fit(
            _frame(history),
            static_features=[],
            prediction_intervals=intervals(n_windows=CONFORMAL_WINDOWS, h=steps),
            max_horizon=steps if self.direct else None,
        )
        return FittedMlforecast(model, history.length)


@dataclass(slots=True, eq=False)
class FittedMlforecast:
    """The peer, fitted.

    Parameters
    ----------
    model
        Its own object, which keeps the values it has seen.
    seen
        How many steps it has seen; each call tells it those that came since (``update``).
    """

    model: Any
    seen: int

    def quantiles(self, history: History) -> Floats:
        """Return its point and its symmetric intervals as our quantiles."""
        steps = history.plan.steps
        if history.length > self.seen:
            news = filled(history.values)[:, self.seen :].reshape(-1)
            came = _long(history, self.seen, history.length - self.seen, {})
            self.model.update(came.assign(y=news))
            self.seen = history.length
        ahead = known_weather(history, history.length, history.length + steps)
        future = _long(history, history.length, steps, ahead) if ahead else None
        said = self.model.predict(steps, X_df=future, level=list(LEVELS))
        columns = [f"peer-lo-{level}" for level in reversed(LEVELS)]
        columns += ["peer", *(f"peer-hi-{level}" for level in LEVELS)]
        found = said.sort_values(["unique_id", "ds"])[columns].to_numpy()
        return np.sort(found.reshape(len(history.series_ids), steps, len(QUANTILES)), axis=2)


def _lags_of(history: History) -> tuple[list[int], int]:
    """Return its lags in steps, and the longest of them; weeks only where the history holds some of them."""
    per_hour = history.steps_per_hour
    lags = {hours * per_hour for hours in LAG_HOURS if hours * per_hour * 3 <= history.length}
    if per_hour > 1:
        lags |= set(SHORT_LAG_STEPS)
    return sorted(lags), max(lags)


def _frame(history: History) -> Any:
    """Return the history in its own long form, gaps filled."""
    told = known_weather(history, 0, history.length)
    return _long(history, 0, history.length, told).assign(y=filled(history.values).reshape(-1))


def _long(history: History, first: int, count: int, told: dict[str, Floats]) -> Any:
    """Return a row per series and step, with what is told of each; in pandas, which its ``update`` needs."""
    pandas = importlib.import_module("pandas")
    start = history.instant_of(first).replace(tzinfo=None)
    instants = pandas.date_range(start, periods=count, freq=history.plan.step)
    series = len(history.series_ids)
    return pandas.DataFrame(
        {
            "unique_id": np.repeat(np.arange(series), count),
            "ds": np.tile(instants.to_numpy(), series),
            **{name: values.reshape(-1) for name, values in told.items()},
        }
    )
