"""The weather of a commune, as it was forecast: what forecasts of ours were made with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from core.clock import now
from core.columns import none_for_missing
from core.places import communes, current_commune
from core.store.weather import read_latest_weather
from core.weather import HOUR, VARIABLES, WeatherIssue
from core.weather_settings import WeatherSource
from services.api.answers import Answer, Store, api_router, documented
from services.api.parameters import Instant
from services.api.problems import Code, Problem

router = api_router("places")

_ATTRIBUTIONS: dict[str, str] = {
    WeatherSource.OPEN_METEO: "Weather data by Open-Meteo.com (https://open-meteo.com/), CC BY 4.0"
}
_HOUR = {
    "valid_at": "2026-03-02T08:00:00Z",
    "temperature_c": 7.4,
    "humidity_ratio": 0.81,
    "irradiance_wm2": 120.0,
    "wind_ms": 3.2,
    "precipitation_mm": 0.0,
    "cloud_ratio": 0.65,
}


class WeatherHour(Answer):
    """An hour of weather: means, and the sum of the precipitation; null where the provider says nothing."""

    model_config = documented(_HOUR)

    valid_at: datetime = Field(description="Start of the hour.")
    temperature_c: float | None = Field(description="Air temperature at 2 m, °C.")
    humidity_ratio: float | None = Field(description="Relative humidity at 2 m, 0 to 1.")
    irradiance_wm2: float | None = Field(description="Global horizontal irradiance, W/m².")
    wind_ms: float | None = Field(description="Wind speed at 10 m, m/s.")
    precipitation_mm: float | None = Field(description="Precipitation, mm.")
    cloud_ratio: float | None = Field(description="Share of the sky under clouds, 0 to 1.")


class WeatherAnswer(Answer):
    """A forecast of a commune's weather, as it was issued."""

    model_config = documented(
        {
            "commune_insee": "93051",
            "provider": "open-meteo",
            "simulated": False,
            "attribution": _ATTRIBUTIONS[WeatherSource.OPEN_METEO],
            "issued_at": "2026-03-02T08:50:00Z",
            "received_at": "2026-03-02T08:50:01Z",
            "hours": [_HOUR],
        }
    )

    commune_insee: str = Field(description="INSEE code of the commune of today.")
    provider: str = Field(
        description="Who forecast it: `open-meteo`, `file`, `station` (the last day again, with the change since "
        "yesterday), `simulated`, or `realised` (the weather as it came, taken in afterwards)."
    )
    simulated: bool = Field(description="Whether it is the weather of the simulated town, not of the commune.")
    attribution: str | None = Field(
        description="What its licence wants said wherever it is shown; null where it wants nothing that is known here."
    )
    issued_at: datetime = Field(description="When the provider issued it, as far as it says; else when it was asked.")
    received_at: datetime = Field(description="Since when it is known: forecasts of ours before were made without it.")
    hours: list[WeatherHour]


@router.get("/communes/{insee}/weather", operation_id="read_weather")
def read_weather(
    insee: Annotated[str, Path(description="INSEE code.", openapi_examples={"": {"value": "93051"}})],
    store: Store,
    as_of: Annotated[Instant | None, Query(description="The newest known at this instant. Default: now.")] = None,
) -> WeatherAnswer:
    """Return the newest forecast of a commune's weather, or the newest that was known at an instant.

    404 where none is kept. A commune that merged has the weather of the one it joined.
    """
    if insee not in communes():
        raise Problem(Code.NOT_FOUND, f"{insee!r} is the INSEE code of no commune of the Métropole du Grand Paris")
    commune = current_commune(insee).insee
    issue = read_latest_weather(store, commune, as_of or now())
    if issue is None:
        raise Problem(Code.NOT_FOUND, f"no forecast of the weather of commune {commune} is kept")
    return _answer(issue)


def _answer(issue: WeatherIssue) -> WeatherAnswer:
    # They are kept in single precision, whose last digits say nothing.
    columns = [none_for_missing(column) for column in issue.values.round(4).T]
    return WeatherAnswer(
        commune_insee=issue.commune_insee,
        provider=issue.provider,
        simulated=issue.provider == WeatherSource.SIMULATED,
        attribution=_ATTRIBUTIONS.get(issue.provider),
        issued_at=issue.issued_at,
        received_at=issue.received_at,
        hours=[
            WeatherHour(valid_at=issue.start + number * HOUR, **dict(zip(VARIABLES, told, strict=True)))
            for number, told in enumerate(zip(*columns, strict=True))
        ],
    )
