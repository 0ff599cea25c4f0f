"""Local days, weeks and months from UTC hours, on all of ten years of days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.columns import Floats, Ints, from_microseconds, to_microseconds
from core.metrics import Nature
from core.quality.days import (
    Days,
    day_number,
    day_numbered,
    day_start,
    days_of,
    gather,
    month_of,
    roll_up_days,
    week_of,
)
from core.quality.hours import Hours
from core.quality.traces import HOUR_US, MINUTE_US

PARIS = ZoneInfo("Europe/Paris")
HOUR = timedelta(hours=1)
# Ten years of local days: from the first of 2018 to the last of 2027.
START, END = datetime(2017, 12, 31, 23, tzinfo=UTC), datetime(2027, 12, 31, 23, tzinfo=UTC)
TEN_YEARS = np.arange(to_microseconds(START), to_microseconds(END), HOUR_US)


def hours_of(starts: Ints, increment: Floats, mean: Floats | None = None, known_s: Floats | None = None) -> Hours:
    """Return hours of one series, with one reading in each."""
    ones = np.ones(len(starts), dtype=np.int64)
    nothing = np.full(len(starts), np.nan)
    means = increment if mean is None else mean
    known = nothing if known_s is None else known_s
    return Hours(ones, starts, ones, ones, ones, means, means, means, means, increment, known)


def rolled(hours: Hours, nature: Nature = Nature.INDEX) -> Days:
    return roll_up_days(hours, nature, np.full(len(hours), 60 * MINUTE_US))


def test_the_days_of_ten_years_have_the_sums_of_their_hours() -> None:
    kwh = np.random.default_rng(5).integers(0, 100, len(TEN_YEARS)).astype(np.float64)
    by_day: dict[date, float] = defaultdict(float)
    length: dict[date, int] = defaultdict(int)
    instant = START
    for amount in kwh.tolist():
        day = instant.astimezone(PARIS).date()
        by_day[day] += amount
        length[day] += 1
        instant += HOUR
    days = rolled(hours_of(TEN_YEARS, kwh))
    assert [day_numbered(number) for number in days.days.tolist()] == list(by_day)
    assert days.increment.tolist() == list(by_day.values())
    assert days.hours.tolist() == list(length.values())
    assert (days.hours == 23).sum() == (days.hours == 25).sum() == 10
    assert set(days.hours.tolist()) == {23, 24, 25}


@pytest.mark.parametrize("period_of", [week_of, month_of])
def test_the_weeks_and_months_of_ten_years_have_the_sums_of_their_hours(period_of: Callable[[date], date]) -> None:
    kwh = np.random.default_rng(6).integers(0, 100, len(TEN_YEARS)).astype(np.float64)
    told: dict[date, float] = defaultdict(float)
    for number, amount in enumerate(kwh.tolist()):
        told[period_of((START + number * HOUR).astimezone(PARIS).date())] += amount
    periods = gather(rolled(hours_of(TEN_YEARS, kwh)), Nature.INDEX, period_of)
    assert dict(zip(map(day_numbered, periods.days.tolist()), periods.increment.tolist(), strict=True)) == told


def test_energy_is_whole_on_both_days_of_a_clock_change_and_in_their_week_and_month() -> None:
    days = rolled(hours_of(TEN_YEARS, np.ones(len(TEN_YEARS))))
    of = dict(zip(map(day_numbered, days.days.tolist()), days.increment.tolist(), strict=True))
    assert (of[date(2026, 3, 28)], of[date(2026, 3, 29)], of[date(2026, 3, 30)]) == (24, 23, 24)
    assert (of[date(2026, 10, 24)], of[date(2026, 10, 25)], of[date(2026, 10, 26)]) == (24, 25, 24)
    weeks = gather(days, Nature.INDEX, week_of)
    week = dict(zip(map(day_numbered, weeks.days.tolist()), weeks.increment.tolist(), strict=True))
    assert (week[date(2026, 3, 23)], week[date(2026, 3, 30)], week[date(2026, 10, 19)]) == (167, 168, 169)
    months = gather(days, Nature.INDEX, month_of)
    month = dict(zip(map(day_numbered, months.days.tolist()), months.increment.tolist(), strict=True))
    assert (month[date(2026, 3, 1)], month[date(2026, 4, 1)], month[date(2026, 10, 1)]) == (743, 720, 745)


@given(st.integers(0, 36_000), st.integers(0, 23))
def test_every_hour_lies_in_its_local_day(number: int, hour: int) -> None:
    day = day_numbered(number)
    assert day_number(day) == number
    instant = from_microseconds(day_start(number)) + hour * HOUR
    [found] = days_of(np.array([to_microseconds(instant)])).tolist()
    assert day_numbered(found) == instant.astimezone(PARIS).date()


def test_days_follow_each_other_without_a_gap() -> None:
    lengths = {two - one for one, two in pairwise(map(day_start, range(9_000)))}
    assert lengths == {23 * HOUR_US, 24 * HOUR_US, 25 * HOUR_US}
    assert len(days_of(TEN_YEARS[:0])) == 0


def test_a_level_is_the_mean_of_its_hours_whatever_is_read_in_each() -> None:
    means = np.array([10.0, 20.0, np.nan, 40.0])
    days = rolled(hours_of(TEN_YEARS[:4], np.full(4, np.nan), means), Nature.LEVEL)
    assert days.mean.tolist() == [pytest.approx(70 / 3)]
    assert (days.hours.tolist(), days.low.tolist(), days.high.tolist(), days.last.tolist()) == ([3], [10], [40], [40])
    assert np.isnan(days.increment).all()


def test_a_state_is_weighed_by_the_time_that_it_was_known() -> None:
    means, known_s = np.array([1.0, 0.0, np.nan]), np.array([900.0, 3_600.0, np.nan])
    days = rolled(hours_of(TEN_YEARS[:3], np.full(3, np.nan), means, known_s), Nature.STATE)
    assert (days.mean.tolist(), days.known_s.tolist()) == ([pytest.approx(0.2)], [4_500])
    weeks = gather(days, Nature.STATE, week_of)
    assert (weeks.mean.tolist(), weeks.known_s.tolist()) == ([pytest.approx(0.2)], [4_500])


def test_what_is_unknown_stays_unknown_and_says_how_much_is_known() -> None:
    days = rolled(hours_of(TEN_YEARS[[0, 1, 24]], np.array([2.0, np.nan, np.nan]), np.array([1.0, 1.0, 1.0])))
    assert days.increment[0] == 2
    assert np.isnan(days.increment[1])
    assert days.hours.tolist() == [1, 0]
    assert days.count.tolist() == [2, 1]


def test_an_hour_is_valid_with_three_quarters_of_its_slots() -> None:
    hours = hours_of(TEN_YEARS[:2], np.ones(2))
    days = roll_up_days(hours.taken(np.array([True, True])), Nature.INDEX, np.full(2, 10 * MINUTE_US))
    assert (days.slots.tolist(), days.hours_valid.tolist()) == ([2], [0])
    assert rolled(hours).hours_valid.tolist() == [2]


def test_no_hours_make_no_days() -> None:
    days = rolled(Hours.none())
    assert len(days) == len(gather(days, Nature.INDEX, week_of)) == 0
