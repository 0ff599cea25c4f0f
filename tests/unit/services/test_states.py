from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.readings import Quality
from core.store.readings import Latest
from services.states import State, state_of

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
FRESH = timedelta(minutes=30)
"""Three steps of CO2: the oldest that is not silent."""


def latest(
    value: float = 700.0,
    *,
    age: timedelta = FRESH,
    quality: Quality = Quality.GOOD,
    expected: tuple[float, float, float] | None = (600.0, 700.0, 800.0),
) -> Latest:
    p05, p50, p95 = expected or (None, None, None)
    return Latest(1, 1, "co2_ppm", NOW - age, NOW - age, value, quality, p05, p50, p95)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (latest(), State.NORMAL),
        (latest(600.0), State.NORMAL),
        (latest(599.9), State.WATCH),
        (latest(800.0), State.NORMAL),
        (latest(800.1), State.WATCH),
        (latest(5_000.0, expected=None), State.NORMAL),
        (latest(quality=Quality.SUSPECT), State.SUSPECT),
        (latest(quality=Quality.BAD), State.SUSPECT),
        (latest(5_000.0, quality=Quality.SUSPECT), State.SUSPECT),
        (latest(age=FRESH + timedelta(microseconds=1)), State.SILENT),
        (latest(quality=Quality.BAD, age=timedelta(hours=1)), State.SILENT),
        (latest(age=-timedelta(minutes=1)), State.NORMAL),
    ],
)
def test_the_first_state_that_holds_is_told(given: Latest, state: State) -> None:
    assert state_of(given, NOW) is state


def test_a_slow_metric_is_silent_later_than_a_fast_one() -> None:
    hourly = Latest(1, 1, "fill_ratio", NOW - timedelta(hours=3), NOW, 0.5, 0, None, None, None)
    assert state_of(hourly, NOW) is State.NORMAL
    assert state_of(hourly, NOW + timedelta(seconds=1)) is State.SILENT
