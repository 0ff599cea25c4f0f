"""Forecasts of every series of a metric at an instant: the model where it can speak, the naive where it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from core.clock import floor_to_step
from core.forecasts import Doubt, Forecast, ForecastStep
from models.features.past import LOOKED_BACK, held
from models.features.rows import Mask, rows_of_origin
from models.features.table import FEATURE_NAMES, STALE_AFTER, FeatureTable, feature_table
from models.history import Floats, History
from models.naive import NaiveForecast, naive_forecast
from models.online import NO_SHIFTS, apply_shifts
from models.soundness import Examined, examine
from models.train import TrainedModel

SHORTEST_HISTORY = timedelta(days=7)
"""A series with less than this of known steps is young: a week of its own is what the model looks back on."""
SHORTEST_YOUTH = timedelta(days=1)
"""A young series with less than this gets the naive, whatever the model is worth on young ones."""
BLIND_FROM = 0.5
"""The weather is said to be missing when it was not forecast for this share of the steps ahead."""


class Fallback(StrEnum):
    """Why the naive forecast stands in."""

    NO_MODEL = "no_model"
    """No model of this metric was trained yet."""
    OTHER_MODEL = "other_model"
    """The model was trained for another metric, step or set of features; the next training mends it."""
    WORSE_THAN_NAIVE = "worse_than_naive"
    """On the weeks held out at its training, the model lost to the naive: the simpler one speaks until it does not."""
    WORSE_LATELY = "worse_lately"
    """Over its last weeks of scores, the model lost to the naive on this series."""
    SHORT_HISTORY = "short_history"
    """The series is known for less than `SHORTEST_YOUTH`, or than `SHORTEST_HISTORY` and young ones do badly."""
    STUCK = "stuck"
    """The sensor has said the same for so long that nothing newer than `STALE_AFTER` is believed."""
    STALE_HISTORY = "stale_history"
    """The series' newest value is older than `STALE_AFTER`."""


@dataclass(frozen=True, slots=True, eq=False)
class Speaking:
    """What scores have taught since the model was trained: of whom it is silent, and what moves its quantiles.

    Parameters
    ----------
    silenced
        Series ids of which the naive speaks, because the model lost to it lately.
    shifts
        Per series id, shifts of the levels as `models.online` learns them; a series without any stays as it is.
    """

    silenced: frozenset[int] = frozenset()
    shifts: Mapping[int, Floats] = field(default_factory=dict)


ALL_SPEAK = Speaking()
"""Nothing was learnt since: the model speaks of all, as it was calibrated."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What lies ahead of every series of a history at its ``as_of``, as arrays.

    Parameters
    ----------
    quantiles
        Shape (series, steps, levels), in the metric's unit, in order; NaN where nothing can be said.
    mean
        Shape (series, steps); NaN where the naive stands in.
    naive
        The naive forecast beside it.
    fallbacks
        Per series, why the naive stands in; None where the model spoke.
    doubts
        Per series, what makes it less sure than usual.
    """

    quantiles: Floats
    mean: Floats
    naive: NaiveForecast
    fallbacks: tuple[Fallback | None, ...]
    doubts: tuple[frozenset[Doubt], ...]


def outlook(history: History, model: TrainedModel | None, speaking: Speaking = ALL_SPEAK, threads: int = 1) -> Outlook:
    """Look ahead from the history's ``as_of``."""
    examined = examine(history)
    history = examined.history
    naive = naive_forecast(history)
    fallbacks = _fallbacks(examined, model, speaking)
    quantiles, mean = naive.quantiles.copy(), np.full(naive.point.shape, np.nan)
    spoken = np.array([fallback is None for fallback in fallbacks], dtype=np.bool_)
    blind = np.zeros(len(spoken), dtype=np.bool_)
    if model is not None and spoken.any():
        seen = history.last(LOOKED_BACK)
        rows = rows_of_origin(seen, seen.length)
        rows = rows.where(spoken[rows.series])
        table = feature_table(seen, rows)
        shape = (int(spoken.sum()), history.plan.steps)
        floor = history.floor()[spoken, None]
        shifts = np.array([speaking.shifts.get(series_id, NO_SHIFTS) for series_id in history.series_ids])
        predicted = apply_shifts(model.predict(table, threads), shifts[rows.series])
        quantiles[spoken] = np.clip(predicted.reshape(*shape, -1), floor[..., None], history.metric.high)
        mean[spoken] = np.maximum(model.predict_mean(table, threads).reshape(shape), floor)
        blind[spoken] = model.card["weather"] & (_unseen_weather(table).reshape(shape).mean(axis=1) >= BLIND_FROM)
    if history.plan.cumulates:
        # What comes in does not go out again.
        quantiles, mean = np.maximum.accumulate(quantiles, axis=1), np.maximum.accumulate(mean, axis=1)
    return Outlook(quantiles, mean, naive, fallbacks, _doubts(examined, blind))


