"""The weather of a commune by the API: the newest issue, as of an instant, for whoever is let in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from api_process import api_running
from passes import enter, shown

from core.roles import Grant, Role
from core.store.pool import connected
from core.store.weather import write_weather
from core.weather import VARIABLES, WeatherIssue

pytestmark = pytest.mark.integration
AT = datetime(2026, 3, 2, 6, tzinfo=UTC)


def issue(hours_later: int, temperature_c: float, provider: str = "open-meteo") -> WeatherIssue:
    at = AT + timedelta(hours=hours_later)
    values = np.full((2, len(VARIABLES)), np.nan)
    values[0] = [temperature_c, 0.8, 120, 3.1, 0.2, 0.5]
    return WeatherIssue("93066", provider, at, at, at, values)


@pytest.fixture
def api(database_url: str) -> Iterator[httpx.Client]:
    with connected(database_url) as connection:
        write_weather(connection, [issue(0, 7.4), issue(6, -3.25, "simulated")])
    with api_running(database_url) as api:
        yield api


def test_the_newest_issue_is_told_with_who_forecast_it(api: httpx.Client) -> None:
    hour = {
        "valid_at": "2026-03-02T12:00:00Z",
        "temperature_c": -3.25,
        "humidity_ratio": 0.8,
        "irradiance_wm2": 120,
        "wind_ms": 3.1,
        "precipitation_mm": 0.2,
        "cloud_ratio": 0.5,
    }
    assert api.get("/communes/93066/weather").json() == {
        "commune_insee": "93066",
        "provider": "simulated",
        "simulated": True,
        "attribution": None,
        "issued_at": "2026-03-02T12:00:00Z",
        "received_at": "2026-03-02T12:00:00Z",
        "hours": [hour, dict.fromkeys(hour) | {"valid_at": "2026-03-02T13:00:00Z"}],
    }


def test_an_instant_is_told_what_was_known_then(api: httpx.Client) -> None:
    for as_of, temperature_c in (("06:00:00", 7.4), ("11:59:59", 7.4), ("12:00:00", -3.25)):
        told = api.get("/communes/93066/weather", params={"as_of": f"2026-03-02T{as_of}Z"}).json()
        assert told["hours"][0]["temperature_c"] == temperature_c
        assert (told["attribution"] is None) is told["simulated"] is (temperature_c < 0)


def test_a_commune_that_merged_has_the_weather_of_the_one_it_joined(api: httpx.Client) -> None:
    assert api.get("/communes/93059/weather").json()["commune_insee"] == "93066"


def test_without_weather_it_is_not_found(api: httpx.Client) -> None:
    for address, why in (
        ("93051/weather", "no forecast of the weather"),
        ("93066/weather?as_of=2026-03-02T05:59:59Z", "no forecast of the weather"),
        ("13055/weather", "no commune"),
    ):
        answer = api.get(f"/communes/{address}")
        assert answer.status_code == 404
        assert why in answer.json()["detail"]


def test_whoever_is_let_in_may_know_it_and_nobody_else(api: httpx.Client, database_url: str) -> None:
    elsewhere = enter(database_url, Grant(Role.BUILDING_MANAGER, "93048"))
    assert api.get("/communes/93066/weather", headers=shown(elsewhere)).status_code == 200
    with httpx.Client(base_url=api.base_url) as stranger:
        assert stranger.get("/communes/93066/weather").status_code == 401
