"""What came of what was forecast: the values themselves, and levels as if nobody had emptied the bin."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FutureLeak
from core.metrics import metric_named
from models.features.rows import rows_of_origin
from models.history import Floats, History
from models.outcomes import outcomes

START = datetime(2026, 3, 2, tzinfo=UTC)
NAN = float("nan")


def history_of(values: Floats, metric: str) -> History:
    measured = metric_named(metric)
    assert measured.plan is not None
    end = START + values.shape[1] * measured.plan.step
    return History(measured, measured.plan, tuple(range(len(values))), START, end, values)


def came(levels: list[float], origin: int) -> list[float]:
    """Return the outcome of every step of a bin from an origin on, as far as the levels reach."""
    padded = np.full((1, origin + 168), NAN)
    padded[0, : len(levels)] = levels
    history = history_of(padded, "fill_ratio")
    found = outcomes(history, rows_of_origin(history, origin))
    return [round(value, 6) for value in found[: len(levels) - origin].tolist()]


def test_what_does_not_add_up_came_as_it_was_measured() -> None:
    history = history_of(np.arange(60.0)[None, :], "power_kw")
    assert outcomes(history, rows_of_origin(history, 12)).tolist() == list(range(12, 60))
    with pytest.raises(FutureLeak):
        outcomes(history, rows_of_origin(history, 13))


def test_a_bin_goes_on_filling_as_if_nobody_had_emptied_it() -> None:
    assert came([0.5, 0.7, 0.1, 0.2, 0.3], 1) == [0.7, 0.7, 0.8, 0.9]
    # What was measured in the hour before an emptying is all that is known of that hour.
    assert came([0.5, 0.1, 0.2], 1) == [0.5, 0.6]


def test_a_full_bin_stays_full() -> None:
    assert came([0.8, 0.9, 1.0, 0.0, 0.1], 1) == [0.9, 1.0, 1.0, 1.0]
    assert came([0.8, 1.0, 0.0, 0.1], 2) == [1.0, 1.0]
    assert came([0.5, 0.8, 0.2, 0.7], 1) == [0.8, 0.8, 1.0]


def test_what_was_not_measured_stays_so_and_a_late_origin_begins_at_the_newest_level() -> None:
    assert came([0.2, NAN, NAN, 0.5], 2)[1] == 0.5
    assert np.isnan(came([0.2, 0.3, NAN, 0.5], 2)[0])
    assert np.isnan(came([NAN, 0.3], 1)[0])


@given(st.lists(st.floats(0, 0.9), min_size=4, max_size=40), st.integers(1, 3))
def test_levels_never_fall_by_more_than_scatter_and_never_leave_the_bin(levels: list[float], origin: int) -> None:
    found = came(levels, origin)
    assert all(0 <= value <= 1 for value in found)
    assert all(after >= before - 0.15 - 1e-6 for before, after in pairwise(found))
