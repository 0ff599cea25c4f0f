"""How complete the readings are, by hour and by local day, and what indexes grew by."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.clock import floor_to_step, now
from core.metrics import Nature, metric_named
from core.quality.completeness import HOUR
from services.api.answers import Answer, History, Items, api_router, documented
from services.api.parameters import ITEMS_MAX, CommuneNeeded, From, SeriesId, Step, Until, window_of
from services.api.problems import Code, ParameterInvalid, Problem
from services.api.routes.sensors import series_named
from services.completeness import SensorDays, read_sensor_days, read_series_hours
from services.quality import read_consumption

router = api_router("readings")

DAYS_MAX = 92
_DAY = {"day": "2026-03-02", "ratio": 0.97, "valid": True, "hours_valid": 23}
_SENSOR = {"sensor_id": 12, "external_id": "0018b20000001234", "name": "Salle 2", "days": [_DAY]}
_HOUR_ITEM = {"hour": "2026-03-02T08:00:00Z", "readings": 6, "good": 6, "expected": 6, "ratio": 1.0, "valid": True}
_STEP_ITEM = {"start": "2026-03-02T08:00:00Z", "increment": 12.5, "mean_kw": 12.5}
_SERIES = {"series_id": 41, "metric": "electricity_kwh", "unit": "kWh"}


class WindowQuery(Answer):
    """Over which window."""

    start: From = None
    until: Until = None


class CompletenessQuery(WindowQuery):
    """Of which commune, over which window."""

    commune: CommuneNeeded


class IncrementsQuery(WindowQuery):
    """Over which window, by which steps."""

    step: Step = Field(default=HOUR, description="ISO 8601 duration, PT1M to P1D.")


class DayAnswer(Answer):
    """How complete a sensor was on a day of Europe/Paris, by the least complete of its series."""

    day: date
    ratio: float | None = Field(description="Share of the due readings that came and were not bad; null: none came.")
    valid: bool = Field(description="Whether 75 % of its hours are valid, to 75 % each.")
    hours_valid: int


class SensorDaysAnswer(Answer):
    """The days of a sensor on which readings were due."""

    model_config = documented(_SENSOR)

    sensor_id: int
    external_id: str
    name: str
    days: list[DayAnswer]


class SensorsDays(Items[SensorDaysAnswer]):
    """Sensors that ever had a reading, by id."""

    model_config = documented({"items": [_SENSOR], "next": None})


class HourAnswer(Answer):
    """How complete an hour of a series was."""

    hour: datetime
    readings: int
    good: int = Field(description="Readings of good quality.")
    expected: int = Field(description="Readings that were due.")
    ratio: float | None = Field(description="Share of what was due that came and was not bad; null: nothing came.")
    valid: bool = Field(description="Whether 75 % of it was measured.")


class SeriesHours(Items[HourAnswer]):
    """The hours of a series in which readings were due, oldest first."""

    model_config = documented({"series_id": 41, "items": [_HOUR_ITEM], "next": None})

    series_id: int


class IncrementAnswer(Answer):
    """What an index grew by in one step."""

    start: datetime
    increment: float | None = Field(description="In `unit`; null where it cannot be known.")
    mean_kw: float | None = Field(description="Mean power of the step; null where unknown, or not of energy.")


class Increments(Items[IncrementAnswer]):
    """What an index grew by, step by step, oldest first."""

    model_config = documented({**_SERIES, "step_s": 3600, "items": [_STEP_ITEM], "next": None})

    series_id: int
    metric: str
    unit: str
    step_s: int


@router.get("/completeness", operation_id="read_completeness")
def read_completeness(asked: Annotated[CompletenessQuery, Query()], store: History) -> SensorsDays:
    """Return how complete the local days of a commune's sensors are, 92 days at most, the hour under way left out.

    An hour counts when 75 % of it was measured, a day when 75 % of its hours count (Directive (EU) 2024/2881). Days are
    of Europe/Paris: 23, 24 or 25 hours.
    """
    window = window_of(asked.start, asked.until)
    if window.length > timedelta(days=DAYS_MAX):
        raise ParameterInvalid("from", f"the window is longer than {DAYS_MAX} days")
    return SensorsDays(items=[_sensor(one) for one in read_sensor_days(store, asked.commune, window, now())])


@router.get("/series/{series_id}/completeness", operation_id="read_series_completeness")
def read_series_completeness(
    series_id: SeriesId, asked: Annotated[WindowQuery, Query()], store: History
) -> SeriesHours:
    """Return how complete the hours of a series are, 400 days at most, from its first reading on.

    Series that speak less than once an hour are judged by the day: an hour without a reading says nothing of them.
    """
    series_named(store, series_id)
    hours = read_series_hours(store, series_id, window_of(asked.start, asked.until), now())
    items = [
        HourAnswer(
            hour=one.hour,
            readings=one.readings,
            good=one.good,
            expected=one.expected,
            ratio=one.ratio,
            valid=one.valid,
        )
        for one in hours
    ]
    return SeriesHours(series_id=series_id, items=items)


@router.get("/series/{series_id}/increments", operation_id="read_increments")
def read_increments(series_id: SeriesId, asked: Annotated[IncrementsQuery, Query()], store: History) -> Increments:
    """Return what a meter's index grew by, step by step, across resets and roll-overs: at most 20,000 steps.

    Between readings at most two hours apart an index grows evenly. A step that begins or ends inside a longer silence
    is unknown, and so is one across a change of meter: null, never 0.
    """
    series = series_named(store, series_id)
    metric = metric_named(series.metric)
    if metric.nature is not Nature.INDEX:
        raise Problem(Code.NOT_FOUND, f"series {series_id} is of {metric.name}, which is no index")
    window = window_of(asked.start, asked.until)
    start = floor_to_step(window.start, asked.step)
    steps = -(-(window.end - start) // asked.step)
    if steps > ITEMS_MAX:
        raise ParameterInvalid("step", f"the window holds more than {ITEMS_MAX} steps")
    starts = [start + number * asked.step for number in range(steps)]
    amounts = read_consumption(store, series_id, starts, asked.step).tolist() if starts else []
    return Increments(
        series_id=series_id,
        metric=metric.name,
        unit=metric.unit,
        step_s=int(asked.step.total_seconds()),
        items=[_increment(at, amount, metric.unit, asked.step) for at, amount in zip(starts, amounts, strict=True)],
    )


def _increment(start: datetime, amount: float, unit: str, step: timedelta) -> IncrementAnswer:
    if math.isnan(amount):
        return IncrementAnswer(start=start, increment=None, mean_kw=None)
    mean_kw = amount / (step / HOUR) if unit == "kWh" else None
    return IncrementAnswer(start=start, increment=amount, mean_kw=mean_kw)


def _sensor(sensor: SensorDays) -> SensorDaysAnswer:
    return SensorDaysAnswer(
        sensor_id=sensor.sensor_id,
        external_id=sensor.external_id,
        name=sensor.name,
        days=[
            DayAnswer(day=day, ratio=found.ratio, valid=found.valid, hours_valid=found.hours_valid)
            for day, found in sensor.days
        ],
    )
