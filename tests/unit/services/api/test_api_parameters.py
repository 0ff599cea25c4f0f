from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import Window
from services.api.parameters import parse_duration, window_of
from services.api.problems import ParameterInvalid

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("PT15M", timedelta(minutes=15)),
        ("P1D", timedelta(days=1)),
        ("PT1H30M", timedelta(minutes=90)),
        ("P1DT12H", timedelta(hours=36)),
        ("PT90S", timedelta(seconds=90)),
    ],
)
def test_durations_are_iso_8601(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "15", "15m", "PT15", "-PT15M", "PT1.5H", "P1M", "PT0S", "pt1h"]
)
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_duration(text)


@given(st.builds(timedelta, days=st.integers(0, 9_999), seconds=st.integers(1, 86_399)))
def test_a_duration_written_in_iso_8601_is_parsed_back(duration: timedelta) -> None:
    assert parse_duration(f"P{duration.days}DT{duration.seconds}S") == duration


def test_a_window_without_a_start_is_a_day() -> None:
    assert window_of(None, T0) == Window(T0 - timedelta(hours=24), T0)


def test_a_window_of_400_days_is_the_longest() -> None:
    start = T0 - timedelta(days=400)
    assert window_of(start, T0).length == timedelta(days=400)
    with pytest.raises(ParameterInvalid, match="longer than 400 days"):
        window_of(start - timedelta(seconds=1), T0)


def test_an_empty_window_is_one_and_a_backward_one_is_not() -> None:
    assert window_of(T0, T0).length == timedelta(0)
    with pytest.raises(ParameterInvalid, match="after it ends") as refused:
        window_of(T0 + timedelta(seconds=1), T0)
    assert [error.parameter for error in refused.value.errors] == ["from"]
