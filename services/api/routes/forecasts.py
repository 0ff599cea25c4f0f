"""Forecasts of a series with their uncertainty, and the models that make them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from core.forecasts import QUANTILE_NAMES, ForecastStep
from core.metrics import metric_named
from core.store import forecasts
from services.api.answers import Answer, Items, Store, api_router, documented
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
}
_MODEL = {
    "model_id": 7,
    "metric": "co2_ppm",
    "trained_at": "2026-03-02T02:00:00Z",
    "history_start": "2025-11-02T00:00:00Z",
    "history_end": "2026-03-02T00:00:00Z",
    "rows": 120000,
    "series": 30,
    "duration_s": 41.5,
    "card": {},
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
    steps: list[ForecastStepAnswer]


class ModelAnswer(Answer):
    """A trained model and its card."""

    model_config = documented(_MODEL)

    model_id: int
    metric: str
    trained_at: datetime
    history_start: datetime = Field(description="Start of the window it was fitted on.")
    history_end: datetime
    rows: int
    series: int
    duration_s: float = Field(description="How long the fit took.")
    card: dict[str, Any] = Field(description="Features, settings and validation scores.")


class Models(Items[ModelAnswer]):
    """The newest model of each metric."""

    model_config = documented({"items": [_MODEL], "next": None})


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
        steps=[_step(step) for step in forecast.steps],
    )


@router.get("/models", operation_id="read_models")
def read_models(store: Store) -> Models:
    """List the newest model of each metric with its card."""
    return Models(items=[_model(model) for model in forecasts.read_models(store)])


def _step(step: ForecastStep) -> ForecastStepAnswer:
    quantiles = dict(zip(QUANTILE_NAMES, step.quantiles, strict=True))
    return ForecastStepAnswer(valid_at=step.valid_at, naive=step.naive, **quantiles)


def _model(model: forecasts.StoredModel) -> ModelAnswer:
    assert model.model_id is not None, "a model of the store has its id"
    return ModelAnswer(
        model_id=model.model_id,
        metric=model.metric,
        trained_at=model.trained_at,
        history_start=model.history_start,
        history_end=model.history_end,
        rows=model.rows,
        series=model.series,
        duration_s=model.duration_s,
        card=model.card,
    )
