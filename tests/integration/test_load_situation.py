"""What load shifting reads, on a real PostgreSQL: as of its instant, with every doubt named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from load_cases import CAR, NIGHT, ZONE

from core.decisions import Input, Soundness, Subject
from core.forecasts import QUANTILES, Forecast, ForecastStep
from core.places import Sensor, SensorKind, Site
from core.readings import Batch, Message, Reading
from core.store.batches import write_batch
from core.store.forecasts import write_forecasts
from core.store.places import write_series
from core.store.pool import Connection, connected
from core.store.sensors import adopt_sensor
from core.store.weather import write_weather
from core.weather import VARIABLES, WeatherIssue
from services.decisions.load_shifting.decider import DECIDER
from services.decisions.load_shifting.situation import Situation

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 24, 16, 5, tzinfo=UTC)
SITE = Site("93051", "mairie", "Mairie", 2.55, 48.85)
POLICY: dict[str, Any] = {
    "meter": "meter-1",
    "tariff": NIGHT,
    "subscribed_kw": 60,
    "sessions": [CAR],
    "zone": {**ZONE, "indoor_sensor": "room-1", "outdoor_sensor": "roof-1", "outdoor_c_by_month": [8.0] * 12},
}
SUBJECT = Subject("load_shifting", "93051:mairie", "93051", "Mairie", POLICY)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        yield connection


def series(connection: Connection, external_id: str, kind: SensorKind, metric: str) -> int:
    sensor_id = adopt_sensor(connection, Sensor(external_id, kind, external_id, SITE), NOW - timedelta(days=9))
    return write_series(connection, sensor_id, metric)


def known(connection: Connection, now: datetime = NOW) -> Situation:
    found: Situation = DECIDER.read(connection, SUBJECT, DECIDER.parse_policy(POLICY), now)
    return found


def forecast(series_id: int, issued_at: datetime, level: float) -> Forecast:
    first = issued_at.replace(minute=0)
    values = [tuple(level + quantile for quantile in QUANTILES) for _ in range(48)]
    steps = [ForecastStep(first + timedelta(hours=hour), row) for hour, row in enumerate(values)]
    return Forecast(series_id, issued_at, timedelta(hours=1), first - timedelta(minutes=15), steps, None, "no_model")


def observe(connection: Connection, series_id: int, values: dict[timedelta, float]) -> None:
    rows = [Reading(series_id, NOW - age, value) for age, value in values.items()]
    write_batch(connection, Batch(NOW, rows, [Message("t", b"", NOW, 0)] * len(rows)))


def fallbacks(situation: Situation) -> dict[str, str | None]:
    return {row.name: row.fallback for row in situation.inputs}


def test_a_building_of_which_nothing_is_known_is_impossible_and_says_why(connection: Connection) -> None:
    situation = known(connection)
    assert fallbacks(situation)["load_forecast"] == "no_forecast"
    decision = DECIDER.decide(situation, DECIDER.parse_policy(POLICY), NOW)
    assert decision.soundness is Soundness.IMPOSSIBLE


def test_the_forecast_is_the_newest_issued_by_then(connection: Connection) -> None:
    meter = series(connection, "meter-1", SensorKind.METER, "power_kw")
    earlier, later = NOW - timedelta(minutes=30), NOW + timedelta(hours=1)
    write_forecasts(connection, [forecast(meter, earlier, 20), forecast(meter, later, 90)])
    situation = known(connection)
    assert situation.start == datetime(2026, 11, 24, 16, 15, tzinfo=UTC)
    assert situation.load_kw[0] == pytest.approx((20.1, 20.5, 20.9))
    assert fallbacks(situation)["load_forecast"] == "no_model"
    assert known(connection, later).load_kw[0][1] == pytest.approx(90.5)
    assert fallbacks(known(connection, later + timedelta(hours=4)))["load_forecast"] == "stale"


def test_temperatures_are_read_or_stood_in_for_by_name(connection: Connection) -> None:
    assert fallbacks(known(connection)) == {
        "load_forecast": "no_forecast",
        "outdoor_temperature": "usual_of_month",
        "indoor_temperature": "missing",
    }
    room = series(connection, "room-1", SensorKind.INDOOR_AIR, "temperature_c")
    roof = series(connection, "roof-1", SensorKind.OUTDOOR_AIR, "temperature_c")
    observe(connection, room, {timedelta(minutes=80): 17.0})
    observe(connection, roof, {timedelta(hours=hours): float(hours) for hours in range(26)})
    stale = known(connection)
    assert fallbacks(stale)["indoor_temperature"] == "stale"
    assert stale.indoor_c is None
    observe(connection, room, {timedelta(minutes=20): 18.5})
    situation = known(connection)
    assert situation.indoor_c == pytest.approx(18.5)
    assert fallbacks(situation)["outdoor_temperature"] == "yesterday"
    # In three hours: what was read 21 hours ago.
    assert situation.outdoor_c[12] == pytest.approx(21.0)
    decision = DECIDER.decide(situation, DECIDER.parse_policy(POLICY), NOW)
    assert decision.soundness is Soundness.IMPOSSIBLE


def weather(issued_at: datetime, first: float, hours: int = 48) -> WeatherIssue:
    values = np.full((hours, len(VARIABLES)), np.nan)
    values[:, VARIABLES.index("temperature_c")] = first + np.arange(hours)
    return WeatherIssue("93051", "file", issued_at, issued_at, issued_at.replace(minute=0), values)


def test_the_temperature_outdoors_is_the_forecast_of_the_weather(connection: Connection) -> None:
    roof = series(connection, "roof-1", SensorKind.OUTDOOR_AIR, "temperature_c")
    observe(connection, roof, {timedelta(hours=hours): float(hours) for hours in range(26)})
    write_weather(connection, [weather(NOW, -10.0), weather(NOW + timedelta(hours=1), 30.0)])
    situation = known(connection)
    assert "outdoor_temperature" not in fallbacks(situation)
    # The plan starts at 16:15, in the first hour forecast; three hours later it is three degrees more.
    assert situation.outdoor_c[0] == -10.0
    assert situation.outdoor_c[12] == -7.0
    assert Input("weather_file", NOW) in situation.inputs


@pytest.mark.parametrize(("age", "hours"), [(timedelta(hours=25), 96), (timedelta(hours=1), 20)])
def test_an_old_or_short_forecast_of_the_weather_is_none(connection: Connection, age: timedelta, hours: int) -> None:
    write_weather(connection, [weather(NOW - age, 5.0, hours)])
    assert fallbacks(known(connection))["outdoor_temperature"] == "usual_of_month"
