"""Plain rules to be held against: each repeats something, with the quantiles of its own errors of the weeks before.

The error quantiles of a lead are those of the same lead from the origins of the four weeks before at the same hour,
an hour earlier and an hour later: a rule knows how wrong it was at this time of day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.history import Floats, History
from models.naive import FEWEST_ERRORS, naive_forecast, quantiles_of

ERROR_DAYS = 28
"""Origins of so many days before give the errors."""

Rule = Callable[[History, int], Floats]
"""From a history and the index of an origin, the point forecast of every series: shape (series, steps)."""


def _persistence(history: History, origin: int) -> Floats:
    """Return the newest known value before the origin, at most a week old."""
    past = history.values[:, max(origin - 7 * history.steps_per_day, 0) : origin]
    known = np.isfinite(past)
    newest = past.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    last = np.where(known.any(axis=1), past[np.arange(len(past)), newest], np.nan)
    return np.repeat(last[:, None], history.plan.steps, axis=1)


def _slot(history: History, origin: int, days: int) -> Floats:
    """Return the same slot so many days before, or twice as many where that had not ended at the origin."""
    lead = np.arange(history.plan.steps)
    back = days * history.steps_per_day
    source = origin + lead - back * (lead // back + 1)
    return np.where(source >= 0, history.values[:, np.maximum(source, 0)], np.nan)


def _yesterday(history: History, origin: int) -> Floats:
    return _slot(history, origin, 1)


def _last_week(history: History, origin: int) -> Floats:
    return _slot(history, origin, 7)


def _four_weeks(history: History, origin: int) -> Floats:
    """Return the mean of the same slot of the last four weeks, of those that are known."""
    slots = np.stack([_slot(history, origin, days) for days in (7, 14, 21, 28)])
    known = np.isfinite(slots).sum(axis=0)
    return np.where(known > 0, np.nansum(slots, axis=0) / np.maximum(known, 1), np.nan)


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A rule as a forecaster; it learns nothing beforehand.

    Parameters
    ----------
    name
        As tables show it.
    rule
        What it repeats.
    """

    name: str
    rule: Rule

    def fit(self, history: History) -> Yardstick:  # noqa: ARG002 - a rule has nothing to learn
        """Return itself."""
        return self

    def quantiles(self, history: History) -> Floats:
        """Return the rule's point with the quantiles of its own errors around it."""
        origin = history.length
        point = self.rule(history, origin)
        errors = self._errors(history, origin)
        spread = quantiles_of(errors, FEWEST_ERRORS)
        all_leads = quantiles_of(errors.reshape(len(point), -1), FEWEST_ERRORS)[:, None]
        spread = np.where(np.isnan(spread), all_leads, spread)
        low, high = history.floor()[:, None, None], history.metric.high
        return np.clip(point[..., None] + spread, low, high)

    def _errors(self, history: History, origin: int) -> Floats:
        """Return how wrong the rule was, shape (series, steps, origins before), NaN where it is not known."""
        hour, steps = history.steps_per_hour, history.plan.steps
        before = [
            origin - days * history.steps_per_day + shift
            for days in range(1, ERROR_DAYS + 1)
            for shift in (-hour, 0, hour)
        ]
        errors = np.full((len(before), len(history.series_ids), steps), np.nan)
        for at, earlier in enumerate(before):
            if earlier > 0:
                came = history.values[:, earlier : earlier + steps]
                errors[at, :, : came.shape[1]] = came - self.rule(history, earlier)[:, : came.shape[1]]
        return errors.transpose(1, 2, 0)


@dataclass(frozen=True, slots=True)
class HouseNaive:
    """The naive of the house as a forecaster: what our models are scored against every day."""

    name: str = "naive"

    def fit(self, history: History) -> HouseNaive:  # noqa: ARG002 - as above
        """Return itself."""
        return self

    def quantiles(self, history: History) -> Floats:
        """Return what `models.naive` says."""
        return naive_forecast(history).quantiles


YARDSTICKS: dict[str, Yardstick] = {
    one.name: one
    for one in (
        Yardstick("persistence", _persistence),
        Yardstick("yesterday", _yesterday),
        Yardstick("last_week", _last_week),
        Yardstick("four_weeks", _four_weeks),
    )
}
"""The rules of which the best one is to be beaten."""
