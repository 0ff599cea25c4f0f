"""Why a forecast is what it is, and what it would be if it were colder, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import BoundedSemaphore
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from core.metrics import metric_named
from core.store.arrow import opened_arrow
from core.store.forecasts import read_forecast
from core.store.pool import Connection
from core.store.sensors import read_sensor
from models.features.table import FeatureFamily
from services.api.answers import Answer, History, HistoryDsn, api_router, documented, problem_responses
from services.api.parameters import AsOf, Instant, Language, SeriesId
from services.api.problems import Code, Problem, said
from services.api.routes.sensors import series_named
from services.explaining import Asked, Explainer, NothingToExplain, WhatIf, WhatIfRefused

router = api_router("forecasts")

AT_ONCE = 2
"""Explanations that a process computes at once; the others wait: each reads weeks of a commune."""
COLDER_C_MAX = 10.0
WAIT_S_MAX = 10.0
"""How long one waits for its turn, seconds; it holds a connection meanwhile."""
_TURNS = BoundedSemaphore(AT_ONCE)

_PUSH = {"family": "calendar", "label": "le jour et l’heure", "push": 95.0}
_EXPLANATION = {
    "valid_at": "2026-03-02T09:15:00Z",
    "issued_at": "2026-03-02T08:16:00Z",
    "model_id": 7,
    "median": 812.0,
    "start": 640.0,
    "pushes": [_PUSH, {"family": "recent", "label": "les dernières heures", "push": 60.0}],
    "rest": 17.0,
    "exact": True,
    "sentence": "Prévu : 812 ppm à 10:15, soit 172 ppm de plus que d’habitude : surtout la matinée de semaine (+95).",
}
_STEP = {"valid_at": "2026-03-02T09:00:00Z", "p10": 38.0, "p50": 44.0, "p90": 51.0, "p50_as_issued": 40.0}
_WHAT_IF = {
    "issued_at": "2026-03-02T08:01:00Z",
    "colder_c": 5.0,
    "steps": [_STEP],
    "sentence": "S’il faisait 5 °C de moins, la prévision passerait de 40 kW à 44 kW en moyenne (+10 %).",
}


class PushAnswer(Answer):
    """What a family of features adds to the median, or takes away."""

    family: FeatureFamily
    label: str = Field(description="What people call it.")
    push: float = Field(description="In the unit of the metric.")


class ExplanationAnswer(Answer):
    """Why a step is forecast as it is: `start` + all pushes + `rest` = `median`."""

    model_config = documented(_EXPLANATION)

    valid_at: datetime
    issued_at: datetime
    model_id: int | None = Field(description="The model that made it; null where the naive forecast stood in.")
    median: float = Field(description="As it was issued.")
    start: float = Field(description="What the model says when it knows nothing but the level of the series.")
    pushes: list[PushAnswer] = Field(description="The strongest first; empty where the naive forecast stood in.")
    rest: float = Field(description="What calibration and bounds changed afterwards.")
    exact: bool = Field(description="Whether what the pass sees gives the very median that was issued.")
    sentence: str


class WhatIfStepAnswer(Answer):
    """A step as it would be, beside the median that was issued."""

    valid_at: datetime
    p10: float
    p50: float
    p90: float
    p50_as_issued: float


class WhatIfAnswer(Answer):
    """A forecast as it would be if it were so many degrees colder: what the model learnt from such days."""

    model_config = documented(_WHAT_IF)

    issued_at: datetime
    colder_c: float
    steps: list[WhatIfStepAnswer]
    sentence: str


class ExplanationQuery(Answer):
    """Which step, of which forecast, in which language."""

    valid_at: Instant = Field(description="An instant that the step holds.")
    as_of: AsOf = None
    language: Language = "fr"


class WhatIfQuery(Answer):
    """How much colder, of which forecast, in which language."""

    colder_c: float = Field(
        default=5.0, ge=-COLDER_C_MAX, le=COLDER_C_MAX, allow_inf_nan=False, description="Below 0: warmer."
    )
    as_of: AsOf = None
    language: Language = "fr"


@router.get("/series/{series_id}/forecast/explanation", operation_id="read_explanation")
def read_explanation(
    series_id: SeriesId,
    asked: Annotated[ExplanationQuery, Query()],
    store: History,
    dsn: HistoryDsn,
    request: Request,
) -> ExplanationAnswer:
    """Say why a step of the newest forecast, or of the newest by `as_of`, is what it is.

    From the very model that made it and what was known then, as far as the pass sees it.
    """
    of = _asked(store, series_id, asked.as_of)
    with _explaining(store, dsn, request, asked.language) as explainer:
        try:
            told = explainer.why(of, asked.valid_at)
        except NothingToExplain as error:
            raise Problem(Code.NOT_FOUND, str(error)) from None
    return ExplanationAnswer(
        valid_at=told.valid_at,
        issued_at=told.issued_at,
        model_id=told.model_id,
        median=told.median,
        start=told.start,
        pushes=[PushAnswer(family=family, label=label, push=push) for family, label, push in told.pushes],
        rest=told.rest,
        exact=told.exact,
        sentence=told.sentence,
    )


@router.get("/series/{series_id}/forecast/what-if", operation_id="read_what_if", responses=problem_responses(409))
def read_what_if(
    series_id: SeriesId, asked: Annotated[WhatIfQuery, Query()], store: History, dsn: HistoryDsn, request: Request
) -> WhatIfAnswer:
    """Say what the newest forecast, or the newest by `as_of`, would be if it were so many degrees colder.

    409 where the weather has no part in it: the naive forecast stands in, the model learnt with no weather, or none
    was known.
    """
    of = _asked(store, series_id, asked.as_of)
    with _explaining(store, dsn, request, asked.language) as explainer:
        try:
            told = explainer.what_if(of, asked.colder_c)
        except WhatIfRefused as error:
            raise Problem(Code.STATE_REFUSED, said(f"what_if_{error.reason}")) from None
    return _what_if(told)


def _what_if(told: WhatIf) -> WhatIfAnswer:
    return WhatIfAnswer(
        issued_at=told.issued_at,
        colder_c=told.colder_c,
        steps=[
            WhatIfStepAnswer(
                valid_at=one.valid_at, p10=one.p10, p50=one.p50, p90=one.p90, p50_as_issued=one.p50_as_issued
            )
            for one in told.steps
        ],
        sentence=told.sentence,
    )


def _asked(store: Connection, series_id: int, as_of: datetime | None) -> Asked:
    series = series_named(store, series_id)
    forecast = read_forecast(store, series_id, as_of=as_of)
    if forecast is None:
        raise Problem(Code.NOT_FOUND, f"there is no forecast of series {series_id} yet")
    sensor = read_sensor(store, series.sensor_id)
    assert sensor is not None, "whoever sees a series sees its sensor"
    return Asked(forecast, metric_named(series.metric), sensor.site.commune_insee)


@contextmanager
def _explaining(store: Connection, dsn: str, request: Request, language: str) -> Iterator[Explainer]:
    if not _TURNS.acquire(timeout=WAIT_S_MAX):
        raise Problem(Code.STORE_BUSY, said("store_busy"))
    try:
        with opened_arrow(dsn) as arrow:
            yield Explainer(store, arrow, request.app.state.pages.catalogues[language])
    finally:
        _TURNS.release()
