"""Models as the API says them: how one came to be, how it does, which speaks, what is said against it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from core.metrics import Family
from core.model_life import SAID_MAX, Concern, Reign, StoredModel
from services.api.answers import Answer, Items, documented
from services.model_cards import SaidCard

CONCERN_MAX = 2_000
_NOT_TOLD = frozenset({"by_commune", "by_series", "local"})
"""Parts of a kept card that tell single communes or series apart: a model is of all, whoever reads it sees some."""
Why = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=SAID_MAX, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Said = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=CONCERN_MAX, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]+$"
    ),
]

_REIGN = {"model_id": 7, "since": "2026-03-02T02:00:41Z", "by": "vigie", "why": "first"}
_MODEL = {
    "model_id": 7,
    "metric": "co2_ppm",
    "trained_at": "2026-03-02T02:00:00Z",
    "history_start": "2025-11-02T02:00:00Z",
    "history_end": "2026-03-02T02:00:00Z",
    "rows": 120000,
    "series": 30,
    "duration_s": 41.5,
    "code_version": "0.7.0 models:1f0c3a9be211 git:131721c19f89",
    "seed": 1,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "energy_kwh": 0.00051,
    "co2e_g": 0.026,
    "why": "first",
    "parameters": {"rows_max": 120000},
    "card": {},
    "reigns": [_REIGN],
}
_ITEM = {
    "metric": "co2_ppm",
    "family": "air",
    "champion": _MODEL,
    "challenger": None,
    "days": 30,
    "steps": 21600,
    "skill": 0.27,
    "coverage_80": 0.8,
    "coverage_90": 0.9,
    "naive_share": 0.02,
    "naive_why": "short_history",
    "drifting": False,
    "trend": [{"day": "2026-03-01", "skill": 0.25, "coverage_90": 0.89}],
}
_CONCERN = {
    "concern_id": 3,
    "model_id": 7,
    "said_at": "2026-03-05T09:12:00Z",
    "by": "Yanis",
    "said": "Trop bas le lundi matin.",
}
_CARD = {
    "title": "Fiche du modèle 7 : CO₂",
    "sections": [
        {
            "heading": "À quoi il sert",
            "paragraphs": ["Ce modèle prévoit : CO₂, en ppm."],
            "rows": [["Horizon", "6 h, par pas de 5 min"]],
        }
    ],
}


class ReignAnswer(Answer):
    """Since when a model speaks for its metric, until the next reign of the metric."""

    model_id: int
    since: datetime
    by: str = Field(description="A person; `vigie` where a rule did.")
    why: str = Field(
        description="What the person wrote. Of a rule `first`, or JSON text: `rule` (`better`), `gain` (share of the "
        "`champion`'s pinball loss saved), `held_90`, on how many `steps` of how many `series` over how many `days`."
    )


class ModelAnswer(Answer):
    """A trained model: all that is needed to make it again, what it took, who let it speak when."""

    model_config = documented(_MODEL)

    model_id: int
    metric: str
    trained_at: datetime = Field(description="When training began: nothing received later was used.")
    history_start: datetime = Field(description="Start of the window it was fitted on.")
    history_end: datetime
    rows: int
    series: int
    duration_s: float = Field(description="How long training took.")
    code_version: str | None = Field(description="Version, digest of the sources, git commit; null for old models.")
    seed: int | None
    sha256: str | None = Field(description="Of the artifact, checked whenever it is loaded.")
    energy_kwh: float | None = Field(description="What training took, by the method of Green Algorithms.")
    co2e_g: float | None
    why: str = Field(description="Why it was trained: `schedule`, `first`, `drift`, `asked`.")
    parameters: dict[str, Any] = Field(description="How it was trained, in full.")
    card: dict[str, Any] = Field(description="Figures on held-out weeks, importances by family of features.")
    reigns: list[ReignAnswer] = Field(description="Who spoke for its metric since when, the earliest first.")


class TrendAnswer(Answer):
    """A local day (Europe/Paris) of what was issued."""

    day: date
    skill: float | None
    coverage_90: float | None


class ModelItem(Answer):
    """How a metric is forecast: who speaks, who is tried beside, how what was issued turned out lately."""

    model_config = documented(_ITEM)

    metric: str
    family: Family
    champion: ModelAnswer | None = Field(description="The model that speaks; null: the naive forecast does.")
    challenger: ModelAnswer | None = Field(description="The newest one, where it has never spoken.")
    days: int = Field(description="Over how many local days the figures are, of series that the pass sees.")
    steps: int = Field(description="Steps that came true.")
    skill: float | None = Field(description="Pinball loss saved against the naive: 0 no better, 1 perfect.")
    coverage_80: float | None = Field(description="Share of truths in [p10, p90].")
    coverage_90: float | None = Field(description="Share of truths in [p05, p95].")
    naive_share: float | None = Field(description="Share of the steps for which the naive forecast was issued.")
    naive_why: str | None = Field(
        description="Why it stands in most often in the newest forecasts; null where models speak for all series."
    )
    drifting: bool = Field(description="Whether an alarm of drift lasts.")
    trend: list[TrendAnswer]


class ModelItems(Items[ModelItem]):
    """Every metric that is measured and forecast."""

    model_config = documented({"items": [_ITEM], "next": None})


class CardSectionAnswer(Answer):
    """A part of a card."""

    heading: str
    paragraphs: list[str]
    rows: list[tuple[str, str]] = Field(description="Names and values.")


class CardAnswer(Answer):
    """The card of a model, in words."""

    model_config = documented(_CARD)

    title: str
    sections: list[CardSectionAnswer]


class PromotionBody(Answer):
    """Let this model speak."""

    model_config = documented({"why": "meilleur sur deux semaines, vérifié avec l’école"})

    why: Why = Field(description="For the record, and for whoever reads its card.")


class ConcernBody(Answer):
    """Something to be said against a model."""

    model_config = documented({"said": "Trop bas le lundi matin."})

    said: Said


class ConcernAnswer(Answer):
    """What somebody said against a model."""

    model_config = documented(_CONCERN)

    concern_id: int
    model_id: int
    said_at: datetime
    by: str
    said: str


class Concerns(Items[ConcernAnswer]):
    """What was said against a model, the newest first."""

    model_config = documented({"items": [_CONCERN], "next": None})


def model_answer(model: StoredModel, reigns: list[Reign]) -> ModelAnswer:
    """Return a model, with the reigns of its metric."""
    return ModelAnswer(
        model_id=model.model_id,
        metric=model.metric,
        trained_at=model.trained_at,
        history_start=model.history_start,
        history_end=model.history_end,
        rows=model.rows,
        series=model.series,
        duration_s=model.duration_s,
        code_version=model.code_version,
        seed=model.seed,
        sha256=model.sha256,
        energy_kwh=model.energy_kwh,
        co2e_g=model.co2e_g,
        why=model.why,
        parameters=model.parameters,
        card={name: value for name, value in model.card.items() if name not in _NOT_TOLD},
        reigns=[
            ReignAnswer(model_id=one.model_id, since=one.since, by=one.by, why=one.why)
            for one in reigns
            if one.metric == model.metric
        ],
    )


def concern_answer(concern: Concern) -> ConcernAnswer:
    """Return a concern."""
    return ConcernAnswer(
        concern_id=concern.concern_id,
        model_id=concern.model_id,
        said_at=concern.said_at,
        by=concern.by,
        said=concern.said,
    )


def card_answer(card: SaidCard) -> CardAnswer:
    """Return a card in words."""
    sections = [
        CardSectionAnswer(heading=one.heading, paragraphs=list(one.paragraphs), rows=list(one.rows))
        for one in card.sections
    ]
    return CardAnswer(title=card.title, sections=sections)
