"""Which months of readings there are: by instants of any zone, over the turn of a year, without a gap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.clock import EPOCH, PARIS, Window
from core.columns import from_microseconds
from core.errors import NaiveDatetime
from core.store.migrate import Patience
from core.store.months import AHEAD, month_after, month_of, months_met, months_of

MICROSECONDS = st.integers(0, 60 * 366 * 86_400_000_000)
instants = MICROSECONDS.map(from_microseconds)


def test_a_month_is_utc() -> None:
    assert month_of(datetime(2026, 3, 1, 0, 30, tzinfo=PARIS)) == datetime(2026, 2, 1, tzinfo=UTC)
    assert month_of(datetime(2026, 3, 1, 1, 0, tzinfo=PARIS)) == datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(NaiveDatetime):
        month_of(datetime(2026, 3, 1))  # noqa: DTZ001 - what is refused


def test_december_is_followed_by_january() -> None:
    assert month_after(datetime(2026, 12, 1, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
    assert month_after(datetime(2026, 11, 1, tzinfo=UTC)) == datetime(2026, 12, 1, tzinfo=UTC)


@given(instants)
def test_an_instant_lies_in_its_month(instant: datetime) -> None:
    month = month_of(instant)
    assert month <= instant < month_after(month)
    assert month_of(month) == month


@given(instants, st.timedeltas(timedelta(0), timedelta(days=4_000)))
def test_the_months_of_a_window_follow_each_other_and_cover_it(start: datetime, length: timedelta) -> None:
    months = months_of(Window(start, start + length))
    assert months[0] == month_of(start)
    assert months[1:] == [month_after(month) for month in months[:-1]]
    assert month_after(months[-1]) >= start + length
    assert months[-1] < start + length or len(months) == 1


@example(datetime(2026, 12, 1, tzinfo=UTC))
@given(instants)
def test_two_months_ahead_are_two_whole_ones(now: datetime) -> None:
    assert len(months_of(Window(now, now + AHEAD))) >= 3


@given(st.lists(MICROSECONDS, max_size=50))
def test_the_months_that_instants_meet(observed_us: list[int]) -> None:
    met = months_met(np.array(observed_us, np.int64))
    assert met == sorted({month_of(from_microseconds(each)) for each in observed_us})


def test_the_epoch_begins_a_month() -> None:
    assert months_met(np.array([0, -1])) == [datetime(1999, 12, 1, tzinfo=UTC), EPOCH]


def test_pauses_double_up_to_the_longest() -> None:
    patience = Patience(pause_s=1, pause_s_max=30)
    assert [patience.pause_after(tried) for tried in (1, 2, 3, 5, 6, 20)] == [1, 2, 4, 16, 30, 30]
