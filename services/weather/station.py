"""What the outdoor stations here can say of the hours ahead: their last day again, with the change since yesterday.

No forecast of the weather, and labelled ``station``: it knows of no front that has not arrived. Temperature and
humidity only, as hourly means; where no provider may be asked, it is better than nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from core.clock import Window, floor_to_step
from core.commune_points import CommunePoint
from core.store.pool import Pool
from core.store.weather import read_station_hours
from core.weather import HOUR, VARIABLES, WeatherIssue
from core.weather_settings import WeatherSettings, WeatherSource

LOOKED_BACK_H = 48
KNOWN_H_MIN = 12
"""Hours of the last day that a station must have told of."""
CHANGE_H = 3
"""Over how many of the newest hours the change since yesterday is taken."""

Floats = npt.NDArray[np.float64]


class StationWeather:
    """Reads what the stations of each commune measured."""

    def __init__(self, settings: WeatherSettings, pool: Pool) -> None:
        self._hours, self._pool = settings.weather_hours, pool

    @property
    def name(self) -> str:
        """Its word."""
        return WeatherSource.STATION

    def ask(self, places: Sequence[CommunePoint], now: datetime) -> list[WeatherIssue]:
        """Return the last day again for the communes that have a station which told enough of it."""
        begun = floor_to_step(now, HOUR)
        window = Window.ending(begun, LOOKED_BACK_H * HOUR)
        with self._pool.connection() as connection:
            measured = read_station_hours(connection, [place.commune_insee for place in places], window)
        issues: list[WeatherIssue] = []
        for commune, hours in measured.items():
            ahead = day_again(hours, self._hours)
            if np.isfinite(ahead).any():
                issues.append(WeatherIssue(commune, WeatherSource.STATION, now, now, begun, ahead))
        return issues


def day_again(measured: Floats, hours: int) -> Floats:
    """Return the last day again and again, so many hours of it, shape (hours, `core.weather.VARIABLES`).

    To what was measured some hours ago is added that part of the change since yesterday that came after.

    Parameters
    ----------
    measured
        Shape (48, `core.weather.VARIABLES`), the newest hour last, NaN where nothing was measured.
    """
    columns = [_again(column, hours) for column in measured.T]
    humidity = VARIABLES.index("humidity_ratio")
    columns[humidity] = np.clip(columns[humidity], 0.0, 1.0)
    return np.column_stack(columns)


def _again(measured: Floats, hours: int) -> Floats:
    before, last = measured[:24], measured[24:].copy()
    changes = (last - before)[np.isfinite(last - before)]
    if np.isfinite(last).sum() < KNOWN_H_MIN or not len(changes):
        return np.full(hours, np.nan)
    change = float(np.mean(changes[-CHANGE_H:]))
    newest = int(np.flatnonzero(np.isfinite(last))[-1])
    # What the newest hours were, they have not told yet.
    last[newest + 1 :] = before[newest + 1 :] + change
    tomorrow = last + change * (1 - np.arange(24) / 24)
    return np.resize(tomorrow, hours)
