"""When a person may be told: hours of the week in Paris, also where the clock leaps or strikes an hour twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import PARIS
from services.alarms.mail.plan import GATHERED, Pace, leaves_at
from services.alarms.mail.timetable import SPANS_MAX, Span, check_spans, next_open

OFFICE: tuple[Span, ...] = tuple((day, "08:00", "18:30") for day in range(5))
NIGHT: tuple[Span, ...] = ((4, "22:00", "06:00"),)
FORWARD, BACK = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)
"""The Sundays on which the clock leaps, at 01:00 UTC."""


def paris(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=PARIS, fold=fold).astimezone(UTC)  # type: ignore[misc,arg-type] # year, month, day ...


@pytest.mark.parametrize(
    ("spans", "at", "wanted"),
    [
        ((), paris(2026, 11, 24, 3), paris(2026, 11, 24, 3)),
        (OFFICE, paris(2026, 11, 24, 8), paris(2026, 11, 24, 8)),
        (OFFICE, paris(2026, 11, 24, 7, 59), paris(2026, 11, 24, 8)),
        (OFFICE, paris(2026, 11, 24, 18, 29, 59), paris(2026, 11, 24, 18, 29, 59)),
        (OFFICE, paris(2026, 11, 24, 18, 30), paris(2026, 11, 25, 8)),
        (OFFICE, paris(2026, 11, 27, 19), paris(2026, 11, 30, 8)),
        (NIGHT, paris(2026, 11, 28, 5, 59), paris(2026, 11, 28, 5, 59)),
        (NIGHT, paris(2026, 11, 28, 6), paris(2026, 12, 4, 22)),
        (((6, "12:00", "24:00"),), paris(2026, 11, 29, 23, 59), paris(2026, 11, 29, 23, 59)),
        (((6, "12:00", "24:00"),), paris(2026, 11, 30, 0), paris(2026, 12, 6, 12)),
    ],
)
def test_it_is_told_in_its_hours_or_when_they_next_begin(
    spans: tuple[Span, ...], at: datetime, wanted: datetime
) -> None:
    assert next_open(spans, at) == wanted


def test_an_hour_that_the_clock_leaps_over_begins_when_it_leaps() -> None:
    leap = FORWARD + timedelta(hours=1)
    half_past = ((6, "02:30", "04:00"),)
    assert next_open(half_past, FORWARD) == leap
    assert next_open(half_past, paris(2026, 3, 29, 3, 59)) == paris(2026, 3, 29, 3, 59)
    assert next_open(half_past, paris(2026, 3, 29, 4)) > leap + timedelta(days=6)
    gone = ((6, "02:00", "02:45"),)
    assert next_open(gone, FORWARD) == paris(2026, 4, 5, 2)


def test_an_hour_that_the_clock_strikes_twice_is_of_the_span_both_times() -> None:
    twice = ((6, "02:00", "03:00"),)
    first, second = paris(2026, 10, 25, 2, 30), paris(2026, 10, 25, 2, 30, fold=1)
    assert second - first == timedelta(hours=1)
    assert (next_open(twice, first), next_open(twice, second)) == (first, second)
    assert next_open(twice, BACK) == paris(2026, 10, 25, 2)
    assert next_open(twice, paris(2026, 10, 25, 3)) == paris(2026, 11, 1, 2)


_TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
_SPANS = st.lists(st.tuples(st.integers(0, 6), _TIMES, _TIMES), min_size=1, max_size=4)


@settings(deadline=None)
@given(_SPANS, st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)))  # noqa: DTZ001 - made aware below
def test_the_next_hour_is_within_a_week_and_is_one_of_them(spans: list[Span], naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    found = next_open(spans, at)
    # A span of an hour that the clock leaps over is not there in that week.
    assert at <= found <= at + timedelta(days=15)
    assert next_open(spans, found) == found
    if found > at:
        before = found - timedelta(seconds=1)
        assert next_open(spans, max(before, at)) == found


@pytest.mark.parametrize(
    ("spans", "named"),
    [
        ([(7, "08:00", "09:00")], "7"),
        ([(0, "8:00", "09:00")], "8:00"),
        ([(0, "24:00", "09:00")], "24:00"),
        ([(0, "08:00", "24:30")], "24:30"),
        ([(0, "08:00", "09:00")] * (SPANS_MAX + 1), str(SPANS_MAX)),
    ],
)
def test_what_is_no_span_is_refused_and_named(spans: list[Span], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        check_spans(spans)
    check_spans([(0, "08:00", "24:00")] * SPANS_MAX)


AT = paris(2026, 11, 24, 10)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("pace", "sent", "wanted"),
    [
        (Pace(0, 12), [], AT + GATHERED),
        (Pace(15, 12), [], AT + 15 * MINUTE),
        (Pace(0, 2), [AT - 50 * MINUTE], AT + GATHERED),
        (Pace(0, 2), [AT - 50 * MINUTE, AT - 5 * MINUTE], AT + 10 * MINUTE),
        (Pace(0, 2), [AT - 5 * MINUTE, AT - 50 * MINUTE, AT - 55 * MINUTE], AT + 10 * MINUTE),
        (Pace(0, 12, NIGHT), [], paris(2026, 11, 27, 22)),
        (Pace(60, 1, OFFICE), [AT], AT + 60 * MINUTE),
    ],
)
def test_a_mail_leaves_after_its_digest_within_its_rate_and_in_its_hours(
    pace: Pace, sent: list[datetime], wanted: datetime
) -> None:
    assert leaves_at(pace, AT, sent) == wanted


def test_a_test_mail_waits_for_the_rate_only() -> None:
    assert leaves_at(Pace(0, 1), AT, [], gathers=False) == AT
    assert leaves_at(Pace(0, 1), AT, [AT - MINUTE], gathers=False) == AT + 59 * MINUTE
