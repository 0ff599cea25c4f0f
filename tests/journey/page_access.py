"""The lists of Accès and Audit behind the stubbed API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from page_town import COMMUNE, Row, iso

from core.roles import Grant, Role

if TYPE_CHECKING:
    from page_doors import StubDoor


def person_row(number: int, name: str, grants: Sequence[Grant], now: datetime) -> Row:
    """Return a local person as the API gives them."""
    seen = iso(now - timedelta(hours=number))
    row = {"person_id": number, "name": name, "email": "", "issuer": "", "local": True, "seen_at": seen}
    return {**row, "disabled_at": None, "grants": [grant_row(grant) for grant in grants]}


def token_row(number: int, name: str, end: datetime, now: datetime) -> Row:
    """Return a program's token as the API lists it."""
    made = {"made_by": "Nadia", "made_at": iso(now - timedelta(days=60)), "used_at": iso(now - timedelta(minutes=9))}
    grants = [grant_row(Grant(Role.ANALYST, COMMUNE))]
    return {"pass_id": number, "name": name, **made, "expires_at": iso(end), "revoked_at": None, "grants": grants}


def kept_acts(now: datetime) -> Iterator[Row]:
    """Return some acts, the newest first."""
    told: list[tuple[str, str, Row | None, Row | None]] = [
        ("decision_approved", "decision:12", {"state": "proposed"}, {"state": "approved", "note": ""}),
        ("sensor_moved", "sensor:sim-bin-005", {"site": "mairie", "at": None}, {"site": "ecole", "at": "2026-11-02"}),
        ("token_made", "pass:12", None, {"name": "Tableau de bord", "grants": [["analyst", COMMUNE]]}),
        ("sign_in_refused", "", None, None),
    ]
    for number, (what, target, before, after) in enumerate(told):
        who = {"kind": "door" if what == "sign_in_refused" else "session", "name": "Nadia", "address": "10.0.0.7"}
        yield {
            "number": 812 - number,
            "at": iso(now - timedelta(minutes=17 * number)),
            "who": {**who, "agent": "Firefox", "pass_id": 7, "person_id": 1},
            "what": what,
            "target": target,
            "commune_insee": COMMUNE if number < 3 else None,
            "before": before,
            "after": after,
            "hash": f"{number + 1:064x}",
        }


def grant_row(grant: Grant) -> Row:
    """Return a grant as the API gives it."""
    commune = "Noisy-le-Grand" if grant.commune_insee == COMMUNE else grant.commune_insee
    site = {"site_id": grant.site_id, "site_name": "École des Tilleuls" if grant.site_id else None}
    return {"role": grant.role, "commune_insee": grant.commune_insee, "commune_name": commune, **site}


def access_routers(door: StubDoor) -> Iterator[APIRouter]:
    """Return the routes of people, of programs, and of what was done."""
    yield _people_router(door)
    yield _programs_router(door)
    yield _audit_router(door)


def _people_router(door: StubDoor) -> APIRouter:
    router = APIRouter()

    @router.get("/people")
    def people() -> Row:
        return {"items": door.people, "next": None}

    @router.post("/people", status_code=201)
    async def invite(request: Request) -> Row:
        body: Row = await request.json()
        now = datetime.now(UTC)
        grants = [Grant(Role(one["role"]), one["commune_insee"], one["site_id"]) for one in body["grants"]]
        person = person_row(9, body["name"], grants, now) | {"seen_at": None}
        door.people.append(person)
        return {**person, "link": "/enter/abcdef", "expires_at": iso(now + timedelta(days=1))}

    @router.post("/people/{person_id}/disable")
    def disable(person_id: int) -> Row:
        person = next(one for one in door.people if one["person_id"] == person_id)
        person["disabled_at"] = iso(datetime.now(UTC))
        return person

    @router.put("/people/{person_id}/grants")
    async def grants(person_id: int, request: Request) -> Row:
        person = next(one for one in door.people if one["person_id"] == person_id)
        given = (await request.json())["grants"]
        person["grants"] = [grant_row(Grant(Role(one["role"]), one["commune_insee"], one["site_id"])) for one in given]
        return person

    @router.get("/group-grants")
    def groups() -> Row:
        return {"items": [{"group": "noisy-voirie", **grant_row(Grant(Role.CURB_MANAGER, COMMUNE))}], "next": None}

    return router


def _programs_router(door: StubDoor) -> APIRouter:
    router = APIRouter()

    @router.get("/tokens")
    def tokens() -> Row:
        return {"items": door.tokens, "next": None}

    @router.post("/tokens", status_code=201)
    async def make(request: Request) -> Row:
        body: Row = await request.json()
        token = token_row(21, body["name"], datetime.fromisoformat(body["expires_at"]), datetime.now(UTC)) | {
            "used_at": None
        }
        door.tokens.append(token)
        return {**token, "secret": "vigie_s3cret"}

    @router.delete("/tokens/{pass_id}", status_code=204)
    def revoke(pass_id: int) -> None:
        token = next(one for one in door.tokens if one["pass_id"] == pass_id)
        token["revoked_at"] = iso(datetime.now(UTC))

    @router.get("/webhooks")
    def webhooks() -> Row:
        return {"items": [_webhook(datetime.now(UTC))], "next": None}

    @router.get("/webhooks/{webhook_id}/deliveries")
    def deliveries(webhook_id: int) -> Row:
        now = datetime.now(UTC)
        row = {"delivery_id": webhook_id, "event": "decision.approved", "state": "taken", "tries": 1, "status": 200}
        return {"items": [{**row, "failure": "", "made_at": iso(now), "tried_at": iso(now)}], "next": None}

    return router


def _webhook(now: datetime) -> Row:
    state = {"state": "active", "failures": 2, "failure": "HTTP 503", "succeeded_at": iso(now - timedelta(hours=1))}
    about = {"webhook_id": 1, "name": "Astreinte", "url": "https://astreinte.example/vigie"}
    return {**about, "events": ["alarm.*", "decision.approved"], "communes": [COMMUNE], **state, "made_by": "Nadia"}


def _audit_router(door: StubDoor) -> APIRouter:
    router = APIRouter()

    @router.get("/audit")
    def audit(who: str = "", what: str = "") -> Row:
        found = [one for one in door.acts if who.lower() in one["who"]["name"].lower() and what in {"", one["what"]}]
        return {"items": found, "next": None, "verified": {"number": 811, "at": iso(datetime.now(UTC))}}

    return router
