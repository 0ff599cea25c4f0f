"""The models that forecast: how they do, how one came to be, which one speaks, and what people say against it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Path, Request

from core.clock import PARIS, now
from core.metrics import Metric, forecast_metrics
from core.model_life import Concern, Reign, StoredModel
from core.roles import Right
from core.scores import Sums
from core.store import models as kept
from core.store.fallbacks import read_fallbacks
from core.store.pool import Connection
from core.store.scores import read_trends
from models.cards import card_of
from services.api.acting import Acting, demand
from services.api.answers import Store, api_router, problem_responses
from services.api.doors.visiting import Visiting
from services.api.model_answers import (
    CardAnswer,
    ConcernAnswer,
    ConcernBody,
    Concerns,
    ModelAnswer,
    ModelItem,
    ModelItems,
    PromotionBody,
    TrendAnswer,
    card_answer,
    concern_answer,
    model_answer,
)
from services.api.parameters import ID_MAX, Language
from services.api.problems import Code, Problem
from services.drift import is_drifting
from services.model_cards import LIVE_DAYS, read_card_facts, said_card, whole_of

router = api_router("forecasts")

ModelId = Annotated[int, Path(ge=1, le=ID_MAX)]


@router.get("/models", operation_id="read_models")
def read_models(store: Store) -> ModelItems:
    """List every metric that is measured and forecast: who speaks, who is tried beside, how it did for 30 days."""
    at = now()
    trends = read_trends(store, (at.astimezone(PARIS) - timedelta(days=LIVE_DAYS)).date())
    measured = kept.read_measured_metrics(store)
    fallbacks = read_fallbacks(store, sorted(measured))
    items = [
        _item(store, metric, trends.get(metric.name, []), at, fallbacks.get(metric.name))
        for metric, _ in forecast_metrics()
        if metric.name in measured
    ]
    return ModelItems(items=items)


@router.get("/models/{model_id}", operation_id="read_model")
def read_model(model_id: ModelId, store: Store) -> ModelAnswer:
    """Return a model: all that is needed to make it again, what it took, who spoke for its metric since when."""
    return _told(store, _named(store, model_id))


@router.get("/models/{model_id}/card", operation_id="read_model_card")
def read_model_card(model_id: ModelId, language: Language, store: Store, request: Request) -> CardAnswer:
    """Return a model's card in words, generated from the facts; live figures are of series that the pass sees."""
    facts = read_card_facts(store, model_id, now())
    if facts is None:
        raise _absent(model_id)
    return card_answer(said_card(card_of(facts), request.app.state.pages.catalogues[language]))


@router.post(
    "/models/{model_id}/promotion", operation_id="write_model_promotion", responses=problem_responses(403, 409, 413)
)
def promote_model(model_id: ModelId, body: PromotionBody, store: Acting, visitor: Visiting) -> ModelAnswer:
    """Let a model speak for its metric from now on; an earlier one again: that is how to roll back. It is recorded.

    Forecasts that were issued stay as they are; the next ones are its own.
    """
    demand(visitor, Right.OPERATE, None)
    model = _named(store, model_id)
    try:
        kept.promote(store, Reign(model.metric, now(), model_id, visitor.name, body.why))
    except ValueError as error:
        raise Problem(Code.STATE_REFUSED, str(error)) from None
    return _told(store, model)


@router.get("/models/{model_id}/concerns", operation_id="read_model_concerns")
def read_model_concerns(model_id: ModelId, store: Store) -> Concerns:
    """List what was said against a model, the newest first; the newest thousand."""
    _named(store, model_id)
    return Concerns(items=[concern_answer(one) for one in kept.read_concerns(store, model_id)])


@router.post(
    "/models/{model_id}/concerns",
    operation_id="add_model_concern",
    status_code=201,
    responses=problem_responses(403, 413),
)
def doubt_model(model_id: ModelId, body: ConcernBody, store: Acting, visitor: Visiting) -> ConcernAnswer:
    """Say something against a model: it is kept for ever under its author's name, shown with the model and recorded."""
    _named(store, model_id)
    concern = Concern(model_id, now().replace(microsecond=0), visitor.name, body.said)
    return concern_answer(replace(concern, concern_id=kept.write_concern(store, concern)))


def _item(
    store: Connection, metric: Metric, trend: list[tuple[date, Sums]], at: datetime, naive_why: str | None
) -> ModelItem:
    champion = kept.read_champion(store, metric.name, as_of=at)
    challenger = kept.read_challenger(store, metric.name, as_of=at)
    whole = whole_of([sums for _, sums in trend], 0)
    return ModelItem(
        metric=metric.name,
        family=metric.family,
        champion=_told(store, champion) if champion else None,
        challenger=_told(store, challenger) if challenger else None,
        days=LIVE_DAYS,
        steps=whole.steps,
        skill=whole.skill,
        coverage_80=whole.coverage_80,
        coverage_90=whole.coverage_90,
        naive_share=whole.naive_share,
        naive_why=naive_why,
        drifting=is_drifting(store, metric.name, at),
        trend=[TrendAnswer(day=day, skill=sums.skill, coverage_90=sums.coverage_90) for day, sums in trend],
    )


def _told(store: Connection, model: StoredModel) -> ModelAnswer:
    return model_answer(model, kept.read_reigns(store, model.metric))


def _named(store: Connection, model_id: int) -> StoredModel:
    model = kept.read_model(store, model_id)
    if model is None:
        raise _absent(model_id)
    return model


def _absent(model_id: int) -> Problem:
    return Problem(Code.NOT_FOUND, f"there is no model {model_id}")
