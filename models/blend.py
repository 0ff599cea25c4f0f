"""The blend: boosters over all series of a metric, held by an anchor where that helps, corrected for single series."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.anchor import SHRINKAGES, Anchor
from models.boosting import TRIAL_TREES, BoostingSettings, MedianBooster, QuantileBoosters
from models.features.table import FeatureTable
from models.history import Floats
from models.local import Lesson, LocalCorrections

LEAST_GAIN = 0.005
"""An anchor is taken if it saves this share of the median's loss on the held-out weeks: the plainer model else."""


@dataclass(frozen=True, slots=True, eq=False)
class Blend:
    """What says the quantiles and the mean of a row, in scaled units, before they are calibrated.

    Parameters
    ----------
    boosters
        Pooled over all series.
    anchor
        The line that they learn the rest of; None where they learn the whole.
    local
        What is added for single series.
    """

    boosters: QuantileBoosters
    anchor: Anchor | None
    local: LocalCorrections

    @classmethod
    def fit(cls, lesson: Lesson, settings: BoostingSettings, shrinkage: float | None) -> Blend:
        """Fit anchor and boosters, without corrections; without an anchor where no shrinkage is given."""
        none = LocalCorrections({})
        if shrinkage is None:
            return cls(QuantileBoosters.fit(lesson.examples(lesson.target), settings), None, none)
        anchor = Anchor.fit(lesson.table, lesson.target, shrinkage)
        rest = lesson.target - anchor.of(lesson.table)
        return cls(QuantileBoosters.fit(lesson.examples(rest), settings), anchor, none)

    def corrected(self, local: LocalCorrections) -> Blend:
        """Return the same with these corrections."""
        return replace(self, local=local)

    def predict(self, table: FeatureTable, threads: int) -> Floats:
        """Return the quantiles of each row, shape (rows, levels), in order."""
        return self.boosters.predict(table.matrix, threads) + self._moved(table)[:, None]

    def predict_median(self, table: FeatureTable, threads: int) -> Floats:
        """Return the median of each row."""
        return self.boosters.predict_median(table.matrix, threads) + self._moved(table)

    def predict_mean(self, table: FeatureTable, threads: int) -> Floats:
        """Return the mean of each row."""
        return self.boosters.predict_mean(table.matrix, threads) + self._moved(table)

    def contributions(self, table: FeatureTable) -> Floats:
        """Return what each feature adds to the median of each row, shape (rows, features + 1).

        The last column is what is said without knowing anything.
        """
        told = self.boosters.contributions(table.matrix) + self.local.contributions(table)
        return told if self.anchor is None else told + self.anchor.contributions(table)

    def _moved(self, table: FeatureTable) -> Floats:
        """Return what anchor and corrections add to whatever the boosters say of a row."""
        corrections = self.local.of(table)
        return corrections if self.anchor is None else corrections + self.anchor.of(table)


def chosen_shrinkage(lesson: Lesson, held_out: Lesson, settings: BoostingSettings) -> float | None:
    """Return how strongly the anchor that does best on held-out rows is shrunk; None where boosters do without."""

    def loss(said: Floats) -> float:
        return float(np.mean(np.abs(held_out.target - said)))

    def learnt(target: Floats) -> Floats:
        quick = replace(settings, trees=min(settings.trees, TRIAL_TREES))
        return MedianBooster.fit(lesson.examples(target), quick).predict(held_out.table.matrix)

    anchors = {shrinkage: Anchor.fit(lesson.table, lesson.target, shrinkage) for shrinkage in SHRINKAGES}
    best = min(SHRINKAGES, key=lambda shrinkage: loss(anchors[shrinkage].of(held_out.table)))
    anchored = learnt(lesson.target - anchors[best].of(lesson.table)) + anchors[best].of(held_out.table)
    return best if loss(anchored) < (1 - LEAST_GAIN) * loss(learnt(lesson.target)) else None
