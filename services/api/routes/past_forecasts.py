"""Past forecasts of a series against what came."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.clock import EPOCH, PARIS, now
from core.forecasts import QUANTILE_NAMES
from core.metrics import metric_named
from services.api.answers import Answer, Store, api_router, documented
from services.api.parameters import Day, SeriesId
from services.api.problems import ParameterInvalid
from services.api.routes.sensors import series_named
from services.past_forecasts import PastDay, PastStep, Record, read_past_day, read_record

router = api_router("forecasts")

RECORD_DAYS = 30
AHEAD_DAYS_MAX = 2
_STEP = {
    "valid_at": "2026-03-02T08:00:00Z",
    "issued_at": "2026-03-01T22:45:00Z",
    "p10": 670.0,
    "p50": 780.0,
    "p90": 905.0,
    "naive": 760.0,
    "came": 801.2,
    "hit": True,
}
_RECORD = {
    "days": 30,
    "steps": 4320,
    "coverage_80": 0.81,
    "absolute_error": 74.0,
    "absolute_error_naive": 121.0,
    "gain": 0.39,
    "gain_low": 0.34,
    "gain_high": 0.43,
    "naive_share": 0.0,
}
_PAST = {
    "series_id": 41,
    "metric": "co2_ppm",
    "unit": "ppm",
    "day": "2026-03-02",
    "start": "2026-03-01T23:00:00Z",
    "end": "2026-03-02T23:00:00Z",
    "step_s": 300,
    "hits": 78,
    "judged": 96,
    "steps": [_STEP],
    "record": _RECORD,
}


class PastStepAnswer(Answer):
    """A step as it was expected, and as it came."""

    valid_at: datetime
    issued_at: datetime = Field(description="Of the forecast that told of it, before the stretch that it is part of.")
    p10: float
    p50: float
    p90: float
    naive: float | None
    came: float | None = Field(description="Null where nothing is known of it, or it is not over.")
    hit: bool | None = Field(description="Whether it came within p10 to p90; null where that says nothing.")


class RecordAnswer(Answer):
    """How what was issued turned out over the last days."""

    days: int = Field(description="Days that were scored.")
    steps: int
    coverage_80: float = Field(description="Share of what came within p10 to p90; 0.8 is promised.")
    absolute_error: float = Field(description="Mean error of p50, in `unit`.")
    absolute_error_naive: float
    gain: float | None = Field(description="Share of the naive's loss that was saved.")
    gain_low: float | None = Field(description="p10 of it over days drawn again; null with fewer than 7 days.")
    gain_high: float | None
    naive_share: float = Field(description="Share of the steps for which the naive forecast itself was issued.")


class PastForecast(Answer):
    """A local day as it was expected, beside what came."""

    model_config = documented(_PAST)

    series_id: int
    metric: str
    unit: str
    day: date
    start: datetime
    end: datetime
    step_s: int | None = Field(description="Null where nothing was forecast of the day.")
    hits: int = Field(description="Steps that came within p10 to p90,")
    judged: int = Field(description="of so many of which that can be said.")
    steps: list[PastStepAnswer]
    record: RecordAnswer | None = Field(description="Over the last 30 days; null where nothing was scored yet.")


@router.get("/series/{series_id}/forecasts/past", operation_id="read_past_forecast")
def read_past_forecast(
    series_id: SeriesId,
    store: Store,
    day: Annotated[Day | None, Query(description="Of Europe/Paris. Default: today.")] = None,
    days: Annotated[int, Query(ge=1, le=400, description="How many days `record` looks back.")] = RECORD_DAYS,
) -> PastForecast:
    """Return a local day as it was expected before it began, beside what came of it.

    By the newest forecast issued before the day began; where that ends before the day does, the newest issued before
    its end goes on. Of what fills up until somebody empties it, nothing is judged after that.
    """
    series = series_named(store, series_id)
    metric = metric_named(series.metric)
    at = now()
    today = at.astimezone(PARIS).date()
    wanted = day or today
    if not EPOCH.date() <= wanted <= today + timedelta(days=AHEAD_DAYS_MAX):
        raise ParameterInvalid("day", f"from the year 2000 on, at most {AHEAD_DAYS_MAX} days ahead")
    past = read_past_day(store, series_id, metric, wanted, at)
    record = read_record(store, series_id, days, at)
    hits, judged = past.hits
    return PastForecast(
        series_id=series_id,
        metric=metric.name,
        unit=metric.unit,
        day=wanted,
        start=past.window.start,
        end=past.window.end,
        step_s=None if past.step is None else int(past.step.total_seconds()),
        hits=hits,
        judged=judged,
        steps=_steps(past),
        record=None if record is None else _record(record),
    )


def _steps(past: PastDay) -> list[PastStepAnswer]:
    return [_step(one) for one in past.steps]


def _step(one: PastStep) -> PastStepAnswer:
    told = dict(zip(QUANTILE_NAMES, one.expected.quantiles, strict=True))
    return PastStepAnswer(
        valid_at=one.expected.valid_at,
        issued_at=one.issued_at,
        p10=told["p10"],
        p50=told["p50"],
        p90=told["p90"],
        naive=one.expected.naive,
        came=one.came,
        hit=one.hit,
    )


def _record(record: Record) -> RecordAnswer:
    sums = record.sums
    low, high = record.gain or (None, None)
    return RecordAnswer(
        days=record.days,
        steps=sums.steps,
        coverage_80=sums.within_80 / sums.steps,
        absolute_error=sums.absolute_error / sums.steps,
        absolute_error_naive=sums.absolute_error_naive / sums.steps,
        gain=sums.skill,
        gain_low=low,
        gain_high=high,
        naive_share=sums.steps_naive / sums.steps,
    )
