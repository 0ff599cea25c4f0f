"""What the tests of the decision pages share: a stubbed API that has decided and takes answers, and a visitor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from page_stub import serve, stub_app
from page_town import COMMUNE, iso, stub_town
from playwright.sync_api import Browser, Page


@dataclass
class Proposed:
    """What the stubbed API has decided, and what it was answered."""

    kind: str
    decisions: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)


def decision_router(proposed: Proposed) -> APIRouter:
    """Return the routes of decisions that a page asks."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/decisions")
    def decisions(kind: str, commune: str) -> dict[str, Any]:
        wanted = kind == proposed.kind and commune == COMMUNE
        return {"items": proposed.decisions if wanted else [], "next": None}

    @router.post("/decisions/{number}/answers", status_code=201)
    def answer(number: int, body: dict[str, Any]) -> dict[str, Any]:
        proposed.answers.append({"decision_id": number, **body})
        kept = next(one for one in proposed.decisions if one["decision_id"] == number)
        kept["state"] = body["state"]
        kept["answers"] = [{**body, "by": "Nadia", "at": iso(datetime.now(UTC))}]
        return kept

    @router.get("/decision-subjects")
    def subjects() -> dict[str, Any]:
        subject = {"kind": proposed.kind, "code": f"{COMMUNE}:1", "commune_insee": COMMUNE, "name": "Noisy"}
        return {"items": [subject], "next": None}

    return router


@contextmanager
def visiting(browser: Browser, proposed: Proposed, language: str = "fr-FR", width: int = 1440) -> Iterator[Page]:
    """Let a visitor in; anything that the console complains of fails the test."""
    app = stub_app(stub_town())
    app.include_router(decision_router(proposed))
    complaints: list[str] = []
    with serve(app) as url:
        context = browser.new_context(base_url=url, locale=language, viewport={"width": width, "height": 900})
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        yield page
        context.close()
    assert complaints == []
