"""Touched hours as numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.columns import Ints
from core.quality.marks import codes_of, hours_of, portions, series_of, spread, within, zones
from core.quality.traces import HOUR_US


def codes(*pairs: tuple[int, int]) -> Ints:
    """Return the codes of (series, hour)."""
    series, hours = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return codes_of(series, hours * HOUR_US)


def pairs_of(found: Ints) -> list[tuple[int, int]]:
    return list(zip(series_of(found).tolist(), hours_of(found).tolist(), strict=True))


@pytest.mark.parametrize("pair", [(1, 0), (1, 876_000), (2**31 - 1, 229_000)])
def test_a_code_tells_its_series_and_hour(pair: tuple[int, int]) -> None:
    assert pairs_of(codes(pair)) == [pair]
    assert pairs_of(codes_of(np.array([pair[0]]), np.array([(pair[1] + 1) * HOUR_US - 1]))) == [pair]


def test_hours_of_two_series_are_never_close() -> None:
    last, first = codes((1, 876_000), (2, 0))
    assert first - last > 1_000_000


def test_a_zone_before_the_first_hour_of_all_stays_with_its_series() -> None:
    firsts, lasts = zones(codes((5, 0)), 100)
    assert pairs_of(firsts) == [(5, -100)]
    assert pairs_of(lasts) == [(5, 100)]


def test_zones_that_touch_are_one() -> None:
    firsts, lasts = zones(codes((1, 100), (1, 105), (1, 106), (1, 112), (2, 106)), 2)
    assert pairs_of(firsts) == [(1, 98), (1, 110), (2, 104)]
    assert pairs_of(lasts) == [(1, 108), (1, 114), (2, 108)]


def test_within_looks_both_ways() -> None:
    asked = codes((1, 97), (1, 98), (1, 102), (1, 103), (2, 100))
    assert within(asked, codes((1, 100)), 2).tolist() == [False, True, True, False, False]
    assert within(asked, codes(), 2).tolist() == [False] * 5


def test_spread_names_each_hour_once() -> None:
    assert pairs_of(spread(codes((1, 5), (1, 6)), range(-1, 2))) == [(1, 4), (1, 5), (1, 6), (1, 7)]
    assert len(spread(codes(), range(2))) == 0


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 300)), min_size=1, max_size=60, unique=True),
    st.integers(0, 20),
    st.integers(1, 500),
)
def test_portions_hold_every_mark_once_and_weigh_no_more_than_they_may(
    pairs: list[tuple[int, int]], hours: int, most: int
) -> None:
    marks = np.sort(codes(*pairs))
    cut = portions(marks, hours, np.full(len(marks), 2), most)
    assert np.concatenate(cut).tolist() == marks.tolist()
    one_more = 2 * (2 * hours + 1)
    for portion in cut:
        firsts, lasts = zones(portion, hours)
        assert 2 * int((lasts - firsts + 1).sum()) <= most + 2 * one_more
