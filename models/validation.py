"""Validation: what boosters promise, held against weeks they have not seen, and moved until it holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.errors import ShortHistory
from models.boosting import QuantileBoosters
from models.calibration import Calibration
from models.features.rows import Rows, rows_of_origin
from models.features.table import feature_table
from models.history import Floats, History
from models.naive import naive_forecast
from models.scores import Figures, figures

ORIGIN_SPACING_H = 7
"""Hours between held-out origins: over a few days they fall on every hour of the day."""
ROWS_MAX = 120_000
"""Most held-out rows; beyond it origins are spaced wider."""


def validate(history: History, cut: int, boosters: QuantileBoosters, threads: int) -> tuple[Calibration, Figures]:
    """Calibrate boosters that were fitted before step ``cut`` on what came after it, and judge them there.

    The calibration that is returned uses all the held-out weeks. The figures are honest nevertheless: each half of
    those weeks is judged with the calibration of the other half.

    Raises
    ------
    ShortHistory
        If nothing came after ``cut``.
    """
    rows, naive_point, naive_quantiles = _held_out(history, cut)
    truth = history.value_at(rows.series, rows.target)
    usable = np.isfinite(truth) & np.isfinite(naive_point)
    if not usable.any():
        raise ShortHistory(f"nothing is known of {history.metric.name} since {history.instant_of(cut).isoformat()}")
    rows, truth = rows.where(usable), truth[usable]
    table = feature_table(history, rows)
    trial = _Trial(boosters.predict(table.matrix, threads), truth / table.scale, table.lead_h)
    days = (history.length - cut) / history.steps_per_day
    early = rows.origin < (cut + history.length) // 2
    calibrated = np.empty_like(trial.scaled)
    for judged in (early, ~early):
        other_half = trial.calibration(~judged, days / 2)
        calibrated[judged] = other_half.apply(trial.scaled[judged], trial.lead_h[judged])
    in_unit = calibrated * table.scale[:, None]
    judgement = figures(truth, in_unit, naive_point[usable], naive_quantiles[usable])
    return trial.calibration(np.ones_like(early), days), judgement


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """What the boosters said of held-out rows, and what came, in scaled units."""

    scaled: Floats
    truth: Floats
    lead_h: Floats

    def calibration(self, chosen: npt.NDArray[np.bool_], days: float) -> Calibration:
        return Calibration.fit(self.scaled[chosen], self.truth[chosen], self.lead_h[chosen], days)


def _held_out(history: History, cut: int) -> tuple[Rows, Floats, Floats]:
    """Return the rows of held-out origins whose whole horizon is known by now, and the naive forecast beside them."""
    origins = list(range(cut, history.length - history.plan.steps + 1, ORIGIN_SPACING_H * history.steps_per_hour))
    rows_of_one = len(history.series_ids) * history.plan.steps
    origins = origins[:: max(1, -(-len(origins) * rows_of_one // ROWS_MAX))]
    rows = [rows_of_origin(history, origin) for origin in origins]
    naive = [naive_forecast(history.until(history.instant_of(origin))) for origin in origins]
    return (
        Rows.together(rows),
        np.concatenate([one.point.reshape(-1) for one in naive]),
        np.concatenate([one.quantiles.reshape(rows_of_one, -1) for one in naive]),
    )
