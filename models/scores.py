"""What forecasts are judged by: pinball loss, coverage, absolute error, skill against the naive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from core.columns import MICROSECOND, to_microseconds
from core.forecasts import QUANTILES
from core.metrics import ForecastPlan
from core.scores import DaySums
from models.calibration import LEAD_BUCKETS_H, bucket_of
from models.features.calendar import calendar_of
from models.history import Floats, Indices
from models.naive import NaiveForecast
from models.regimes import regimes

Mask = npt.NDArray[np.bool_]

_LEVELS = np.array(QUANTILES)
_DAY_US = 86_400 * 1_000_000
_P05, _P10, _MEDIAN, _P90, _P95 = (QUANTILES.index(level) for level in (0.05, 0.10, 0.50, 0.90, 0.95))


def pinball_by_level(truth: Floats, quantiles: Floats) -> Floats:
    """Return the pinball loss of each value and level, in the unit of ``truth``.

    Parameters
    ----------
    truth
        Of any shape; NaN where it did not come, and then the losses are.
    quantiles
        The same shape, and the levels last.
    """
    over = truth[..., None] - quantiles
    losses: Floats = np.maximum(_LEVELS * over, (_LEVELS - 1) * over)
    return losses


def pinball(truth: Floats, quantiles: Floats) -> float:
    """Return the mean pinball loss over rows and levels, in the unit of ``truth``; rows all known."""
    return float(np.mean(pinball_by_level(truth, quantiles)))


def coverage(truth: Floats, quantiles: Floats) -> float:
    """Return the share of rows whose truth lies in [p10, p90]; 0.8 is promised."""
    return float(np.mean(_within(truth, quantiles, _P10, _P90)))


def coverage_90(truth: Floats, quantiles: Floats) -> float:
    """Return the share of rows whose truth lies in [p05, p95]; 0.9 is promised."""
    return float(np.mean(_within(truth, quantiles, _P05, _P95)))


def absolute_error(truth: Floats, point: Floats) -> float:
    """Return the mean absolute error of a point forecast, in the unit of ``truth``."""
    return float(np.mean(np.abs(truth - point)))


def skill(loss: float, yardstick: float) -> float | None:
    """Return the share of the yardstick's loss that is saved: 0 no better, 1 perfect; None where it lost nothing."""
    return 1 - loss / yardstick if yardstick > 0 else None


@dataclass(frozen=True, slots=True)
class Figures:
    """How forecasts of many steps turned out, beside the naive of the same steps; losses in the metric's unit.

    Parameters
    ----------
    steps
        Steps whose truth came and that the naive spoke of.
    skill
        Pinball saved against the naive and its own quantiles; None where the naive lost nothing.
    coverage, coverage_naive
        Share of truths in [p10, p90].
    coverage_90
        Share of truths in [p05, p95].
    """

    steps: int
    pinball: float
    pinball_naive: float
    skill: float | None
    coverage: float
    coverage_naive: float
    coverage_90: float
    absolute_error: float
    absolute_error_naive: float


