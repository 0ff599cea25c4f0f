"""Local corrections: what the pooled median misses of one series time after time, learnt by a small booster of its own.

Only series that are known well enough get one, and it counts only as far as it helped on held-out weeks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.boosting import BoostingSettings, Examples, MedianBooster
from models.features.table import FEATURE_NAMES, FeatureTable
from models.history import Floats

FEWEST_HOURS = 24 * 28
"""A series of which fewer hours are learnt from gets no correction."""
SERIES_MAX = 200
"""Most series that get one, those with the most hours first: a correction costs as much to keep as a small model."""
WEIGHTS: tuple[float, ...] = (0.0, 0.5, 1.0)
"""How far a correction may count."""
LEAST_GAIN = 0.01
"""A weight is taken if it saves this share of the series' loss on the held-out weeks."""
LEAVES_A_SERIES = 120
"""A leaf holds at least one part in so many of the hours of the series."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What models are fitted on, or held against.

    Parameters
    ----------
    table
        Features of each row.
    target
        What came, divided by the row's scale; finite.
    hours
        How many hours of different steps the targets are of.
    """

    table: FeatureTable
    target: Floats
    hours: float

    def examples(self, target: Floats) -> Examples:
        """Return them as boosters take them, with this target."""
        return Examples(FEATURE_NAMES, self.table.matrix, target, self.hours)


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """What is added to every quantile of one series: a booster's say, times a weight."""

    weight: float
    booster: MedianBooster


@dataclass(frozen=True, slots=True, eq=False)
class LocalCorrections:
    """The corrections of a model, by series id; series without one stay as they are."""

    of_series: Mapping[int, Correction]

    @classmethod
    def fit(cls, lesson: Lesson, median: Floats, weights: Mapping[int, float] | None, seed: int) -> LocalCorrections:
        """Fit a correction of each series to what ``median`` leaves of the targets.

        Parameters
        ----------
        median
            What the pooled model says of the rows, in scaled units.
        weights
            By series id; a series without one, or with 0, gets no correction. None: each that is known well enough
            gets one, of weight 1.
        """
        ids, counts = np.unique(lesson.table.series_ids, return_counts=True)
        hours = counts * lesson.hours / max(len(lesson.target), 1)
        by_hours = sorted(zip(hours.tolist(), ids.tolist(), strict=True), key=lambda pair: (-pair[0], pair[1]))
        wanted = {
            series_id: 1.0 if weights is None else weights.get(series_id, 0.0)
            for known, series_id in by_hours[:SERIES_MAX]
            if known >= FEWEST_HOURS
        }
        rest = lesson.target - median
        found = {}
        for known, series_id in by_hours:
            if wanted.get(series_id, 0.0) > 0:
                here = lesson.table.series_ids == series_id
                examples = Examples(FEATURE_NAMES, lesson.table.matrix[here], rest[here], known)
                booster = MedianBooster.fit(examples, _small(known, seed))
                found[series_id] = Correction(wanted[series_id], booster)
        return cls(found)

    def of(self, table: FeatureTable) -> Floats:
        """Return what is added to each row, in scaled units."""
        added = np.zeros(len(table.scale))
        for series_id, correction in self.of_series.items():
            here = table.series_ids == series_id
            if here.any():
                added[here] = correction.weight * correction.booster.predict(table.matrix[here])
        return added

    def contributions(self, table: FeatureTable) -> Floats:
        """Return what each feature adds to each row through its correction, shape (rows, features + 1)."""
        told = np.zeros((len(table.scale), len(FEATURE_NAMES) + 1))
        for series_id, correction in self.of_series.items():
            here = table.series_ids == series_id
            if here.any():
                told[here] = correction.weight * correction.booster.contributions(table.matrix[here])
        return told

    def weighed(self, held_out: Lesson, median: Floats) -> LocalCorrections:
        """Return the corrections as far as they helped on held-out rows, of which the pooled model says ``median``."""
        found = {}
        for series_id, correction in self.of_series.items():
            here = held_out.table.series_ids == series_id
            if not here.any():
                continue
            rest = held_out.target[here] - median[here]
            said = correction.booster.predict(held_out.table.matrix[here])
            losses = [float(np.mean(np.abs(rest - weight * said))) for weight in WEIGHTS]
            best = int(np.argmin(losses))
            if losses[best] < (1 - LEAST_GAIN) * losses[0]:
                found[series_id] = replace(correction, weight=WEIGHTS[best])
        return LocalCorrections(found)

    @property
    def weights(self) -> dict[int, float]:
        """The weight of each correction, by series id."""
        return {series_id: correction.weight for series_id, correction in self.of_series.items()}


def _small(hours: float, seed: int) -> BoostingSettings:
    """Return how the trees of one series are grown: few, small and slow."""
    per_leaf = max(int(hours / LEAVES_A_SERIES), 24)
    return BoostingSettings(trees=80, leaves=16, learning_rate=0.05, hours_per_leaf=per_leaf, threads=1, seed=seed)
