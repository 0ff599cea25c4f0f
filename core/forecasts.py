"""Forecasts as values: ordered quantiles over future steps, with what was known when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from core.errors import VigieError

if TYPE_CHECKING:
    from collections.abc import Sequence

QUANTILES: tuple[float, ...] = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
"""The levels of every forecast, in order; columns p05 to p95."""
QUANTILE_NAMES: tuple[str, ...] = ("p05", "p10", "p25", "p50", "p75", "p90", "p95")


class Doubt(StrEnum):
    """What makes a forecast less sure than its model: told with it, and shown."""

    STUCK = "stuck"
    """The sensor has said the same for longer than such a quantity does."""
    GAPS = "gaps"
    """Much of the last day was not measured."""
    LEVEL_SHIFT = "level_shift"
    """The level has changed for good, by more than its weeks differ."""
    RESET = "reset"
    """A meter or a counter began anew."""
    REGIME_CHANGE = "regime_change"
    """Days do not run as they did: a closure, a lockdown, works."""
    ZEROS_MISSING = "zeros_missing"
    """Zeros that can only mean that nothing was measured were left out."""
    NEW_SERIES = "new_series"
    """The series is young: what others like it do stands in for its own past."""
    NO_WEATHER = "no_weather"
    """The weather was not known for the hours ahead."""


class CrossedQuantiles(VigieError, ValueError):
    """The quantiles of a forecast step are not in order."""


@dataclass(frozen=True, slots=True)
class ForecastStep:
    """One step of a forecast.

    Parameters
    ----------
    valid_at
        Start of the step.
    quantiles
        One value per level of `QUANTILES`, never decreasing, in the metric's unit.
    naive
        The seasonal naive forecast of the same step, None where there was no season to repeat.
    mean
        What to count on in sums, such as energy: the expected value. None where the naive stands in.
    """

    valid_at: datetime
    quantiles: tuple[float, ...]
    naive: float | None = None
    mean: float | None = None

    def __post_init__(self) -> None:
        if len(self.quantiles) != len(QUANTILES):
            raise CrossedQuantiles(f"{len(self.quantiles)} quantiles, {len(QUANTILES)} expected")
        if any(low > high for low, high in zip(self.quantiles, self.quantiles[1:], strict=False)):
            raise CrossedQuantiles(f"quantiles cross at {self.valid_at.isoformat()}: {self.quantiles}")


@dataclass(frozen=True, slots=True)
class Forecast:
    """A forecast of one series, kept for ever.

    Parameters
    ----------
    issued_at
        The origin: nothing received later was used. The first step is the one that holds it: a step is known only
        once it has ended.
    step
        Length of each step.
    history_until
        ``observed_at`` of the newest reading that was used.
    model_id
        The stored model that made it, None for a fallback.
    fallback
        Why the naive forecast stands in, in a word of `models.forecaster`; None when a model spoke.
    doubts
        What makes it less sure than usual.
    """

    series_id: int
    issued_at: datetime
    step: timedelta
    history_until: datetime
    steps: Sequence[ForecastStep]
    model_id: int | None = None
    fallback: str | None = None
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """How one forecast of one series turned out, over the steps whose truth came.

    With no truth at all ``steps`` is 0 and every figure is None.

    Parameters
    ----------
    pinball, pinball_naive
        Mean pinball loss over the quantile levels and steps, in the metric's unit; lower is better.
    absolute_error, absolute_error_naive
        Mean absolute error of p50 and of the naive forecast, in the metric's unit.
    coverage
        Share of steps whose truth lies in [p10, p90]; 0.8 is promised.
    """

    series_id: int
    issued_at: datetime
    steps: int
    pinball: float | None
    pinball_naive: float | None
    absolute_error: float | None
    absolute_error_naive: float | None
    coverage: float | None
    model_id: int | None = None
