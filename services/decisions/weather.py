"""The temperature outdoors over the quarters of a plan, as it was forecast for the commune, and who forecast it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from core.clock import Window
from core.store.pool import Connection
from core.store.weather import read_latest_weather
from core.weather import HOUR, VARIABLES

AGE_MAX = timedelta(hours=24)
"""An older forecast of the weather is none: what was measured yesterday is nearer then."""
_QUARTER = timedelta(minutes=15)
_TEMPERATURE = VARIABLES.index("temperature_c")


@dataclass(frozen=True, slots=True)
class TemperatureAhead:
    """A forecast of the temperature: one value per quarter, °C, who issued it and when."""

    provider: str
    issued_at: datetime
    quarters_c: tuple[float, ...]


def weather_name(provider: str) -> str:
    """Return what a forecast of the weather is called as an input: by who issued it, whom a licence may want named."""
    return f"weather_{provider.replace('-', '_')}"


def read_temperature_ahead(
    connection: Connection, commune: str, window: Window, now: datetime
) -> TemperatureAhead | None:
    """Return the temperature of each quarter of ``window`` as forecast by ``now``, None where that does not cover it.

    An hour's mean holds in each of its quarters.
    """
    issue = read_latest_weather(connection, commune, now)
    if issue is None or now - issue.received_at > AGE_MAX:
        return None
    starts = [window.start + place * _QUARTER for place in range(window.length // _QUARTER)]
    hours = [(start - issue.start) // HOUR for start in starts]
    if min(hours) < 0 or max(hours) >= len(issue.values):
        return None
    found = issue.values[hours, _TEMPERATURE]
    if not np.isfinite(found).all():
        return None
    return TemperatureAhead(issue.provider, issue.issued_at, tuple(round(float(value), 1) for value in found))
