"""Validation: what boosters promise, held against weeks they have not seen, and moved until it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from math import gcd
from typing import Any

import numpy as np

from core.errors import ShortHistory
from core.weather import HOUR
from models.blend import Blend
from models.calibration import LEAD_BUCKETS_H, Calibration, bucket_of
from models.features.rows import Mask, Rows, rows_of_origin
from models.features.table import FeatureTable, feature_table
from models.history import Floats, History, Indices
from models.local import Lesson
from models.naive import naive_forecast
from models.outcomes import targets
from models.regimes import Regime
from models.scores import figures

ORIGIN_SPACING_H = 7
"""Fewest hours between held-out origins of a long horizon: over a week they fall on every hour of the day."""
ROWS_MAX = 120_000
"""Most held-out rows; beyond it origins are spaced wider."""
YOUNG_DAYS: tuple[int, ...] = (1, 2, 4)
"""How many days the series that pretend to be young are known for, one after the other."""
YOUNG_ROWS_MAX = 24_000
"""Most rows that pretend to be young; beyond it origins are spaced wider."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Rows of held-out weeks whose truth came, of which the naive speaks and the model is asked.

    Parameters
    ----------
    history, cut
        The weeks are the history from step ``cut`` on.
    rows, table
        The rows and their features.
    truth, naive, naive_quantiles
        What came and what the naive said, in the metric's unit.
    """

    history: History
    cut: int
    rows: Rows
    table: FeatureTable
    truth: Floats
    naive: Floats
    naive_quantiles: Floats

    def lesson(self) -> Lesson:
        """Return the rows as models are held against them."""
        return Lesson(self.table, self.table.scaled(self.truth), len(self.truth) / self.history.steps_per_hour)

    def where(self, chosen: Mask) -> HeldOut:
        """Return the chosen rows."""
        return replace(
            self,
            rows=self.rows.where(chosen),
            table=self.table.where(chosen),
            truth=self.truth[chosen],
            naive=self.naive[chosen],
            naive_quantiles=self.naive_quantiles[chosen],
        )

    def calibration(self, scaled: Floats, days: float) -> Calibration:
        """Return what makes these quantiles of the rows, in scaled units, hold."""
        table = self.table
        return Calibration.fit(scaled, table.scaled(self.truth), table.lead_h, table.regime, days)

    def calibrated(self, scaled: Floats, calibration: Calibration) -> Floats:
        """Return quantiles of the rows as a calibration moves them, in scaled units."""
        return calibration.apply(scaled, self.table.lead_h, self.table.regime)

    def figures(self, scaled: Floats) -> dict[str, Any]:
        """Judge quantiles of these rows, within the metric's bounds."""
        metric = self.history.metric
        said = np.clip(self.table.in_unit(scaled), metric.low, metric.high)
        return asdict(figures(np.minimum(self.truth, metric.high), said, self.naive, self.naive_quantiles))


def held_out(history: History, cut: int) -> HeldOut:
    """Return the rows of held-out origins whose whole horizon is known by now.

    Raises
    ------
    ShortHistory
        If nothing came after ``cut``.
    """
    held = _beside(history, cut, [(origin, 0) for origin in _origins(history, cut, ROWS_MAX)])
    if not len(held.truth):
        raise ShortHistory(f"nothing is known of {history.metric.name} since {history.instant_of(cut).isoformat()}")
    return held


