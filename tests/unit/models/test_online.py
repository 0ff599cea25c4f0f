from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.forecasts import QUANTILES
from models.history import Floats
from models.online import FARTHEST, HALF_LIFE_DAYS, NO_SHIFTS, apply_shifts, tracked

NORMAL = np.array([-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645])
DAY = 1.0


def share_below(truths: Floats, fan: Floats, shifts: Floats) -> Floats:
    shares: Floats = np.mean(truths[:, None] <= apply_shifts(np.tile(fan, (len(truths), 1)), shifts), axis=0)
    return shares


def learnt(truths: Floats, fan: Floats, rows: int = 24) -> Floats:
    """Return the shifts after daily forecasts of ``rows`` steps, each the same fan, came true one after the other."""
    shifts = NO_SHIFTS
    for came in truths.reshape(-1, rows):
        issued = apply_shifts(np.tile(fan, (rows, 1)), shifts)
        shifts = tracked(shifts, issued, came, DAY)
    return shifts


@pytest.mark.parametrize(("spread", "off"), [(2.0, 0.0), (0.5, 0.0), (1.0, 1.5), (1.6, -1.0)])
def test_a_fan_too_narrow_too_wide_or_aside_comes_nearer_to_what_it_promises(spread: float, off: float) -> None:
    random = np.random.default_rng(1)
    fan = 10 + NORMAL
    shifts = learnt(10 + off + spread * random.normal(size=24 * 60), fan)
    unseen = 10 + off + spread * random.normal(size=4_000)
    before, after = (np.abs(share_below(unseen, fan, some) - QUANTILES) for some in (NO_SHIFTS, shifts))
    assert after.mean() < before.mean() * 0.75
    assert (after <= before + 0.02).all()


def test_it_follows_when_everything_changes_and_comes_back() -> None:
    random = np.random.default_rng(2)
    fan = 10 + NORMAL
    closed = 6 + random.normal(size=24 * 30)
    assert share_below(closed, fan, NO_SHIFTS)[0] > 0.9
    shifts = learnt(closed, fan)
    assert share_below(closed, fan, shifts)[0] < 0.7
    opened = learnt(np.concatenate([closed, 10 + random.normal(size=24 * 60)]), fan)
    assert np.abs(opened).max() < np.abs(shifts).max() / 3


def test_forecasts_of_each_hour_learn_as_fast_as_those_of_each_day() -> None:
    fan, high = np.tile(10 + NORMAL, (24, 1)), np.full(24, 13.0)
    by_day = tracked(NO_SHIFTS, fan, high, DAY)
    by_hour = NO_SHIFTS
    for _ in range(24):
        by_hour = tracked(by_hour, fan, high, DAY / 24)
    np.testing.assert_allclose(by_day, by_hour, rtol=0.05)
    assert (by_day > 0).all()


def test_nothing_known_teaches_nothing_and_a_truth_on_the_levels_blames_none() -> None:
    shifts = np.linspace(-0.2, 0.2, 7)
    fan = np.tile(10 + NORMAL, (3, 1))
    assert tracked(shifts, fan, np.full(3, np.nan)) is shifts
    night = np.zeros((24, 7))
    np.testing.assert_array_equal(tracked(NO_SHIFTS, night, np.zeros(24), DAY), NO_SHIFTS)


def test_rows_that_are_not_known_say_nothing() -> None:
    fan = np.tile(10 + NORMAL, (4, 1))
    some = tracked(NO_SHIFTS, fan, np.array([13.0, np.nan, 8.0, np.nan]), DAY)
    np.testing.assert_array_equal(some, tracked(NO_SHIFTS, fan[:2], np.array([13.0, 8.0]), DAY))


def test_what_was_learnt_long_ago_is_forgotten() -> None:
    shifts = np.linspace(-0.4, 0.4, 7)
    holds = np.tile(10 + NORMAL, (20, 1))
    on_the_levels = holds[:, 3]
    after = tracked(shifts, holds, on_the_levels, HALF_LIFE_DAYS)
    assert after[3] == shifts[3] / 2
    assert np.abs(tracked(shifts, np.zeros((24, 7)), np.zeros(24), 10 * HALF_LIFE_DAYS)).max() < 0.001


def test_shifts_of_several_series_move_each_its_own_rows() -> None:
    rows = np.vstack([10 + NORMAL, 20 + 2 * NORMAL])
    up = np.vstack([NO_SHIFTS, np.full(7, 0.5)])
    moved = apply_shifts(rows, up)
    np.testing.assert_array_equal(moved[0], rows[0])
    np.testing.assert_allclose(moved[1], rows[1] + 0.5 * (rows[1, 5] - rows[1, 1]))
    flat = np.full((1, 7), 3.0)
    np.testing.assert_array_equal(apply_shifts(flat, up[1]), flat)


def test_no_shifts_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        NO_SHIFTS[0] = 1.0


@settings(max_examples=60, deadline=None)
@given(
    shifts=arrays(np.float64, 7, elements=st.floats(-FARTHEST, FARTHEST)),
    quantiles=arrays(np.float64, (4, 7), elements=st.floats(-1e6, 1e6)),
    truth=arrays(np.float64, 4, elements=st.floats(-1e6, 1e6) | st.just(float("nan"))),
)
def test_shifts_stay_bounded_and_quantiles_in_order(shifts: Floats, quantiles: Floats, truth: Floats) -> None:
    fan = np.sort(quantiles, axis=1)
    after = tracked(shifts, fan, truth, 30.0)
    assert np.abs(after).max() <= FARTHEST
    assert (np.diff(apply_shifts(fan, after), axis=1) >= 0).all()
