"""Reads what is known of a fleet's bins as of an instant: the only part of rounds that touches the store."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.clock import Window
from core.decisions import Subject
from core.forecasts import Forecast
from core.places import Sensor, SensorKind
from core.store.forecasts import read_forecast
from core.store.places import read_series_of
from core.store.pool import Connection
from core.store.readings import StepValue, read_steps
from core.store.sensors import read_sensors
from services.decisions.rounds.inflow import recent_inflow
from services.decisions.rounds.policy import RoundPolicy
from services.decisions.rounds.situation import BinState, Fan, RoundSituation

HISTORY = timedelta(days=14)
STEP = timedelta(hours=1)
NO_FORECAST = "no_forecast"
METRIC = "fill_ratio"


def read_situation(connection: Connection, subject: Subject, policy: RoundPolicy, at: datetime) -> RoundSituation:
    """Return what was known at ``at`` of every bin of the policy; a bin without a sensor is known by its name only."""
    wanted = {container.sensor for container in policy.bins}
    sensors = {
        sensor.external_id: sensor
        for sensor in read_sensors(connection, commune=subject.commune_insee, kind=SensorKind.BIN)
        if sensor.external_id in wanted
    }
    ids = [sensor.sensor_id for sensor in sensors.values() if sensor.sensor_id is not None]
    levels = {
        sensor_id: series.series_id
        for sensor_id, several in read_series_of(connection, ids).items()
        for series in several
        if series.metric == METRIC
    }
    steps = read_steps(connection, sorted(levels.values()), Window.ending(at, HISTORY), STEP, as_of=at)
    states = []
    for container in policy.bins:
        sensor = sensors.get(container.sensor)
        series_id = levels.get(sensor.sensor_id) if sensor and sensor.sensor_id is not None else None
        if sensor is None or series_id is None:
            states.append(_unread(container.sensor, sensor))
        else:
            forecast = read_forecast(connection, series_id, as_of=at)
            states.append(_state(sensor, series_id, steps[series_id], forecast))
    return RoundSituation(subject.code, subject.commune_insee, at, tuple(states))


def _unread(external_id: str, sensor: Sensor | None) -> BinState:
    if sensor is None:
        return BinState(external_id, external_id)
    return BinState(external_id, sensor.name, sensor.site.longitude, sensor.site.latitude)


def _state(sensor: Sensor, series_id: int, steps: list[StepValue], forecast: Forecast | None) -> BinState:
    newest = steps[-1] if steps else None
    fan = None
    if forecast is not None and forecast.fallback is None and forecast.steps:
        fan = Fan(
            forecast.issued_at,
            forecast.step,
            tuple(step.valid_at for step in forecast.steps),
            tuple(step.quantiles for step in forecast.steps),
        )
    return BinState(
        sensor=sensor.external_id,
        name=sensor.name,
        longitude=sensor.site.longitude,
        latitude=sensor.site.latitude,
        series_id=series_id,
        level=newest.mean if newest else None,
        # A step is named by its start: the reading is at most an hour younger than it is said to be.
        observed_at=newest.start if newest else None,
        fan=fan,
        fallback=None if fan else (forecast.fallback if forecast else NO_FORECAST),
        inflow=recent_inflow([(step.start, step.mean) for step in steps]),
    )
