from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.quality.curves import Curve, readable_step
from core.quality.states import Holds

MINUTE_US = 60_000_000
DAY = timedelta(days=1)


def curve(*points: tuple[int, float]) -> Curve:
    """Return readings of (minute, value)."""
    minutes, values = zip(*points, strict=True)
    return Curve.of_values(np.array(minutes, dtype=np.int64) * MINUTE_US, np.array(values, dtype=float))


def minutes_of(one: Curve) -> list[int]:
    minutes: list[int] = (one.times // MINUTE_US).tolist()
    return minutes


@pytest.mark.parametrize(
    ("length", "points", "step"),
    [
        (timedelta(hours=1), 3_600, timedelta(seconds=1)),
        (7 * DAY, 800, timedelta(minutes=15)),
        (365 * DAY, 800, timedelta(hours=12)),
        (800 * DAY, 800, DAY),
        (801 * DAY, 800, 2 * DAY),
    ],
)
def test_a_step_is_the_shortest_that_a_person_reads_off_an_axis(
    length: timedelta, points: int, step: timedelta
) -> None:
    assert readable_step(length, points) == step


def test_a_gap_breaks_the_line_where_the_point_before_it_ends() -> None:
    broken = curve((0, 1.0), (10, 2.0), (60, 3.0)).with_gaps(timedelta(minutes=30), timedelta(minutes=10))
    assert minutes_of(broken) == [0, 10, 20, 60]
    np.testing.assert_array_equal(broken.mean, [1.0, 2.0, np.nan, 3.0])
    np.testing.assert_array_equal(broken.high, broken.mean)


def test_a_state_is_drawn_until_it_ceases_to_be_known() -> None:
    one = np.array([1, 1, 1])
    starts, ends = np.array([0, 10, 60]) * MINUTE_US, np.array([10, 40, 75]) * MINUTE_US
    drawn = Curve.of_holds(Holds(one, starts, ends, np.array([1.0, 0.0, 1.0])))
    assert minutes_of(drawn) == [0, 10, 40, 60, 75]
    np.testing.assert_array_equal(drawn.last, [1.0, 0.0, np.nan, 1.0, np.nan])


def test_nothing_is_drawn_of_nothing() -> None:
    nothing = Curve.of_values(np.zeros(0, dtype=np.int64), np.zeros(0))
    assert len(nothing.with_gaps(DAY, DAY)) == 0
    assert len(nothing.gathered(np.zeros(0, dtype=np.int64), np.zeros(0))) == 0
    none = np.zeros(0, dtype=np.int64)
    assert len(Curve.of_holds(Holds(none, none, none, np.zeros(0)))) == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.floats(-1e6, 1e6), st.floats(0.01, 10)), min_size=1, unique_by=lambda p: p[0]
    )
)
def test_gathering_keeps_the_extremes_and_means_lie_between_them(points: list[tuple[int, float, float]]) -> None:
    points = sorted(points)
    whole = curve(*((minute, value) for minute, value, _ in points))
    owner = whole.times // (60 * MINUTE_US)
    thin = whole.gathered(owner, np.array([weight for _, _, weight in points]))
    assert len(thin) == len(np.unique(owner))
    assert (thin.low.min(), thin.high.max()) == (whole.low.min(), whole.high.max())
    for place, hour in enumerate(np.unique(owner).tolist()):
        inside = whole.taken(owner == hour)
        assert (thin.low[place], thin.high[place]) == (inside.low.min(), inside.high.max())
        assert thin.last[place] == inside.last[-1]
        assert thin.low[place] - 1e-6 <= thin.mean[place] <= thin.high[place] + 1e-6
