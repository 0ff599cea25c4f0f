"""Reading what is known of a school's rooms, on a real store: as of an instant, and nothing of later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.clock import Window
from core.decisions import Input, Soundness, Subject
from core.forecasts import Forecast, ForecastStep
from core.places import Sensor, SensorKind, Site
from core.readings import Batch, Message, Reading
from core.store.batches import write_batch
from core.store.forecasts import write_forecasts
from core.store.places import write_series
from core.store.pool import Connection, connected
from core.store.sensors import declare_sensor
from core.store.weather import write_weather
from core.weather import VARIABLES, WeatherIssue
from models.simulation.equipment_rooms import SUBJECTS
from models.simulation.town import MEMBERS, Town
from services.decisions.ventilation.decider import DECIDER
from services.decisions.ventilation.situation import STEPS, parse_situation, situation_json

pytestmark = pytest.mark.integration
# A Friday of term, in the second lesson.
NOW = datetime(2026, 11, 20, 9, 35, tzinfo=UTC)
SCHOOL = Subject(**SUBJECTS[0])
POLICY = DECIDER.parse_policy(SCHOOL.policy)
MESSAGE = Message("vigie/v1/93051/indoor_air/x/up", b"{}", NOW, 2)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        yield connection


def adopt(connection: Connection, sensor: Sensor, metric: str) -> int:
    return write_series(connection, declare_sensor(connection, sensor, NOW - timedelta(days=40)), metric)


@pytest.fixture
def series(connection: Connection) -> dict[str, int]:
    """Two of the school's three rooms with four weeks of readings before now, and two hours that came later."""
    sensors = {member.sensor.external_id: member for member in MEMBERS}
    members = [sensors[room.sensor] for room in POLICY.rooms[:2]]
    ids = {member.sensor.external_id: adopt(connection, member.sensor, "co2_ppm") for member in members}
    window = Window(NOW - timedelta(days=28), NOW + timedelta(hours=2))
    rows = [
        Reading(ids[delivery.external_id], delivery.observed_at, delivery.value)
        for delivery in Town(1, members, ()).deliveries(window)
        if delivery.metric == "co2_ppm"
    ]
    for known, received in ((True, NOW - timedelta(seconds=30)), (False, NOW + timedelta(hours=2))):
        part = [row for row in rows if (row.observed_at <= NOW) == known]
        write_batch(connection, Batch(received, part, [MESSAGE] * len(part)))
    return ids


def test_what_is_read_is_decided_on_and_the_same_again_later(connection: Connection, series: dict[str, int]) -> None:
    known = DECIDER.read(connection, SCHOOL, POLICY, NOW)
    assert [room.series_id for room in known.rooms] == [*series.values(), None]
    assert all(observed <= NOW for room in known.rooms for observed, _ in room.co2)
    assert known.rooms[0].days >= 9
    decision = DECIDER.decide(known, POLICY, NOW)
    # The third room's sensor is not there: the decision says so and still speaks of the other two.
    assert decision.soundness is Soundness.DEGRADED
    assert {action.target for action in decision.actions} == {"cp", "ce2"}
    late = Reading(series[POLICY.rooms[0].sensor], NOW - timedelta(minutes=2, seconds=7), 4000.0)
    write_batch(connection, Batch(NOW + timedelta(minutes=5), [late], [MESSAGE]))
    assert DECIDER.read(connection, SCHOOL, POLICY, NOW) == known


def test_outdoor_air_is_the_forecast_else_the_last_reading_held(connection: Connection) -> None:
    station = Sensor(POLICY.station, SensorKind.OUTDOOR_AIR, "Parc", Site("93051", "station-parc", "Parc"))
    no2, pm25 = (adopt(connection, station, metric) for metric in ("no2_ugm3", "pm25_ugm3"))
    held = Reading(pm25, NOW - timedelta(minutes=95), 12.0)
    write_batch(connection, Batch(NOW - timedelta(minutes=30), [held], [MESSAGE]))
    issued = NOW.replace(minute=0)
    steps = [ForecastStep(issued + timedelta(hours=n), (10.0 * n,) * 7) for n in range(24)]
    hour = timedelta(hours=1)
    write_forecasts(connection, [Forecast(no2, issued, hour, issued - hour, steps, fallback="no_model")])
    write_forecasts(connection, [Forecast(no2, issued + hour, hour, issued, steps[1:], fallback="no_model")])
    known = DECIDER.read(connection, SCHOOL, POLICY, NOW)
    assert known.outdoor_values("no2_ugm3")[:6] == (0.0, 10.0, 10.0, 10.0, 10.0, 20.0)
    assert known.outdoor_values("pm25_ugm3") == (12.0,) * STEPS
    assert {state.metric: (state.known_at, state.fallback) for state in known.outdoor} == {
        "no2_ugm3": (issued, None),
        "pm25_ugm3": (NOW - timedelta(minutes=95), "held"),
    }


def test_the_temperature_outdoors_is_the_forecast_of_the_weather(connection: Connection) -> None:
    values = np.full((24, len(VARIABLES)), np.nan)
    values[:, VARIABLES.index("temperature_c")] = np.arange(24)
    start = NOW.replace(minute=0)
    write_weather(connection, [WeatherIssue("93051", "file", start, NOW, start, values)])
    situation = DECIDER.read(connection, SCHOOL, POLICY, NOW)
    assert parse_situation(situation_json(situation)) == situation
    assert Input("weather_file", start) in DECIDER.decide(situation, POLICY, NOW).inputs
    [temperature] = situation.outdoor
    assert (temperature.metric, temperature.series_id, temperature.fallback) == ("temperature_c", None, None)
    assert temperature.values[:6] == (0.0, 1.0, 1.0, 1.0, 1.0, 2.0)
    assert not DECIDER.read(connection, SCHOOL, POLICY, NOW - timedelta(seconds=1)).outdoor


def test_a_commune_without_sensors_is_impossible(connection: Connection) -> None:
    decision = DECIDER.decide(DECIDER.read(connection, SCHOOL, POLICY, NOW), POLICY, NOW)
    assert decision.soundness is Soundness.IMPOSSIBLE
    assert decision.actions == ()
