"""Calibrations laid over readings."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from made_up_traces import T0, times

from core.columns import to_microseconds
from core.quality.calibrations import Calibration, Span, lay_over

MINUTE = timedelta(minutes=1)


def test_each_reading_has_the_calibration_of_its_own_time_and_series() -> None:
    spans = [Span(2, T0, 2.0, 1.0), Span(2, T0 + 30 * MINUTE, 3.0, 0.0), Span(4, T0, 5.0, 0.0)]
    series = np.array([1, 2, 2, 2, 2, 3])
    gain, shift, since = lay_over(spans, series, times([0, -1, 0, 29, 30, 0]))
    assert gain.tolist() == [1, 1, 2, 2, 3, 1]
    assert shift.tolist() == [0, 0, 1, 1, 0, 0]
    start = to_microseconds(T0)
    assert since.tolist() == [0, 0, start, start, start + 30 * 60_000_000, 0]


def test_without_any_all_is_as_it_came() -> None:
    gain, shift, since = lay_over([], np.array([1, 1]), times([0, 1]))
    assert (gain.tolist(), shift.tolist(), since.tolist()) == ([1, 1], [0, 0], [0, 0])


@pytest.mark.parametrize(
    ("gain", "shift"), [(0.0, 0.0), (1_001.0, 0.0), (math.nan, 0.0), (1.0, math.inf), (1.0, math.nan)]
)
def test_a_calibration_out_of_bounds_is_refused(gain: float, shift: float) -> None:
    with pytest.raises(ValueError, match="beyond"):
        Calibration(1, T0, T0, gain, shift, "Nadia")


def test_a_calibration_within_bounds_is_taken() -> None:
    assert Calibration(1, T0, T0, -1_000.0, 5.0, "Nadia").gain == -1_000.0
