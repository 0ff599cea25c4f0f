"""The anchor: a straight line through what trees cut into steps. Boosters then learn what it leaves.

A tree knows of the newest value only which of some boxes it lies in; an hour ahead, that loses to repeating it. The
anchor is a ridge regression on the newest values, the same slots of earlier days, recent levels and changes, one for
each stretch of lead times, drawn towards the best mixture of habit and newest value. It is no use where habits are
strong and levels jump: whether boosters are held by it is settled on held-out weeks (`models.train`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from models.features.table import FEATURE_NAMES, FeatureTable
from models.history import Floats, Indices

LEADS_H: tuple[float, ...] = (0, 0.1, 0.3, 0.6, 1, 2, 3, 4.5, 6, 9, 12, 18, 24, 36, 60, 96)
"""Where a stretch of lead times begins, in hours; the last is open."""
HABITS: tuple[str, ...] = ("similar_mean", "slot_week_mean", "level_24h", "level_168h", "newest")
"""What is usual at the slot: the first of these that is known. It stands for a value that is not."""
VALUES: tuple[str, ...] = (
    "newest",
    "recent_2",
    "recent_3",
    "recent_6",
    "slot_d1",
    "slot_d2",
    "slot_d7",
    "slot_d14",
    "similar_newest",
    "slot_week_mean",
    "slot_weekday_mean",
    "level_1h",
    "level_3h",
    "level_24h",
    "level_168h",
)
CHANGES: tuple[str, ...] = (
    "week_error_3h",
    "week_error_24h",
    "newest_same_hour_change",
    "newest_week_change",
    "temperature_change_d1",
    "temperature_24h_change_d7",
    "neighbours_week_error_3h",
)
"""Inputs that are 0 where they are not known: nothing changed."""
SHRINKAGES: tuple[float, ...] = (0.003, 0.03, 0.3, 3.0)
"""How strongly weights may be drawn to none, beside inputs whose spread is 1: weeks of history want much of it."""
FEWEST_ROWS = 200
"""A stretch of lead times with fewer rows than this gets habit alone."""
OVERSHOOT = 0.5
"""The anchor leaves the range of a row's own values by this share of it at most."""

_HABITS, _VALUES, _CHANGES = (tuple(FEATURE_NAMES.index(name) for name in group) for group in (HABITS, VALUES, CHANGES))
INPUTS: tuple[str, ...] = (HABITS[0], *VALUES, *CHANGES)
"""What a weight belongs to; the first stands for the habit."""


@dataclass(frozen=True, slots=True, eq=False)
class Anchor:
    """Weights of the inputs for each stretch of lead times, in scaled units.

    Parameters
    ----------
    usual
        What a series is anchored at of which nothing is known.
    start
        Per stretch, what it says of the average inputs.
    means, weights
        Shape (stretches, inputs).
    """

    usual: float
    start: Floats
    means: Floats
    weights: Floats

    @classmethod
    def fit(cls, table: FeatureTable, target: Floats, shrinkage: float) -> Anchor:
        """Fit the anchor to scaled targets."""
        usual = float(np.mean(target)) if len(target) else 0.0
        shape = (len(LEADS_H), len(INPUTS))
        anchor = cls(usual, np.full(len(LEADS_H), usual), np.full(shape, usual), np.zeros(shape))
        anchor.weights[:, 0] = 1.0
        inputs, _, _ = _inputs(table, usual)
        stretches = _stretch_of(table.lead_h)
        for stretch in range(len(LEADS_H)):
            here = stretches == stretch
            if int(here.sum()) >= FEWEST_ROWS:
                anchor.means[stretch], anchor.weights[stretch], anchor.start[stretch] = _line(
                    inputs[here], target[here], shrinkage
                )
        return anchor

    def of(self, table: FeatureTable) -> Floats:
        """Return the anchor of each row, in scaled units."""
        inputs, low, high = _inputs(table, self.usual)
        stretches = _stretch_of(table.lead_h)
        said = np.empty(len(inputs))
        for stretch in np.unique(stretches):
            here = stretches == stretch
            away = inputs[here] - self.means[stretch]
            said[here] = self.start[stretch] + away @ self.weights[stretch]
        room = OVERSHOOT * (high - low)
        return np.clip(said, low - room, high + room)

    def contributions(self, table: FeatureTable) -> Floats:
        """Return what each feature adds to the anchor of each row, shape (rows, features + 1).

        The last column is what it says of average inputs; what the bounds of a row cut off is not told.
        """
        inputs, _, _ = _inputs(table, self.usual)
        stretches = _stretch_of(table.lead_h)
        pushes = (inputs - self.means[stretches]) * self.weights[stretches]
        told = np.zeros((len(inputs), len(FEATURE_NAMES) + 1))
        for at, name in enumerate(INPUTS):
            told[:, FEATURE_NAMES.index(name)] += pushes[:, at]
        told[:, -1] = self.start[stretches]
        return told

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "usual": self.usual,
            "start": self.start.tolist(),
            "means": self.means.tolist(),
            "weights": self.weights.tolist(),
        }

    @classmethod
    def from_json(cls, layout: dict[str, Any]) -> Anchor:
        """Return what `as_json` wrote."""
        return cls(layout["usual"], *(np.array(layout[name]) for name in ("start", "means", "weights")))


def _line(inputs: Floats, target: Floats, shrinkage: float) -> tuple[Floats, Floats, float]:
    """Return the means of the inputs, their weights, and what the line says of those means.

    The ridge draws towards the mixture of habit and newest value that is best alone, not towards nothing.
    """
    habit, newest = inputs[:, 0], inputs[:, 1]
    news = newest - habit
    share = float(np.clip(news @ (target - habit) / max(float(news @ news), 1e-12), 0.0, 1.0))
    scaler = StandardScaler().fit(inputs)
    ridge = Ridge(alpha=shrinkage * len(target))
    ridge.fit(scaler.transform(inputs), target - habit - share * news)
    means, weights = np.asarray(scaler.mean_), np.asarray(ridge.coef_ / scaler.scale_)
    weights[:2] += (1.0 - share, share)
    start = float(ridge.intercept_) + (1.0 - share) * float(means[0]) + share * float(means[1])
    return means, weights, start


def _inputs(table: FeatureTable, usual: float) -> tuple[Floats, Floats, Floats]:
    """Return the inputs of each row, and the least and greatest of the values among them."""
    matrix = table.matrix
    habit = np.full(len(matrix), np.nan, dtype=np.float64)
    for column in _HABITS:
        habit = np.where(np.isnan(habit), matrix[:, column], habit)
    habit = np.where(np.isnan(habit), usual, habit)
    inputs = np.empty((len(matrix), len(INPUTS)))
    inputs[:, 0] = habit
    values = inputs[:, 1 : 1 + len(VALUES)]
    values[:] = matrix[:, _VALUES]
    np.copyto(values, habit[:, None], where=np.isnan(values))
    inputs[:, 1 + len(VALUES) :] = np.nan_to_num(matrix[:, _CHANGES])
    known = inputs[:, : 1 + len(VALUES)]
    return inputs, known.min(axis=1), known.max(axis=1)


def _stretch_of(lead_h: Floats) -> Indices:
    return np.searchsorted(LEADS_H, lead_h, side="right") - 1
