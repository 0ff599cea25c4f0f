"""Who forecasts the weather, as the settings say it."""

from __future__ import annotations

from core.errors import SettingInvalid
from core.settings import WorkerSettings
from core.store.pool import Pool
from core.weather_settings import WeatherSource
from services.weather.file import FileWeather
from services.weather.open_meteo import OpenMeteo
from services.weather.provider import WeatherProvider
from services.weather.simulated import SimulatedWeather
from services.weather.station import StationWeather
from services.webhooks.outgoing import Outgoing


def weather_provider(settings: WorkerSettings, pool: Pool) -> WeatherProvider | None:
    """Return the provider of the settings, None where there is none.

    Raises
    ------
    SettingInvalid
        If the settings lack what it needs.
    """
    match settings.weather_provider:
        case WeatherSource.NONE:
            return None
        case WeatherSource.OPEN_METEO:
            return OpenMeteo(settings, Outgoing(settings))
        case WeatherSource.FILE:
            if settings.weather_file is None:
                raise SettingInvalid("VIGIE_WEATHER_FILE: the provider is a file, and none is named")
            return FileWeather(settings.weather_file)
        case WeatherSource.STATION:
            return StationWeather(settings, pool)
        case WeatherSource.SIMULATED:
            return SimulatedWeather(settings)
