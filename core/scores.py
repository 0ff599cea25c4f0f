"""Scores as values: sums over steps that came true, from which every figure about forecasts is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum

import numpy as np

from core.columns import Floats, Ints, Mask

FIRST_DAY = date(2000, 1, 1)
"""Days of `DaySums` are counted from here."""
NAIVE_MODEL_ID = 0
"""What stands for the naive forecast where a model is named."""


class ScoredBy(StrEnum):
    """What scores are summed by."""

    LEAD = "lead"
    REGIME = "regime"
    SERIES = "series"
    COMMUNE = "commune"


@dataclass(frozen=True, slots=True, eq=False)
class DaySums:
    """Sums over the steps of one series, local day, model, bucket of lead times and regime; arrays of one length.

    Of steps whose truth came, and of which both the forecast and the naive spoke.

    Parameters
    ----------
    day
        Local day (Europe/Paris) of the steps, in days since `FIRST_DAY`.
    model_id
        Who spoke; `NAIVE_MODEL_ID` for the naive.
    issued
        Whether it was issued, or only tried: made again as of the issue, and told to nobody.
    lead_from_h
        Where the bucket of lead times begins, in hours.
    regime
        As `models.regimes.Regime` numbers it.
    pinball, pinball_naive, absolute_error, absolute_error_naive
        Sums of the steps' losses, in the metric's unit.
    within_80, within_90
        Steps whose truth lies in [p10, p90], and in [p05, p95].
    below
        Shape (rows, levels): steps whose truth lies under each quantile.
    """

    series_id: Ints
    day: Ints
    model_id: Ints
    issued: Mask
    lead_from_h: Ints
    regime: Ints
    steps: Ints
    pinball: Floats
    pinball_naive: Floats
    absolute_error: Floats
    absolute_error_naive: Floats
    within_80: Ints
    within_90: Ints
    below: Ints

    def __len__(self) -> int:
        return len(self.series_id)

    def where(self, chosen: Mask) -> DaySums:
        """Return the chosen rows, by mask."""
        return DaySums(*(getattr(self, one.name)[chosen] for one in fields(DaySums)))


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over many steps, as of `DaySums`, and the figures that follow from them.

    Parameters
    ----------
    series
        How many series they are of.
    steps_naive
        Steps for which the naive forecast was issued.
    below
        Per level, steps whose truth lies under its quantile.
    """

    series: int
    steps: int
    steps_naive: int
    pinball: float
    pinball_naive: float
    absolute_error: float
    absolute_error_naive: float
    within_80: int
    within_90: int
    below: Sequence[int]

    @property
    def skill(self) -> float | None:
        """Share of the naive's pinball loss that is saved: 0 no better, 1 perfect; None where it lost nothing."""
        return 1 - self.pinball / self.pinball_naive if self.pinball_naive > 0 else None

    @property
    def coverage_80(self) -> float | None:
        """Share of truths in [p10, p90]; None without any step."""
        return self.within_80 / self.steps if self.steps else None

    @property
    def coverage_90(self) -> float | None:
        """Share of truths in [p05, p95]; None without any step."""
        return self.within_90 / self.steps if self.steps else None

    @property
    def reliability(self) -> tuple[float, ...] | None:
        """Per level, the share of truths under its quantile; None without any step."""
        return tuple(count / self.steps for count in self.below) if self.steps else None

    @property
    def naive_share(self) -> float | None:
        """Share of the steps for which the naive forecast was issued; None without any step."""
        return self.steps_naive / self.steps if self.steps else None


@dataclass(frozen=True, slots=True)
class Duel:
    """A model beside another on the same steps: of a series or of all, over days that both were judged on.

    Parameters
    ----------
    days, series, steps
        How much they were judged on.
    days_lost
        Days on which the judged model lost more than the other one.
    pinball, pinball_other
        Sums of their losses: the judged model's, and that of the other one, which may be the naive.
    within_90
        Steps whose truth lies in the judged model's [p05, p95].
    """

    days: int
    days_lost: int
    series: int
    steps: int
    pinball: float
    pinball_other: float
    within_90: int

    @property
    def gain(self) -> float | None:
        """Share of the other's loss that is saved; None where it lost nothing."""
        return 1 - self.pinball / self.pinball_other if self.pinball_other > 0 else None


def summed(sums: DaySums) -> DaySums:
    """Return the same sums with each key once, in order of the keys.

    The same from whatever order or parts they came, but for the last digits of the losses.
    """
    keys = np.column_stack([sums.series_id, sums.day, sums.model_id, sums.issued, sums.lead_from_h, sums.regime])
    unique, place = np.unique(keys.astype(np.int64), axis=0, return_inverse=True)
    place = place.reshape(-1)

    def total(values: Floats | Ints) -> Floats:
        return np.bincount(place, weights=values, minlength=len(unique)).astype(np.float64)

    def count(values: Ints) -> Ints:
        return np.rint(total(values)).astype(np.int64)

    return DaySums(
        series_id=unique[:, 0],
        day=unique[:, 1],
        model_id=unique[:, 2],
        issued=unique[:, 3].astype(np.bool_),
        lead_from_h=unique[:, 4],
        regime=unique[:, 5],
        steps=count(sums.steps),
        pinball=total(sums.pinball),
        pinball_naive=total(sums.pinball_naive),
        absolute_error=total(sums.absolute_error),
        absolute_error_naive=total(sums.absolute_error_naive),
        within_80=count(sums.within_80),
        within_90=count(sums.within_90),
        below=np.column_stack([count(column) for column in sums.below.T]).reshape(len(unique), sums.below.shape[1]),
    )


def together(parts: list[DaySums]) -> DaySums:
    """Return the rows of several, one after the other; ``parts`` is not empty."""
    return DaySums(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(DaySums)))
