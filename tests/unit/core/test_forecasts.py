"""A forecast step holds ordered quantiles, or is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.forecasts import QUANTILE_NAMES, QUANTILES, CrossedQuantiles, ForecastStep

AT = datetime(2026, 1, 1, tzinfo=UTC)
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=len(QUANTILES), max_size=len(QUANTILES))


@given(VALUES)
def test_sorted_quantiles_are_taken_and_crossed_ones_refused(values: list[float]) -> None:
    assert ForecastStep(AT, tuple(sorted(values))).quantiles == tuple(sorted(values))
    if values != sorted(values):
        with pytest.raises(CrossedQuantiles):
            ForecastStep(AT, tuple(values))


def test_a_missing_quantile_is_refused() -> None:
    with pytest.raises(CrossedQuantiles):
        ForecastStep(AT, (1.0, 2.0))


def test_names_say_the_levels() -> None:
    assert [f"p{round(level * 100):02d}" for level in QUANTILES] == list(QUANTILE_NAMES)
