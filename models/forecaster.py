"""Forecasts of every series of a metric at an instant: the model where it can speak, the naive where it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from core.clock import floor_to_step
from core.forecasts import Forecast, ForecastStep
from models.features.rows import rows_of_origin
from models.features.table import FEATURE_NAMES, feature_table
from models.history import Floats, History
from models.naive import NaiveForecast, naive_forecast
from models.train import TrainedModel

STALE_AFTER = timedelta(hours=12)
"""A series whose newest value is older gets the naive: training pretends to miss a few hours, never half a day."""
SHORTEST_HISTORY = timedelta(days=7)
"""A series with less than this of known steps gets the naive: the model looks back a week."""


class Fallback(StrEnum):
    """Why the naive forecast stands in."""

    NO_MODEL = "no_model"
    """No model of this metric was trained yet."""
    OTHER_MODEL = "other_model"
    """The model was trained for another metric, step or set of features; the next training mends it."""
    WORSE_THAN_NAIVE = "worse_than_naive"
    """On the weeks held out at its training, the model lost to the naive: the simpler one speaks until it does not."""
    SHORT_HISTORY = "short_history"
    """The series is known for less than `SHORTEST_HISTORY`."""
    STALE_HISTORY = "stale_history"
    """The series' newest value is older than `STALE_AFTER`."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What lies ahead of every series of a history at its ``as_of``, as arrays.

    Parameters
    ----------
    quantiles
        Shape (series, steps, levels), in the metric's unit, in order; NaN where nothing can be said.
    naive
        The naive forecast beside it.
    fallbacks
        Per series, why the naive stands in; None where the model spoke.
    """

    quantiles: Floats
    naive: NaiveForecast
    fallbacks: tuple[Fallback | None, ...]


def outlook(history: History, model: TrainedModel | None, threads: int = 1) -> Outlook:
    """Look ahead from the history's ``as_of``."""
    naive = naive_forecast(history)
    fallbacks = _fallbacks(history, model)
    quantiles = naive.quantiles.copy()
    spoken = np.array([fallback is None for fallback in fallbacks], dtype=np.bool_)
    if model is not None and spoken.any():
        rows = rows_of_origin(history, history.length)
        rows = rows.where(spoken[rows.series])
        predicted = model.predict(feature_table(history, rows), threads)
        predicted = predicted.reshape(int(spoken.sum()), *quantiles.shape[1:])
        quantiles[spoken] = np.maximum(predicted, history.floor()[spoken, None, None])
    return Outlook(quantiles, naive, fallbacks)


def forecast(
    history: History, model: TrainedModel | None, issued_at: datetime, *, model_id: int | None = None
) -> list[Forecast]:
    """Forecast every series of the history's metric, over the metric's plan.

    A series that cannot be forecast by the model falls back to the naive, and its forecast says why. A series of
    which not even the naive can say anything, or not how sure it is, gets no forecast.

    Parameters
    ----------
    history
        Read as of ``issued_at``, ideally four weeks and more.
    model, model_id
        A trained model and its id in the store, or None.
    issued_at
        When it is issued; the first step is the one that holds it.

    Raises
    ------
    FutureLeak
        If the history does not reach ``issued_at``.
    """
    origin = floor_to_step(issued_at, history.plan.step)
    known = history.until(issued_at)
    ahead = outlook(known, model)
    newest = known.newest()
    return [
        Forecast(
            series_id=series_id,
            issued_at=issued_at,
            step=history.plan.step,
            history_until=known.instant_of(int(newest[row])),
            steps=_steps(ahead, row, origin, history.plan.step),
            model_id=model_id if ahead.fallbacks[row] is None else None,
            fallback=ahead.fallbacks[row],
        )
        for row, series_id in enumerate(history.series_ids)
        if np.isfinite(ahead.quantiles[row]).all()
    ]


def _fallbacks(history: History, model: TrainedModel | None) -> tuple[Fallback | None, ...]:
    """Return for each series why the model cannot speak, or None."""
    count = len(history.series_ids)
    if model is None:
        return (Fallback.NO_MODEL,) * count
    if (model.metric, model.step, model.features) != (history.metric.name, history.plan.step, FEATURE_NAMES):
        return (Fallback.OTHER_MODEL,) * count
    if model.loses_to_naive:
        return (Fallback.WORSE_THAN_NAIVE,) * count
    step = history.plan.step
    age: list[int] = (history.length - history.newest()).tolist()
    known: list[int] = np.isfinite(history.values).sum(axis=1).tolist()
    return tuple(
        Fallback.STALE_HISTORY
        if age[row] * step > STALE_AFTER
        else Fallback.SHORT_HISTORY
        if known[row] * step < SHORTEST_HISTORY
        else None
        for row in range(count)
    )


def _steps(ahead: Outlook, row: int, origin: datetime, step: timedelta) -> tuple[ForecastStep, ...]:
    return tuple(
        ForecastStep(
            valid_at=origin + lead * step,
            quantiles=tuple(quantiles),
            naive=point if np.isfinite(point) else None,
        )
        for lead, (quantiles, point) in enumerate(
            zip(ahead.quantiles[row].tolist(), ahead.naive.point[row].tolist(), strict=True)
        )
    )
