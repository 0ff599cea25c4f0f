"""What was measured: the newest of a commune, its recent trends, and the history of one series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import numpy as np
from fastapi import Query, Response
from pydantic import Field

from core.clock import Window, floor_to_step, format_instant, now
from core.columns import MICROSECOND, instants_of, none_for_missing, to_microseconds
from core.metrics import METRICS, metric_named
from core.readings import Flag
from core.store import latest, places, readings
from core.store.latest import LatestColumns
from services.api.answers import Answer, History, Items, Store, api_router, documented
from services.api.compact import CompactAnswer, CompactItems, compact_response
from services.api.flags import FlagName, flag_names
from services.api.parameters import (
    ID_MAX,
    ITEMS_MAX,
    AsOf,
    CommuneFilter,
    From,
    Instant,
    SeriesId,
    Step,
    Until,
    window_of,
)
from services.api.problems import ParameterInvalid
from services.api.routes.sensors import series_named
from services.states import State, states_of

router = api_router("readings")

TREND_STEPS_MAX = 500
TREND_SERIES_MAX = 200
"""Series that can be named at once: what a screen shows of a long list, and some more."""
LATEST_MAX = 100_000
_MICROSECOND = timedelta(microseconds=1)
_QUALITY = "0 good, 1 suspect, 2 bad."
_FLAGS = "Why it is not simply good, and what happened to an index; none for most."
_LATEST = {
    "series_id": 41,
    "sensor_id": 12,
    "metric": "co2_ppm",
    "unit": "ppm",
    "observed_at": "2026-03-02T08:10:00Z",
    "received_at": "2026-03-02T08:10:01.250000Z",
    "value": 812.0,
    "quality": 0,
    "flags": [],
    "expected": {"p05": 640.0, "p50": 780.0, "p95": 950.0},
    "state": "normal",
}
_READING = {"observed_at": "2026-03-02T08:10:00Z", "value": 2612.0, "quality": 2, "flags": ["spike"]}
_STEP = {"start": "2026-03-02T08:00:00Z", "mean": 790.5, "low": 640.0, "high": 905.0, "count": 6}
_SERIES = {"series_id": 41, "metric": "co2_ppm", "unit": "ppm"}


class Expected(Answer):
    """What the newest forecast issued before the reading expected of it, in its unit."""

    p05: float
    p50: float
    p95: float


class LatestReading(Answer):
    """The newest reading of a series."""

    model_config = documented(_LATEST)

    series_id: int
    sensor_id: int
    metric: str
    unit: str
    observed_at: datetime
    received_at: datetime
    value: float = Field(description="Calibrated, in `unit`.")
    quality: int = Field(description=_QUALITY)
    flags: list[FlagName] = Field(description=_FLAGS)
    expected: Expected | None = Field(description="Null where there was no forecast of this instant.")
    state: State


class LatestReadings(Items[LatestReading]):
    """The newest reading of each series, by series."""

    model_config = documented({"items": [_LATEST], "next": None})


class Trend(Answer):
    """The recent means of a series, oldest first; null where nothing was read."""

    series_id: int
    metric: str
    unit: str
    values: list[float | None] = Field(description="One mean per step, in `unit`.")


class Trends(Answer):
    """Recent means of series, on one grid of steps."""

    model_config = documented(
        {
            "start": "2026-03-02T02:15:00Z",
            "step_s": 900,
            "items": [{**_SERIES, "values": [612.0, None, 655.5]}],
        }
    )

    start: datetime = Field(description="Start of the first step.")
    step_s: int
    items: list[Trend]


class ReadingItem(Answer):
    """One reading."""

    observed_at: datetime
    value: float = Field(description="Calibrated, in `unit`.")
    quality: int = Field(description=_QUALITY)
    flags: list[FlagName] = Field(description=_FLAGS)


class StepItem(Answer):
    """The readings of one step; a step of which nothing is known is absent."""

    start: datetime
    mean: float = Field(description="Mean, in `unit`; of a state, its share of the time in which it was known.")
    low: float
    high: float
    count: int = Field(description="Readings in the step; 0 where a state was only held.")


class Readings(Items[ReadingItem]):
    """Readings of a series, oldest first."""

    model_config = documented({**_SERIES, "step_s": None, "items": [_READING], "next": None})

    series_id: int
    metric: str
    unit: str
    step_s: None = None


class SteppedReadings(Items[StepItem]):
    """Stepped readings of a series, oldest first."""

    model_config = documented({**_SERIES, "step_s": 3600, "items": [_STEP], "next": None})

    series_id: int
    metric: str
    unit: str
    step_s: int


class _Expected(CompactAnswer, frozen=True, gc=False):
    p05: float
    p50: float
    p95: float


class _Latest(CompactAnswer, frozen=True, gc=False):
    series_id: int
    sensor_id: int
    metric: str
    unit: str
    observed_at: datetime
    received_at: datetime
    value: float
    quality: int
    flags: list[FlagName]
    expected: _Expected | None
    state: State


class LatestQuery(Answer):
    """Whose newest readings: of a commune, of a sensor, or of all."""

    commune: CommuneFilter = None
    sensor_id: int | None = Field(default=None, ge=1, le=ID_MAX, description="Only this sensor.")
    after: int = Field(default=0, ge=0, le=ID_MAX, description="The `next` of the page before.")
    limit: int = Field(default=ITEMS_MAX, ge=1, le=LATEST_MAX, description="Items on a page at most.")


@router.get("/latest", operation_id="read_latest", response_model=LatestReadings)
def read_latest(asked: Annotated[LatestQuery, Query()], store: Store) -> Response:
    """Return the newest reading of every series of a commune, of a sensor, or of all, with its state.

    What was expected stands beside it. Sensors that are retired have none; their history stays readable.
    """
    # Of the primary: the live feed goes on from here, and what a replica had not replayed yet would not be told again.
    found = latest.read_latest(
        store, commune=asked.commune, sensor_id=asked.sensor_id, after=asked.after, limit=asked.limit
    )
    items = _latest_items(found, now())
    return compact_response(CompactItems(items, items[-1].series_id if len(items) == asked.limit else None))


def _latest_items(found: LatestColumns, present: datetime) -> list[_Latest]:
    units = {name: metric.unit for name, metric in METRICS.items()}
    names = {flags: flag_names(Flag(flags)) for flags in np.unique(found.flags).tolist()}
    expected = map(_Expected, found.p05.tolist(), found.p50.tolist(), found.p95.tolist())
    return list(
        map(
            _Latest,
            found.series.tolist(),
            found.sensor.tolist(),
            found.metric,
            [units[name] for name in found.metric],
            instants_of(found.observed),
            instants_of(found.received),
            found.value.tolist(),
            found.quality.tolist(),
            [names[flags] for flags in found.flags.tolist()],
            [None if math.isnan(one.p50) else one for one in expected],
            states_of(found, present),
        )
    )


class _Trend(CompactAnswer, frozen=True, gc=False):
    series_id: int
    metric: str
    unit: str
    values: list[float | None]


class _Trends(CompactAnswer, frozen=True, gc=False):
    start: datetime
    step_s: int
    items: list[_Trend]


class TrendsQuery(Answer):
    """Of which series, how far back."""

    commune: CommuneFilter = None
    series: list[Annotated[int, Field(ge=1, le=ID_MAX)]] = Field(
        default=[], max_length=TREND_SERIES_MAX, description="Series ids, in place of a commune."
    )
    hours: int = Field(default=6, ge=1, le=168, description="How far back.")
    step: Step = Field(default=timedelta(minutes=15), description="ISO 8601 duration, PT1M to P1D.")


@router.get("/trends", operation_id="read_trends", response_model=Trends)
def read_trends(store: Store, asked: Annotated[TrendsQuery, Query()]) -> Response:
    """Return the recent means of all series of a commune, or of those named, for sparklines.

    The last step holds the present. A series that is not there, or not to be seen, is left out.
    """
    step, steps = asked.step, timedelta(hours=asked.hours) // asked.step
    if not 1 <= steps <= TREND_STEPS_MAX:
        raise ParameterInvalid(
            "step", f"{asked.hours} h hold {steps} of these steps, 1 to {TREND_STEPS_MAX} are allowed"
        )
    if (asked.commune is None) == (not asked.series):
        raise ParameterInvalid("commune", "either a commune is asked for, or some series")
    end = floor_to_step(now(), step) + step
    window = Window.ending(end, steps * step)
    if asked.commune is None:
        series = places.read_series_among(store, asked.series)
    else:
        series = places.read_commune_series(store, asked.commune)
    ids = np.array([one.series_id for one in series], dtype=np.int64)
    found = readings.read_step_columns(store, ids.tolist(), window, step)
    rows = np.full((len(series), steps), np.nan)
    places_of = (found.starts - to_microseconds(window.start)) // (step // MICROSECOND)
    rows[np.searchsorted(ids, found.series), places_of] = found.mean
    items = [
        _Trend(one.series_id, one.metric, metric_named(one.metric).unit, none_for_missing(row))
        for one, row in zip(series, rows, strict=True)
    ]
    return compact_response(_Trends(window.start, int(step.total_seconds()), items))


class ReadingsQuery(Answer):
    """Which readings of a series, and in which form."""

    start: From = None
    until: Until = None
    step: Step | None = Field(
        default=None, description="ISO 8601 duration, PT1M to P1D; without it the readings are raw."
    )
    as_of: AsOf = None
    after: Instant | None = Field(default=None, description="The `next` of the page before; raw readings only.")
    limit: int = Field(default=5_000, ge=1, le=ITEMS_MAX, description="Readings on a page at most.")


class _Reading(CompactAnswer, frozen=True, gc=False):
    observed_at: datetime
    value: float
    quality: int
    flags: list[FlagName]


class _Step(CompactAnswer, frozen=True, gc=False):
    start: datetime
    mean: float
    low: float
    high: float
    count: int


class _OfSeries(CompactAnswer, frozen=True, gc=False):
    items: Sequence[_Reading] | Sequence[_Step]
    next: str | None
    series_id: int
    metric: str
    unit: str
    step_s: int | None


@router.get("/series/{series_id}/readings", operation_id="read_readings", response_model=Readings | SteppedReadings)
def read_readings(series_id: SeriesId, asked: Annotated[ReadingsQuery, Query()], store: History) -> Response:
    """Return readings of a series observed in `[from, until)`, 400 days at most.

    Raw, they come by pages; with a step they come whole, at most 20,000 steps on a grid that starts with the year
    2000 in UTC, and readings marked bad are left out.
    """
    window = window_of(asked.start, asked.until)
    series = series_named(store, series_id)
    unit = metric_named(series.metric).unit
    if asked.step is None:
        items, following = _raw(store, series_id, window, asked)
        return compact_response(_OfSeries(items, following, series_id, series.metric, unit, None))
    if window.length / asked.step > ITEMS_MAX:
        raise ParameterInvalid("step", f"the window holds more than {ITEMS_MAX} steps")
    steps = readings.read_steps(store, [series_id], window, asked.step, as_of=asked.as_of)[series_id]
    stepped = [_Step(s.start, s.mean, s.low, s.high, s.count) for s in steps]
    step_s = int(asked.step.total_seconds())
    return compact_response(_OfSeries(stepped, None, series_id, series.metric, unit, step_s))


def _raw(store: History, series_id: int, window: Window, asked: ReadingsQuery) -> tuple[list[_Reading], str | None]:
    if asked.after is not None and asked.after >= window.start:
        # The store keeps microseconds: the next instant is the first that the page before does not hold.
        window = Window(min(asked.after + _MICROSECOND, window.end), window.end)
    page = readings.read_readings(store, series_id, window, as_of=asked.as_of, limit=asked.limit + 1)
    names = {flags: flag_names(flags) for flags in {one.flags for one in page}}
    items = [_Reading(one.observed_at, one.value, int(one.quality), names[one.flags]) for one in page[: asked.limit]]
    return items, format_instant(items[-1].observed_at) if len(page) > asked.limit else None
