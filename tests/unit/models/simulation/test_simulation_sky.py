"""The simulated sky, and forecasts of it that err the more the further they look."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from core.weather import VARIABLES
from models.simulation.sky import forecast_weather, hours_of_weather
from models.simulation.weather import weather_at
from services.weather.provider import check_bounds

JUNE = int(datetime(2026, 6, 21, tzinfo=UTC).timestamp())
DECEMBER = int(datetime(2025, 12, 21, tzinfo=UTC).timestamp())
HOUR_S = 3_600


def at(name: str) -> int:
    return VARIABLES.index(name)


def test_it_is_the_towns_own_weather() -> None:
    starts = JUNE + HOUR_S * np.arange(48)
    hours = hours_of_weather(1, starts)
    weather = weather_at(1, starts + HOUR_S // 2)
    assert hours[:, at("temperature_c")].tolist() == weather.temperature_c.tolist()
    assert hours[:, at("wind_ms")].tolist() == weather.wind_ms.tolist()


@pytest.mark.parametrize(("day", "hours_of_sun", "most"), [(JUNE, (15, 17), 950), (DECEMBER, (7, 9), 330)])
def test_the_sun_rises_as_in_paris(day: int, hours_of_sun: tuple[int, int], most: int) -> None:
    days = day + HOUR_S * np.arange(24 * 20)
    irradiance = hours_of_weather(1, days)[:, at("irradiance_wm2")].reshape(20, 24)
    assert hours_of_sun[0] <= (irradiance[0] > 0).sum() <= hours_of_sun[1]
    assert 0.6 * most < irradiance.max() < most
    assert int(irradiance.mean(axis=0).argmax()) in {11, 12}


def test_a_year_of_it_can_be() -> None:
    year = hours_of_weather(1, JUNE + HOUR_S * np.arange(365 * 24))
    check_bounds(year)
    assert np.isfinite(year).all()
    assert 450 < year[:, at("precipitation_mm")].sum() < 900
    assert 0.4 < year[:, at("cloud_ratio")].mean() < 0.8


def test_a_forecast_is_the_same_each_time_and_another_each_issue() -> None:
    assert forecast_weather(1, JUNE, 96).tolist() == forecast_weather(1, JUNE, 96).tolist()
    later = forecast_weather(1, JUNE + 6 * HOUR_S, 90)
    assert not np.allclose(forecast_weather(1, JUNE, 96)[6:], later)


def test_its_errors_grow_with_the_lead_and_stay_within_what_can_be() -> None:
    issued = [JUNE + 6 * HOUR_S * number for number in range(120)]
    told = np.stack([forecast_weather(1, start, 96) for start in issued])
    true = np.stack([hours_of_weather(1, start + HOUR_S * np.arange(96)) for start in issued])
    for issue in told:
        check_bounds(issue)
    errors = np.sqrt(((told - true)[:, :, at("temperature_c")] ** 2).mean(axis=0))
    assert 0.25 < errors[:3].mean() < 0.6
    assert 1.6 < errors[46:50].mean() < 2.4
    assert errors[:6].mean() < errors[20:26].mean() < errors[44:50].mean() < errors[88:].mean()
    assert abs((told - true)[:, :, at("temperature_c")].mean()) < 0.2
