from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from models.simulation.bins import HABITS, Bin
from models.simulation.days import DAY_S, HOUR_S, LocalTimes, SeededDay, local_hour_s
from models.simulation.town import MEMBERS

BINS = [member for member in MEMBERS if isinstance(member, Bin)]


def week(start: date) -> list[SeededDay]:
    return [SeededDay(1, start.toordinal() + offset) for offset in range(14)]


def test_habits_share_out_a_whole_day_and_an_average_week() -> None:
    for habit in HABITS.values():
        assert habit.by_hour.sum() == pytest.approx(1)
        assert habit.by_hour.shape == (24,)
        assert habit.by_weekday.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("container", [BINS[0], BINS[12], BINS[18]], ids=lambda container: container.sensor.name)
def test_fill_grows_between_collections_and_a_collection_empties(container: Bin) -> None:
    days = week(date(2026, 3, 23))
    times = np.concatenate([day.grid(300) for day in days])
    fill = np.concatenate([container.fill(day, day.grid(300)) for day in days])
    emptied = np.array(container.collections(1, range(days[0].ordinal, days[-1].ordinal + 1)))
    emptied = emptied[(emptied > times[0]) & (emptied <= times[-1])]
    assert len(emptied) >= 2
    falls = np.flatnonzero(np.diff(fill) < -1e-9)
    assert {int(np.searchsorted(times, instant)) - 1 for instant in emptied} == set(falls.tolist())
    for fall in falls:
        assert fill[fall + 1] < 0.08
        assert fill[fall] > fill[fall + 1] + 0.1


def test_rounds_keep_their_local_hour_on_both_sides_of_the_clock_change() -> None:
    container = BINS[0]
    instants = container.collections(1, range(date(2026, 3, 23).toordinal(), date(2026, 4, 5).toordinal()))
    local = LocalTimes.at(np.array(instants))
    assert set(local.weekdays.tolist()) == set(container.collection[0])
    assert np.all(np.abs(local.hours - container.collection[1]) <= 0.5)


def test_a_round_of_christmas_goes_on_the_next_day() -> None:
    friday_bin = next(container for container in BINS if container.collection[0] == frozenset({1, 4}))
    christmas = date(2026, 12, 25).toordinal()
    assert friday_bin.collections(1, range(christmas, christmas + 1)) == []
    (caught_up,) = friday_bin.collections(1, range(christmas + 1, christmas + 2))
    assert abs(caught_up - local_hour_s(christmas + 1, friday_bin.collection[1])) <= 1800


def test_fill_does_not_jump_at_midnight_without_a_collection() -> None:
    for container in BINS:
        today, tomorrow = SeededDay(1, date(2026, 6, 9).toordinal()), SeededDay(1, date(2026, 6, 10).toordinal())
        before = container.fill(today, np.array([tomorrow.start_s - 1]))
        after = container.fill(tomorrow, np.array([tomorrow.start_s]))
        assert after[0] == pytest.approx(before[0], abs=1e-3)


def test_level_is_hourly_and_battery_daily() -> None:
    fill, battery = BINS[3].traces(SeededDay(1, date(2026, 6, 9).toordinal()))
    assert np.all(np.diff(fill.observed_s) == HOUR_S)
    assert len(fill.values) * HOUR_S == DAY_S
    assert len(battery.values) == 1
    assert 3.0 < battery.values[0] < 3.7
