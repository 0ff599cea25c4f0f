"""The seasonal naive forecast: yardstick of every model, and what stands in when no model can speak.

The same slot of last week; where that is not known, of the newest day that is (yesterday, or two days ago beyond
24 hours ahead); else the last value. Its quantiles are the quantiles of the errors the same rule made on the same
series over the four weeks before: a yardstick as honest about its spread as the model it is held against.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from core.forecasts import QUANTILES
from models.features.past import held
from models.history import Floats, History, Indices, whole_days_before
from models.inflow import unwrapped

SEASON_DAYS: tuple[int, ...] = (7, 1, 2)
"""Days back of the repeated slot, in the order they are tried."""
ERROR_DAYS = 28
"""Errors are taken over so many days before the origin."""
FEWEST_ERRORS = 8
"""With fewer errors than this the quantiles of a slot are those of all slots, and then of all series."""


@dataclass(frozen=True, slots=True, eq=False)
class NaiveForecast:
    """Naive forecasts of every series of a history from its ``as_of``.

    Parameters
    ----------
    point
        Shape (series, steps), in the metric's unit; NaN where nothing can be said.
    quantiles
        Shape (series, steps, levels), never decreasing, within the metric's bounds.
    """

    point: Floats
    quantiles: Floats


def naive_forecast(history: History) -> NaiveForecast:
    """Return the seasonal naive forecast of every series for the steps of the plan after ``history.as_of``.

    Of what adds up until somebody empties it: the newest level, and what came in over the same stretch of last week.
    """
    if history.plan.cumulates:
        return _risen(history)
    # On a grid finer than the sensor speaks, most slots were never measured: a value stands for those after it.
    history = replace(history, values=held(history))
    steps = history.plan.steps
    point = np.full((len(history.series_ids), steps), np.nan)
    quantiles = np.full((*point.shape, len(QUANTILES)), np.nan)
    for days in SEASON_DAYS:
        _complete(point, quantiles, np.arange(len(point)), _repeat(history, days))
    bare = np.flatnonzero(np.isnan(point).any(axis=1))
    _complete(point, quantiles, bare, _last_value(history, bare))
    low, high = history.floor()[:, None], history.metric.high
    return NaiveForecast(np.clip(point, low, high), np.clip(quantiles, low[:, :, None], high))


def _complete(point: Floats, quantiles: Floats, series: Indices, rule: tuple[Floats, Floats]) -> None:
    """Write what a rule says of these series where nothing was said yet, point and spread together."""
    repeated, spread = rule
    usable = np.isnan(point[series]) & np.isfinite(repeated) & np.isfinite(spread).all(axis=2)
    point[series] = np.where(usable, repeated, point[series])
    quantiles[series] = np.where(usable[..., None], repeated[..., None] + spread, quantiles[series])


def quantiles_of(samples: Floats, fewest: int) -> Floats:
    """Return the quantiles of the known samples along the last axis; NaN with fewer than ``fewest`` of them.

    As `numpy.nanquantile` does it, whose loop over rows costs seconds where this costs milliseconds.
    """
    if samples.shape[-1] == 0:
        return np.full((*samples.shape[:-1], len(QUANTILES)), np.nan)
    ordered = np.sort(samples, axis=-1)
    count = np.isfinite(samples).sum(axis=-1, keepdims=True)
    place = np.array(QUANTILES) * np.maximum(count - 1, 0)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low, high = np.take_along_axis(ordered, below, axis=-1), np.take_along_axis(ordered, above, axis=-1)
    return np.where(count >= fewest, low + (high - low) * (place - below), np.nan)


def _repeat(history: History, days: int) -> tuple[Floats, Floats]:
    """Return the values ``days`` before each step of the plan, and the quantiles of this rule's own errors."""
    target = history.length + np.arange(history.plan.steps)
    source = target - days * history.steps_per_day
    known = source < history.length
    series = np.arange(len(history.series_ids))[:, None]
    repeated = history.value_at(series, np.where(known, source, -1)[None, :])
    return repeated, _spread(history, days)[:, np.arange(history.plan.steps) % history.steps_per_day]


