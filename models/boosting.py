"""LightGBM, behind one door: gradient-boosted trees, one booster per quantile, on one shared binned matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

import lightgbm
import numpy as np
import numpy.typing as npt

from core.forecasts import QUANTILES
from models.history import Floats

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BoostingSettings:
    """How the trees are grown; the defaults were tuned on Cambridge electricity of spring 2019 (docs/adr/0006).

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

    trees: int = 160
    leaves: int = 31
    learning_rate: float = 0.07
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
    """One booster per level of `core.forecasts.QUANTILES`.

    Parameters
    ----------
    texts
        LightGBM's own text form of each booster, in the order of the levels.

    Raises
    ------
    ValueError
        If their number is not that of the levels.
    """

    def __init__(self, texts: tuple[str, ...]) -> None:
        if len(texts) != len(QUANTILES):
            raise ValueError(f"{len(texts)} boosters, {len(QUANTILES)} expected")
        self.texts = texts
        self._boosters = [lightgbm.Booster(model_str=text) for text in texts]

    @classmethod
    def fit(cls, examples: Examples, settings: BoostingSettings) -> QuantileBoosters:
        """Fit one booster per quantile; the matrix is binned once for all."""
        rows_per_hour = len(examples.target) / examples.hours
        parameters = {
            "objective": "quantile",
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
        names = list(examples.names)
        binned = lightgbm.Dataset(examples.matrix, examples.target, feature_name=names, params=parameters)
        texts = [
            lightgbm.train({**parameters, "alpha": level}, binned, num_boost_round=settings.trees).model_to_string()
            for level in QUANTILES
        ]
        return cls(tuple(texts))

    def predict(self, matrix: Matrix, threads: int) -> Floats:
        """Return the quantiles of each row, shape (rows, levels), sorted so that they never cross."""
        columns = [booster.predict(matrix, num_threads=threads) for booster in self._boosters]
        return np.sort(np.column_stack(columns).astype(np.float64), axis=1)

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
