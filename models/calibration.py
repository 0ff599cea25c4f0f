"""Split-conformal calibration: quantiles moved until they hold on recent weeks the boosters have not seen.

Of each level and each bucket of lead times, the shift is the level's own quantile of (truth - quantile) / width over
the held-out rows, width being the row's own p10-p90: a wide row moves further than a narrow one. Each level is then
held as often as it promises, over the bucket as a whole (Romano, Patterson and Candès 2019, one-sided).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.forecasts import QUANTILES
from models.history import Floats, Indices

LEAD_BUCKETS_H: tuple[float, ...] = (0, 1, 3, 6, 12, 24)
"""Where a bucket of lead times begins, in hours; the last is open."""
FEWEST_ROWS = 100
"""A bucket with fewer held-out rows than this takes the shift of all rows; with fewer in all, nothing moves."""
DOUBTED_DAYS = 7.0
"""The median's shift is shrunk, and the others move with it, as if so many days had called for none: one odd week may
widen the forecasts that follow, but not bend them."""
NARROWEST = 1e-3
"""Least width, in scaled units, that a shift is a multiple of: a row without any spread can still be widened."""
_LOW, _MEDIAN, _HIGH = (QUANTILES.index(level) for level in (0.10, 0.50, 0.90))


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Shifts of the quantiles.

    Parameters
    ----------
    shifts
        Shape (lead buckets, levels), as multiples of a row's own p10-p90 width.
    """

    shifts: Floats

    @classmethod
    def none(cls) -> Calibration:
        """Return the calibration that changes nothing."""
        return cls(np.zeros((len(LEAD_BUCKETS_H), len(QUANTILES))))

    @classmethod
    def fit(cls, quantiles: Floats, truth: Floats, lead_h: Floats, days: float) -> Calibration:
        """Return the shifts that make held-out ``quantiles`` hold, as far as so many held-out days can be believed.

        Parameters
        ----------
        quantiles
            Shape (rows, levels), in scaled units.
        truth, lead_h
            Per row, in scaled units and in hours; truth all known.
        days
            How many days the rows lie in. The hours of a day err together: its rows count as one.
        """
        if len(truth) < FEWEST_ROWS:
            return cls.none()
        misses = (truth[:, None] - quantiles) / _width(quantiles)
        buckets = [misses[_bucket_of(lead_h) == bucket] for bucket in range(len(LEAD_BUCKETS_H))]
        shifts = np.array([_shifts(inside if len(inside) >= FEWEST_ROWS else misses) for inside in buckets])
        middle = shifts[:, _MEDIAN : _MEDIAN + 1]
        return cls(shifts - middle * DOUBTED_DAYS / (days + DOUBTED_DAYS))

    def apply(self, quantiles: Floats, lead_h: Floats) -> Floats:
        """Return the shifted quantiles, in order."""
        return np.sort(quantiles + self.shifts[_bucket_of(lead_h)] * _width(quantiles), axis=1)


def _shifts(misses: Floats) -> list[float]:
    """Return each level's own quantile of its misses."""
    return [float(np.quantile(misses[:, at], level)) for at, level in enumerate(QUANTILES)]


def _width(quantiles: Floats) -> Floats:
    return np.maximum(quantiles[:, _HIGH] - quantiles[:, _LOW], NARROWEST)[:, None]


def _bucket_of(lead_h: Floats) -> Indices:
    return np.searchsorted(LEAD_BUCKETS_H, lead_h, side="right") - 1
