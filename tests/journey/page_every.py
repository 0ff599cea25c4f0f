"""Every page with something on it: the stubbed town, and one proposal of each kind of decision made a moment ago."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from page_doors import StubDoor
from page_stub import stub_app
from page_town import COMMUNE, EMPTY_COMMUNE, Row, StubTown, iso
from playwright.sync_api import Page

from core.clock import floor_to_step

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
_NAMES = {
    "round": ("corbeilles", "Corbeilles de rue"),
    "load_shifting": ("hotel-de-ville", "Hôtel de ville"),
    "ventilation": ("ecole-des-coteaux", "École des Coteaux"),
    "bay": ("livraison", "Aires de livraison"),
}

EVERY: Mapping[str, str] = {
    "supervision": f"/supervision?commune={COMMUNE}",
    "supervision-empty": f"/supervision?commune={EMPTY_COMMUNE}",
    "supervision-kiosk": f"/supervision?commune={COMMUNE}&kiosk=1",
    "capteur": "/capteur?sensor=1",
    "alarmes": f"/alarmes?commune={COMMUNE}",
    "alarmes-maintenance": f"/alarmes?commune={COMMUNE}&view=maintenance",
    "alarmes-journal": f"/alarmes?commune={COMMUNE}&view=journal",
    "alarmes-told": f"/alarmes?commune={COMMUNE}&view=told",
    "donnees": f"/donnees?commune={COMMUNE}",
    "donnees-gaps": f"/donnees?commune={COMMUNE}&view=gaps",
    "donnees-completeness": f"/donnees?commune={COMMUNE}&view=completeness",
    "donnees-registry": f"/donnees?commune={COMMUNE}&view=registry",
    "donnees-ingest": f"/donnees?commune={COMMUNE}&view=ingest",
    "donnees-storage": f"/donnees?commune={COMMUNE}&view=storage",
    "donnees-health": f"/donnees?commune={COMMUNE}&view=health",
    "donnees-empty": f"/donnees?commune={EMPTY_COMMUNE}&view=registry",
    "modeles": "/modeles",
    "modeles-skill": "/modeles?metric=co2_ppm",
    "modeles-reliability": "/modeles?metric=co2_ppm&view=reliability",
    "modeles-places": "/modeles?metric=co2_ppm&view=places",
    "modeles-life": "/modeles?metric=co2_ppm&view=life",
    "modeles-card": "/modeles?metric=co2_ppm&view=card",
    "modeles-concerns": "/modeles?metric=co2_ppm&view=concerns",
    "tournees": f"/tournees?commune={COMMUNE}",
    "energie": f"/energie?commune={COMMUNE}",
    "air": f"/air?commune={COMMUNE}",
    "livraisons": f"/livraisons?commune={COMMUNE}",
    "acces": "/acces",
    "audit": "/audit",
    "signin": "/signin?next=%2Fsupervision",
    "enter": "/enter/abcdef",
}
"""Address of each page, of each of its views and of some of its states, by the name of its picture."""


SETTLED_MS = 6_000
_PACE_MS = 60
_SETTLED = "[...document.querySelectorAll('main .skeleton, main .ghost')].every((node) => !node.checkVisibility())"


def settle(page: Page) -> None:
    """Wait until nothing is a skeleton, or for six seconds. The pages' policy lets no script of ours poll inside."""
    for _ in range(SETTLED_MS // _PACE_MS):
        if page.evaluate(_SETTLED):
            return
        page.wait_for_timeout(_PACE_MS)


def every_app(town: StubTown, door: StubDoor | None = None) -> FastAPI:
    """Return the pages over a stubbed API on which every page has something to show."""
    app = stub_app(town, door)
    app.include_router(_decisions(datetime.now(UTC)), prefix="/api/v1")
    return app


def made_just_now(kind: str, number: int, at: datetime) -> Row:
    """Return the golden decision of a kind as if it had been made a moment before ``at``, as the API gives it."""
    golden = json.loads((GOLDEN / f"{kind}.json").read_text(encoding="utf-8"))["decision"]
    # By whole quarters, so that a window stays on its grid.
    moved = floor_to_step(at, timedelta(minutes=15)) - datetime.fromisoformat(golden["window"]["start"])
    code, name = _NAMES[kind]
    life = {"decision_id": number, "state": "proposed", "subject_name": name, "simulated": True, "answers": []}
    return {**_shifted(golden, moved), **life, "subject": f"{COMMUNE}:{code}"}


def _shifted(value: Any, moved: timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _shifted(inner, moved) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shifted(inner, moved) for inner in value]
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        return iso(datetime.fromisoformat(value) + moved)
    return value


def _decisions(at: datetime) -> APIRouter:
    router = APIRouter()
    made = {kind: made_just_now(kind, number, at) for number, kind in enumerate(_NAMES, start=1)}

    @router.get("/decisions")
    def decisions(kind: str, commune: str = COMMUNE) -> Row:
        return {"items": [made[kind]] if commune == COMMUNE and kind in made else [], "next": None}

    @router.get("/decisions/{decision_id}")
    def decision(decision_id: int) -> Row:
        return next(one for one in made.values() if one["decision_id"] == decision_id)

    @router.get("/decision-subjects")
    def subjects() -> Row:
        items = [
            {"kind": kind, "code": f"{COMMUNE}:{code}", "commune_insee": COMMUNE, "name": name}
            for kind, (code, name) in _NAMES.items()
        ]
        return {"items": items, "next": None}

    return router
