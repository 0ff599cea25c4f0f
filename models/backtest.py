"""Rolling-origin backtest: what forecasters would have said, day after day, with only what was known then.

A fold is fitted once and then forecasts from origin after origin, its history renewed at each. Between the last
target it may be fitted on and its first origin lies one whole horizon (purge, López de Prado 2018, chapter 7): no
row it was fitted on shares a day with what it is judged on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter, process_time
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.errors import ShortHistory
from core.forecasts import QUANTILES
from models.features.rows import rows_of_origin
from models.history import Floats, History
from models.outcomes import outcomes

Floats32 = npt.NDArray[np.float32]
Past = Callable[[datetime], History]
"""The history as it was known at an instant: `History.until`, or the store read as of then."""


class Fitted(Protocol):
    """A forecaster that has learnt from a past."""

    def quantiles(self, history: History) -> Floats:
        """Return the levels of `core.forecasts.QUANTILES` for the plan's steps after the history's ``as_of``.

        Shape (series, steps, levels), in the metric's unit, never decreasing; NaN where nothing can be said. The
        history is of the series it was fitted on, and each call is of a later instant than the one before.
        """


class Forecaster(Protocol):
    """What can be held against others on the same folds: ours, a naive, a peer."""

    @property
    def name(self) -> str:
        """A word, as tables show it."""

    def fit(self, history: History) -> Fitted:
        """Learn from everything the history knows.

        Raises
        ------
        ShortHistory
            If that is too little.
        """


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """How a backtest runs.

    Parameters
    ----------
    test_length
        The last stretch of the history, which is forecast.
    every
        Time between two origins.
    fit_every
        Time between two fits, each on everything that ended a horizon before.
    """

    test_length: timedelta = timedelta(days=28)
    every: timedelta = timedelta(hours=24)
    fit_every: timedelta = timedelta(days=28)

    def __post_init__(self) -> None:
        if min(self.test_length, self.every, self.fit_every) <= timedelta(0):
            raise ValueError("test_length, every and fit_every are longer than nothing")


@dataclass(frozen=True, slots=True)
class Fold:
    """One fit, and the origins it forecasts from; indices of steps of a history.

    Parameters
    ----------
    fitted_until
        First step that it is not fitted on.
    origins
        First steps after the instants of issue, ascending; the first is a horizon after ``fitted_until``.
    """

    fitted_until: int
    origins: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """What one forecaster said in one fold.

    Parameters
    ----------
    quantiles
        Shape (origins, series, steps, levels), in the metric's unit; NaN where it said nothing.
    fit_s, predict_s
        Seconds of the fit, and of all predictions with their features.
    processor_s
        Processor seconds of both: what energy is reckoned from.
    unfit
        Why it could not be fitted, in a sentence; None when it was.
    """

    forecaster: str
    fold: Fold
    quantiles: Floats32
    fit_s: float
    predict_s: float
    processor_s: float
    unfit: str | None = None


def folds_of(history: History, settings: BacktestSettings) -> tuple[Fold, ...]:
    """Return the folds of the history's last stretch, each origin with its whole horizon known.

    Raises
    ------
    ShortHistory
        If there is none, or nothing to fit on a horizon before.
    """
    plan = history.plan
    first = history.length - settings.test_length // plan.step
    origins = range(first, history.length - plan.steps + 1, max(settings.every // plan.step, 1))
    if first <= plan.steps or not origins:
        raise ShortHistory(f"{history.length} steps of {history.metric.name} leave nothing to backtest on")
    between = settings.fit_every // plan.step
    folds = []
    for at in range(first, origins[-1] + 1, between):
        inside = tuple(origin for origin in origins if at <= origin < at + between)
        if inside:
            folds.append(Fold(inside[0] - plan.steps, inside))
    return tuple(folds)


def run_fold(history: History, forecaster: Forecaster, fold: Fold, past: Past | None = None) -> Utterance:
    """Fit a forecaster on what was known a horizon before the fold, and forecast from each of its origins.

    Parameters
    ----------
    history
        With the fold in it.
    past
        What was known when, of the same series from the same start; without it, every reading of ``history`` is taken
        to have come at once.
    """
    past = past or history.until
    said = np.full(
        (len(fold.origins), len(history.series_ids), history.plan.steps, len(QUANTILES)), np.nan, dtype=np.float32
    )
    began, began_processor = perf_counter(), process_time()
    try:
        fitted = forecaster.fit(past(history.instant_of(fold.fitted_until)))
    except ShortHistory as error:
        return Utterance(forecaster.name, fold, said, 0.0, 0.0, 0.0, str(error))
    fitted_at = perf_counter()
    for row, origin in enumerate(fold.origins):
        said[row] = fitted.quantiles(past(history.instant_of(origin)))
    ended = perf_counter()
    return Utterance(
        forecaster.name, fold, said, fitted_at - began, ended - fitted_at, process_time() - began_processor
    )


def truth_of(history: History, folds: Sequence[Fold]) -> Floats:
    """Return what came after each origin of the folds, shape (origins, series, steps), NaN where nothing did."""
    shape = (len(history.series_ids), history.plan.steps)
    origins = [origin for fold in folds for origin in fold.origins]
    return np.stack([outcomes(history, rows_of_origin(history, origin)).reshape(shape) for origin in origins])