def forecast(
    history: History,
    model: TrainedModel | None,
    issued_at: datetime,
    *,
    model_id: int | None = None,
    speaking: Speaking = ALL_SPEAK,
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
    speaking
        What scores have taught since the model was trained, as of ``issued_at``.

    Raises
    ------
    FutureLeak
        If the history does not reach ``issued_at``.
    """
    origin = floor_to_step(issued_at, history.plan.step)
    known = history.until(issued_at)
    ahead = outlook(known, model, speaking)
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
            doubts=tuple(sorted(ahead.doubts[row])),
        )
        for row, series_id in enumerate(history.series_ids)
        if np.isfinite(ahead.quantiles[row]).all()
    ]


def _fallbacks(examined: Examined, model: TrainedModel | None, speaking: Speaking) -> tuple[Fallback | None, ...]:
    """Return for each series why the model cannot speak, or None."""
    history = examined.history
    count, step = len(history.series_ids), history.plan.step
    if model is None:
        return (Fallback.NO_MODEL,) * count
    if (model.metric, model.step, model.features) != (history.metric.name, step, FEATURE_NAMES):
        return (Fallback.OTHER_MODEL,) * count
    if model.loses_to_naive:
        return (Fallback.WORSE_THAN_NAIVE,) * count
    shortest = SHORTEST_YOUTH if model.speaks_of_young else SHORTEST_HISTORY
    age = [steps * step for steps in (history.length - history.newest()).tolist()]
    known = _known(history)
    return tuple(
        Fallback.STUCK
        if age[row] > STALE_AFTER and Doubt.STUCK in examined.doubts[row]
        else Fallback.STALE_HISTORY
        if age[row] > STALE_AFTER
        else Fallback.SHORT_HISTORY
        if known[row] < shortest
        else Fallback.WORSE_LATELY
        if series_id in speaking.silenced
        else None
        for row, series_id in enumerate(history.series_ids)
    )


def _known(history: History) -> list[timedelta]:
    """Return for how long each series is known, without its gaps."""
    counts: list[int] = np.isfinite(held(history)).sum(axis=1).tolist()
    return [count * history.plan.step for count in counts]


def _unseen_weather(table: FeatureTable) -> Mask:
    """Return per row whether its weather was not forecast."""
    return np.isnan(table.matrix[:, FEATURE_NAMES.index("temperature")])


def _doubts(examined: Examined, blind: Mask) -> tuple[frozenset[Doubt], ...]:
    """Return what was found when the history was examined, with what the outlook found itself."""
    known = _known(examined.history)
    return tuple(
        found
        | ({Doubt.NEW_SERIES} if known[row] < SHORTEST_HISTORY else set())
        | ({Doubt.NO_WEATHER} if blind[row] else set())
        for row, found in enumerate(examined.doubts)
    )


def _steps(ahead: Outlook, row: int, origin: datetime, step: timedelta) -> tuple[ForecastStep, ...]:
    return tuple(
        ForecastStep(
            valid_at=origin + lead * step,
            quantiles=tuple(quantiles),
            naive=point if np.isfinite(point) else None,
            mean=mean if np.isfinite(mean) else None,
        )
        for lead, (quantiles, point, mean) in enumerate(
            zip(*(part[row].tolist() for part in (ahead.quantiles, ahead.naive.point, ahead.mean)), strict=True)
        )
    )
