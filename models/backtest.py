"""Rolling-origin backtest: what the product would have forecast, day after day, with only what it knew then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter

import numpy as np

from core.errors import ShortHistory
from models.forecaster import outlook
from models.history import History
from models.scores import Figures, figures
from models.train import TrainingSettings, train


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """How a backtest runs.

    Parameters
    ----------
    test_length
        The last stretch of the history, which is forecast.
    every
        Time between two origins.
    train_every
        Time between two trainings, each on everything known by then.
    training
        How each model is trained.
    """

    test_length: timedelta = timedelta(days=28)
    every: timedelta = timedelta(hours=24)
    train_every: timedelta = timedelta(days=28)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        if min(self.test_length, self.every, self.train_every) <= timedelta(0):
            raise ValueError("test_length, every and train_every are longer than nothing")


@dataclass(frozen=True, slots=True)
class Backtest:
    """How the forecasts of a test stretch turned out.

    Parameters
    ----------
    series, origins, trainings
        How much was forecast, from how many origins, by how many models.
    first_origin, last_origin
        The test stretch; the last origin's whole horizon is known.
    figures
        Over every step whose truth came and that the naive spoke of.
    fallback_share
        Share of (series, origin) that fell back to the naive; those count in the figures.
    fit_s, predict_s
        Seconds of all trainings, and of all predictions with their features and naive.
    """

    metric: str
    unit: str
    series: int
    origins: int
    trainings: int
    first_origin: datetime
    last_origin: datetime
    figures: Figures
    fallback_share: float
    fit_s: float
    predict_s: float


def backtest(history: History, settings: BacktestSettings) -> Backtest:
    """Forecast the last stretch of ``history`` from rolling origins, and judge it.

    Raises
    ------
    ShortHistory
        If what lies before the test stretch is too short to train on, or the stretch holds no whole horizon.
    """
    origins = origins_of(history, settings)
    trained_at, model, trainings = None, None, 0
    fit_s = predict_s = 0.0
    fallbacks: list[bool] = []
    judged = []
    for origin in origins:
        now = history.instant_of(origin)
        known = history.until(now)
        if trained_at is None or now - trained_at >= settings.train_every:
            model = train(known, settings.training)
            trained_at, trainings, fit_s = now, trainings + 1, fit_s + model.duration_s
        began = perf_counter()
        ahead = outlook(known, model, settings.training.boosting.threads)
        predict_s += perf_counter() - began
        fallbacks.extend(fallback is not None for fallback in ahead.fallbacks)
        truth = history.values[:, origin : origin + history.plan.steps]
        usable = np.isfinite(truth) & np.isfinite(ahead.naive.point)
        judged.append(
            (truth[usable], ahead.quantiles[usable], ahead.naive.point[usable], ahead.naive.quantiles[usable])
        )
    truths, quantiles, naive, naive_quantiles = (np.concatenate(part) for part in zip(*judged, strict=True))
    return Backtest(
        metric=history.metric.name,
        unit=history.metric.unit,
        series=len(history.series_ids),
        origins=len(origins),
        trainings=trainings,
        first_origin=history.instant_of(origins[0]),
        last_origin=history.instant_of(origins[-1]),
        figures=figures(truths, quantiles, naive, naive_quantiles),
        fallback_share=float(np.mean(fallbacks)),
        fit_s=fit_s,
        predict_s=predict_s,
    )


def origins_of(history: History, settings: BacktestSettings) -> range:
    """Return the indices of the origins: over the last stretch, each with its whole horizon known.

    Raises
    ------
    ShortHistory
        If there is none.
    """
    first = history.length - settings.test_length // history.plan.step
    origins = range(first, history.length - history.plan.steps + 1, max(settings.every // history.plan.step, 1))
    if first <= 0 or not origins:
        raise ShortHistory(f"{history.length} steps of {history.metric.name} leave nothing to backtest on")
    return origins


def table_of(backtests: Sequence[Backtest]) -> str:
    """Return backtests as a table for a person, one metric a line; losses in the metric's unit."""
    head = ("metric", "series", "origins", "steps", "pinball", "naive", "skill", "p10-p90", "naive", "MAE", "naive")
    lines = [head, *(_line(result) for result in backtests)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _line(result: Backtest) -> tuple[str, ...]:
    judged = result.figures
    return (
        result.metric,
        str(result.series),
        str(result.origins),
        str(judged.steps),
        f"{judged.pinball:.4g}",
        f"{judged.pinball_naive:.4g}",
        "-" if judged.skill is None else f"{judged.skill:.3f}",
        f"{judged.coverage:.3f}",
        f"{judged.coverage_naive:.3f}",
        f"{judged.absolute_error:.4g}",
        f"{judged.absolute_error_naive:.4g}",
    )
