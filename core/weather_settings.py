"""Settings of the weather: who forecasts it, how far, how often, and how long that is kept."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr

from core.environment import Environment


class WeatherSource(StrEnum):
    """Where forecasts of the weather come from; its word is the provider's, wherever an issue is shown."""

    NONE = "none"
    """Nowhere: forecasts do without, and say so."""
    OPEN_METEO = "open-meteo"
    """A server that speaks as Open-Meteo does, over HTTPS."""
    FILE = "file"
    """A file that another program keeps up to date."""
    STATION = "station"
    """The outdoor stations here: their last day again, with the change since yesterday."""
    SIMULATED = "simulated"
    """The weather of the simulated town, forecast with errors: for the demo."""


class WeatherSettings(Environment):
    """The weather, as the worker asks for it.

    Parameters
    ----------
    weather_provider
        Who forecasts it.
    weather_url
        Of ``open-meteo``: the address that is asked, up to its question mark or with parameters of its own.
    weather_api_key
        Of ``open-meteo``, where its address wants one; never printed.
    weather_file
        Of ``file``: CSV (``.csv``) or Parquet (``.parquet``).
    weather_hours
        How far ahead it is asked for.
    weather_every_s
        How old the newest issue becomes before the next is asked for; it is looked at every ten minutes.
    weather_days
        Issues are kept for so many days.
    weather_seed
        Of ``simulated``: whose town's weather.
    """

    weather_provider: WeatherSource = WeatherSource.NONE
    weather_url: str = Field(
        default="https://api.open-meteo.com/v1/forecast", pattern=r"^https?://[^\s#@]+$", max_length=500
    )
    weather_api_key: SecretStr = SecretStr("")
    weather_file: Path | None = None
    weather_hours: int = Field(default=96, ge=24, le=383)
    weather_every_s: int = Field(default=21_600, ge=3_600, le=86_400)
    weather_days: int = Field(default=1_830, ge=130, le=36_500)
    weather_seed: int = 1
