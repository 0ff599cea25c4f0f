from __future__ import annotations

from datetime import timedelta

import pytest

from services.lanes import LaneState, state_of


@pytest.mark.parametrize(
    ("age_s", "latency_s", "state"),
    [
        (150, 10, LaneState.OK),
        (151, 0.1, LaneState.LATE),
        (60, 10.1, LaneState.LATE),
        (600, 0.1, LaneState.LATE),
        (601, 0.1, LaneState.SILENT),
    ],
)
def test_the_neighbours_of_late_and_silent(age_s: float, latency_s: float, state: LaneState) -> None:
    assert state_of(timedelta(seconds=age_s), latency_s) is state
