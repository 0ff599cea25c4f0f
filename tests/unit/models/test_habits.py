from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from made_up_histories import building_loads, history_of

from core.clock import PARIS
from models.habits import Habits
from models.history import Floats

DAYS = 81
"""Until just before the clocks change: the loads here do not follow them."""


def weeks_alike(series: int, days: int) -> Floats:
    """Return loads whose weeks differ by a tenth, hour by hour."""
    weeks = np.tile(building_loads(series, 7), (1, -(-days // 7)))[:, : days * 24]
    return weeks * np.random.default_rng(4).uniform(0.9, 1.1, weeks.shape)


def habits(values: Floats, start: datetime | None = None) -> Habits:
    return Habits.of(history_of(values, start=start) if start else history_of(values))


def test_weeks_like_the_others_are_neither_shifted_nor_broken() -> None:
    found = habits(weeks_alike(6, DAYS))
    assert found.moved.shape == found.unlike.shape == (6, 49)
    assert not found.shifted().any()
    assert not found.broken().any()


def test_a_level_that_rose_a_week_ago_has_shifted_and_two_weeks_later_is_the_new_one() -> None:
    for days_ago, expected in ((3, False), (7, True), (12, True), (24, False)):
        values = weeks_alike(2, DAYS)
        values[1, -days_ago * 24 :] *= 1.4
        assert habits(values).shifted().tolist() == [False, expected]


def test_a_level_that_fell_has_shifted_too_and_one_that_wavers_has_not() -> None:
    values = weeks_alike(2, DAYS)
    values[0, -7 * 24 :] *= 0.7
    values[1, -7 * 24 :] *= np.repeat([1.4, 0.6, 1.4, 0.6, 1.4, 0.6, 1.4], 24)
    assert habits(values).shifted().tolist() == [True, False]


def test_two_days_of_closure_break_the_habit_and_one_does_not() -> None:
    for days, expected in ((1, False), (2, True), (5, True)):
        values = weeks_alike(2, DAYS)
        values[1, -days * 24 :] = 20.0
        assert habits(values).broken().tolist() == [False, expected]


def test_a_weekend_is_held_against_weekends() -> None:
    assert not habits(weeks_alike(3, DAYS)).broken().any()


def test_a_change_of_the_clocks_is_no_change_of_habit() -> None:
    local = [datetime(2026, 1, 5, tzinfo=PARIS).astimezone(UTC) + timedelta(hours=k) for k in range(24 * 87)]
    by_clock = np.array([[10.0 if 8 <= at.astimezone(PARIS).hour < 18 else 1.0 for at in local]])
    unlike = habits(by_clock, local[0]).unlike
    assert np.nanmax(unlike) == 0


def test_days_that_always_differ_much_are_no_break_when_they_do_again() -> None:
    assert not habits(building_loads(2, DAYS)).broken().any()


def test_too_short_a_past_is_not_judged() -> None:
    values = building_loads(1, 16)
    values[0, -48:] = 1.0
    found = habits(values)
    assert not found.broken().any()
    assert not found.shifted().any()
    assert not habits(np.full((1, 24 * 60), np.nan)).broken().any()
