"""Forecasts of a series with their uncertainty, and what makes them less sure."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.forecasts import QUANTILE_NAMES, Doubt, ForecastStep
from core.metrics import metric_named
from core.store import forecasts
from services.api.answers import Answer, Store, api_router, documented
from services.api.parameters import Instant, SeriesId
from services.api.problems import Code, Problem
from services.api.routes.sensors import series_named

router = api_router("forecasts")

_STEP = {
    "valid_at": "2026-03-02T08:15:00Z",
    "p05": 640.0,
    "p10": 670.0,
    "p25": 720.0,
    "p50": 780.0,
    "p75": 840.0,
    "p90": 905.0,
    "p95": 950.0,
    "naive": 760.0,
    "mean": 784.0,
}


class ForecastStepAnswer(Answer):
    """One step: its quantiles never decrease."""

    valid_at: datetime = Field(description="Start of the step.")
    p05: float
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float
    p95: float
    naive: float | None = Field(description="Seasonal naive forecast; null where there was no season to repeat.")
    mean: float | None = Field(
        description="The expected value, for sums such as energy; null where the naive stands in."
    )


class ForecastAnswer(Answer):
    """A forecast of one series, in the unit of its metric."""

    model_config = documented(
        {
            "series_id": 41,
            "metric": "co2_ppm",
            "unit": "ppm",
            "issued_at": "2026-03-02T08:15:00Z",
            "step_s": 900,
            "history_until": "2026-03-02T08:10:00Z",
            "model_id": 7,
            "fallback": None,
            "doubts": [],
            "steps": [_STEP],
        }
    )

    series_id: int
    metric: str
    unit: str
    issued_at: datetime = Field(description="The origin: nothing received later was used.")
    step_s: int
    history_until: datetime = Field(description="`observed_at` of the newest reading that was used.")
    model_id: int | None = Field(description="The model that made it, null for a fallback.")
    fallback: str | None = Field(description="Why the naive forecast stands in; null when a model spoke.")
    doubts: list[Doubt] = Field(description="What makes it less sure than usual.")
    steps: list[ForecastStepAnswer]


@router.get("/series/{series_id}/forecast", operation_id="read_forecast")
def read_forecast(
    series_id: SeriesId,
    store: Store,
    as_of: Annotated[Instant | None, Query(description="The newest issued by this instant. Default: now.")] = None,
) -> ForecastAnswer:
    """Return the newest forecast of a series, or the newest that was issued by an instant; 404 when there is none."""
    series = series_named(store, series_id)
    forecast = forecasts.read_forecast(store, series_id, as_of=as_of)
    if forecast is None:
        raise Problem(Code.NOT_FOUND, f"there is no forecast of series {series_id} yet")
    return ForecastAnswer(
        series_id=series_id,
        metric=series.metric,
        unit=metric_named(series.metric).unit,
        issued_at=forecast.issued_at,
        step_s=int(forecast.step.total_seconds()),
        history_until=forecast.history_until,
        model_id=forecast.model_id,
        fallback=forecast.fallback,
        doubts=list(forecast.doubts),
        steps=[_step(step) for step in forecast.steps],
    )


def _step(step: ForecastStep) -> ForecastStepAnswer:
    quantiles = dict(zip(QUANTILE_NAMES, step.quantiles, strict=True))
    return ForecastStepAnswer(valid_at=step.valid_at, naive=step.naive, mean=step.mean, **quantiles)
