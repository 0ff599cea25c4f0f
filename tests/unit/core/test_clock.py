"""Instants are aware and in UTC; windows are half-open; local days are 23, 24 or 25 hours long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import EPOCH, PARIS, Window, floor_to_step, in_utc, parse_instant
from core.errors import NaiveDatetime

INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
STEPS = st.sampled_from([timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)])


def test_a_naive_datetime_raises() -> None:
    with pytest.raises(NaiveDatetime):
        in_utc(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_an_instant_is_parsed_into_utc_with_nanoseconds_cut() -> None:
    assert parse_instant("2026-03-01T12:00:00.123456789+01:00") == datetime(2026, 3, 1, 11, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01"])
def test_what_is_no_instant_raises(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - NaiveDatetime is one too
        parse_instant(text)


@given(INSTANTS, STEPS)
def test_a_step_holds_its_instant(instant: datetime, step: timedelta) -> None:
    start = floor_to_step(instant, step)
    assert start <= instant < start + step
    assert (start - EPOCH) % step == timedelta()


def test_a_window_holds_its_start_and_not_its_end() -> None:
    window = Window(EPOCH, EPOCH + timedelta(hours=1))
    assert window.start in window
    assert window.end not in window
    assert window == Window.ending(window.end, timedelta(hours=1))


def test_a_window_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="ends"):
        Window(EPOCH, EPOCH - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("day", "hours"),
    [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)],
)
def test_paris_days_last_23_24_or_25_hours(day: tuple[int, int, int], hours: int) -> None:
    start = datetime(*day, tzinfo=PARIS)
    end = datetime(day[0], day[1], day[2] + 1, tzinfo=PARIS)
    assert in_utc(end) - in_utc(start) == timedelta(hours=hours)