def _spread(history: History, days: int) -> Floats:
    """Return the quantiles of the errors of repeating ``days`` before, shape (series, slots of a day, levels).

    Of the slot's own hour and its two neighbours; of the whole day, then of all series, where those are too few.
    """
    past = whole_days_before(history, ERROR_DAYS + days)
    errors = past[:, days:] - past[:, :-days]
    count, hour = len(errors), history.steps_per_hour
    by_hour = errors.reshape(count, ERROR_DAYS, 24, hour).transpose(0, 2, 1, 3).reshape(count, 24, ERROR_DAYS * hour)
    around = np.concatenate([by_hour, np.roll(by_hour, 1, axis=1), np.roll(by_hour, -1, axis=1)], axis=2)
    spread = quantiles_of(around, FEWEST_ERRORS)
    whole_day = quantiles_of(by_hour.reshape(count, 24 * ERROR_DAYS * hour), FEWEST_ERRORS)[:, None]
    spread = np.where(np.isnan(spread), whole_day, spread)
    all_series = quantiles_of(errors.reshape(-1), FEWEST_ERRORS)
    spread = np.where(np.isnan(spread), all_series, spread)
    return np.repeat(spread, hour, axis=1)


def _last_value(history: History, series: Indices) -> tuple[Floats, Floats]:
    """Return the last value of each of these series, and the quantiles of how far values move over the same time."""
    hour, steps = history.steps_per_hour, history.plan.steps
    newest = history.newest()
    point = np.full((len(series), steps), np.nan)
    spread = np.full((len(series), steps, len(QUANTILES)), np.nan)
    for row, which in enumerate(series):
        if newest[which] < 0:
            continue
        values = history.values[which]
        point[row] = values[newest[which]]
        for lead in range(0, steps, hour):
            gap = min(history.length + lead - newest[which], max(history.length // 2, 1))
            spread[row, lead : lead + hour] = quantiles_of(values[gap:] - values[:-gap], FEWEST_ERRORS)
    return point, spread


def _risen(history: History) -> NaiveForecast:
    """Return the newest level and last week's rise on top of it, with the quantiles of the errors of such rises."""
    count, steps, day = len(history.series_ids), history.plan.steps, history.steps_per_day
    total = _carried(unwrapped(history.values))
    newest = history.newest()
    level = np.where(newest >= 0, history.values[np.arange(count), newest], np.nan)[:, None]
    rise = _rise(total, history.length, steps, 7 * day)
    errors = np.full((ERROR_DAYS, count, steps), np.nan)
    for at in range(ERROR_DAYS):
        origin = history.length - (at + 1) * day
        errors[at] = _rise(total, origin, steps, 0) - _rise(total, origin, steps, 7 * day)
    spread = quantiles_of(errors.transpose(1, 2, 0), FEWEST_ERRORS)
    of_all = quantiles_of(errors.transpose(2, 0, 1).reshape(steps, -1), FEWEST_ERRORS)
    spread = np.where(np.isnan(spread), of_all, spread)
    quantiles = np.clip(level[..., None] + rise[..., None] + spread, np.fmin(level, 1.0)[..., None], 1.0)
    known: npt.NDArray[np.bool_] = np.all(np.isfinite(quantiles), axis=2)
    point = np.where(known, np.clip(level + rise, 0.0, 1.0), np.nan)
    return NaiveForecast(point, np.where(known[..., None], quantiles, np.nan))


def _rise(total: Floats, origin: int, steps: int, back: int) -> Floats:
    """Return by how much totals rose from an origin on, shape (series, steps), as they did so many steps before.

    NaN where that was not known by now.
    """
    first = origin - back - 1
    found = np.full((len(total), steps), np.nan)
    if first >= 0:
        after = total[:, first + 1 : first + 1 + steps]
        found[:, : after.shape[1]] = after - total[:, first : first + 1]
    return found


def _carried(total: Floats) -> Floats:
    """Return totals, each standing for the steps after it that have none: what came in meanwhile is not known yet."""
    places = np.where(np.isfinite(total), np.arange(total.shape[1]), -1)
    newest = np.maximum.accumulate(places, axis=1)
    return np.where(newest >= 0, np.take_along_axis(total, np.maximum(newest, 0), axis=1), np.nan)
