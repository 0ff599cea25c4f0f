"""Rules, maintenance windows and subscriptions behind the stubbed API; what was asked of them is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

Row = dict[str, Any]
COMMUNE = "93051"


@dataclass
class StubRules:
    """What raises alarms, where nobody is called out, who is told; tests change it."""

    rules: list[Row] = field(default_factory=list)
    windows: list[Row] = field(default_factory=list)
    subscriptions: list[Row] = field(default_factory=list)
    asked: list[tuple[str, Row]] = field(default_factory=list)


def rule_row(rule_id: int, title: str, said: str, **other: Any) -> Row:
    """Return a rule as the API has it."""
    return {
        "rule_id": rule_id,
        "preset": None,
        "name": "",
        "condition": "threshold",
        "metric": "co2_ppm",
        "kind": None,
        "commune_insee": None,
        "site_id": None,
        "sensor_id": None,
        "parameters": {"side": "above", "raise": 1500.0, "clear": 1300.0, "minutes": 10.0},
        "severity": "warning",
        "escalate_after_s": None,
        "enabled": True,
        "source": "",
        "source_url": "",
        "since": "2026-11-01T08:00:00Z",
        "until": None,
        "made_by": "vigie",
        "replaces": None,
        "title": title,
        "said": said,
        **other,
    }


def town_rules(now: datetime) -> StubRules:
    """Return four rules that come with Vigie, one of them off, and one of the commune; two windows, a subscriber."""
    decree: Row = {
        "source": "Arrêté du 27 décembre 2022, article 4",
        "source_url": "https://www.legifrance.gouv.fr/jorf/id/JORFTEXT000046830005",
    }
    who: Row = {"source": "OMS, lignes directrices 2021", "source_url": "https://www.who.int/"}
    co2, ppm = "CO₂ au moins à 1\u202f500\u00a0ppm", "pendant 10\u00a0min"
    rules = [
        rule_row(1, "CO₂ très élevé", f"{co2}, {ppm}", preset="co2_1500", severity="critical", **decree),
        rule_row(2, "CO₂ élevé", "CO₂ au moins à 800\u00a0ppm", preset="co2_800", enabled=False, **decree),
        rule_row(
            3, "NO₂ au-dessus du jour", "NO₂ au moins à 25\u00a0µg/m³", preset="no2_day", metric="no2_ugm3", **who
        ),
        rule_row(
            4,
            "Capteur muet",
            "plus de nouvelles, au-delà de ce que son rythme rend habituel",
            preset="silence",
            condition="silence",
            metric=None,
            parameters={"factor": 1.0},
        ),
        rule_row(
            5,
            "Colonnes presque pleines",
            "Remplissage au moins à 90\u00a0%",
            name="Colonnes presque pleines",
            metric="fill_ratio",
            kind="bin",
            commune_insee=COMMUNE,
            made_by="Nadia",
            parameters={"side": "above", "raise": 0.9, "clear": 0.8},
            escalate_after_s=7_200,
        ),
    ]
    return StubRules(rules, town_windows(now), [subscription_row(now)])


def town_windows(now: datetime) -> list[Row]:
    """Return a window that is open, on a site, and one that is over, of a sensor."""
    shared = {"commune_insee": COMMUNE, "made_at": _iso(now), "made_by": "Nadia", "cancelled_at": None}
    hour = timedelta(hours=1)
    here = {"start_at": _iso(now - hour), "end_at": _iso(now + 3 * hour), "why": "Remplacement des sondes"}
    over = {"start_at": _iso(now - 50 * hour), "end_at": _iso(now - 46 * hour), "why": "Nettoyage"}
    return [
        {"maintenance_id": 1, "site_id": 1, "sensor_id": None, **shared, **here},
        {"maintenance_id": 2, "site_id": None, "sensor_id": 5, **shared, **over},
    ]


def subscription_row(now: datetime) -> Row:
    """Return a subscription for office hours."""
    return {
        "subscription_id": 1,
        "address": "nadia@ville.example",
        "communes": [COMMUNE],
        "severity_min": "warning",
        "timetable": [[day, "08:00", "18:00"] for day in range(5)],
        "digest_min": 30,
        "mails_per_hour_max": 12,
        "language": "fr",
        "paused": False,
        "made_at": _iso(now),
        "waiting": 0,
        "sent_at": _iso(now - timedelta(hours=2)),
        "failure": "",
    }


def alarm_rules_router(stub: StubRules) -> APIRouter:
    """Return the operations on rules, windows and subscriptions, answered from ``stub``."""
    router = APIRouter()
    router.include_router(_rules(stub))
    router.include_router(_windows(stub))
    router.include_router(_subscriptions(stub))

    @router.get("/alarms.csv")
    def journal() -> Response:
        return Response("alarme;levée\r\n", headers={"Content-Disposition": 'attachment; filename="alarmes.csv"'})

    return router


def _rules(stub: StubRules) -> APIRouter:
    router = APIRouter()

    @router.get("/alarm-rules")
    def rules() -> Row:
        return {"items": stub.rules, "next": None}

    @router.post("/alarm-rules", status_code=201)
    async def add(request: Request) -> Row:
        body = await _kept(stub, "add", request)
        stub.rules.append(rule_row(len(stub.rules) + 1, body["name"] or "limite", "…", **body))
        return stub.rules[-1]

    @router.post("/alarm-rules/trial")
    async def trial(request: Request) -> Row:
        await _kept(stub, "trial", request)
        since = datetime.now(UTC) - timedelta(days=2)
        example = {"sensor": "Salle 12", "since": _iso(since), "until": _iso(since + timedelta(minutes=50))}
        told = {"series": 6, "series_left": 0, "examples": [example, {**example, "until": None}]}
        return {"alarms": 14, "sensors": 3, "per_sensor_month": 1.4, **told}

    @router.put("/alarm-rules/{rule_id}")
    async def write(rule_id: int, request: Request) -> Row:
        body = await _kept(stub, "write", request)
        rule = next(one for one in stub.rules if one["rule_id"] == rule_id)
        rule |= body
        return rule

    @router.delete("/alarm-rules/{rule_id}", status_code=204)
    def remove(rule_id: int) -> None:
        stub.rules = [one for one in stub.rules if one["rule_id"] != rule_id]

    return router


def _windows(stub: StubRules) -> APIRouter:
    router = APIRouter()

    @router.get("/maintenance")
    def windows() -> Row:
        return {"items": stub.windows, "next": None}

    @router.post("/maintenance", status_code=201)
    async def announce(request: Request) -> Row:
        body = await _kept(stub, "announce", request)
        stub.windows.append({**stub.windows[0], **body, "maintenance_id": len(stub.windows) + 1})
        return stub.windows[-1]

    @router.delete("/maintenance/{maintenance_id}", status_code=204)
    def cancel(maintenance_id: int) -> None:
        window = next(one for one in stub.windows if one["maintenance_id"] == maintenance_id)
        window["cancelled_at"] = _iso(datetime.now(UTC))

    return router


def _subscriptions(stub: StubRules) -> APIRouter:
    router = APIRouter()

    @router.get("/me/subscriptions")
    def subscriptions() -> Row:
        return {"items": stub.subscriptions, "next": None}

    @router.post("/me/subscriptions", status_code=201)
    async def subscribe(request: Request) -> Row:
        body = await _kept(stub, "subscribe", request)
        own = {"sent_at": None, "failure": "", "subscription_id": len(stub.subscriptions) + 1}
        stub.subscriptions.append({**subscription_row(datetime.now(UTC)), **body, **own})
        return stub.subscriptions[-1]

    @router.put("/me/subscriptions/{subscription_id}")
    async def write(subscription_id: int, request: Request) -> Row:
        body = await _kept(stub, "resubscribe", request)
        found = next(one for one in stub.subscriptions if one["subscription_id"] == subscription_id)
        found |= body
        return found

    @router.delete("/me/subscriptions/{subscription_id}", status_code=204)
    def remove(subscription_id: int) -> None:
        stub.subscriptions = [one for one in stub.subscriptions if one["subscription_id"] != subscription_id]

    @router.post("/me/subscriptions/{subscription_id}/test", status_code=202)
    async def test(subscription_id: int, request: Request) -> Row:
        return {**await _kept(stub, "test", request), "subscription_id": subscription_id}

    return router


async def _kept(stub: StubRules, what: str, request: Request) -> Row:
    body: Row = await request.json()
    stub.asked.append((what, body))
    return body


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
