"""Alarms behind the stubbed API: the queue of the small commune, and what a person does with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from core.alarms import FOLLOWED

if TYPE_CHECKING:
    from page_town import StubTown

Row = dict[str, Any]
COMMUNE = "93051"
ROOM_ALARM, BIN_ALARM, POWER_ALARM, GATEWAY_ALARM, BATTERY_ALARM, STUCK_ALARM, MUTED_ALARM, CLEARED_ALARM = range(1, 9)
OPEN_STATES = ("raised", "acknowledged", "snoozed", "muted")
_URGENCY = ("critical", "warning", "info")
_PERSON = "technicien"
_PAST = {
    "acknowledge": "acknowledged",
    "unacknowledge": "unacknowledged",
    "snooze": "snoozed",
    "unsnooze": "unsnoozed",
    "assign": "assigned",
    "comment": "commented",
}

# What people read, in both languages: title, detail, why.
_SAID: dict[int, dict[str, tuple[str, str, str]]] = {
    ROOM_ALARM: {
        "fr": (
            "CO₂ élevé, salle 12",
            "École des Tilleuls · attendu 900 à 1\u202f250\u00a0ppm à cette heure",
            "Au-dessus de 1\u202f500\u00a0ppm depuis 24\u00a0min. Retour à la normale sous 1\u202f300\u00a0ppm.",
        ),
        "en": (
            "CO₂ high, salle 12",
            "École des Tilleuls · 900 to 1,250\u00a0ppm expected at this hour",
            "Above 1,500\u00a0ppm for 24\u00a0min. Back to normal under 1,300\u00a0ppm.",
        ),
    },
    BIN_ALARM: {
        "fr": (
            "Colonne verre 41 presque pleine",
            "Rue des Charmes · débordera vers 15\u00a0h, prochaine tournée ce soir",
            "8 fois sur 10, pleine avant la prochaine tournée.",
        ),
        "en": (
            "Glass bank 41 nearly full",
            "Rue des Charmes · overflows at about 15:00, next round tonight",
            "8 times out of 10, full before the next round.",
        ),
    },
    POWER_ALARM: {
        "fr": (
            "Puissance anormale, sous-station B",
            "Gymnase des Peupliers · +58\u00a0% sur l’attendu, bâtiment fermé",
            "Au-dessus de ce qui était prévu 19 fois sur 20, depuis 38\u00a0min.",
        ),
        "en": (
            "Unusual power, sous-station B",
            "Gymnase des Peupliers · 58% above the expected, building closed",
            "Above what was forecast 19 times out of 20, for 38\u00a0min.",
        ),
    },
    GATEWAY_ALARM: {
        "fr": (
            "Passerelle du stade, 3 capteurs muets",
            "Même origine probable\u00a0: la passerelle, pas les capteurs",
            "3 capteurs surtout entendus par cette passerelle se taisent depuis le même quart d’heure.",
        ),
        "en": (
            "Stadium gateway, 3 sensors silent",
            "Probably one cause: the gateway, not the sensors",
            "3 sensors mostly heard by this gateway fell silent within the same quarter of an hour.",
        ),
    },
    BATTERY_ALARM: {
        "fr": (
            "Pile faible, aire de livraison 7",
            "Fin probable le 12 décembre (du 4 au 23)",
            "À ce rythme, la pile atteint 2,8\u00a0V dans 18 jours.",
        ),
        "en": (
            "Battery low, aire de livraison 7",
            "Probably empty on 12 December (4 to 23)",
            "At this pace the battery reaches 2.8\u00a0V in 18 days.",
        ),
    },
    STUCK_ALARM: {
        "fr": (
            "Valeur figée, tableau général",
            "Puissance identique depuis 40 mesures",
            "La même valeur 40 fois de suite, là où elle change d’habitude à chaque mesure.",
        ),
        "en": (
            "Stuck value, tableau général",
            "Same power for 40 readings",
            "The same value 40 times in a row, where it usually changes at each reading.",
        ),
    },
    MUTED_ALARM: {
        "fr": ("Salle 3, École des Tilleuls", "En sourdine pour travaux", "Fenêtre de maintenance en cours."),
        "en": ("Salle 3, École des Tilleuls", "Muted for works", "A maintenance window is open."),
    },
    CLEARED_ALARM: {
        "fr": ("NO₂ élevé, station du parc", "Au-dessus de 200\u00a0µg/m³", "Plus d’une heure au-dessus de la limite."),
        "en": ("NO₂ high, station du parc", "Above 200\u00a0µg/m³", "More than an hour above the limit."),
    },
}


@dataclass
class StubAlarms:
    """The alarms of the stub and what was done with them; tests change both."""

    items: list[Row] = field(default_factory=list)
    members: list[Row] = field(default_factory=list)
    acts: list[Row] = field(default_factory=list)
    reads: int = 0
    refuse: bool = False

    def named(self, alarm_id: int) -> Row:
        """Return one alarm, or a member of one."""
        return next(one for one in (*self.items, *self.members) if one["alarm_id"] == alarm_id)

    def shown(self, row: Row, language: str) -> Row:
        """Return an alarm as the API says it in a language."""
        title, detail, why = _SAID.get(row["alarm_id"], {}).get(language, (row["title"], row["detail"], row["why"]))
        return {**row, "title": title, "detail": detail, "why": why}

    def act(self, alarm_id: int, body: Row, at: datetime) -> Row:
        """Do one act as the API does."""
        alarm, what = self.named(alarm_id), body["what"]
        self.acts.append(
            {
                "at": _iso(at),
                "by": _PERSON,
                "until": None,
                "said": "",
                **body,
                "alarm_id": alarm_id,
                "what": _PAST[what],
            }
        )
        if what == "acknowledge":
            alarm |= {"state": "acknowledged", "acknowledged_at": _iso(at), "acknowledged_by": _PERSON}
        elif what == "unacknowledge":
            alarm |= {"state": "raised", "acknowledged_at": None, "acknowledged_by": None}
        elif what == "snooze":
            alarm |= {"state": "snoozed", "snoozed_until": body["until"]}
        elif what == "unsnooze":
            alarm |= {"state": "raised", "snoozed_until": None}
        elif what == "assign":
            alarm |= {"assignee": body.get("assignee")}
        return alarm

    def clear(self, alarm_id: int, at: datetime) -> Row:
        """Let an alarm end."""
        alarm = self.named(alarm_id)
        alarm |= {"state": "cleared", "cleared_at": _iso(at), "until": _iso(at)}
        return alarm


def live_item(alarm: Row) -> Row:
    """Return what the live feed says of an alarm that moved."""
    sensor = alarm["sensor"] or {}
    return {
        "alarm_id": alarm["alarm_id"],
        "state": alarm["state"],
        "severity": alarm["severity"],
        "sensor_id": sensor.get("sensor_id"),
        "series_id": alarm["series_id"],
        "commune_insee": alarm["commune_insee"],
    }


def waits(alarm: Row) -> bool:
    """Whether an alarm asks for a person now, as the page has it: what a sensor says of itself is followed."""
    return bool(alarm["state"] == "raised" and alarm["asks"])


def alarm_row(alarm_id: int, name: str, since: datetime, sensor: Row | None = None, **other: Any) -> Row:
    """Return an alarm as the API has it; of a sensor of the stub, or of none."""
    said = _SAID.get(alarm_id, {}).get("fr", ("", "", ""))
    site = sensor["site"] if sensor else None
    severity = other.get("severity", "warning")
    asks = severity == "critical" or (severity == "warning" and name not in FOLLOWED)
    return {
        "alarm_id": alarm_id,
        "name": name,
        "rule_id": alarm_id,
        "state": "raised",
        "severity": "warning",
        "asks": asks,
        "commune_insee": COMMUNE,
        "site": site and {key: site[key] for key in ("site_id", "code", "name")},
        "sensor": sensor and {key: sensor[key] for key in ("sensor_id", "external_id", "name", "kind", "origin")},
        "series_id": None,
        "metric": None,
        "gateway": None,
        "since": _iso(since),
        "until": None,
        "raised_at": _iso(since + timedelta(minutes=1)),
        "cleared_at": None,
        "found_late": False,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "assignee": None,
        "snoozed_until": None,
        "escalated_at": None,
        "members": 0,
        "parent_id": None,
        "figures": {},
        "unit": None,
        "title": said[0],
        "detail": said[1],
        "why": said[2],
        **other,
    }


def town_alarms(sensors: list[Row], now: datetime) -> StubAlarms:
    """Return the queue of the small commune: three to treat, four to follow, one over."""

    def ago(**length: float) -> datetime:
        return now - timedelta(**length)

    def of(place: int, metric: str) -> Row:
        series = next(one for one in sensors[place]["series"] if one["metric"] == metric)
        return {"sensor": sensors[place], "series_id": series["series_id"], "metric": metric, "unit": series["unit"]}

    co2 = {"value": 1840.0, "limit": 1500.0, "expected_low": 900.0, "expected_high": 1250.0}
    power = {"value": 91.2, "expected_low": 40.0, "expected_high": 58.0}
    gateway: Row = {"gateway": "a84041ffff1e2f30", "members": 3}
    muted: Row = {"state": "muted", "snoozed_until": _iso(now + timedelta(hours=7))}
    over: Row = {"state": "cleared", "cleared_at": _iso(ago(hours=20)), "until": _iso(ago(hours=20))}
    items = [
        alarm_row(1, "threshold", ago(minutes=24), severity="critical", figures=co2, **of(0, "co2_ppm")),
        alarm_row(2, "expected", ago(minutes=70), figures={"value": 0.97, "limit": 1.0}, **of(3, "fill_ratio")),
        alarm_row(3, "expected", ago(minutes=38), figures=power, **of(7, "power_kw")),
        alarm_row(4, "silence", ago(minutes=125), **gateway),
        alarm_row(5, "battery", ago(days=1), figures={"value": 0.12}, **of(6, "battery_ratio")),
        alarm_row(6, "stuck", ago(minutes=400), figures={"value": 21.4}, **of(8, "power_kw")),
        alarm_row(7, "threshold", ago(hours=2), figures={"value": 1_050.0}, **muted, **of(1, "co2_ppm")),
        alarm_row(8, "threshold", ago(hours=22), figures={"value": 212.0}, **over, **of(9, "no2_ugm3")),
    ]
    silent = [("Aire de livraison 3", 5), ("Aire de livraison 7", 6), ("Compteur vélos", 10)]
    members = [
        alarm_row(
            40 + place, "silence", ago(minutes=125), sensors[place], parent_id=4, title=name, gateway="a84041ffff1e2f30"
        )
        for name, place in silent
    ]
    return StubAlarms(items, members)


def alarms_router(town: StubTown) -> APIRouter:
    """Return the operations on alarms, answered from ``town.alarms``."""
    router = APIRouter()

    @router.get("/alarms")
    def alarms(request: Request) -> Response:
        if town.alarms.refuse:
            return JSONResponse({"title": "Indisponible"}, status_code=503)
        town.alarms.reads += 1
        return JSONResponse(_page(town.alarms, dict(request.query_params)))

    @router.get("/alarms/counts")
    def counts(commune: str | None = None) -> Row:
        return _counts([one for one in town.alarms.items if commune in {None, one["commune_insee"]}])

    @router.get("/alarms/{alarm_id}")
    def alarm(alarm_id: int, language: str = "fr") -> Row:
        acts = [act for act in town.alarms.acts if act["alarm_id"] == alarm_id]
        members = [one for one in town.alarms.members if one["parent_id"] == alarm_id]
        shown = town.alarms.shown(town.alarms.named(alarm_id), language)
        return {**shown, "acts": acts, "members": members}

    @router.post("/alarms/{alarm_id}/acts")
    async def act(alarm_id: int, request: Request, language: str = "fr") -> Row:
        changed = town.alarms.act(alarm_id, await request.json(), datetime.now(UTC))
        town.publish([live_item(changed)], "alarms")
        return town.alarms.shown(changed, language)

    return router


def _page(alarms: StubAlarms, asked: dict[str, str]) -> Row:
    parent = asked.get("parent_id")
    found = [one for one in alarms.members if str(one["parent_id"]) == parent] if parent else alarms.items
    if asked.get("state", "open") == "open":
        found = [one for one in found if one["state"] in OPEN_STATES]
    for name in ("commune", "severity", "series_id"):
        column = "commune_insee" if name == "commune" else name
        if name in asked:
            found = [one for one in found if str(one[column]) == asked[name]]
    if "sensor_id" in asked:
        found = [one for one in found if one["sensor"] and str(one["sensor"]["sensor_id"]) == asked["sensor_id"]]
    found = sorted(found, key=_urgency)[: int(asked.get("limit", 100))]
    return {"items": [alarms.shown(one, asked.get("language", "fr")) for one in found], "next": None}


def _urgency(alarm: Row) -> tuple[int, bool, str]:
    return _URGENCY.index(alarm["severity"]), alarm["acknowledged_at"] is not None, alarm["since"]


def _counts(items: list[Row]) -> Row:
    by_state = Counter(one["state"] for one in items)
    standing = [one for one in items if one["state"] in OPEN_STATES]
    severities = Counter(one["severity"] for one in standing)
    told = [one for one in standing if waits(one) and one["sensor"]]
    return {
        **{state: by_state[state] for state in OPEN_STATES},
        "by_severity": {severity: severities[severity] for severity in _URGENCY},
        "raised_since_9h": 2,
        "cleared_since_9h": by_state["cleared"],
        "sensors_alarming": len({one["sensor"]["sensor_id"] for one in told}),
    }


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
