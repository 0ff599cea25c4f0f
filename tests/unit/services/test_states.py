from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.columns import MICROSECOND, to_microseconds
from core.readings import Quality
from core.store.latest import LatestColumns
from services.states import State, states_of

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
FRESH = timedelta(minutes=30)
"""Three steps of CO2: the oldest that is not silent."""


def latest(
    value: float = 700.0,
    *,
    age: timedelta = FRESH,
    quality: Quality = Quality.GOOD,
    expected: tuple[float, float, float] = (600.0, 700.0, 800.0),
    metric: str = "co2_ppm",
    rhythm: timedelta = timedelta(0),
    interval: timedelta = timedelta(0),
) -> LatestColumns:
    one, observed = np.array([1]), np.array([to_microseconds(NOW - age)])
    p05, p50, p95 = (np.array([quantile]) for quantile in expected)
    figures = (np.array([value]), np.array([int(quality)]), p05, p50, p95)
    often = (np.array([rhythm // MICROSECOND]), np.array([interval // MICROSECOND]))
    return LatestColumns(one, one, [metric], observed, observed, *figures, one * 0, *often)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (latest(), State.NORMAL),
        (latest(600.0), State.NORMAL),
        (latest(599.9), State.WATCH),
        (latest(800.0), State.NORMAL),
        (latest(800.1), State.WATCH),
        (latest(5_000.0, expected=(np.nan, np.nan, np.nan)), State.NORMAL),
        (latest(quality=Quality.SUSPECT), State.SUSPECT),
        (latest(quality=Quality.BAD), State.SUSPECT),
        (latest(5_000.0, quality=Quality.SUSPECT), State.SUSPECT),
        (latest(age=FRESH + timedelta(microseconds=1)), State.SILENT),
        (latest(quality=Quality.BAD, age=timedelta(hours=1)), State.SILENT),
        (latest(age=-timedelta(minutes=1)), State.NORMAL),
    ],
)
def test_the_first_state_that_holds_is_told(given: LatestColumns, state: State) -> None:
    assert states_of(given, NOW) == [state]


def test_a_slow_metric_is_silent_later_than_a_fast_one() -> None:
    hourly = latest(0.5, age=timedelta(hours=3), expected=(np.nan, np.nan, np.nan), metric="fill_ratio")
    assert states_of(hourly, NOW) == [State.NORMAL]
    assert states_of(hourly, NOW + timedelta(seconds=1)) == [State.SILENT]


def test_silence_follows_what_was_learnt_or_else_what_the_sensor_says() -> None:
    hour = timedelta(hours=1)
    assert states_of(latest(age=hour, rhythm=hour), NOW) == [State.NORMAL]
    assert states_of(latest(age=hour, rhythm=hour, interval=timedelta(minutes=1)), NOW) == [State.NORMAL]
    assert states_of(latest(age=hour, interval=hour / 3), NOW) == [State.NORMAL]
    assert states_of(latest(age=hour, interval=hour / 4), NOW) == [State.SILENT]
    assert states_of(latest(age=timedelta(days=8), interval=timedelta(days=30)), NOW) == [State.SILENT]
