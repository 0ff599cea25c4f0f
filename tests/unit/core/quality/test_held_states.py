"""States over time: how long they hold, and what they come to step by step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_traces import times

from core.quality.states import Holds, Shares, shares
from core.quality.traces import HOUR_US, MINUTE_US


def held(*told: tuple[float, float], interval_min: int = 15) -> Holds:
    """Return how long the states of one series hold, told as (minute, state)."""
    minutes, values = zip(*told, strict=True)
    ones = np.ones(len(told), dtype=np.int64)
    return Holds.of(ones, times(minutes), np.array(values), ones * interval_min * MINUTE_US)


def rows(found: Shares) -> list[tuple[float, float, float]]:
    """Return (minute of the start, known minutes, share) of each step."""
    starts = (found.starts - times([0])[0]) / MINUTE_US
    return list(zip(starts.tolist(), (found.known_us / MINUTE_US).tolist(), found.mean.tolist(), strict=True))


def test_a_state_holds_until_the_next_reading_and_three_intervals_at_most() -> None:
    holds = held((0, 1), (10, 0), (55, 1), (101, 0))
    assert ((holds.ends - holds.starts) / MINUTE_US).tolist() == [10, 45, 45, 45]


def test_no_state_holds_for_more_than_three_days() -> None:
    holds = held((0, 1), interval_min=7 * 24 * 60)
    assert (holds.ends - holds.starts).tolist() == [72 * HOUR_US]


def test_series_beside_each_other_hold_each_for_itself() -> None:
    series, instants = np.array([1, 2]), times([0, 10])
    holds = Holds.of(series, instants, np.array([1.0, 0.0]), np.array([15, 15]) * MINUTE_US)
    assert ((holds.ends - holds.starts) / MINUTE_US).tolist() == [45, 45]


def test_a_share_is_of_time_and_not_of_readings() -> None:
    found = shares(held((0, 1), (1, 1), (2, 1), (3, 0), (33, 0)), HOUR_US)
    assert rows(found) == [(0, 60, pytest.approx(3 / 60)), (60, 18, 0)]
    assert (found.low.tolist(), found.high.tolist(), found.last.tolist()) == ([0, 0], [1, 0], [0, 0])


def test_a_step_that_nobody_spoke_in_is_known_while_a_state_holds() -> None:
    found = shares(held((0, 1), interval_min=30), 15 * MINUTE_US)
    assert rows(found) == [(start, 15, 1) for start in range(0, 90, 15)]


def test_what_is_not_known_has_no_step() -> None:
    found = shares(held((0, 1), (600, 0)), HOUR_US)
    assert rows(found) == [(0, 45, 1), (600, 45, 0)]
    assert len(shares(held((0, 1)).within(0, 0), HOUR_US)) == 0


def test_holds_are_cut_to_a_window() -> None:
    start, end = times([10, 20]).tolist()
    holds = held((0, 1), (15, 0), (100, 1)).within(start, end)
    assert (holds.starts.tolist(), holds.ends.tolist()) == (
        [start, start + 5 * MINUTE_US],
        [start + 5 * MINUTE_US, end],
    )
    assert holds.values.tolist() == [1, 0]


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.sampled_from([0.0, 1.0])), min_size=1, unique_by=lambda one: one[0]),
    st.sampled_from([1, 7, 15, 60]),
    st.sampled_from([1, 15, 60, 1_440]),
)
def test_the_steps_add_up_to_what_was_held_whatever_they_are(
    told: list[tuple[int, float]], interval_min: int, step_min: int
) -> None:
    holds = held(*sorted(told), interval_min=interval_min)
    found = shares(holds, step_min * MINUTE_US)
    assert (found.known_us > 0).all()
    assert (found.known_us <= step_min * MINUTE_US).all()
    assert found.known_us.sum() == (holds.ends - holds.starts).sum()
    assert (found.mean * found.known_us).sum() == pytest.approx(((holds.ends - holds.starts) * holds.values).sum())
    assert (np.diff(found.starts) > 0).all()
