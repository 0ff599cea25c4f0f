"""How the platform itself does, in sentences: what is well, what wants a look, and what to do next."""

from __future__ import annotations

from fastapi import Request
from pydantic import Field

from core.clock import now
from core.decisions import Value
from services.api.answers import Answer, Items, Store, api_router, documented, problem_responses
from services.api.parameters import Language
from services.health import Finding, Level, findings
from services.health_reading import read_seen
from services.words import Catalogue

router = api_router("process")

_FINDING = {
    "key": "lanes",
    "level": "watch",
    "title": "Collecte",
    "detail": "Une voie sur 2 est en retard : rien n’est perdu, le serveur MQTT garde les messages.",
    "next": "Voir si la base est lente, ou si un capteur envoie trop (Données, Collecte).",
    "figures": {"lanes": 2, "p50_s": 0.31, "p95_s": 1.18},
}


class FindingAnswer(Answer):
    """One thing that is said of the platform."""

    key: str = Field(description="What it is about: `lanes`, `refusals`, `judging`, `queue`, `storage` ...")
    level: Level
    title: str
    detail: str = Field(description="How it is.")
    next: str | None = Field(description="What to do; null where all is well.")
    figures: dict[str, Value] = Field(description="What it was judged by; the unit stands last in each name.")


class Health(Items[FindingAnswer]):
    """The gravest first, else in the order of a message's way through the platform."""

    model_config = documented({"items": [_FINDING], "next": None})


@router.get("/health/explained", operation_id="read_health_explained", responses=problem_responses(401, 403))
def read_health_explained(request: Request, store: Store, language: Language = "fr") -> Health:
    """Return how the platform does: collection, judging, jobs, models, storage, backup, what is told to others."""
    seen = read_seen(store, request.app.state.health_limits, now())
    catalogue: Catalogue = request.app.state.pages.catalogues[language]
    return Health(items=[_answer(one, catalogue) for one in findings(seen)])


def _answer(finding: Finding, catalogue: Catalogue) -> FindingAnswer:
    return FindingAnswer(
        key=finding.key,
        level=finding.level,
        title=catalogue.said(finding.title),
        detail=catalogue.said(finding.detail),
        next=catalogue.said(finding.next) if finding.next else None,
        figures=dict(finding.figures),
    )