def figures(truth: Floats, quantiles: Floats, naive: Floats, naive_quantiles: Floats) -> Figures:
    """Judge many steps at once; every row known."""
    loss, yardstick = pinball(truth, quantiles), pinball(truth, naive_quantiles)
    return Figures(
        steps=len(truth),
        pinball=loss,
        pinball_naive=yardstick,
        skill=skill(loss, yardstick),
        coverage=coverage(truth, quantiles),
        coverage_naive=coverage(truth, naive_quantiles),
        coverage_90=coverage_90(truth, quantiles),
        absolute_error=absolute_error(truth, quantiles[:, _MEDIAN]),
        absolute_error_naive=absolute_error(truth, naive),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """How each step of some forecasts turned out, beside the naive of the same step; losses in the metric's unit.

    Parameters
    ----------
    pinball, pinball_naive
        Mean over the levels, shape (series, steps); NaN where the truth did not come, or nothing was said.
    absolute_error, absolute_error_naive
        Of the median, and of the naive's point; NaN likewise.
    within_80, within_90
        Whether the truth lies in [p10, p90], and in [p05, p95]; false where it did not come.
    below
        Shape (series, steps, levels): whether the truth lies under each quantile; false likewise.
    """

    pinball: Floats
    pinball_naive: Floats
    absolute_error: Floats
    absolute_error_naive: Floats
    within_80: Mask
    within_90: Mask
    below: Mask

    @property
    def came(self) -> Mask:
        """Per step, whether its truth came."""
        return np.isfinite(self.pinball)

    @property
    def beside(self) -> Mask:
        """Per step, whether its truth came and the naive spoke of it, too: what skill is told from."""
        return self.came & np.isfinite(self.pinball_naive) & np.isfinite(self.absolute_error_naive)


def outcome(truth: Floats, quantiles: Floats, yardstick: NaiveForecast) -> Outcome:
    """Judge every step of some forecasts.

    Parameters
    ----------
    truth
        What came, shape (series, steps), in the metric's unit; NaN where nothing did.
    quantiles
        What was said, shape (series, steps, levels); NaN where nothing was.
    yardstick
        The naive forecast of the same steps; NaN where it says nothing.
    """
    return Outcome(
        pinball=pinball_by_level(truth, quantiles).mean(axis=-1),
        pinball_naive=pinball_by_level(truth, yardstick.quantiles).mean(axis=-1),
        absolute_error=np.abs(truth - quantiles[..., _MEDIAN]),
        absolute_error_naive=np.abs(truth - yardstick.point),
        within_80=_within(truth, quantiles, _P10, _P90),
        within_90=_within(truth, quantiles, _P05, _P95),
        below=truth[..., None] < quantiles,
    )


def _within(truth: Floats, quantiles: Floats, low: int, high: int) -> Mask:
    inside: Mask = (quantiles[..., low] <= truth) & (truth <= quantiles[..., high])
    return inside


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where the steps of an issue lie: arrays of one value a step.

    Parameters
    ----------
    day
        Local day, in days since `core.scores.FIRST_DAY`.
    lead_from_h
        Where the bucket of lead times begins, in hours.
    regime
        As `models.regimes.Regime` numbers it.
    """

    day: Indices
    lead_from_h: Indices
    regime: Indices

    @classmethod
    def of(cls, origin: datetime, plan: ForecastPlan) -> Grid:
        """Return the grid of the plan's steps from the one that starts at ``origin``."""
        calendar = calendar_of(origin, plan.step, plan.steps)
        every = np.arange(plan.steps)
        local_us = to_microseconds(origin) + every * (plan.step // MICROSECOND) + calendar.offset_s * 1_000_000
        lead_h: Floats = every * np.float64(plan.step / timedelta(hours=1))
        buckets = np.array(LEAD_BUCKETS_H, dtype=np.int64)
        return cls(local_us // _DAY_US, buckets[bucket_of(lead_h)], regimes(calendar, every))


@dataclass(frozen=True, slots=True)
class Speech:
    """Who said something, and whether to people: the model's id, or `core.scores.NAIVE_MODEL_ID`; issued, or tried."""

    model_id: Indices
    issued: bool


def step_sums(judged: Outcome, series_id: Indices, speech: Speech, grid: Grid, counted: Mask) -> DaySums:
    """Return the steps of an outcome as sums of one step each, to be summed with others.

    Parameters
    ----------
    series_id
        Per series of the outcome; ``speech`` likewise.
    counted
        Shape (series, steps): which of the steps that are known beside the naive.
    """
    row, step = np.nonzero(counted & judged.beside)
    return DaySums(
        series_id=series_id[row],
        day=grid.day[step],
        model_id=speech.model_id[row],
        issued=np.full(len(row), speech.issued),
        lead_from_h=grid.lead_from_h[step],
        regime=grid.regime[step],
        steps=np.ones(len(row), dtype=np.int64),
        pinball=judged.pinball[row, step],
        pinball_naive=judged.pinball_naive[row, step],
        absolute_error=judged.absolute_error[row, step],
        absolute_error_naive=judged.absolute_error_naive[row, step],
        within_80=judged.within_80[row, step].astype(np.int64),
        within_90=judged.within_90[row, step].astype(np.int64),
        below=judged.below[row, step].astype(np.int64),
    )
