"""Stretches: rows of one series that lie close together, every row in one of them."""

from __future__ import annotations

import numpy as np

from core.store.stretches import APART_US, stretches


def test_another_series_and_a_day_apart_begin_another_stretch() -> None:
    series = np.array([1, 1, 1, 2, 2])
    times = np.array([0, APART_US, 2 * APART_US + 1, 2 * APART_US + 1, 2 * APART_US + 2])
    assert stretches(series, times) == [slice(0, 2), slice(2, 3), slice(3, 5)]


def test_no_row_is_no_stretch_and_one_is_one() -> None:
    none = np.zeros(0, np.int64)
    assert stretches(none, none) == []
    assert stretches(np.array([7]), np.array([5])) == [slice(0, 1)]
