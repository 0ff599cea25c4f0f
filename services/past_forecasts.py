"""Past forecasts against what came: for a local day as it was expected before, and over the last weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np

from core.clock import PARIS, Window, in_utc
from core.columns import Floats
from core.forecasts import QUANTILE_NAMES, ForecastStep
from core.metrics import Metric, Nature
from core.scores import Sums
from core.store.forecasts import read_forecast
from core.store.past_forecasts import read_daily_gains, read_issue_before, read_series_sums
from core.store.pool import Connection
from core.store.readings import StepValue, read_steps

P10, P90 = QUANTILE_NAMES.index("p10"), QUANTILE_NAMES.index("p90")
EMPTIED_DROP = 0.1
"""What fills up and lies by so much lower than at the step before was emptied: nobody forecasts that."""
RESAMPLES = 400
GAIN_DAYS_MIN = 7


@dataclass(frozen=True, slots=True)
class PastStep:
    """A step as it was expected, and as it came.

    Parameters
    ----------
    issued_at
        Of the forecast that it is told of: the newest before the stretch began that it is part of.
    came
        In the metric's unit; None where nothing is known of it, or it is not over.
    hit
        Whether it came within p10 to p90; None where that says nothing.
    """

    issued_at: datetime
    expected: ForecastStep
    came: float | None
    hit: bool | None


@dataclass(frozen=True, slots=True)
class PastDay:
    """A local day as it was expected.

    Parameters
    ----------
    steps
        In order of time; those that no forecast spoke of are absent.
    """

    window: Window
    step: timedelta | None
    steps: tuple[PastStep, ...]

    @property
    def hits(self) -> tuple[int, int]:
        """How many steps came within p10 to p90, and of how many that can be said."""
        judged = [one.hit for one in self.steps if one.hit is not None]
        return sum(judged), len(judged)


def day_window(day: date) -> Window:
    """Return the hours of a local day of Europe/Paris: 23, 24 or 25 of them."""
    start, end = (datetime(one.year, one.month, one.day, tzinfo=PARIS) for one in (day, day + timedelta(days=1)))
    return Window(in_utc(start), in_utc(end))


def read_past_day(connection: Connection, series_id: int, metric: Metric, day: date, now: datetime) -> PastDay:
    """Return a local day as it was expected: by the newest forecast issued before it began.

    Where that ends before the day does (a room's air is told six hours ahead), the newest issued before its end goes
    on, and so forth: every step was told before the stretch began that it is part of.
    """
    window = day_window(day)
    if metric.plan is None:
        return PastDay(window, None, ())
    if read_issue_before(connection, series_id, window.end, window.length + metric.plan.horizon) is None:
        return PastDay(window, None, ())
    expected: list[tuple[datetime, ForecastStep]] = []
    step, from_ = metric.plan.step, window.start
    while from_ < window.end:
        issued_at = read_issue_before(connection, series_id, from_, metric.plan.horizon)
        told = None if issued_at is None else read_forecast(connection, series_id, as_of=issued_at)
        steps = [] if told is None else [one for one in told.steps if from_ <= one.valid_at < window.end]
        if told is None or not steps:
            from_ += metric.plan.every
            continue
        expected += [(told.issued_at, one) for one in steps]
        step, from_ = told.step, steps[-1].valid_at + told.step
    came = (
        read_steps(connection, [series_id], Window(window.start, min(window.end, now)), step)[series_id]
        if (expected and window.start < now)
        else []
    )
    return PastDay(window, step if expected else None, tuple(_held_against(expected, came, metric, (step, now))))


def _held_against(
    expected: Sequence[tuple[datetime, ForecastStep]],
    came: Sequence[StepValue],
    metric: Metric,
    span: tuple[timedelta, datetime],
) -> list[PastStep]:
    step, now = span
    known = {one.start: _value(one, metric) for one in came if one.start + step <= now}
    emptied = _emptied(came, metric)
    told = []
    for issued_at, one in expected:
        value = known.get(one.valid_at)
        is_judged = value is not None and (emptied is None or one.valid_at < emptied)
        hit = bool(one.quantiles[P10] <= value <= one.quantiles[P90]) if is_judged and value is not None else None
        told.append(PastStep(issued_at, one, value, hit))
    return told


def _value(one: StepValue, metric: Metric) -> float:
    """Return what a step came to, as forecasts of its metric speak of it: counts are summed, the rest averaged."""
    return one.mean * one.count if metric.nature is Nature.COUNT else one.mean


def _emptied(came: Sequence[StepValue], metric: Metric) -> datetime | None:
    """Return when what fills up was first emptied: what is forecast of it goes on as if nobody had."""
    if metric.plan is None or not metric.plan.cumulates:
        return None
    drop = EMPTIED_DROP * (metric.high - metric.low)
    pairs = pairwise(came)
    return next((after.start for before, after in pairs if before.mean - after.mean > drop), None)


@dataclass(frozen=True, slots=True)
class Record:
    """How what was issued of a series turned out over some weeks.

    Parameters
    ----------
    gain
        Share of the naive's loss that was saved, with its p10 and p90 over days drawn again and again (a fixed seed);
        None where too few days were scored.
    """

    sums: Sums
    days: int
    gain: tuple[float, float] | None


def read_record(connection: Connection, series_id: int, days: int, now: datetime) -> Record | None:
    """Return how forecasts of a series turned out over the last local days; None where none was scored."""
    since = now.astimezone(PARIS).date() - timedelta(days=days)
    sums = read_series_sums(connection, series_id, since)
    if sums is None:
        return None
    daily = read_daily_gains(connection, series_id, since)
    losses = np.array([(issued, naive) for _, issued, naive in daily], dtype=np.float64)
    return Record(sums, len(daily), gain_range(losses))


def gain_range(losses: Floats) -> tuple[float, float] | None:
    """Return p10 and p90 of the gain over the naive, by days drawn with replacement (a bootstrap by day).

    Parameters
    ----------
    losses
        Shape (days, 2): of what was issued, and of the naive.
    """
    if len(losses) < GAIN_DAYS_MIN or losses[:, 1].sum() <= 0:
        return None
    draws = np.random.default_rng(8).integers(len(losses), size=(RESAMPLES, len(losses)))
    sums = losses[draws].sum(axis=1)
    gains = 1 - sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], np.nan)
    low, high = np.nanquantile(gains, [0.1, 0.9])
    return float(low), float(high)
