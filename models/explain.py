"""Why a step is forecast as it is: what each family of features adds to the median, in the metric's unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.forecasts import QUANTILES
from models.features.rows import Rows
from models.features.table import FEATURES, FeatureFamily, feature_table
from models.history import History
from models.train import TrainedModel


@dataclass(frozen=True, slots=True)
class Explanation:
    """What made one step's median; ``start`` + all ``pushes`` + ``rest`` = ``median``, in the metric's unit.

    Parameters
    ----------
    start
        What the model says of a series of this level when it knows nothing else.
    pushes
        What each family of features adds or takes away, the strongest first (SHAP values, Lundberg et al. 2020).
    rest
        What calibration, ordering and the metric's bounds changed afterwards.
    """

    median: float
    start: float
    pushes: dict[FeatureFamily, float]
    rest: float


def explain(history: History, model: TrainedModel, series_id: int, lead: int) -> Explanation:
    """Explain the median that ``model`` gives for ``series_id``, ``lead`` steps after the history's ``as_of``.

    Raises
    ------
    ValueError
        If the series is not in the history or the lead is beyond the plan.
    """
    if not 0 <= lead < history.plan.steps:
        raise ValueError(f"lead {lead} is not in the {history.plan.steps} steps of the plan")
    origin = np.array([history.length])
    row = Rows(np.array([history.series_ids.index(series_id)]), origin, np.array([lead]), origin)
    table = feature_table(history, row)
    scale = float(table.scale[0])
    contributions = model.boosters.contributions(table.matrix)[0] * scale
    pushes = dict.fromkeys(FeatureFamily, 0.0)
    for family, push in zip(FEATURES.values(), contributions[:-1].tolist(), strict=True):
        pushes[family] += push
    median = float(model.predict(table)[0, QUANTILES.index(0.5)])
    return Explanation(
        median=median,
        start=float(contributions[-1]),
        pushes=dict(sorted(pushes.items(), key=lambda item: -abs(item[1]))),
        rest=median - float(contributions.sum()),
    )
