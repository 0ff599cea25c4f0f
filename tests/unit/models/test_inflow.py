"""The level as if nobody had ever emptied the bin."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.inflow import FULL, since_emptied, unwrapped

NAN = float("nan")


def test_what_was_taken_out_is_put_back() -> None:
    levels = np.array([[0.2, 0.5, 0.7, 0.1, 0.3]])
    assert unwrapped(levels)[0].round(6).tolist() == [0.2, 0.5, 0.7, 0.7, 0.9]
    assert since_emptied(levels)[0, 2:].tolist()[1:] == [0, 1]
    assert np.isnan(since_emptied(levels)[0, :3]).all()


def test_scatter_is_no_emptying_and_a_fall_beyond_it_is() -> None:
    assert unwrapped(np.array([[0.50, 0.36]]))[0].tolist() == [0.50, 0.36]
    assert unwrapped(np.array([[0.50, 0.34]]))[0].round(6).tolist() == [0.50, 0.50]


def test_an_emptying_across_a_gap_is_seen_and_the_gap_stays() -> None:
    found = unwrapped(np.array([[0.8, NAN, NAN, 0.1, 0.2]]))[0]
    assert found[[0, 3, 4]].round(6).tolist() == [0.8, 0.8, 0.9]
    assert np.isnan(found[1:3]).all()


def test_what_comes_into_a_full_bin_is_not_known() -> None:
    found = unwrapped(np.array([[0.9, 1.0, 1.0, 0.0, 0.1]]))[0]
    assert np.isnan(found[1:3]).all()
    assert found[[3, 4]].round(6).tolist() == [1.0, 1.1]
    assert FULL < 1


@given(st.lists(st.floats(0, 0.14), min_size=2, max_size=60), st.sets(st.integers(1, 59)))
def test_what_came_in_is_found_again_whenever_it_was_taken_out(inflow: list[float], rounds: set[int]) -> None:
    level, levels = 0.0, []
    for hour, came in enumerate(inflow):
        if hour in rounds and level > 0.4:
            level = 0.0
        level += came
        if level >= FULL:
            return
        levels.append(level)
    found = unwrapped(np.array([levels]))[0]
    # What comes in within the very hour of an emptying is part of what is read after it.
    for hour in range(1, len(inflow)):
        emptied = levels[hour] < levels[hour - 1]
        assert abs(found[hour] - found[hour - 1] - (0 if emptied else inflow[hour])) < 1e-9
