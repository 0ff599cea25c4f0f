"""Weather as values: what a provider forecast for a place, hour by hour, kept as it was issued."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from core.clock import floor_to_step
from core.errors import VigieError

VARIABLES: tuple[str, ...] = (
    "temperature_c",
    "humidity_ratio",
    "irradiance_wm2",
    "wind_ms",
    "precipitation_mm",
    "cloud_ratio",
)
"""What a forecast of the weather tells of each hour, in this order: means of the hour, precipitation its sum."""
HOUR = timedelta(hours=1)
HOURS_MAX = 24 * 16
"""Longest forecast of the weather that is kept: providers go to sixteen days."""


class WeatherRefused(VigieError, ValueError):
    """What a provider sent is no forecast of the weather."""


@dataclass(frozen=True, slots=True, eq=False)
class WeatherIssue:
    """A forecast of the weather for the middle of a commune, as it was issued.

    Parameters
    ----------
    commune_insee
        Whose weather.
    provider
        Who forecast it, in a word: ``open-meteo``, ``file``, ``simulated``.
    issued_at
        When the provider issued it, as far as it says; else when it was asked.
    received_at
        When we knew it: no forecast of ours that was issued before may use it.
    start
        Start of the first hour, UTC.
    values
        Shape (hours, `VARIABLES`), NaN where the provider says nothing.
    """

    commune_insee: str
    provider: str
    issued_at: datetime
    received_at: datetime
    start: datetime
    values: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if floor_to_step(self.start, HOUR) != self.start:
            raise WeatherRefused(f"{self.start.isoformat()} is not the start of an hour")
        hours, variables = self.values.shape
        if variables != len(VARIABLES) or not 1 <= hours <= HOURS_MAX:
            raise WeatherRefused(f"{hours} hours of {variables} variables: 1 to {HOURS_MAX} of {len(VARIABLES)}")
        if self.issued_at > self.received_at:
            raise WeatherRefused("a forecast of the weather is issued before it is received")
