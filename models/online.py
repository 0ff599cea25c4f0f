"""Online calibration: each series' quantiles follow what comes, forecast by forecast, between two trainings.

After each forecast that came true, a level that held too rarely moves out and one that held too often moves in:
quantile tracking (Angelopoulos, Candès and Tibshirani 2023, "Conformal PID control for time series prediction"),
whose share of misses goes to the promised one whatever the errors do. The shifts are multiples of a row's own
p10-p90 width, as those of `models.calibration`, and come after them.
"""

from __future__ import annotations

import numpy as np

from core.forecasts import QUANTILES
from models.calibration import widths
from models.history import Floats

NO_SHIFTS: Floats = np.zeros(len(QUANTILES))
"""The shifts of a series of which no forecast has come true yet; read only."""
NO_SHIFTS.flags.writeable = False
GAIN_A_DAY = 0.1
"""How far a level that never holds moves in a day of forecasts, in widths."""
HALF_LIFE_DAYS = 10.0
"""After so many days of forecasts half of what was learnt before is forgotten: a new training knows it by itself.

Both were chosen on bicycles of winter 2020, Cambridge through the lockdown of 2020, NO2 of winter 2017 and car parks of
spring 2026: a gain of 0.25 follows faster, and costs buildings and NO2 1 to 2 % of pinball.
"""
FARTHEST = 1.5
"""No shift goes beyond so many widths, either way."""
_LEVELS = np.array(QUANTILES)


def apply_shifts(quantiles: Floats, shifts: Floats) -> Floats:
    """Return the shifted quantiles, in order; a row without any width stays as it is.

    Parameters
    ----------
    quantiles
        Shape (rows, levels), in the metric's unit, in order.
    shifts
        Shape (levels,), or (rows, levels) for rows of several series.
    """
    return np.sort(quantiles + shifts * widths(quantiles, 0.0), axis=1)


def tracked(shifts: Floats, quantiles: Floats, truth: Floats, days: float = 1 / 24) -> Floats:
    """Return the shifts of a series after one more forecast of it came true.

    Parameters
    ----------
    shifts
        Those of before, shape (levels,).
    quantiles
        As they were issued, shape (rows, levels).
    truth
        Per row; rows that are not known say nothing. In the same unit as the quantiles.
    days
        What this forecast stands for: the time since the one before it, in days. A series that is forecast each
        quarter of an hour then learns as fast as one that is forecast each day.
    """
    known = np.isfinite(truth)
    if not known.any():
        return shifts
    came, said = truth[known, None], quantiles[known]
    # A truth that is exactly on a level, such as 0 at night, holds it: neither side is to blame.
    held = np.clip(_LEVELS, np.mean(came < said, axis=0), np.mean(came <= said, axis=0))
    moved = shifts * 0.5 ** (days / HALF_LIFE_DAYS) + GAIN_A_DAY * days * (_LEVELS - held)
    bounded: Floats = np.clip(moved, -FARTHEST, FARTHEST)
    return bounded