def validate(held: HeldOut, blend: Blend, threads: int) -> tuple[Calibration, dict[str, Any]]:
    """Calibrate a model that was fitted before the held-out weeks on what came then, and judge it there.

    The calibration that is returned uses all the held-out weeks. Each half of those weeks is judged with the
    calibration of the other half. Whether there is an anchor, and the weights of corrections, were chosen on the same
    weeks, among a few: by that little the figures flatter. What is issued is judged by what comes.

    Returns
    -------
    calibration, judgement
        The judgement as `models.train.TrainedModel.card` tells it.
    """
    history, cut = held.history, held.cut
    scaled = blend.predict(held.table, threads)
    days = (history.length - cut) / history.steps_per_day
    early = held.rows.origin < (cut + history.length) // 2
    calibrated = np.empty_like(scaled)
    for judged in (early, ~early):
        other_half = held.where(~judged).calibration(scaled[~judged], days / 2)
        calibrated[judged] = held.where(judged).calibrated(scaled[judged], other_half)

    def parts(name: str, labels: Indices, kinds: Iterable[int]) -> list[dict[str, Any]]:
        places = [(kind, labels == kind) for kind in kinds]
        return [{name: kind, **held.where(at).figures(calibrated[at])} for kind, at in places if at.any()]

    table = held.table
    lead_from_h = np.array(LEAD_BUCKETS_H, dtype=np.int64)
    calibration = held.calibration(scaled, days)
    return calibration, {
        "validation": held.figures(calibrated),
        "by_lead": parts("lead_from_h", lead_from_h[bucket_of(table.lead_h)], lead_from_h.tolist()),
        "by_regime": parts("regime", table.regime, [int(kind) for kind in Regime]),
        "by_series": parts("series_id", table.series_ids, history.series_ids),
        "young": _judgement_of_young(history, cut, blend, calibration, threads),
    }


def _judgement_of_young(
    history: History, cut: int, blend: Blend, calibration: Calibration, threads: int
) -> dict[str, Any] | None:
    """Judge held-out rows of series that pretend to be a few days old, beside the naive of what they know."""
    origins = _origins(history, cut, YOUNG_ROWS_MAX)
    ages = [YOUNG_DAYS[at % len(YOUNG_DAYS)] * history.steps_per_day for at in range(len(origins))]
    firsts = [(origin, max(origin - age, 0)) for origin, age in zip(origins, ages, strict=True)]
    held = _beside(history, cut, firsts)
    if not len(held.truth):
        return None
    return held.figures(held.calibrated(blend.predict(held.table, threads), calibration))


def _origins(history: History, cut: int, rows_max: int) -> list[int]:
    """Return held-out origins whose whole horizon is known by now, so far apart that they make so many rows at most.

    At least a horizon or `ORIGIN_SPACING_H` apart, and by hours of which no multiple is a day before 24 of them are.
    """
    plan, hour = history.plan, history.steps_per_hour
    most = max(rows_max // max(len(history.series_ids) * plan.steps, 1), 1)
    room = max(history.length - plan.steps + 1 - cut, 0)
    apart = min(max(plan.horizon // HOUR, 1), ORIGIN_SPACING_H)
    while gcd(apart, 24) > 1 or -(-room // (apart * hour)) > most:
        apart += 1
    return list(range(cut, cut + room, apart * hour))


def _beside(history: History, cut: int, origins: list[tuple[int, int]]) -> HeldOut:
    """Return the rows of origins, each with the first step that is looked back on, beside the naive of that."""
    of_origins, naive = [], []
    for origin, first in origins:
        rows = rows_of_origin(history, origin)
        of_origins.append(replace(rows, first=np.full(len(rows), first)))
        naive.append(naive_forecast(_since(history.until(history.instant_of(origin)), first)))
    rows = Rows.together(of_origins)
    point = np.concatenate([one.point.reshape(-1) for one in naive])
    quantiles = np.concatenate([one.quantiles.reshape(len(of_origins[0]), -1) for one in naive])
    truth = targets(history, rows)
    usable = np.isfinite(truth) & np.isfinite(point)
    rows = rows.where(usable)
    held = HeldOut(history, cut, rows, feature_table(history, rows), truth[usable], point[usable], quantiles[usable])
    return held.where(held.table.fresh())


def _since(history: History, first: int) -> History:
    """Return the same history as if nothing had been measured before ``first``."""
    values = history.values.copy()
    values[:, :first] = np.nan
    return replace(history, values=values)
