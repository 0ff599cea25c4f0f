"""Training: a history becomes boosters, their calibration, and a card that says how good they were."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import numpy as np

from core.errors import ShortHistory
from core.metrics import metric_named
from models.boosting import BoostingSettings, Examples, QuantileBoosters
from models.calibration import Calibration
from models.features.rows import Rows
from models.features.table import FEATURE_NAMES, FeatureTable, feature_table
from models.history import Floats, History
from models.validation import validate


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How a model is trained.

    Parameters
    ----------
    boosting
        How the trees are grown.
    rows_max
        Most rows the boosters are fitted on, sampled over series, origins and leads; 1,000 to 2,000,000.
    rows_per_step
        Most rows that share one step as their target, seen from different origins, on average: more teach little.
    warm_up
        First stretch of the history that no origin lies in: it is only looked back on.
    held_out_max
        Longest recent stretch that calibration holds out; a quarter of the history when that is shorter.
    late_share
        Share of rows that are trained as if the newest hours had not arrived yet, 0 to 1.
    late_hours_max
        Most hours they pretend to miss.
    """

    boosting: BoostingSettings = field(default_factory=BoostingSettings)
    rows_max: int = 120_000
    rows_per_step: int = 6
    warm_up: timedelta = timedelta(days=7)
    held_out_max: timedelta = timedelta(days=28)
    late_share: float = 0.15
    late_hours_max: int = 6

    def __post_init__(self) -> None:
        if not 1_000 <= self.rows_max <= 2_000_000:
            raise ValueError(f"rows_max {self.rows_max} is not between 1,000 and 2,000,000")
        if not 0 <= self.late_share <= 1:
            raise ValueError(f"late_share {self.late_share} is not between 0 and 1")
        if self.late_hours_max < 1:
            raise ValueError("late_hours_max is at least 1")
        if self.rows_per_step < 1:
            raise ValueError("rows_per_step is at least 1")


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """A model of one metric, ready to forecast any series of it.

    Parameters
    ----------
    metric, step
        What it forecasts, on which grid.
    features
        The columns it was fitted on, in order.
    boosters, calibration
        The quantiles, and what moves them so that they hold.
    history_start, history_end
        The window it was fitted on.
    rows, series
        How much it was fitted on.
    duration_s
        How long training took.
    card
        Validation on held-out weeks and feature gains, ready for JSON; figures in the metric's unit.
    """

    metric: str
    step: timedelta
    features: tuple[str, ...]
    boosters: QuantileBoosters
    calibration: Calibration
    history_start: datetime
    history_end: datetime
    rows: int
    series: int
    duration_s: float
    card: dict[str, Any]

    @property
    def loses_to_naive(self) -> bool:
        """Whether the naive forecast was better on the weeks held out at its training."""
        skill = self.card["validation"]["skill"]
        return skill is not None and skill <= 0

    def predict(self, table: FeatureTable, threads: int = 1) -> Floats:
        """Return calibrated quantiles in the metric's unit and within its bounds, shape (rows, levels), in order."""
        metric = metric_named(self.metric)
        scaled = self.calibration.apply(self.boosters.predict(table.matrix, threads), table.lead_h)
        return np.clip(scaled * table.scale[:, None], metric.low, metric.high)


def train(history: History, settings: TrainingSettings) -> TrainedModel:
    """Train a model of the history's metric.

    The boosters are first fitted without the held-out recent weeks, which then calibrate them and fill the card; the
    boosters that are kept are fitted again on everything, since the newest weeks say the most.

    Raises
    ------
    ShortHistory
        If the history, or what is known of it, is too short to fit and to hold out.
    """
    began = perf_counter()
    history = history.from_first_reading()
    first = settings.warm_up // history.plan.step
    held_out = min(settings.held_out_max // history.plan.step, history.length // 4)
    cut = history.length - held_out
    if not history.series_ids or held_out < history.plan.steps or cut - first < 2 * history.steps_per_day:
        raise ShortHistory(f"{history.length} steps of {history.metric.name} are too few to train on")
    random = np.random.default_rng(settings.boosting.seed)
    rehearsal, _ = _fit(history.until(history.instant_of(cut)), settings, random)
    calibration, validation = validate(history, cut, rehearsal, settings.boosting.threads)
    boosters, rows = _fit(history, settings, random)
    return TrainedModel(
        metric=history.metric.name,
        step=history.plan.step,
        features=FEATURE_NAMES,
        boosters=boosters,
        calibration=calibration,
        history_start=history.start,
        history_end=history.as_of,
        rows=rows,
        series=len(history.series_ids),
        duration_s=perf_counter() - began,
        card={"validation": asdict(validation), "gains": boosters.gains()},
    )


def _fit(history: History, settings: TrainingSettings, random: np.random.Generator) -> tuple[QuantileBoosters, int]:
    """Fit boosters on rows sampled over the whole history; return them and the number of rows."""
    rows = _sample(history, settings, random)
    truth = history.value_at(rows.series, rows.target)
    rows, truth = rows.where(np.isfinite(truth)), truth[np.isfinite(truth)]
    hours = len(np.unique(rows.series * history.length + rows.target)) / history.steps_per_hour
    if hours < settings.boosting.hours_per_leaf * 2:
        raise ShortHistory(f"{hours:.0f} known hours of {history.metric.name} are too few to train on")
    table = feature_table(history, rows)
    examples = Examples(FEATURE_NAMES, table.matrix, truth / table.scale, hours)
    return QuantileBoosters.fit(examples, settings.boosting), len(rows)


def _sample(history: History, settings: TrainingSettings, random: np.random.Generator) -> Rows:
    """Draw rows over series, origins and leads whose target lies in the history, some of them with late readings."""
    first, last = settings.warm_up // history.plan.step, history.length - 1
    steps = len(history.series_ids) * (last + 1 - first)
    count = min(settings.rows_max, steps * min(settings.rows_per_step, history.plan.steps))
    target = random.integers(first, last + 1, count)
    lead = np.minimum(random.integers(0, history.plan.steps, count), target - first)
    origin = target - lead
    late = random.integers(1, settings.late_hours_max * history.steps_per_hour + 1, count)
    late = np.where(random.random(count) < settings.late_share, late, 0)
    return Rows(random.integers(0, len(history.series_ids), count), origin, lead, np.maximum(origin - late, 0))
