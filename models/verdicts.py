"""Verdicts: forecasters that ran on the same folds, judged on the same steps.

A step counts where its truth came and every forecaster spoke. CRPS is what OpenSTEF computes from quantiles
(`openstef_beam.metrics.crps`, weights by interval): twice the pinball losses, each weighted by the share of [0, 1]
that its level stands for. The relative one is divided by the series' own P99 - P1 over the steps that count, and
then averaged over series, so that a kiosk weighs as much as a hospital.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.forecasts import QUANTILES
from models.backtest import Floats32, Fold, Utterance, truth_of
from models.calibration import LEAD_BUCKETS_H
from models.features.calendar import calendar_of
from models.history import Floats, History, Indices
from models.regimes import Regime, regimes

Mask = npt.NDArray[np.bool_]

_LEVELS = np.array(QUANTILES)
_EDGES = np.concatenate([[0.0], (_LEVELS[:-1] + _LEVELS[1:]) / 2, [1.0]])
CRPS_WEIGHTS: Floats = np.diff(_EDGES)
"""The share of [0, 1] that each level stands for."""
_MEDIAN = QUANTILES.index(0.5)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one forecaster did on some steps; losses in the metric's unit.

    Parameters
    ----------
    steps
        Steps that count.
    pinball
        Mean over levels and steps.
    pinball_by_level
        Mean over steps, per level of `core.forecasts.QUANTILES`.
    crps, rcrps
        Continuous ranked probability score; and relative to each series' P99 - P1, mean over series; NaN where no
        series moved.
    coverage_80, coverage_90
        Share of truths in [p10, p90] and in [p05, p95].
    below
        Share of truths below each level: what a reliability diagram draws.
    absolute_error
        Of p50.
    """

    forecaster: str
    steps: int
    pinball: float
    pinball_by_level: tuple[float, ...]
    crps: float
    rcrps: float
    coverage_80: float
    coverage_90: float
    below: tuple[float, ...]
    absolute_error: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a forecaster took: seconds of its fits, of its predictions, and of a processor for both."""

    fit_s: float
    predict_s: float
    processor_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Hearing:
    """What forecasters said of the same steps, and what came.

    Parameters
    ----------
    history
        The history they were held against, in full.
    origins
        Index of each origin.
    truth
        Shape (origins, series, steps); NaN where nothing came.
    said
        Per forecaster, shape (origins, series, steps, levels).
    costs, unfit
        Per forecaster; and of those that could not be fitted in some fold, why.
    counts
        Which steps count, shaped as ``truth``.
    """

    history: History
    origins: tuple[int, ...]
    truth: Floats
    said: Mapping[str, Floats32]
    costs: Mapping[str, Cost]
    unfit: Mapping[str, str]
    counts: Mask

    @classmethod
    def of(cls, history: History, folds: Sequence[Fold], utterances: Sequence[Utterance]) -> Hearing:
        """Lay what was said in all folds side by side; a forecaster that was unfit in one of them is not heard."""
        unfit = {one.forecaster: one.unfit for one in utterances if one.unfit is not None}
        names = dict.fromkeys(one.forecaster for one in utterances if one.forecaster not in unfit)
        by_fold = {(one.forecaster, one.fold): one for one in utterances}
        mine = {name: [by_fold[name, fold] for fold in folds] for name in names}
        said = {name: np.concatenate([one.quantiles for one in some]) for name, some in mine.items()}
        costs = {
            name: Cost(
                sum(one.fit_s for one in some),
                sum(one.predict_s for one in some),
                sum(one.processor_s for one in some),
            )
            for name, some in mine.items()
        }
        truth = truth_of(history, folds)
        counts = np.isfinite(truth)
        for quantiles in said.values():
            counts &= np.isfinite(quantiles).all(axis=3)
        origins = tuple(origin for fold in folds for origin in fold.origins)
        return cls(history, origins, truth, said, costs, unfit, counts)

    def verdicts(self, among: Mask | None = None) -> list[Verdict]:
        """Judge every forecaster, on all steps that count or those of them that are ``among`` these."""
        counts = self.counts if among is None else self.counts & among
        return [_verdict(name, self.truth, quantiles, counts) for name, quantiles in self.said.items()]

    def by_lead(self) -> Iterator[tuple[str, list[Verdict]]]:
        """Yield verdicts by bucket of lead times, named by its first hour."""
        lead_h = np.arange(self.history.plan.steps) / self.history.steps_per_hour
        bucket = np.searchsorted(LEAD_BUCKETS_H, lead_h, side="right") - 1
        for at, first_h in enumerate(LEAD_BUCKETS_H):
            inside = np.broadcast_to(bucket == at, self.truth.shape)
            if (self.counts & inside).any():
                yield f"{first_h:g}", self.verdicts(inside)

    def by_series(self) -> Iterator[tuple[int, list[Verdict]]]:
        """Yield verdicts by series, named by its place in the history."""
        for row in range(self.truth.shape[1]):
            inside = np.zeros(self.truth.shape, dtype=np.bool_)
            inside[:, row] = True
            if (self.counts & inside).any():
                yield row, self.verdicts(inside)

    def by_regime(self) -> Iterator[tuple[Regime, list[Verdict]]]:
        """Yield verdicts by regime."""
        of_step = self._regimes()
        for regime in Regime:
            inside = np.broadcast_to((of_step == regime)[:, None, :], self.truth.shape)
            if (self.counts & inside).any():
                yield regime, self.verdicts(inside)

    def _regimes(self) -> Indices:
        """Return the regime of each step, shape (origins, steps)."""
        history = self.history
        calendar = calendar_of(history.start, history.plan.step, history.length + history.plan.steps)
        target = np.array(self.origins)[:, None] + np.arange(history.plan.steps)
        return regimes(calendar, target.reshape(-1)).reshape(target.shape)


def best_of(verdicts: Sequence[Verdict], names: Sequence[str]) -> Verdict | None:
    """Return the verdict of least pinball among these forecasters; chosen after the fact, which favours it."""
    return min((one for one in verdicts if one.forecaster in names), key=lambda one: one.pinball, default=None)


def losses_of(truth: Floats, quantiles: Floats) -> Floats:
    """Return the pinball loss of each row and level, shape (rows, levels)."""
    missed = truth[:, None] - quantiles
    losses: Floats = np.maximum(_LEVELS * missed, (_LEVELS - 1) * missed)
    return losses


def _verdict(name: str, truth: Floats, said: Floats32, counts: Mask) -> Verdict:
    came, quantiles = truth[counts], said[counts].astype(np.float64)
    if not len(came):
        nothing = (float("nan"),) * len(QUANTILES)
        return Verdict(name, 0, *(float("nan"),), nothing, *(float("nan"),) * 4, nothing, float("nan"))
    losses = losses_of(came, quantiles)
    by_level = losses.mean(axis=0)
    series = np.broadcast_to(np.arange(truth.shape[1])[:, None], truth.shape)[counts]
    held = came[:, None] <= quantiles
    return Verdict(
        forecaster=name,
        steps=len(came),
        pinball=float(losses.mean()),
        pinball_by_level=tuple(by_level.tolist()),
        crps=float(2 * CRPS_WEIGHTS @ by_level),
        rcrps=_relative(losses, came, series),
        coverage_80=_inside(came, quantiles, 0.10, 0.90),
        coverage_90=_inside(came, quantiles, 0.05, 0.95),
        below=tuple(held.mean(axis=0).tolist()),
        absolute_error=float(np.abs(came - quantiles[:, _MEDIAN]).mean()),
    )


def _inside(truth: Floats, quantiles: Floats, low: float, high: float) -> float:
    above = truth >= quantiles[:, QUANTILES.index(low)]
    return float(np.mean(above & (truth <= quantiles[:, QUANTILES.index(high)])))


def _relative(losses: Floats, truth: Floats, series: Indices) -> float:
    """Return the mean over series of CRPS / (P99 - P1); a series that did not move is left out."""
    relative = []
    for one in np.unique(series):
        mine = series == one
        low, high = np.quantile(truth[mine], [0.01, 0.99])
        if high > low:
            relative.append(float(2 * CRPS_WEIGHTS @ losses[mine].mean(axis=0) / (high - low)))
    return float(np.mean(relative)) if relative else float("nan")
