"""The weather as a row of the feature table knows it: what was forecast by then, place by place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.columns import to_microseconds
from core.weather import HOUR, VARIABLES, WeatherIssue, WeatherRefused
from models.weather import Weather

T0 = datetime(2026, 3, 2, tzinfo=UTC)


def issue(place: str, known_h: int, first: float, hours: int = 6) -> WeatherIssue:
    """Return a forecast known so many hours after T0, whose temperature rises by a degree an hour."""
    values = np.full((hours, len(VARIABLES)), np.nan)
    values[:, 0] = first + np.arange(hours)
    known = T0 + timedelta(hours=known_h)
    return WeatherIssue(place, "file", known, known, known, values)


def temperatures(weather: Weather, place: int, known_h: float, hours: list[float]) -> list[float]:
    """Return the temperature of hours after T0, as known so many hours after it."""
    at = np.array([to_microseconds(T0 + hour * HOUR) for hour in hours])
    known = np.full(len(hours), to_microseconds(T0 + known_h * HOUR))
    return [float(value) for value in weather.at(np.full(len(hours), place), known, at)[:, 0]]


def test_the_newest_forecast_that_was_known_counts() -> None:
    weather = Weather.of([issue("93051", 0, 10.0), issue("93051", 3, 20.0)])
    assert temperatures(weather, 0, 2.9, [3, 4.5, 5]) == [13.0, 14.0, 15.0]
    assert temperatures(weather, 0, 3, [3, 4.5, 5]) == [20.0, 21.0, 22.0]


def test_nothing_is_known_before_the_first_beyond_the_last_hour_and_of_nowhere() -> None:
    weather = Weather.of([issue("93051", 1, 10.0)])
    assert np.isnan(temperatures(weather, 0, 0.9, [1])).all()
    assert np.isnan(temperatures(weather, 0, 2, [0, 7])).all()
    assert np.isnan(temperatures(weather, -1, 2, [2])).all()
    assert np.isnan(temperatures(Weather.of([]), 0, 2, [2])).all()


def test_a_place_that_an_issue_leaves_out_keeps_what_was_known_of_it() -> None:
    weather = Weather.of([issue("93001", 0, 10.0), issue("93051", 0, 30.0), issue("93051", 2, 50.0)])
    assert temperatures(weather, 0, 2, [2, 5]) == [12.0, 15.0]
    assert np.isnan(temperatures(weather, 0, 2, [6])).all()
    assert temperatures(weather, 1, 2, [2, 5]) == [50.0, 53.0]


def test_colder_weather_changes_nothing_else() -> None:
    weather = Weather.of([issue("93051", 0, 10.0)])
    assert temperatures(weather.colder(5), 0, 0, [0, 1]) == [5.0, 6.0]
    assert temperatures(weather, 0, 0, [0]) == [10.0]


@pytest.mark.parametrize("hours", [0, 385])
def test_a_forecast_of_no_hours_or_too_many_is_refused(hours: int) -> None:
    with pytest.raises(WeatherRefused):
        issue("93051", 0, 1.0, hours)
