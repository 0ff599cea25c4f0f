"""LightGBM, behind one door: gradient-boosted trees, one booster per quantile and one for the mean, binned once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from core.forecasts import QUANTILES
from models.history import Floats

Matrix = npt.NDArray[np.float32]

PLENTY_HOURS = 50_000
"""From so many hours of targets on trees are grown in full; one station's year, or two months of ten series, is few."""
TRIAL_TREES = 60
"""Trees of a quick booster: enough to tell which of two targets is learnt better."""


@dataclass(frozen=True, slots=True)
class BoostingSettings:
    """How the trees are grown; the defaults were tuned on Cambridge electricity: spring 2019, August 2020, autumn 2021.

    Few trees with many leaves are as good as twice as many with half of them, and forecast in half the time.

    Parameters
    ----------
    trees
        Boosting rounds per quantile, 1 to 2000.
    leaves
        Leaves of a tree, 2 to 1024.
    learning_rate
        Shrinkage of each tree, in (0, 1].
    hours_per_leaf
        Fewest hours of targets a leaf may hold. Rows of one hour, of several origins or of its quarters, count as
        one hour, for their errors are much the same.
    threads
        Threads to use, at least 1.
    seed
        Same seed, same rows, same boosters.
    """

    trees: int = 120
    leaves: int = 63
    learning_rate: float = 0.1
    hours_per_leaf: int = 60
    threads: int = 2
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.trees <= 2_000:
            raise ValueError(f"{self.trees} trees: between 1 and 2000 are allowed")
        if not 2 <= self.leaves <= 1_024:
            raise ValueError(f"{self.leaves} leaves: between 2 and 1024 are allowed")
        if not 0 < self.learning_rate <= 1:
            raise ValueError(f"learning rate {self.learning_rate} is not in (0, 1]")
        if self.hours_per_leaf < 1 or self.threads < 1:
            raise ValueError("hours_per_leaf and threads are at least 1")

    def suited(self, hours: float) -> BoostingSettings:
        """Return how the trees are grown on so many hours of targets: fewer, smaller and slower on few."""
        if hours >= PLENTY_HOURS:
            return self
        fewer, smaller = math.ceil(self.trees * 2 / 3), max(self.leaves // 2, 2)
        return replace(self, trees=fewer, leaves=smaller, learning_rate=0.7 * self.learning_rate)


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What boosters are fitted on.

    Parameters
    ----------
    names, matrix
        Features: their names, and shape (rows, features), NaN where unknown.
    target
        Per row, finite.
    hours
        How many hours of different steps the targets are of.
    """

    names: tuple[str, ...]
    matrix: Matrix
    target: Floats
    hours: float


class QuantileBoosters:
    """One booster per level of `core.forecasts.QUANTILES`, and one for the mean.

    Parameters
    ----------
    texts
        LightGBM's own text form of each quantile's booster, in the order of the levels.
    mean_text
        That of the mean's.

    Raises
    ------
    ValueError
        If their number is not that of the levels.
    """

    def __init__(self, texts: tuple[str, ...], mean_text: str) -> None:
        if len(texts) != len(QUANTILES):
            raise ValueError(f"{len(texts)} boosters, {len(QUANTILES)} expected")
        self.texts, self.mean_text = texts, mean_text
        self._boosters = [lightgbm.Booster(model_str=text) for text in texts]
        self._mean = lightgbm.Booster(model_str=mean_text)

    @classmethod
    def fit(cls, examples: Examples, settings: BoostingSettings) -> QuantileBoosters:
        """Fit one booster per quantile, and the mean's; the matrix is binned once for all."""
        parameters = _parameters(examples, settings)
        names = list(examples.names)
        binned = lightgbm.Dataset(examples.matrix, examples.target, feature_name=names, params=parameters)
        objectives: list[dict[str, Any]] = [
            *({"objective": "quantile", "alpha": level} for level in QUANTILES),
            {"objective": "regression"},
        ]
        *texts, mean_text = (
            lightgbm.train({**parameters, **objective}, binned, num_boost_round=settings.trees).model_to_string()
            for objective in objectives
        )
        return cls(tuple(texts), mean_text)

    def predict(self, matrix: Matrix, threads: int) -> Floats:
        """Return the quantiles of each row, shape (rows, levels), sorted so that they never cross."""
        columns = [booster.predict(matrix, num_threads=threads) for booster in self._boosters]
        return np.sort(np.column_stack(columns).astype(np.float64), axis=1)

    def predict_median(self, matrix: Matrix, threads: int) -> Floats:
        """Return the median of each row, before levels are sorted."""
        median = self._boosters[QUANTILES.index(0.5)]
        return np.asarray(median.predict(matrix, num_threads=threads), dtype=np.float64)

    def predict_mean(self, matrix: Matrix, threads: int) -> Floats:
        """Return the mean of each row."""
        return np.asarray(self._mean.predict(matrix, num_threads=threads), dtype=np.float64)

    def contributions(self, matrix: Matrix) -> Floats:
        """Return what each feature adds to the median of each row, shape (rows, features + 1).

        The last column is what the booster says without knowing anything; a row's sum is its median before sorting.
        """
        median = self._boosters[QUANTILES.index(0.5)]
        return np.asarray(median.predict(matrix, pred_contrib=True), dtype=np.float64)

    def gains(self) -> dict[str, float]:
        """Return each feature's share of the loss that the median's trees took away, the greatest first."""
        median = self._boosters[QUANTILES.index(0.5)]
        gains = median.feature_importance("gain")
        total = float(gains.sum()) or 1.0
        ranked = sorted(zip(median.feature_name(), gains, strict=True), key=lambda pair: -pair[1])
        return {name: float(gain) / total for name, gain in ranked}


class MedianBooster:
    """One booster, of the median.

    Parameters
    ----------
    text
        LightGBM's own text form of it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._booster = lightgbm.Booster(model_str=text)

    @classmethod
    def fit(cls, examples: Examples, settings: BoostingSettings) -> MedianBooster:
        """Fit it."""
        parameters = {**_parameters(examples, settings), "objective": "quantile", "alpha": 0.5}
        names = list(examples.names)
        binned = lightgbm.Dataset(examples.matrix, examples.target, feature_name=names, params=parameters)
        return cls(lightgbm.train(parameters, binned, num_boost_round=settings.trees).model_to_string())

    def predict(self, matrix: Matrix) -> Floats:
        """Return the median of each row, on one thread: a second one costs more than it brings to so few trees."""
        return np.asarray(self._booster.predict(matrix, num_threads=1), dtype=np.float64)

    def contributions(self, matrix: Matrix) -> Floats:
        """Return what each feature adds to the median of each row, as `QuantileBoosters.contributions` does."""
        return np.asarray(self._booster.predict(matrix, pred_contrib=True), dtype=np.float64)


def _parameters(examples: Examples, settings: BoostingSettings) -> dict[str, Any]:
    """Return LightGBM's parameters, all but the objective."""
    rows_per_hour = len(examples.target) / examples.hours
    return {
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": math.ceil(settings.hours_per_leaf * rows_per_hour),
        "feature_fraction": 0.7,
        "max_bin": 127,
        "num_threads": settings.threads,
        "seed": settings.seed,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }
