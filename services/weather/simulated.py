"""The simulated town's weather, forecast: for the demo, and labelled so wherever it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.clock import Window, floor_to_step
from core.commune_points import CommunePoint
from core.weather import WeatherIssue
from core.weather_settings import WeatherSettings, WeatherSource
from models.simulation.sky import forecast_weather


class SimulatedWeather:
    """Issues on a grid of hours: asked twice between two of them, it says the same."""

    def __init__(self, settings: WeatherSettings) -> None:
        self._hours, self._seed = settings.weather_hours, settings.weather_seed
        self._every = timedelta(seconds=settings.weather_every_s)

    @property
    def name(self) -> str:
        """Its word."""
        return WeatherSource.SIMULATED

    def ask(self, places: Sequence[CommunePoint], now: datetime) -> list[WeatherIssue]:
        """Return its newest forecasts: one sky over all places, as the town has it."""
        issued_at = floor_to_step(floor_to_step(now, self._every), timedelta(hours=1))
        values = forecast_weather(self._seed, int(issued_at.timestamp()), self._hours)
        return [
            WeatherIssue(place.commune_insee, WeatherSource.SIMULATED, issued_at, now, issued_at, values)
            for place in places
        ]

    def issued(self, places: Sequence[CommunePoint], window: Window) -> list[WeatherIssue]:
        """Return what it issued from the last issue before a window up to its end, each known when it was issued."""
        issues: list[WeatherIssue] = []
        at = floor_to_step(window.start, self._every)
        while at < window.end:
            issues += self.ask(places, at)
            at += self._every
        return issues
