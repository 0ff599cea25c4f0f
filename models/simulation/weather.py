"""The weather over the town: one for all families, seeded, with the seasons and days of Paris.

Means follow the 1991-2020 shape of Paris (about 5 °C in January, 21 °C in July, wind about 3 m/s); the rest
is correlated noise on scales from hours (clouds, gusts) to days (fronts).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.simulation.days import DAY_S, HOUR_S
from models.simulation.draws import wander

_YEAR_S = 365.2425 * DAY_S
_WARMEST_S = 200 * DAY_S
"""Seconds from New Year to the warmest days, around 20 July."""
_WARMEST_HOUR = 14.5
"""UTC hour of the day's highest temperature."""


@dataclass(frozen=True, slots=True)
class Weather:
    """The weather at some instants, one element each.

    Parameters
    ----------
    temperature_c
        Air temperature, °C.
    wind_ms
        Wind speed at 10 m, m/s, above 0.
    vapour_hpa
        Partial pressure of water vapour, hPa.
    rain_ratio
        How wet it is, 0 (dry) to 1 (steady rain).
    summer_ratio
        Where the year stands: 0 in mid-January, 1 in mid-July.
    """

    temperature_c: NDArray[np.float64]
    wind_ms: NDArray[np.float64]
    vapour_hpa: NDArray[np.float64]
    rain_ratio: NDArray[np.float64]
    summer_ratio: NDArray[np.float64]


def weather_at(seed: int, epoch_s: NDArray[np.int64]) -> Weather:
    """Return the weather of the town of this seed at these instants (seconds since 1970)."""
    summer = 0.5 + 0.5 * np.cos(2 * np.pi * (epoch_s - _WARMEST_S) / _YEAR_S)
    noon = np.cos(2 * np.pi * ((epoch_s % DAY_S) / HOUR_S - _WARMEST_HOUR) / 24)
    front = wander(seed, "front", epoch_s, 4 * DAY_S)
    rain = np.clip(wander(seed, "rain", epoch_s, 6 * HOUR_S) - 0.3 * front - 0.8, 0.0, 1.0)
    temperature = (
        4.8
        + 15.6 * summer
        + (1.8 + 3.4 * summer) * noon
        + 3.0 * front
        + 1.0 * wander(seed, "cloud", epoch_s, 8 * HOUR_S)
        - 1.5 * rain
    )
    breeze = 0.45 * wander(seed, "wind", epoch_s, 36 * HOUR_S) + 0.2 * wander(seed, "gust", epoch_s, 3 * HOUR_S)
    wind = 3.0 * (1.15 - 0.3 * summer) * (1.0 + 0.2 * noon) * np.exp(breeze)
    damp = np.clip(0.76 - 0.12 * noon + 0.08 * wander(seed, "damp", epoch_s, DAY_S) + 0.2 * rain, 0.3, 1.0)
    return Weather(temperature, wind, damp * saturation_hpa(temperature), rain, summer)


def saturation_hpa(temperature_c: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the saturation pressure of water vapour, hPa (Magnus formula, Sonntag 1990)."""
    pressure: NDArray[np.float64] = 6.112 * np.exp(17.62 * temperature_c / (243.12 + temperature_c))
    return pressure
