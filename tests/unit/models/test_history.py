from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.clock import Window
from core.errors import FutureLeak
from core.metrics import metric_named
from models.history import History

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Step:
    """A step as the store reads it."""

    start: datetime
    mean: float
    count: int = 1


def test_values_lie_on_the_grid_and_a_missing_step_stays_missing() -> None:
    steps = {7: [Step(NOON, 5.0), Step(NOON + 2 * HOUR, 6.0)], 9: []}
    history = History.of(metric_named("power_kw"), Window(NOON, NOON + 3 * HOUR), steps)
    assert history.series_ids == (7, 9)
    np.testing.assert_array_equal(history.values, [[5.0, np.nan, 6.0], [np.nan, np.nan, np.nan]])
    assert history.newest().tolist() == [2, -1]


def test_a_step_is_known_at_its_end_only() -> None:
    half_past = NOON + HOUR + HOUR / 2
    history = History.of(
        metric_named("power_kw"), Window(NOON, half_past), {1: [Step(NOON, 5.0), Step(NOON + HOUR, 6.0)]}
    )
    assert history.values.tolist() == [[5.0]]


def test_a_step_from_the_future_is_refused() -> None:
    with pytest.raises(FutureLeak):
        History.of(metric_named("power_kw"), Window(NOON, NOON + HOUR), {1: [Step(NOON + HOUR, 6.0)]})


@pytest.mark.parametrize("start", [NOON - HOUR, NOON + timedelta(minutes=7)])
def test_a_step_before_the_window_or_off_the_grid_is_refused(start: datetime) -> None:
    with pytest.raises(ValueError, match="no step of the grid"):
        History.of(metric_named("power_kw"), Window(NOON, NOON + HOUR), {1: [Step(start, 6.0)]})


def test_a_metric_without_a_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="not forecast"):
        History.of(metric_named("battery_v"), Window(NOON, NOON + HOUR), {})


def test_counts_are_summed_and_levels_averaged() -> None:
    window, steps = Window(NOON, NOON + HOUR), {1: [Step(NOON, 10.0, 4)]}
    assert History.of(metric_named("bikes_count"), window, steps).values.tolist() == [[40.0]]
    assert History.of(metric_named("no2_ugm3"), window, steps).values.tolist() == [[10.0]]


def test_until_forgets_what_came_later_and_cannot_look_ahead() -> None:
    steps = {1: [Step(NOON, 1.0), Step(NOON + HOUR, 2.0)]}
    history = History.of(metric_named("power_kw"), Window(NOON, NOON + 2 * HOUR), steps)
    assert history.until(NOON + HOUR).values.tolist() == [[1.0]]
    with pytest.raises(FutureLeak):
        history.until(NOON + 3 * HOUR)


def test_asking_beyond_as_of_raises_and_before_the_start_is_missing() -> None:
    history = History.of(metric_named("power_kw"), Window(NOON, NOON + HOUR), {1: [Step(NOON, 1.0)]})
    assert np.isnan(history.value_at(np.array([0]), np.array([-1]))).all()
    with pytest.raises(FutureLeak):
        history.value_at(np.array([0]), np.array([1]))
