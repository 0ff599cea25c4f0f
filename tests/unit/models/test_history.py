from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.clock import Window
from core.columns import to_microseconds
from core.errors import FutureLeak
from core.metrics import metric_named
from core.quality.steps import Steps
from models.history import History

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


POWER = metric_named("power_kw")


def steps(*rows: tuple[int, datetime, float], count: int = 1) -> list[Steps]:
    """Return steps of (series, start, mean), in order, as two batches bring them."""
    series = np.array([series_id for series_id, _, _ in rows], dtype=np.int64)
    starts = np.array([to_microseconds(start) for _, start, _ in rows], dtype=np.int64)
    mean = np.array([value for _, _, value in rows], dtype=np.float64)
    counts = np.full(len(rows), count)
    whole = Steps(series, starts, mean, mean, mean, mean, counts)
    return [Steps(*(getattr(whole, one.name)[part] for one in fields(Steps))) for part in (slice(0, 1), slice(1, None))]


def test_values_lie_on_the_grid_and_a_missing_step_stays_missing() -> None:
    read = steps((7, NOON, 5.0), (7, NOON + 2 * HOUR, 6.0))
    history = History.of(POWER, Window(NOON, NOON + 3 * HOUR), [7, 9], read)
    assert history.series_ids == (7, 9)
    np.testing.assert_array_equal(history.values, [[5.0, np.nan, 6.0], [np.nan, np.nan, np.nan]])
    assert history.newest().tolist() == [2, -1]


def test_a_step_is_known_at_its_end_only() -> None:
    half_past = NOON + HOUR + HOUR / 2
    history = History.of(POWER, Window(NOON, half_past), [1], steps((1, NOON, 5.0), (1, NOON + HOUR, 6.0)))
    assert history.values.tolist() == [[5.0]]


def test_a_step_from_the_future_is_refused() -> None:
    with pytest.raises(FutureLeak, match="2026-03-02T13:00:00"):
        History.of(POWER, Window(NOON, NOON + HOUR), [1], steps((1, NOON, 5.0), (1, NOON + HOUR, 6.0)))


@pytest.mark.parametrize("start", [NOON - HOUR, NOON + timedelta(minutes=7)])
def test_a_step_before_the_window_or_off_the_grid_is_refused(start: datetime) -> None:
    with pytest.raises(ValueError, match="no step of the grid"):
        History.of(POWER, Window(NOON, NOON + HOUR), [1], steps((1, start, 6.0)))


def test_a_metric_without_a_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="not forecast"):
        History.of(metric_named("battery_v"), Window(NOON, NOON + HOUR), [], [])


def test_counts_are_summed_and_levels_averaged() -> None:
    window, read = Window(NOON, NOON + HOUR), steps((1, NOON, 10.0), count=4)
    assert History.of(metric_named("bikes_count"), window, [1], read).values.tolist() == [[40.0]]
    assert History.of(metric_named("no2_ugm3"), window, [1], read).values.tolist() == [[10.0]]


def test_until_forgets_what_came_later_and_cannot_look_ahead() -> None:
    read = steps((1, NOON, 1.0), (1, NOON + HOUR, 2.0))
    history = History.of(POWER, Window(NOON, NOON + 2 * HOUR), [1], read)
    assert history.until(NOON + HOUR).values.tolist() == [[1.0]]
    with pytest.raises(FutureLeak):
        history.until(NOON + 3 * HOUR)


def test_asking_beyond_as_of_raises_and_before_the_start_is_missing() -> None:
    history = History.of(POWER, Window(NOON, NOON + HOUR), [1], steps((1, NOON, 1.0)))
    assert np.isnan(history.value_at(np.array([0]), np.array([-1]))).all()
    with pytest.raises(FutureLeak):
        history.value_at(np.array([0]), np.array([1]))


def test_the_last_stretch_ends_where_the_history_does() -> None:
    read = steps((1, NOON, 1.0), (1, NOON + HOUR, 2.0))
    history = History.of(POWER, Window(NOON, NOON + 2 * HOUR), [1], read)
    last = history.last(HOUR)
    assert (last.start, last.as_of, last.values.tolist()) == (NOON + HOUR, NOON + 2 * HOUR, [[2.0]])
    assert history.last(9 * HOUR).values.tolist() == [[1.0, 2.0]]
