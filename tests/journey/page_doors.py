"""The door behind the stubbed API: who is signed in with which roles, the forms, the visitor's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from page_access import access_routers, grant_row, kept_acts, person_row, token_row
from page_town import COMMUNE, Row, iso

from core.roles import RIGHTS, Grant, PassKind, Role, Visitor
from services.api.doors.visiting import MaybeVisiting

EVERY_ROLE = tuple(Grant(role) for role in Role if role is not Role.DRIVER)
CSRF = "token-of-this-session"
_maybe_visiting = get_args(MaybeVisiting)[1].dependency


@dataclass
class StubDoor:
    """Who is let in, and what was asked of the door; tests change it."""

    grants: Sequence[Grant] = EVERY_ROLE
    name: str = "Nadia"
    signed_in: bool = True
    decision_id: int | None = None
    people: list[Row] = field(default_factory=list)
    tokens: list[Row] = field(default_factory=list)
    acts: list[Row] = field(default_factory=list)
    sessions: list[Row] = field(default_factory=list)
    links: list[Row] = field(default_factory=list)

    @property
    def visitor(self) -> Visitor | None:
        """The visitor as the real door would have them."""
        if not self.signed_in:
            return None
        kind = PassKind.SESSION if self.decision_id is None else PassKind.LINK
        end = datetime.now(UTC) + timedelta(hours=8)
        return Visitor(7, kind, "key", self.name, tuple(self.grants), end, decision_id=self.decision_id)


def stub_door() -> StubDoor:
    """Return the door with some people, programs and acts behind it."""
    now = datetime.now(UTC)
    door = StubDoor()
    door.people = [
        person_row(1, "Nadia", EVERY_ROLE[:1], now),
        person_row(2, "Yanis", (Grant(Role.BUILDING_MANAGER, COMMUNE, 1), Grant(Role.ANALYST, COMMUNE)), now),
        person_row(3, "Camille", (Grant(Role.AUDITOR),), now) | {"disabled_at": iso(now - timedelta(days=3))},
    ]
    door.tokens = [
        token_row(11, "SIG de la commune", now + timedelta(days=200), now),
        token_row(12, "Tableau de bord de l’école", now + timedelta(days=12), now),
        token_row(13, "Essai de mars", now - timedelta(days=40), now),
    ]
    door.acts = list(kept_acts(now))
    door.sessions = [
        {"pass_id": 7, "made_at": iso(now), "used_at": iso(now), "expires_at": iso(now), "current": True},
        {
            "pass_id": 8,
            "made_at": iso(now - timedelta(hours=5)),
            "used_at": None,
            "expires_at": iso(now),
            "current": False,
        },
    ]
    return door


def install_door(app: FastAPI, door: StubDoor) -> None:
    """Let whoever ``door`` says into the pages, and refuse the API's operations to nobody (401)."""
    app.dependency_overrides[_maybe_visiting] = lambda: door.visitor
    app.include_router(_entry_router(door))
    for router in (_own_router(door), *access_routers(door)):
        app.include_router(router, prefix="/api/v1")

    @app.middleware("http")
    async def guard(request: Request, call_next: Any) -> Response:
        api = request.url.path.startswith("/api/")
        if api and not door.signed_in:
            return JSONResponse({"title": "Connexion requise", "code": "unauthenticated"}, status_code=401)
        if api and request.method not in {"GET", "HEAD"} and request.headers.get("x-csrf-token") != CSRF:
            return JSONResponse({"title": "Demande venue d’une autre page"}, status_code=403)
        answer: Response = await call_next(request)
        return answer


def _entry_router(door: StubDoor) -> APIRouter:
    router = APIRouter()

    @router.get("/signin")
    def signin(request: Request, next: str = "/", fault: str = "", provider: str = "") -> Response:  # noqa: A002 - a field
        shown = {"next": next, "form_token": CSRF, "name": "", "provider": provider, "wait_min": 14}
        pages = request.app.state.pages
        answer: Response = pages.answer(request, "signin", 200 if not fault else 403, fault=fault, **shown)
        return answer

    @router.post("/signin")
    async def sign_in(request: Request) -> Response:
        form = await request.form()
        shown = {"next": form["next"], "form_token": CSRF, "name": form["name"], "provider": "", "wait_min": 14}
        if form["password"] != "cinq mots sans aucun lien":
            fault = "locked" if form["name"] == "bloqué" else "wrong"
            pages = request.app.state.pages
            answer: Response = pages.answer(request, "signin", 403, fault=fault, **shown)
            return answer
        door.signed_in = True
        return RedirectResponse(str(form["next"]), status_code=303)

    @router.post("/signout")
    def sign_out() -> Response:
        door.signed_in = False
        return RedirectResponse("/signin", status_code=303)

    @router.get("/signout")
    def leave() -> Response:
        return RedirectResponse("/signin", status_code=303)

    @router.get("/enter/{key}")
    def enter(request: Request, key: str, fault: str = "") -> Response:
        shown = {"key": key, "form_token": CSRF, "name": "administrateur", "may_set_password": True}
        pages = request.app.state.pages
        answer: Response = pages.answer(request, "enter", fault="gone" if key == "used" else fault, **shown)
        return answer

    @router.post("/enter/{key}")
    async def entered(key: str) -> Response:
        door.signed_in = bool(key)
        return RedirectResponse("/", status_code=303)

    return router


def _own_router(door: StubDoor) -> APIRouter:
    router = APIRouter()

    @router.get("/me")
    def me() -> Row:
        visitor = door.visitor
        assert visitor is not None
        rights = [
            {"right": right, "commune_insee": grant.commune_insee, "site_id": grant.site_id}
            for grant in visitor.grants
            for right in sorted(RIGHTS[grant.role])
        ]
        return {
            "name": visitor.name,
            "kind": visitor.kind,
            "pass_id": visitor.pass_id,
            "person_id": 1,
            "local": True,
            "grants": [grant_row(grant) for grant in visitor.grants],
            "rights": rights,
            "csrf": CSRF,
            "expires_at": iso(visitor.expires_at),
            "language": "fr",
            "decision_id": visitor.decision_id,
        }

    @router.get("/sessions")
    def sessions() -> Row:
        return {"items": door.sessions, "next": None}

    @router.delete("/sessions/{pass_id}", status_code=204)
    def end(pass_id: int) -> None:
        door.sessions = [one for one in door.sessions if one["pass_id"] != pass_id]

    @router.get("/decisions/{decision_id}/links")
    def links(decision_id: int) -> Row:
        return {"items": [one for one in door.links if one["decision_id"] == decision_id], "next": None}

    @router.delete("/decisions/{decision_id}/links/{pass_id}", status_code=204)
    def withdraw(decision_id: int, pass_id: int) -> None:
        door.links = [one for one in door.links if (one["decision_id"], one["pass_id"]) != (decision_id, pass_id)]

    @router.post("/decisions/{decision_id}/links", status_code=201)
    async def link(decision_id: int, request: Request) -> Row:
        body: Row = await request.json()
        made = {**body, "pass_id": 31, "decision_id": decision_id, "revoked_at": None}
        door.links.append(made)
        return {**made, "link": "/round/abcdef"}

    return router
