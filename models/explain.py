"""Why a step is forecast as it is, and what it would be if it were colder: asked of the model that spoke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from core.errors import VigieError
from core.forecasts import QUANTILES, Doubt
from models.features.rows import Rows
from models.features.table import FEATURES, FeatureFamily, feature_table
from models.forecaster import ALL_SPEAK, Outlook, Speaking, outlook
from models.history import Floats, History
from models.soundness import examine
from models.train import TrainedModel

_MEDIAN = QUANTILES.index(0.5)


class ModelSilent(VigieError):
    """The model does not speak of this series: the naive forecast stands in."""


class NoWeather(VigieError):
    """The weather changes nothing in this forecast: the model learnt with none, or none was known."""


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
        What calibration, ordering, the series' own correction and the metric's bounds changed afterwards.
    """

    median: float
    start: float
    pushes: Mapping[FeatureFamily, float]
    rest: float

    @property
    def usual(self) -> float:
        """What habit alone would have it: the start, and what the same hour of earlier days adds to it."""
        return self.start + self.pushes[FeatureFamily.HABIT]

    def told_of(self, median: float) -> Explanation:
        """Return the same explanation of another median: what differs is in the rest."""
        return replace(self, median=median, rest=self.rest + median - self.median)


def explain(
    history: History, model: TrainedModel, series_id: int, lead: int, speaking: Speaking = ALL_SPEAK
) -> Explanation:
    """Explain the median that ``model`` gives for ``series_id``, ``lead`` steps after the history's ``as_of``.

    Raises
    ------
    ValueError
        If the series is not in the history or the lead is beyond the plan.
    ModelSilent
        If the naive forecast stands in.
    """
    if not 0 <= lead < history.plan.steps:
        raise ValueError(f"lead {lead} is not in the {history.plan.steps} steps of the plan")
    median = float(quantiles_of(history, model, series_id, speaking)[lead, _MEDIAN])
    examined = examine(history).history
    origin = np.array([history.length])
    row = Rows.at(np.array([history.series_ids.index(series_id)]), origin, np.array([lead]))
    table = feature_table(examined, row)
    contributions = model.contributions(table)[0]
    pushes = dict.fromkeys(FeatureFamily, 0.0)
    for family, push in zip(FEATURES.values(), contributions[:-1].tolist(), strict=True):
        pushes[family] += push
    return Explanation(
        median=median,
        start=float(contributions[-1]),
        pushes=dict(sorted(pushes.items(), key=lambda item: -abs(item[1]))),
        rest=median - float(contributions.sum()),
    )


def quantiles_of(history: History, model: TrainedModel, series_id: int, speaking: Speaking = ALL_SPEAK) -> Floats:
    """Return what the model says of one series, shape (steps, levels), as it would be issued.

    Raises
    ------
    ModelSilent
        If the naive forecast stands in.
    """
    said: Floats = _alone(history, model, series_id, speaking).quantiles[history.series_ids.index(series_id)]
    return said


def colder(
    history: History, model: TrainedModel, series_id: int, degrees: float, speaking: Speaking = ALL_SPEAK
) -> Floats:
    """Return what the model would say of one series if every temperature were lower by so many degrees.

    That is what it learnt from days as cold as that, and no physics: beyond the coldest day it met it says no more.

    Raises
    ------
    NoWeather
        If the model learnt with no weather, or none was known for the hours ahead.
    ModelSilent
        If the naive forecast stands in.
    """
    around = history.around
    if not model.card["weather"] or around is None or around.weather is None:
        raise NoWeather
    if Doubt.NO_WEATHER in _alone(history, model, series_id, speaking).doubts[history.series_ids.index(series_id)]:
        raise NoWeather
    moved = replace(history, around=replace(around, weather=around.weather.colder(degrees)))
    return quantiles_of(moved, model, series_id, speaking)


def _alone(history: History, model: TrainedModel, series_id: int, speaking: Speaking) -> Outlook:
    """Return the outlook in which the model is asked about one series only; the others are its neighbours still."""
    others = frozenset(history.series_ids) - {series_id}
    ahead = outlook(history, model, Speaking(speaking.silenced | others, speaking.shifts))
    fallback = ahead.fallbacks[history.series_ids.index(series_id)]
    if fallback is not None:
        raise ModelSilent(f"the naive forecast stands in: {fallback}")
    return ahead
