from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from core.clock import PARIS
from models.simulation.days import (
    HOUR_S,
    LocalTimes,
    SeededDay,
    is_public_holiday,
    is_school_holiday,
    local_hour_s,
)
from models.simulation.draws import draws, phase_s, wander
from models.simulation.weather import weather_at


def local_day(day: date) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(local_hour_s(day.toordinal(), 0), local_hour_s(day.toordinal() + 1, 0), HOUR_S, dtype=np.int64)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 3, 28), [*range(24)]),
        (date(2026, 3, 29), [0, 1, *range(3, 24)]),
        (date(2026, 10, 25), [0, 1, 2, 2, *range(3, 24)]),
    ],
)
def test_local_hours_of_a_day_of_24_23_and_25_hours(day: date, hours: list[int]) -> None:
    local = LocalTimes.at(local_day(day))
    assert local.hours.tolist() == hours
    assert set(local.ordinals.tolist()) == {day.toordinal()}
    assert set(local.weekdays.tolist()) == {day.weekday()}


def test_local_times_agree_with_the_time_zone_database_through_a_year() -> None:
    instants = np.arange(1_767_222_000, 1_767_222_000 + 366 * 86_400, 40_213, dtype=np.int64)
    local = LocalTimes.at(instants)
    for index, instant in enumerate(instants.tolist()):
        wall = datetime.fromtimestamp(instant, tz=UTC).astimezone(PARIS)
        assert local.ordinals[index] == wall.date().toordinal()
        assert local.hours[index] == pytest.approx(wall.hour + wall.minute / 60 + wall.second / 3600)


def test_public_and_school_holidays() -> None:
    assert is_public_holiday(date(2026, 7, 14).toordinal())
    assert not is_public_holiday(date(2026, 7, 15).toordinal())
    assert is_school_holiday(date(2026, 2, 23).toordinal())
    assert not is_school_holiday(date(2026, 3, 9).toordinal())


def test_in_years_without_a_published_calendar_only_summer_is_free() -> None:
    assert is_school_holiday(date(2040, 8, 1).toordinal())
    assert not is_school_holiday(date(2040, 3, 1).toordinal())


def test_a_day_grid_holds_the_day_and_nothing_else() -> None:
    day = SeededDay(1, date(2026, 1, 2).toordinal())
    grid = day.grid(900, 899)
    assert len(grid) == 96
    assert grid[0] == day.start_s + 899
    assert grid[-1] < day.start_s + 86_400


def test_draws_depend_on_seed_and_names_only() -> None:
    assert draws(1, "a", 2).random() == draws(1, "a", 2).random()
    others = {draws(*key).random() for key in [(1, "a", 2), (2, "a", 2), (1, "b", 2), (1, "a", 3)]}
    assert len(others) == 4


def test_phases_spread_within_the_step() -> None:
    phases = [phase_s(1, f"sensor-{number}", 600) for number in range(200)]
    assert 0 <= min(phases) < 60
    assert 540 <= max(phases) < 600


def test_wander_is_continuous_of_unit_deviation_and_the_same_in_pieces() -> None:
    times = np.arange(1_700_000_000, 1_700_000_000 + 2000 * HOUR_S, 60, dtype=np.int64)
    whole = wander(1, "wave", times, 3 * HOUR_S)
    pieces = np.concatenate([wander(1, "wave", part, 3 * HOUR_S) for part in np.array_split(times, 7)])
    assert np.array_equal(whole, pieces)
    assert abs(whole.mean()) < 0.1
    assert 0.9 < whole.std() < 1.1
    assert np.abs(np.diff(whole)).max() < 0.1


def test_weather_has_the_seasons_of_paris() -> None:
    january, july = (
        weather_at(1, np.arange(start, start + 31 * 86_400, HOUR_S, dtype=np.int64))
        for start in (local_hour_s(date(2026, month, 1).toordinal(), 0) for month in (1, 7))
    )
    assert 0 < january.temperature_c.mean() < 10
    assert 16 < july.temperature_c.mean() < 26
    assert january.wind_ms.min() > 0
    assert np.all((january.rain_ratio >= 0) & (january.rain_ratio <= 1))
