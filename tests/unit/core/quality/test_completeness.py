"""Completeness by local day: 75 % of the hours, days of 23, 24 and 25 hours, and what was never due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from core.clock import Window
from core.quality.completeness import (
    HOUR,
    Completeness,
    completeness_of,
    enough_slots,
    expected_in_hour,
    local_days,
    worst,
)
from core.quality.traces import MINUTE_US

TEN_MINUTES = timedelta(minutes=10)
DAY = Window(datetime(2026, 3, 1, 23, tzinfo=UTC), datetime(2026, 3, 2, 23, tzinfo=UTC))
ALWAYS = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def paris_day(year: int, month: int, day: int) -> Window:
    noon = datetime(year, month, day, 12, tzinfo=UTC)
    [found] = local_days(Window(noon, noon + HOUR))
    assert found.day == date(year, month, day)
    return found.window


def test_local_days_follow_the_clocks_of_paris() -> None:
    assert paris_day(2026, 3, 28).length == 24 * HOUR
    assert paris_day(2026, 3, 29) == Window(
        datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)
    )
    assert paris_day(2026, 10, 25) == Window(
        datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)
    )


def test_local_days_of_a_window_follow_each_other_without_a_gap() -> None:
    days = list(local_days(Window(datetime(2026, 3, 27, 22, 59, tzinfo=UTC), datetime(2026, 3, 30, 22, tzinfo=UTC))))
    assert [day.day.day for day in days] == [27, 28, 29, 30]
    assert all(one.window.end == two.window.start for one, two in pairwise(days))


@pytest.mark.parametrize(("hours_valid", "valid"), [(18, True), (17, False)])
def test_a_day_counts_with_three_quarters_of_its_hours(hours_valid: int, valid: bool) -> None:  # noqa: FBT001
    assert completeness_of(DAY, ALWAYS, TEN_MINUTES, (6 * hours_valid, hours_valid)).valid is valid


@pytest.mark.parametrize(("month", "day", "hours", "least"), [(3, 29, 23, 18), (3, 2, 24, 18), (10, 25, 25, 19)])
def test_days_of_a_clock_change_have_their_own_three_quarters(month: int, day: int, hours: int, least: int) -> None:
    window = paris_day(2026, month, day)
    enough, short = (completeness_of(window, ALWAYS, TEN_MINUTES, (6 * n, n)) for n in (least, least - 1))
    assert enough.hours_due == hours
    assert (enough.valid, short.valid) == (True, False)
    assert enough.ratio == pytest.approx(least / hours)


def test_a_whole_day_is_one_and_nothing_is_missing_never_zero() -> None:
    assert completeness_of(DAY, ALWAYS, TEN_MINUTES, (144, 24)) == Completeness(1.0, 24, 24)
    assert completeness_of(DAY, ALWAYS, TEN_MINUTES, (0, 0)) == Completeness(None, 0, 24)


def test_only_the_hours_of_a_series_life_are_due() -> None:
    first = DAY.start + timedelta(hours=20, minutes=40)
    begun = completeness_of(DAY, Window(first, ALWAYS.end), TEN_MINUTES, (24, 4))
    assert begun == Completeness(1.0, 4, 4)
    running = completeness_of(DAY, Window(ALWAYS.start, DAY.start + 3 * HOUR), TEN_MINUTES, (12, 2))
    assert running == Completeness(12 / 18, 2, 3)
    assert completeness_of(DAY, Window(DAY.end, ALWAYS.end), TEN_MINUTES, (0, 0)).hours_due == 0
    assert not completeness_of(DAY, Window(DAY.end, ALWAYS.end), TEN_MINUTES, (0, 0)).valid


@pytest.mark.parametrize(
    ("interval_min", "expected", "enough"), [(1, 60, 45), (7, 9, 7), (10, 6, 5), (15, 4, 3), (60, 1, 1), (240, 1, 1)]
)
def test_an_hour_counts_with_three_quarters_of_what_is_expected(interval_min: int, expected: int, enough: int) -> None:
    assert expected_in_hour(timedelta(minutes=interval_min)) == expected
    assert enough_slots(np.array([interval_min * MINUTE_US])).tolist() == [enough]


def test_series_that_speak_seldom_are_judged_by_the_day() -> None:
    four_hourly = timedelta(hours=4)
    assert completeness_of(DAY, ALWAYS, four_hourly, (6, 6)) == Completeness(1.0, 24, 24)
    assert completeness_of(DAY, ALWAYS, four_hourly, (5, 5)).valid
    assert not completeness_of(DAY, ALWAYS, four_hourly, (4, 4)).valid
    assert completeness_of(DAY, ALWAYS, timedelta(days=2), (1, 1)) == Completeness(1.0, 24, 24)


def test_a_sensor_is_as_complete_as_its_worst_series() -> None:
    good, less, none = Completeness(1.0, 24, 24), Completeness(0.5, 12, 24), Completeness(None, 0, 24)
    assert worst([good, less]) == less
    assert worst([good, none, less]) == none
