from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from models.features.calendar import calendar_of, is_holiday, is_school_vacation

PARIS = ZoneInfo("Europe/Paris")
HOUR = timedelta(hours=1)


def local_midnight(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=PARIS).astimezone(UTC)


def test_the_day_of_23_hours_lacks_its_third_hour() -> None:
    calendar = calendar_of(local_midnight(2026, 3, 29), HOUR, 23)
    assert calendar.hour.tolist() == [0, 1, *range(3, 24)]
    assert set(calendar.weekday.tolist()) == {6}
    assert calendar.offset_s[[0, -1]].tolist() == [3600, 7200]


def test_the_day_of_25_hours_has_its_third_hour_twice() -> None:
    calendar = calendar_of(local_midnight(2026, 10, 25), HOUR, 25)
    assert calendar.hour.tolist() == [0, 1, 2, *range(2, 24)]
    assert set(calendar.weekday.tolist()) == {6}


def test_quarter_hours_are_fractions_of_the_local_hour() -> None:
    calendar = calendar_of(datetime(2026, 7, 1, 10, tzinfo=UTC), timedelta(minutes=15), 4)
    assert calendar.hour.tolist() == [12.0, 12.25, 12.5, 12.75]


def test_the_days_around_a_holiday_are_marked_in_local_time() -> None:
    calendar = calendar_of(local_midnight(2026, 7, 13), HOUR, 72)
    assert calendar.day_before_holiday.tolist() == [1.0] * 24 + [0.0] * 48
    assert calendar.holiday.tolist() == [0.0] * 24 + [1.0] * 24 + [0.0] * 24
    assert calendar.day_after_holiday.tolist() == [0.0] * 48 + [1.0] * 24
    assert calendar.works.tolist() == [1.0] * 24 + [0.0] * 24 + [1.0] * 24


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2026, 5, 1), True), (date(2026, 5, 4), False), (date(2026, 12, 25), True), (date(2026, 12, 26), False)],
)
def test_french_holidays(day: date, *, expected: bool) -> None:
    assert is_holiday(day) is expected


def test_school_vacations_are_those_of_zone_c() -> None:
    # Winter 2025: zone C (Paris) 15 February to 3 March; zone A 22 February to 10 March.
    assert is_school_vacation(date(2025, 2, 18)) == 1
    assert is_school_vacation(date(2025, 3, 6)) == 0


def test_vacations_that_are_not_published_are_unknown_not_zero() -> None:
    assert np.isnan(is_school_vacation(date(2060, 7, 14)))
