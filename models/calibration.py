"""Split-conformal calibration: quantiles moved until they hold on recent weeks the boosters have not seen.

Of each level, the shift is the level's own quantile of (truth - quantile) / width over the held-out rows, width being
the row's own p10-p90: a wide row moves further than a narrow one. Each level is then held as often as it promises, over
the rows as a whole (Romano, Patterson and Candès 2019, one-sided). Each bucket of lead times, and in it each regime,
has its own shifts as far as it was seen on days enough: the hours of a day err together, so that a few weeks say
little of Sundays three hours ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.forecasts import QUANTILES
from models.history import Floats, Indices
from models.regimes import Regime

LEAD_BUCKETS_H: tuple[float, ...] = (0, 1, 3, 6, 12, 24, 48, 96)
"""Where a bucket of lead times begins, in hours; the last is open."""
FEWEST_ROWS = 100
"""A regime of a bucket with fewer held-out rows than this takes the shift of its bucket, whatever the regime; a bucket
with fewer that of all rows; with fewer in all, nothing moves."""
DOUBTED_DAYS = 84.0
"""What a bucket says beyond all rows, what a regime says beyond its bucket, and what the median says, with which the
others move, are each shrunk as if so many days had said nothing. Odd weeks may widen the forecasts that follow, but
hardly bend them: with the shifts of each regime taken at their word, bicycles of the winter that followed the lockdown
of autumn 2020 lost 9 % of pinball to boosters that were not calibrated at all; so shrunk, 1 %, and p05-p95 covered 0.90
instead of 0.85."""
NARROWEST = 1e-3
"""Least width, in scaled units, that a shift is a multiple of: a row without any spread can still be widened."""
_LOW, _MEDIAN, _HIGH = (QUANTILES.index(level) for level in (0.10, 0.50, 0.90))


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Shifts of the quantiles.

    Parameters
    ----------
    shifts
        Shape (lead buckets, regimes, levels), as multiples of a row's own p10-p90 width.
    """

    shifts: Floats

    @classmethod
    def none(cls) -> Calibration:
        """Return the calibration that changes nothing."""
        return cls(np.zeros((len(LEAD_BUCKETS_H), len(Regime), len(QUANTILES))))

    @classmethod
    def fit(cls, quantiles: Floats, truth: Floats, lead_h: Floats, regime: Indices, days: float) -> Calibration:
        """Return the shifts that make held-out ``quantiles`` hold, as far as so many held-out days can be believed.

        Parameters
        ----------
        quantiles
            Shape (rows, levels), in scaled units.
        truth, lead_h, regime
            Per row: in scaled units, in hours, as `models.regimes.regimes` says; truth all known.
        days
            How many days the rows lie in. The hours of a day err together: its rows count as one.
        """
        calibration = cls.none()
        if len(truth) < FEWEST_ROWS:
            return calibration
        misses = (truth[:, None] - quantiles) / widths(quantiles, NARROWEST)
        buckets = bucket_of(lead_h)
        of_all = _shifts(misses)
        for bucket in range(len(LEAD_BUCKETS_H)):
            inside = buckets == bucket
            of_bucket = _refined(of_all, misses[inside], days)
            for kind in Regime:
                here = misses[inside & (regime == kind)]
                calibration.shifts[bucket, kind] = _refined(of_bucket, here, days * _share_of_days(regime, kind))
        middle = calibration.shifts[..., _MEDIAN : _MEDIAN + 1]
        return cls(calibration.shifts - middle * DOUBTED_DAYS / (days + DOUBTED_DAYS))

    def apply(self, quantiles: Floats, lead_h: Floats, regime: Indices) -> Floats:
        """Return the shifted quantiles, in order."""
        shifts = self.shifts[bucket_of(lead_h), regime]
        return np.sort(quantiles + shifts * widths(quantiles, NARROWEST), axis=1)


def widths(quantiles: Floats, narrowest: float) -> Floats:
    """Return each row's p10-p90 width, at least ``narrowest``, shape (rows, 1)."""
    return np.maximum(quantiles[:, _HIGH] - quantiles[:, _LOW], narrowest)[:, None]


def bucket_of(lead_h: Floats) -> Indices:
    """Return the index in `LEAD_BUCKETS_H` of lead times in hours."""
    return np.searchsorted(LEAD_BUCKETS_H, lead_h, side="right") - 1


def _shifts(misses: Floats) -> Floats:
    """Return each level's own quantile of its misses."""
    return np.array([float(np.quantile(misses[:, at], level)) for at, level in enumerate(QUANTILES)])


def _refined(shifts: Floats, misses: Floats, days: float) -> Floats:
    """Return the shifts of many rows, moved towards what some of them say, as far as so many days can be believed."""
    if len(misses) < FEWEST_ROWS:
        return shifts
    return shifts + (_shifts(misses) - shifts) * days / (days + DOUBTED_DAYS)


def _share_of_days(regime: Indices, kind: Regime) -> float:
    """Return on what share of the days this regime comes: nights on all, of the others each on its own."""
    if kind is Regime.NIGHT:
        return 1.0
    by_day = regime != Regime.NIGHT
    return float(np.mean(regime[by_day] == kind)) if by_day.any() else 1.0
