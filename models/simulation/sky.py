"""The sky over the town, and how a forecast of its weather errs: what a provider would say of the simulated days.

Irradiance is that of a clear sky after Haurwitz (Journal of Meteorology 2, 1945), under clouds as Kasten and Czeplak
found them (Solar Energy 24, 1980). The errors are made up, of the size of good forecasts' and growing with the lead:
0.4 °C at once, 2 °C after two days.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.simulation.days import DAY_S, HOUR_S
from models.simulation.draws import draws, wander
from models.simulation.weather import saturation_hpa, weather_at

_LATITUDE = np.deg2rad(48.86)
_LONGITUDE_S = 2.35 / 360 * DAY_S
"""How much earlier than at Greenwich the sun stands highest, seconds."""
_SOLSTICE_S = 171 * DAY_S
"""From New Year to the longest day."""
_YEAR_S = 365.2425 * DAY_S
_RAIN_MM = 0.6
"""An hour of steady rain: over a year about the 640 mm of Paris."""
_KNOT_H = 6
"""An error of a forecast lasts about as long."""

Floats = NDArray[np.float64]


def hours_of_weather(seed: int, starts_s: NDArray[np.int64]) -> Floats:
    """Return the weather of hours as it is, shape (hours, `core.weather.VARIABLES`); hours by their first seconds."""
    middles = starts_s + HOUR_S // 2
    weather = weather_at(seed, middles)
    cloud = np.clip(0.5 + 0.3 * wander(seed, "sky", middles, 10 * HOUR_S) + 0.5 * weather.rain_ratio, 0.0, 1.0)
    return np.column_stack(
        [
            weather.temperature_c,
            weather.vapour_hpa / saturation_hpa(weather.temperature_c),
            _clear_sky_wm2(middles) * (1 - 0.75 * cloud**3.4),
            weather.wind_ms,
            _RAIN_MM * weather.rain_ratio,
            cloud,
        ]
    )


def forecast_weather(seed: int, issued_s: int, hours: int) -> Floats:
    """Return what is forecast at an instant for the hours from its own on: the same one each time it is asked.

    Parameters
    ----------
    issued_s
        The start of an hour, seconds since 1970.
    """
    starts = issued_s + HOUR_S * np.arange(hours, dtype=np.int64)
    temperature, humidity, irradiance, wind, rain, cloud = hours_of_weather(seed, starts).T
    lead_h = np.arange(hours, dtype=np.float64)
    knots = draws(seed, "weather forecast", issued_s).standard_normal((4, hours // _KNOT_H + 2))
    warm, damp, blown, dull = (np.interp(lead_h / _KNOT_H, np.arange(knots.shape[1]), row) for row in knots)
    growth = np.minimum(lead_h, 96) / 48
    told_cloud = np.clip(cloud + (0.05 + 0.2 * growth) * dull, 0.0, 1.0)
    return np.column_stack(
        [
            temperature + (0.4 + 1.6 * growth) * warm,
            np.clip(humidity + (0.02 + 0.06 * growth) * damp, 0.0, 1.0),
            irradiance * (1 - 0.75 * told_cloud**3.4) / (1 - 0.75 * cloud**3.4),
            wind * np.exp((0.1 + 0.2 * growth) * blown),
            rain * np.exp((0.2 + 0.5 * growth) * dull),
            told_cloud,
        ]
    )


def _clear_sky_wm2(epoch_s: NDArray[np.int64]) -> Floats:
    declination = np.deg2rad(23.44) * np.cos(2 * np.pi * (epoch_s - _SOLSTICE_S) / _YEAR_S)
    angle = 2 * np.pi * ((epoch_s + _LONGITUDE_S) % DAY_S / DAY_S - 0.5)
    height = np.sin(_LATITUDE) * np.sin(declination) + np.cos(_LATITUDE) * np.cos(declination) * np.cos(angle)
    up = np.maximum(height, 1e-3)
    clear: Floats = np.where(height > 0, 1098 * up * np.exp(-0.057 / up), 0.0)
    return clear
