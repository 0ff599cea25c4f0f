"""Reads what is known of rooms and of the air outdoors as of an instant: the only part that touches the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from core.clock import Window
from core.decisions import Subject
from core.forecasts import QUANTILES, Forecast
from core.places import SensorKind
from core.readings import Quality, Reading
from core.store.forecasts import read_forecast
from core.store.places import read_series_of
from core.store.pool import Connection
from core.store.readings import StepValue, read_readings, read_steps
from core.store.sensors import read_sensors
from services.decisions.ventilation.policy import VentilationPolicy
from services.decisions.ventilation.situation import (
    STALE_AFTER,
    STEP,
    STEPS,
    TREND,
    OutdoorState,
    RoomState,
    Situation,
    window_of,
)
from services.decisions.ventilation.source import (
    HISTORY_STEP,
    CO2History,
    comparable_window,
    past_sources,
    spans_of,
)
from services.decisions.weather import read_temperature_ahead

TEMPERATURE = "temperature_c"
OUTDOOR_METRICS = ("no2_ugm3", "pm25_ugm3", TEMPERATURE)
_P50 = QUANTILES.index(0.5)
_HELD_FOR = 3 * STALE_AFTER
"""How old an outdoor reading may be and still stand in for a forecast: stations publish by the hour, late."""


def read_situation(connection: Connection, subject: Subject, policy: VentilationPolicy, now: datetime) -> Situation:
    """Return what was known at ``now``; a room whose sensor is not there, or never published, is known by name only."""
    series = _series(connection, subject.commune_insee, SensorKind.INDOOR_AIR, [room.sensor for room in policy.rooms])
    ids = {sensor: found["co2_ppm"] for sensor, found in series.items() if "co2_ppm" in found}
    compared = comparable_window(policy, window_of(now).start)
    steps: dict[int, list[StepValue]] = {series_id: [] for series_id in ids.values()}
    for span in spans_of(compared):
        read = read_steps(connection, sorted(steps), span, HISTORY_STEP, as_of=now)
        for one, found in read.items():
            steps[one].extend(found)
    rooms = []
    for room in policy.rooms:
        series_id = ids.get(room.sensor)
        if series_id is None:
            rooms.append(RoomState(room.code, None, (), ((),) * STEPS))
            continue
        newest = read_readings(connection, series_id, Window.ending(now, TREND), as_of=now)
        sources = past_sources(policy, room, _history(steps[series_id]), compared)
        rooms.append(RoomState(room.code, series_id, _trend(newest), sources))
    outdoor = _read_outdoor(connection, subject, policy, now)
    return Situation(subject.code, subject.commune_insee, now, tuple(rooms), outdoor)


def _series(
    connection: Connection, commune: str | None, kind: SensorKind, wanted: Sequence[str]
) -> Mapping[str, Mapping[str, int]]:
    """Return series ids by external id and metric, of those sensors that are there."""
    sensors = {
        sensor.sensor_id: sensor.external_id
        for sensor in read_sensors(connection, commune=commune, kind=kind)
        if sensor.external_id in set(wanted) and sensor.sensor_id is not None
    }
    found = read_series_of(connection, list(sensors))
    return {sensors[sensor_id]: {one.metric: one.series_id for one in several} for sensor_id, several in found.items()}


def _history(steps: Sequence[StepValue]) -> CO2History:
    middle_s = HISTORY_STEP.total_seconds() / 2
    at_s = np.array([step.start.timestamp() + middle_s for step in steps], dtype=np.float64)
    return CO2History(at_s, np.array([step.mean for step in steps], dtype=np.float64))


def _trend(readings: Sequence[Reading]) -> tuple[tuple[datetime, float], ...]:
    return tuple(
        (reading.observed_at, round(reading.value, 1)) for reading in readings if reading.quality is not Quality.BAD
    )


def _read_outdoor(
    connection: Connection, subject: Subject, policy: VentilationPolicy, now: datetime
) -> tuple[OutdoorState, ...]:
    """Return the air of the policy's station as it is forecast; its temperature from the forecast of the weather."""
    ahead = read_temperature_ahead(connection, subject.commune_insee, window_of(now), now)
    series = _series(connection, None, SensorKind.OUTDOOR_AIR, [policy.station]) if policy.station else {}
    measured = dict(series.get(policy.station, {}))
    states: list[OutdoorState | None] = []
    if ahead is not None:
        station = measured.pop(TEMPERATURE, None)
        states.append(OutdoorState(TEMPERATURE, station, ahead.issued_at, ahead.quarters_c, provider=ahead.provider))
    states += [_outdoor(connection, metric, measured[metric], now) for metric in OUTDOOR_METRICS if metric in measured]
    return tuple(state for state in states if state is not None)


def _outdoor(connection: Connection, metric: str, series_id: int, now: datetime) -> OutdoorState | None:
    """Return the forecast over the window, else the last reading held over it, else None."""
    forecast = read_forecast(connection, series_id, as_of=now)
    if forecast is not None:
        values = _per_quarter(forecast, window_of(now).start)
        if all(value is not None for value in values):
            return OutdoorState(metric, series_id, forecast.issued_at, values)
    readings = read_readings(connection, series_id, Window.ending(now, _HELD_FOR), as_of=now)
    good = [reading for reading in readings if reading.quality is not Quality.BAD]
    if not good:
        return None
    held = (round(good[-1].value, 1),) * STEPS
    return OutdoorState(metric, series_id, good[-1].observed_at, held, "held")


def _per_quarter(forecast: Forecast, start: datetime) -> tuple[float | None, ...]:
    """Return the median of the forecast step that holds each quarter, None where there is none."""
    medians = {step.valid_at: round(step.quantiles[_P50], 1) for step in forecast.steps}
    quarters = (start + place * STEP for place in range(STEPS))
    held = (
        next((value for at, value in medians.items() if at <= quarter < at + forecast.step), None)
        for quarter in quarters
    )
    return tuple(held)
