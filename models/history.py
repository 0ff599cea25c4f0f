"""What was known of many series of one metric at an instant, on the metric's forecast grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from core.clock import Window, floor_to_step
from core.columns import MICROSECOND, from_microseconds, to_microseconds
from core.errors import FutureLeak
from core.metrics import ForecastPlan, Metric, Nature
from core.quality.steps import Means, Steps
from models.weather import Weather

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What stands around the series of a history.

    Parameters
    ----------
    sites, communes
        Per series: the site's code and the commune's INSEE code. Series of one site are siblings.
    weather
        As it was forecast, by commune; None where nobody forecasts it.
    """

    sites: tuple[str, ...]
    communes: tuple[str, ...]
    weather: Weather | None = None


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The stepped values of many series of one metric, as they were known at ``as_of``.

    A step is known at its end: the newest of `values` ended at or before ``as_of``. A step without a reading is
    NaN and stays NaN: nothing is filled in.

    Parameters
    ----------
    metric, plan
        What is measured, and how it is forecast; ``plan.step`` is the grid.
    series_ids
        One per row of ``values``.
    start
        Start of the first step, on the grid of `core.clock.EPOCH`.
    as_of
        The instant this history speaks from.
    values
        Shape (series, steps), in the metric's unit.
    around
        Sites, communes and their weather; None where nothing is known of them.
    """

    metric: Metric
    plan: ForecastPlan
    series_ids: tuple[int, ...]
    start: datetime
    as_of: datetime
    values: Floats
    around: Surroundings | None = None

    def __post_init__(self) -> None:
        if floor_to_step(self.start, self.plan.step) != self.start:
            raise ValueError(f"{self.start.isoformat()} is not on the grid of {self.plan.step}")
        if self.values.shape[0] != len(self.series_ids):
            raise ValueError(f"{self.values.shape[0]} rows of values for {len(self.series_ids)} series")
        if self.values.shape[1] > self.index_of(self.as_of):
            raise FutureLeak(f"values go beyond {self.as_of.isoformat()}")

    @classmethod
    def of(cls, metric: Metric, window: Window, series_ids: Sequence[int], steps: Iterable[Steps | Means]) -> History:
        """Lay stepped readings of series on the grid; ``window.end`` is the instant they were read as of.

        Counts are summed over a step, everything else is its mean. The step that is still running at the window's
        end is not known yet and is left out.

        Parameters
        ----------
        series_ids
            One per row of the history, ascending.
        steps
            Of those series only; each step once.

        Raises
        ------
        FutureLeak
            If a step starts at or after the window's end.
        ValueError
            If the metric is not forecast, or a step starts before the window or off the grid.
        """
        plan = metric.plan
        if plan is None:
            raise ValueError(f"{metric.name} is not forecast")
        start = floor_to_step(window.start, plan.step)
        length = (floor_to_step(window.end, plan.step) - start) // plan.step
        values = np.full((len(series_ids), length), np.nan)
        for some in steps:
            index = _indices(some.starts, Window(start, window.end), plan.step)
            rows = np.searchsorted(series_ids, some.series)
            known = index < length
            figures = some.mean * some.count if metric.nature is Nature.COUNT else some.mean
            values[rows[known], index[known]] = figures[known]
        return cls(metric, plan, tuple(series_ids), start, window.end, values)

    @property
    def length(self) -> int:
        """Number of known steps."""
        return int(self.values.shape[1])

    @property
    def steps_per_hour(self) -> int:
        """Steps of the grid in an hour."""
        return timedelta(hours=1) // self.plan.step

    @property
    def steps_per_day(self) -> int:
        """Steps of the grid in 24 hours."""
        return DAY // self.plan.step

    def index_of(self, instant: datetime) -> int:
        """Return the index of the step that holds ``instant``; beyond `length` for the future."""
        return (floor_to_step(instant, self.plan.step) - self.start) // self.plan.step

    def instant_of(self, index: int) -> datetime:
        """Return the start of the step of this index."""
        return self.start + index * self.plan.step

    def until(self, instant: datetime) -> History:
        """Return the same history as it was known at ``instant``.

        Raises
        ------
        FutureLeak
            If ``instant`` is later than ``as_of``.
        """
        if instant > self.as_of:
            raise FutureLeak(f"{instant.isoformat()} is beyond {self.as_of.isoformat()}")
        known = max(self.index_of(instant), 0)
        return replace(self, as_of=instant, values=self.values[:, :known])

    def last(self, length: timedelta) -> History:
        """Return the same history, of its last ``length`` only."""
        first = max(self.length - length // self.plan.step, 0)
        return replace(self, start=self.instant_of(first), values=self.values[:, first:])

    def from_first_reading(self) -> History:
        """Return the same history without the steps before the first reading of any series."""
        known = np.flatnonzero(np.isfinite(self.values).any(axis=0))
        first = int(known[0]) if known.size else 0
        return replace(self, start=self.instant_of(first), values=self.values[:, first:])

    def value_at(self, series: Indices, index: Indices) -> Floats:
        """Return the values of steps, by row and index; NaN where there was no reading or before the history.

        Raises
        ------
        FutureLeak
            If any step is not known yet.
        """
        if index.size and int(index.max()) >= self.length:
            raise FutureLeak(f"step {int(index.max())} was asked for, {self.length} are known")
        within = index >= 0
        return np.where(within, self.values[series, np.where(within, index, 0)], np.nan)

    def floor(self) -> Floats:
        """Return per series what no forecast of it goes below: 0 where it never did, else the metric's own bound.

        A meter behind which nothing is generated feeds nothing in.
        """
        fell_below: npt.NDArray[np.bool_] = np.any(self.values < 0, axis=1)
        return np.where(fell_below, self.metric.low, max(0.0, self.metric.low))

    def newest(self) -> Indices:
        """Return the index of each series' newest known value, -1 where it has none."""
        known = np.isfinite(self.values)
        newest = self.length - 1 - np.argmax(known[:, ::-1], axis=1) if self.length else np.zeros(len(known))
        return np.where(known.any(axis=1), newest, -1).astype(np.int64)


def _indices(starts: Indices, window: Window, step: timedelta) -> Indices:
    """Return the index of each step, by its start in microseconds, from the start of the window on."""
    index, off_grid = np.divmod(starts - to_microseconds(window.start), step // MICROSECOND)
    for wrong in starts[(index < 0) | (off_grid != 0)][:1].tolist():
        raise ValueError(f"no step of the grid starts at {from_microseconds(wrong).isoformat()}")
    for late in starts[starts >= to_microseconds(window.end)][:1].tolist():
        raise FutureLeak(f"a step starts at {from_microseconds(late).isoformat()}, beyond {window.end.isoformat()}")
    return index


def whole_days_before(history: History, days: int) -> Floats:
    """Return the last ``days`` whole days before ``as_of``, shape (series, days, steps of a day), NaN before the start.

    The days end at the history's end, so slot k of each is the slot of lead k, k + one day, ...
    """
    wanted = days * history.steps_per_day
    taken = history.values[:, max(history.length - wanted, 0) :]
    padded = np.full((len(history.series_ids), wanted), np.nan)
    padded[:, wanted - taken.shape[1] :] = taken
    return padded.reshape(len(history.series_ids), days, history.steps_per_day)
