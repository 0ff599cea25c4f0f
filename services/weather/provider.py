"""What a provider of weather is, whoever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.commune_points import CommunePoint
from core.errors import VigieError
from core.weather import VARIABLES, WeatherIssue, WeatherRefused

BOUNDS: Mapping[str, tuple[float, float]] = {
    "temperature_c": (-60, 60),
    "humidity_ratio": (0, 1),
    "irradiance_wm2": (0, 1_500),
    "wind_ms": (0, 100),
    "precipitation_mm": (0, 300),
    "cloud_ratio": (0, 1),
}
"""What an hour of weather can be, lowest and highest: beyond, a unit is another than it seems."""


class WeatherAbsent(VigieError):
    """The provider does not answer now; it may, later."""


class WeatherProvider(Protocol):
    """Forecasts the weather of communes.

    What it tells is checked here: hours of `core.weather.VARIABLES` in their units, or a refusal.
    """

    @property
    def name(self) -> str:
        """Its word, of `core.weather_settings.WeatherSource`: every issue of its own carries it."""
        ...

    def ask(self, places: Sequence[CommunePoint], now: datetime) -> list[WeatherIssue]:
        """Return its newest forecasts for these places, known at ``now``; none where it says nothing of a place.

        Raises
        ------
        WeatherAbsent
            If it does not answer.
        core.weather.WeatherRefused
            If what it answers is no forecast of the weather.
        """
        ...


def check_bounds(hours: npt.NDArray[np.float64]) -> None:
    """See that hours of `core.weather.VARIABLES` can be; NaN can.

    Raises
    ------
    WeatherRefused
        If a value is out of its variable's bounds.
    """
    for column, name in zip(hours.T, VARIABLES, strict=True):
        low, high = BOUNDS[name]
        wrong = column[(column < low) | (column > high)]
        if len(wrong):
            raise WeatherRefused(f"{name} is {wrong[0]:g}, beyond {low:g} to {high:g}")
