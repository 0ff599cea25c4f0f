from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.clock import Window
from core.columns import to_microseconds
from core.quality.steps import Rhythms, Samples, Steps
from core.store.touched import SeriesLife

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LIVES = [SeriesLife(1, "co2_ppm", None, T0), SeriesLife(2, "occupied", 900, T0), SeriesLife(3, "bikes_count", None, T0)]
RHYTHMS = Rhythms.of(LIVES)
WINDOW = Window(T0, T0 + 2 * HOUR)


def samples(*rows: tuple[int, int, float]) -> Samples:
    """Return samples of (series, minutes after T0, value), in order."""
    series, minutes, values = zip(*sorted(rows), strict=True)
    return Samples(
        np.array(series),
        to_microseconds(T0) + np.array(minutes, dtype=np.int64) * 60_000_000,
        np.array(values, dtype=float),
    )


def told(steps: Steps) -> list[tuple[int, int, float, float, float, float, int]]:
    """Return the steps as rows, their starts in minutes after T0."""
    minutes = (steps.starts - to_microseconds(T0)) // 60_000_000
    columns = (steps.series, minutes, steps.mean, steps.low, steps.high, steps.last, steps.count)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_a_level_is_averaged_and_a_step_without_a_reading_is_absent() -> None:
    found = RHYTHMS.steps_of(samples((1, 5, 4.0), (1, 59, 8.0), (1, 60, 5.0), (3, 0, 7.0)), WINDOW, HOUR)
    assert told(found) == [(1, 0, 6.0, 4.0, 8.0, 8.0, 2), (1, 60, 5.0, 5.0, 5.0, 5.0, 1), (3, 0, 7.0, 7.0, 7.0, 7.0, 1)]


def test_what_lies_outside_of_the_window_does_not_count() -> None:
    found = RHYTHMS.steps_of(samples((1, -1, 4.0), (1, 0, 8.0), (1, 119, 1.0), (1, 120, 5.0)), WINDOW, HOUR)
    assert [row[:3] for row in told(found)] == [(1, 0, 8.0), (1, 60, 1.0)]


def test_a_state_counts_by_the_time_that_it_held_from_before_the_window_too() -> None:
    # On from 20 minutes before; off at 40; on at 50, for three intervals of 15 minutes at most: until 95.
    found = RHYTHMS.steps_of(samples((2, -20, 1.0), (2, 40, 0.0), (2, 50, 1.0)), WINDOW, HOUR)
    first, second = told(found)
    # Held until 25 after T0, unknown until 40, off for ten minutes, on for ten.
    assert (first[0], first[1], first[6]) == (2, 0, 2)
    assert first[2] == (25 + 10) / (25 + 20)
    assert second == (2, 60, 1.0, 1.0, 1.0, 1.0, 0)


def test_series_without_samples_come_to_no_step() -> None:
    assert len(RHYTHMS.steps_of(Samples.none(), WINDOW, HOUR)) == 0
    assert RHYTHMS.lead.tolist() == [0, 45 * 60_000_000, 0]


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3]), st.integers(-50, 130)), unique=True, min_size=1))
def test_no_reading_of_the_window_is_lost_or_counted_twice(keys: list[tuple[int, int]]) -> None:
    rows = [(series, minute, float(minute % 2)) for series, minute in keys]
    steps = RHYTHMS.steps_of(samples(*rows), WINDOW, 7 * MINUTE)
    inside = sum(0 <= minute < 120 for _, minute in keys)
    assert int(steps.count.sum()) == inside
    assert np.all((steps.low <= steps.mean) & (steps.mean <= steps.high))
    places = list(zip(steps.series.tolist(), steps.starts.tolist(), strict=True))
    assert places == sorted(set(places))
