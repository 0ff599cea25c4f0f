"""Training: a history becomes boosters, their calibration, and a card that says how good they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import numpy as np

from core.errors import ShortHistory
from core.metrics import metric_named
from models.blend import Blend, chosen_shrinkage
from models.boosting import BoostingSettings, QuantileBoosters
from models.calibration import Calibration
from models.features.rows import Rows
from models.features.table import FEATURE_NAMES, FEATURES, FeatureFamily, FeatureTable, feature_table
from models.history import Floats, History
from models.local import Lesson, LocalCorrections
from models.outcomes import targets
from models.soundness import examine
from models.validation import held_out, validate

YOUNG_DAYS_MAX = 21
"""Beyond so many known days a series is not young any more: no feature looks back further, but for the scale."""

ROWS_LEAST = 1_000
REHEARSAL = 2
"""The boosters that are only judged are fitted on one part in so many of the rows: half the price, nearly as good."""
FAMILY_ROWS = 500
"""What moves the median is told from so many rows: each takes as long as thousands of forecasts."""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How a model is trained.

    A model that met late readings, no weather and young series in training copes with them when it forecasts.

    Parameters
    ----------
    boosting
        How the trees are grown.
    rows_max
        Most rows the boosters are fitted on, sampled over series, origins and leads; 1,000 to 2,000,000.
    rows_per_step
        Most rows that share one step as their target, seen from different origins, on average: more teach little.
    warm_up
        First stretch of the history that no target lies in: it is only looked back on.
    held_out_max
        Longest recent stretch that calibration holds out; a quarter of the history when that is shorter, but always a
        whole horizon.
    late_share
        Share of rows that are trained as if the newest hours had not arrived yet, 0 to 1.
    late_hours_max
        Most hours they pretend to miss.
    blind_share
        Share of rows that are trained as if no weather had been received, 0 to 1.
    young_share
        Share of rows that are trained as if their series had been known for 1 to `YOUNG_DAYS_MAX` days, 0 to 1.
    """

    boosting: BoostingSettings = field(default_factory=BoostingSettings)
    rows_max: int = 300_000
    rows_per_step: int = 6
    warm_up: timedelta = timedelta(days=7)
    held_out_max: timedelta = timedelta(days=28)
    late_share: float = 0.15
    late_hours_max: int = 6
    blind_share: float = 0.1
    young_share: float = 0.1

    def __post_init__(self) -> None:
        if not ROWS_LEAST <= self.rows_max <= 2_000_000:
            raise ValueError(f"rows_max {self.rows_max} is not between 1,000 and 2,000,000")
        for name in ("late_share", "blind_share", "young_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)} is not between 0 and 1")
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
    blend, calibration
        The quantiles and the mean, and what moves the quantiles so that they hold.
    history_start, history_end
        The window it was fitted on.
    rows, series
        How much it was fitted on.
    duration_s
        How long training took.
    card
        What is to be told of it, ready for JSON; figures in the metric's unit. ``validation``, ``by_lead``,
        ``by_regime`` and ``by_series``: figures on the held-out weeks; ``young``: of series that pretend to be known
        for some days only, None where that was not tried; ``gains``: each feature's share of the loss that the
        median's trees took away; ``families``: each family's share of what moves the median, all in all; ``anchor``:
        how strongly its weights were shrunk, None where the boosters do without; ``local``: the weight of each
        series' correction, by its id; ``weather``: whether it learnt with any; ``settings``.
    """

    metric: str
    step: timedelta
    features: tuple[str, ...]
    blend: Blend
    calibration: Calibration
    history_start: datetime
    history_end: datetime
    rows: int
    series: int
    duration_s: float
    card: dict[str, Any]

    @property
    def boosters(self) -> QuantileBoosters:
        """The trees of the pooled model."""
        return self.blend.boosters

    @property
    def loses_to_naive(self) -> bool:
        """Whether the naive forecast was better on the weeks held out at its training."""
        skill = self.card["validation"]["skill"]
        return skill is not None and skill <= 0

    @property
    def speaks_of_young(self) -> bool:
        """Whether it beat the naive on the held-out weeks of series that pretended to be a few days old."""
        young = self.card["young"]
        return young is not None and young["skill"] is not None and young["skill"] > 0

    def predict(self, table: FeatureTable, threads: int = 1) -> Floats:
        """Return calibrated quantiles in the metric's unit and within its bounds, shape (rows, levels), in order."""
        quantiles = self.blend.predict(table, threads)
        return self._in_unit(self.calibration.apply(quantiles, table.lead_h, table.regime), table)

    def predict_mean(self, table: FeatureTable, threads: int = 1) -> Floats:
        """Return the mean of each row, in the metric's unit and within its bounds."""
        return self._in_unit(self.blend.predict_mean(table, threads)[:, None], table)[:, 0]

    def contributions(self, table: FeatureTable) -> Floats:
        """Return what each feature adds to the median of each row, shape (rows, features + 1), in the metric's unit.

        The last column is what the model says of a series of that level without knowing anything else. What
        calibration, ordering and bounds change afterwards is not in it.
        """
        told = self.blend.contributions(table) * table.scale[:, None]
        told[:, -1] += table.base
        return told

    def _in_unit(self, scaled: Floats, table: FeatureTable) -> Floats:
        metric = metric_named(self.metric)
        return np.clip(table.in_unit(scaled), metric.low, metric.high)


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
    history = examine(history).history.from_first_reading()
    cut = _cut(history, settings)
    random = np.random.default_rng(settings.boosting.seed)
    held = held_out(history, cut)
    fewer = replace(settings, rows_max=max(settings.rows_max // REHEARSAL, ROWS_LEAST))
    early = _lesson(history.until(history.instant_of(cut)), fewer, random)
    shrinkage = chosen_shrinkage(early, held.lesson(), settings.boosting.suited(early.hours))
    rehearsal = _blended(early, settings.boosting, shrinkage, None)
    median = rehearsal.corrected(LocalCorrections({})).predict_median(held.table, settings.boosting.threads)
    rehearsal = rehearsal.corrected(rehearsal.local.weighed(held.lesson(), median))
    calibration, judgement = validate(held, rehearsal, settings.boosting.threads)
    lesson = _lesson(history, settings, random)
    blend = _blended(lesson, settings.boosting, shrinkage, rehearsal.local.weights)
    gains = blend.boosters.gains()
    return TrainedModel(
        metric=history.metric.name,
        step=history.plan.step,
        features=FEATURE_NAMES,
        blend=blend,
        calibration=calibration,
        history_start=history.start,
        history_end=history.as_of,
        rows=len(lesson.target),
        series=len(history.series_ids),
        duration_s=perf_counter() - began,
        card={
            **judgement,
            "anchor": shrinkage,
            "local": {str(series_id): weight for series_id, weight in blend.local.weights.items()},
            "gains": gains,
            "families": _families(blend, lesson.table, random),
            "weather": any(gains[name] > 0 for name, family in FEATURES.items() if family is FeatureFamily.WEATHER),
            "settings": _told(settings),
        },
    )


def _blended(
    lesson: Lesson, settings: BoostingSettings, shrinkage: float | None, weights: Mapping[int, float] | None
) -> Blend:
    """Fit the pooled model, and the corrections of what it leaves."""
    blend = Blend.fit(lesson, settings.suited(lesson.hours), shrinkage)
    median = blend.predict_median(lesson.table, settings.threads)
    return blend.corrected(LocalCorrections.fit(lesson, median, weights, settings.seed))


def _cut(history: History, settings: TrainingSettings) -> int:
    """Return the step from which on the history is held out.

    Raises
    ------
    ShortHistory
        If there is nothing before it to learn from, or no whole horizon after it.
    """
    first = settings.warm_up // history.plan.step
    weeks = max(min(settings.held_out_max // history.plan.step, history.length // 4), history.plan.steps)
    cut = history.length - weeks
    if not history.series_ids or cut - first < 2 * history.steps_per_day:
        raise ShortHistory(f"{history.length} steps of {history.metric.name} are too few to train on")
    return cut


def _lesson(history: History, settings: TrainingSettings, random: np.random.Generator) -> Lesson:
    """Return rows sampled over the whole history, to fit on.

    Raises
    ------
    ShortHistory
        If they are too few.
    """
    rows, truth = known_targets(history, sample(history, settings, random))
    table = feature_table(history, rows)
    fresh = table.fresh()
    rows, truth, table = rows.where(fresh), truth[fresh], table.where(fresh)
    hours = len(np.unique(rows.series * history.length + rows.target)) / history.steps_per_hour
    if hours < settings.boosting.hours_per_leaf * 2:
        raise ShortHistory(f"{hours:.0f} known hours of {history.metric.name} are too few to train on")
    return Lesson(table, table.scaled(truth), hours)


def known_targets(history: History, rows: Rows) -> tuple[Rows, Floats]:
    """Return the rows whose truth came, and that truth in the metric's unit."""
    truth = targets(history, rows)
    return rows.where(np.isfinite(truth)), truth[np.isfinite(truth)]


def sample(history: History, settings: TrainingSettings, random: np.random.Generator) -> Rows:
    """Draw rows over series, origins and leads whose target lies in the history, some of which pretend a lack."""
    first, last = settings.warm_up // history.plan.step, history.length - 1
    steps = len(history.series_ids) * (last + 1 - first)
    count = min(settings.rows_max, steps * min(settings.rows_per_step, history.plan.steps))
    target = random.integers(first, last + 1, count)
    lead = np.minimum(random.integers(0, history.plan.steps, count), target - first)
    origin = target - lead
    late = random.integers(1, settings.late_hours_max * history.steps_per_hour + 1, count)
    known = np.maximum(origin - np.where(random.random(count) < settings.late_share, late, 0), 0)
    # As many of one day as of two as of four: youth is soon over, and its first days differ most.
    days = YOUNG_DAYS_MAX ** random.random(count)
    born = np.maximum(known - (days * history.steps_per_day).astype(np.int64), 0)
    first_seen = np.where(random.random(count) < settings.young_share, born, 0)
    blind = random.random(count) < settings.blind_share
    return Rows(random.integers(0, len(history.series_ids), count), origin, lead, known, first_seen, blind)


def _families(blend: Blend, table: FeatureTable, random: np.random.Generator) -> dict[str, float]:
    """Return each family's share of the moves of the median, in size, over some rows."""
    some = np.zeros(len(table.scale), dtype=np.bool_)
    some[random.integers(0, len(some), FAMILY_ROWS)] = True
    contributions = blend.contributions(table.where(some))[:, :-1]
    labels = np.array([family.value for family in FEATURES.values()])
    moves = {family.value: contributions[:, labels == family.value].sum(axis=1) for family in FeatureFamily}
    sizes = {name: float(np.abs(move).mean()) for name, move in moves.items()}
    total = sum(sizes.values()) or 1.0
    return {name: size / total for name, size in sizes.items()}


def _told(settings: TrainingSettings) -> dict[str, Any]:
    """Return the settings ready for JSON, lengths of time in hours."""
    return {
        name: value.total_seconds() / 3600 if isinstance(value, timedelta) else value
        for name, value in asdict(settings).items()
    }
