from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.scores import FIRST_DAY, DaySums, Duel, Sums, summed, together

Row = tuple[int, int, int, bool, int, int, float, list[int]]
rows_of_steps = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(9000, 9001),
        st.integers(0, 2),
        st.booleans(),
        st.sampled_from([0, 24]),
        st.integers(0, 2),
        st.floats(0, 100),
        st.lists(st.integers(0, 1), min_size=7, max_size=7),
    ),
    min_size=1,
    max_size=30,
)


def sums_of(rows: list[Row]) -> DaySums:
    series, day, model, issued, lead, regime, loss, below = zip(*rows, strict=True)
    ones = np.ones(len(rows), dtype=np.int64)
    losses = np.array(loss)
    return DaySums(
        np.array(series),
        np.array(day),
        np.array(model),
        np.array(issued),
        np.array(lead),
        np.array(regime),
        ones,
        losses,
        losses * 2,
        losses * 3,
        losses * 4,
        np.array(below)[:, 1],
        np.array(below)[:, 0],
        np.array(below),
    )


@given(rows_of_steps, st.randoms(use_true_random=False), st.integers(0, 30))
def test_sums_are_those_of_a_plain_loop_in_any_order_and_parts(
    rows: list[Row], random: np.random.RandomState, cut: int
) -> None:
    by_hand: dict[tuple[int, int, int, bool, int, int], list[float]] = {}
    for *own, loss, below in rows:
        held = by_hand.setdefault(tuple(own), [0] * 9)  # type: ignore[arg-type] # a key is six values
        held[0] += 1
        held[1] += loss
        for level, is_under in enumerate(below):
            held[2 + level] += is_under
    shuffled = rows[:]
    random.shuffle(shuffled)
    parts = [part for part in (shuffled[:cut], shuffled[cut:]) if part]
    found = summed(together([summed(sums_of(part)) for part in parts]))
    keys = zip(
        found.series_id.tolist(),
        found.day.tolist(),
        found.model_id.tolist(),
        found.issued.tolist(),
        found.lead_from_h.tolist(),
        found.regime.tolist(),
        strict=True,
    )
    assert list(keys) == sorted(by_hand)
    for row, key in enumerate(sorted(by_hand)):
        steps, lost, *under = by_hand[key]
        assert found.steps[row] == steps
        assert found.pinball[row] == pytest.approx(lost)
        assert found.absolute_error_naive[row] == pytest.approx(4 * lost)
        assert found.below[row].tolist() == under


def test_chosen_rows_are_kept_whole() -> None:
    sums = sums_of([(1, 9000, 0, True, 0, 1, 2.0, [1] * 7), (2, 9000, 0, True, 0, 1, 3.0, [0] * 7)])
    kept = sums.where(np.array([False, True]))
    assert (len(kept), kept.series_id.tolist(), kept.pinball.tolist(), kept.below.tolist()) == (
        1,
        [2],
        [3.0],
        [[0] * 7],
    )


def test_figures_follow_from_sums_and_nothing_follows_from_none() -> None:
    judged = Sums(2, 10, 4, 3.0, 4.0, 1.0, 2.0, 8, 9, [1, 1, 2, 5, 8, 9, 10])
    assert (judged.skill, judged.coverage_80, judged.coverage_90, judged.naive_share) == (0.25, 0.8, 0.9, 0.4)
    assert judged.reliability == (0.1, 0.1, 0.2, 0.5, 0.8, 0.9, 1.0)
    nothing = Sums(0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0, 0, [0] * 7)
    assert nothing.skill is nothing.coverage_80 is nothing.coverage_90 is nothing.naive_share is None
    assert nothing.reliability is None
    assert Duel(3, 0, 1, 10, 2.0, 4.0, 9).gain == 0.5
    assert Duel(3, 0, 1, 10, 2.0, 0.0, 9).gain is None


def test_days_are_counted_from_the_first_of_2000() -> None:
    assert date(2000, 1, 1) == FIRST_DAY
