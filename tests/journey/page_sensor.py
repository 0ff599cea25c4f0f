"""What the stubbed API tells of one sensor: its link, quality, frames, journal, neighbours and past forecasts."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from core.metrics import METRICS

if TYPE_CHECKING:
    from page_town import StubTown

Row = dict[str, Any]
# One grey pixel.
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")
_QR = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h3v3H1zM5 1h3v3H5zM1 5h3v3H1z"/></svg>'
_UNHEARD: Row = {
    "received": 0,
    "ratio": 0.0,
    "missing": 1008,
    "delay_median_s": None,
    "delay_p95_s": None,
    "rssi": [],
    "snr": [],
    "spreading_factor": None,
    "gateways": [],
    "gaps": [],
    "battery": None,
}
PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp")


@dataclass
class StubSensorFacts:
    """What the stub tells of its sensors beside their readings; tests change it."""

    journal: list[Row] = field(default_factory=list)
    photos: dict[int, bytes] = field(default_factory=dict)
    calibrations: list[Row] = field(default_factory=list)
    heard: bool = True
    battery: bool = True
    past: bool = True


def sensor_facts(now: datetime) -> StubSensorFacts:
    """Return a sensor's year: installed, calibrated, moved, an alarm of today."""
    alarm = {"alarm_id": 1, "name": "threshold", "severity": "critical", "series_id": 1, "title": "CO₂ élevé, salle 12"}
    shift: Row = {"before": {"metric": "co2_ppm", "shift": 0.0}, "after": {"metric": "co2_ppm", "shift": -31.0}}
    journal = [
        _entry("alarm", 9, "raised", now - timedelta(minutes=24), alarm=alarm, role=""),
        _entry("intervention", 4, "moved", now - timedelta(days=9), said="De la porte au mur du fond."),
        _entry("change", 3, "calibrated", now - timedelta(days=60), **shift),
        _entry("intervention", 1, "installed", now - timedelta(days=200), said="Pile neuve."),
    ]
    return StubSensorFacts(journal)


def sensor_router(town: StubTown) -> APIRouter:
    """Return the operations on one sensor, answered from ``town.facts``."""
    router = APIRouter()
    for routes in (_link, _frames, _journal, _photos, _forecasts):
        router.include_router(routes(town))
    return router


def _link(town: StubTown) -> APIRouter:
    router = APIRouter()

    @router.get("/sensors/{sensor_id}/uplink")
    def uplink(sensor_id: int, days: int) -> Row:
        told = _uplink(town, sensor_id, timedelta(days=days))
        return told if town.facts.heard else {**told, **_UNHEARD}

    @router.get("/sensors/{sensor_id}/quality")
    def quality(sensor_id: int, days: int, step: str) -> Row:
        assert (days, step) == (7, "PT2H"), f"of {sensor_id}: what the page draws"
        now = datetime.now(UTC)
        states = {27: "refused", 47: "missing", 48: "missing", 61: "suspect"}
        start = now - timedelta(days=7)
        strip = [{"from": _iso(start + n * timedelta(hours=2)), "state": states.get(n, "good")} for n in range(84)]
        flags = [{"flag": "stuck", "readings": 12, "last_at": _iso(now - timedelta(days=2))}]
        times = {"refused_last_at": _iso(now - timedelta(days=4)), "duplicates_last_at": _iso(now)}
        counts = {"refused": 1, "missing": 21, "duplicates": 38}
        return {"strip": strip, "step_s": 7200, "flags": flags, **counts, **times}

    @router.get("/sensors/{sensor_id}/neighbours")
    def neighbours(sensor_id: int, radius_m: int) -> Row:
        near = [one for one in town.sensors if one["kind"] == "indoor_air" and one["sensor_id"] != sensor_id]
        return {"items": [_neighbour(town, one, radius_m) for one in near], "next": None}

    @router.get("/sensors/{sensor_id}/code.svg")
    def code(sensor_id: int) -> Response:
        assert sensor_id > 0
        return Response(_QR, media_type="image/svg+xml")

    return router


def _frames(town: StubTown) -> APIRouter:
    router = APIRouter()

    @router.get("/sensors/{sensor_id}/frames")
    def frames(sensor_id: int) -> Row:
        now = datetime.now(UTC)
        items = [_frame(sensor_id, slot, now - timedelta(minutes=10 * slot)) for slot in range(3)]
        return {"items": items if town.facts.heard else [], "next": None}

    @router.get("/sensors/{sensor_id}/frames/{slot}")
    def frame(sensor_id: int, slot: int, language: str) -> Row:
        assert language in {"fr", "en"}
        steps = [
            {"name": "topic", "said": "Le sujet nomme le réseau et l’appareil.", "fields": [["network", "chirpstack"]]},
            {
                "name": "envelope",
                "said": "",
                "fields": [["fCnt", "1804"], ["fPort", "85"], ["rxInfo", "2 passerelles"]],
            },
            {"name": "bytes", "said": "01 67 e1 00", "fields": []},
            {"name": "decoder", "said": "milesight-am307", "fields": [["co2_ppm", "1840 ppm"]]},
            {"name": "outcome", "said": "1 mesure enregistrée.", "fields": []},
        ]
        known = _frame(sensor_id, slot, datetime.now(UTC))
        return {**known, "payload_text": '{"deviceInfo": {}}', "payload_hex": None, "steps": steps}

    return router


def _journal(town: StubTown) -> APIRouter:
    router = APIRouter()

    @router.get("/sensors/{sensor_id}/journal")
    def journal(sensor_id: int, limit: int, language: str) -> Row:
        assert sensor_id > 0
        assert language in {"fr", "en"}
        return {"items": sorted(town.facts.journal, key=lambda one: str(one["at"]), reverse=True)[:limit], "next": None}

    @router.post("/sensors/{sensor_id}/interventions", status_code=201)
    async def note(sensor_id: int, request: Request) -> Row:
        body: Row = await request.json()
        number = 10 + len(town.facts.journal)
        at = datetime.now(UTC)
        town.facts.journal.append(_entry("intervention", number, body["what"], at, said=body["said"]))
        return {"intervention_id": number, "sensor_id": sensor_id, **body}

    @router.delete("/interventions/{intervention_id}", status_code=204)
    def remove(intervention_id: int) -> None:
        kept = [one for one in town.facts.journal if (one["kind"], one["number"]) != ("intervention", intervention_id)]
        town.facts.journal[:] = kept

    return router


def _photos(town: StubTown) -> APIRouter:
    router = APIRouter()

    @router.post("/interventions/{intervention_id}/photos", status_code=201)
    async def add(intervention_id: int, request: Request) -> Response:
        if request.headers["content-type"] not in PHOTO_TYPES:
            return JSONResponse({"title": "Ce n’est pas une photo"}, status_code=415)
        number = 1 + len(town.facts.photos)
        town.facts.photos[number] = await request.body()
        entry = next(one for one in town.facts.journal if one["number"] == intervention_id)
        url = f"/api/v1/photos/{number}"
        photo = {"photo_id": number, "url": url, "small_url": f"{url}?size=small"}
        entry["photos"].append(photo)
        return JSONResponse(photo, status_code=201)

    @router.get("/photos/{photo_id}")
    def photo(photo_id: int, size: str = "full") -> Response:
        assert size in {"small", "full"}
        return Response(town.facts.photos[photo_id], media_type="image/png")

    return router


def _forecasts(town: StubTown) -> APIRouter:
    router = APIRouter()

    @router.get("/series/{series_id}/forecasts/past")
    def past(series_id: int, day: date, days: int = 30) -> Row:
        told = _past(town, series_id, day, days)
        return told if town.facts.past else {**told, "step_s": None, "steps": [], "record": None}

    @router.get("/series/{series_id}/calibrations")
    def calibrations(series_id: int) -> Row:
        return {"items": [one for one in town.facts.calibrations if one["series_id"] == series_id], "next": None}

    @router.post("/series/{series_id}/calibrations", status_code=201)
    async def calibrate(series_id: int, request: Request) -> Row:
        body: Row = await request.json()
        town.facts.calibrations.append({"series_id": series_id, "set_at": body["valid_from"], "by": "Nadia", **body})
        return town.facts.calibrations[-1]

    return router


def _uplink(town: StubTown, sensor_id: int, length: timedelta) -> Row:
    now = datetime.now(UTC)
    start = now - length
    hours = [start + timedelta(hours=n) for n in range(int(length / timedelta(hours=1)))]
    heard = [at for place, at in enumerate(hours) if place not in {94, 95, 96}]
    sensor = next(one for one in town.sensors if one["sensor_id"] == sensor_id)
    battery = next((one for one in sensor["series"] if one["metric"].startswith("battery")), None)
    gateways = [
        {"gateway": "a840411eb1b44150", "name": "Mairie", "share": 0.94, "rssi_dbm": -97.0, "snr_db": 7.5},
        {"gateway": "a840411eb1b44151", "name": "Gymnase", "share": 0.61, "rssi_dbm": -108.0, "snr_db": 2.0},
    ]
    return {
        "network": "lorawan",
        "interval_s": 600,
        "received": 987,
        "expected": 1008,
        "ratio": 987 / 1008,
        "missing": 21,
        "delay_median_s": 1.8,
        "delay_p95_s": 4.1,
        "rssi": [[_iso(at), -96.0 - place % 7] for place, at in enumerate(heard)],
        "snr": [[_iso(at), 7.0 + place % 2] for place, at in enumerate(heard)],
        "spreading_factor": 9,
        "gateways": [{**one, "last_at": _iso(now - timedelta(minutes=4))} for one in gateways],
        "gaps": [{"from": _iso(hours[94]), "until": _iso(hours[97]), "missing": 18}],
        "battery": _battery(battery["metric"], now) if battery and town.facts.battery else None,
    }


def _battery(metric: str, now: datetime) -> Row:
    full, empty = (3.61, 3.0) if metric == "battery_v" else (0.93, 0.1)
    points = [
        [_iso(now - timedelta(days=20 * (20 - n))), round(full - n * (full - empty) * 0.012, 3)] for n in range(21)
    ]
    ends = {
        name: _iso(now + timedelta(days=days)) for name, days in (("earliest", 360), ("likely", 480), ("latest", 640))
    }
    return {
        "metric": metric,
        "unit": "V" if metric == "battery_v" else "",
        "now": points[-1][1],
        "points": points,
        "empty_at_value": empty,
        "ends": ends,
        "why_not": None,
    }


def _neighbour(town: StubTown, sensor: Row, radius_m: int) -> Row:
    assert radius_m > 0
    latest = town.latest[sensor["series"][0]["series_id"]]
    value = {name: latest[name] for name in ("series_id", "metric", "unit", "value", "observed_at", "state")}
    about = {name: sensor[name] for name in ("sensor_id", "external_id", "name", "kind", "origin", "site")}
    return {**about, "distance_m": 0.0, "values": [value]}


def _past(town: StubTown, series_id: int, day: date, days: int) -> Row:
    from page_town import forecast_steps, level  # noqa: PLC0415 - the town holds what this module tells of it

    metric = METRICS[town.metrics[series_id]]
    assert metric.plan is not None, "only forecast metrics have a past forecast"
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=1)
    steps = []
    for place, step in enumerate(forecast_steps(start, metric, series_id)):
        at = datetime.fromisoformat(step["valid_at"])
        came = (
            level(metric.name, at, series_id) * (1.6 if place % 17 > 14 else 1.01) if at < datetime.now(UTC) else None
        )
        told = {name: step[name] for name in ("valid_at", "p10", "p50", "p90", "naive")}
        hit = None if came is None else step["p10"] <= came <= step["p90"]
        steps.append({**told, "issued_at": _iso(start - timedelta(minutes=4)), "came": came, "hit": hit})
    judged = [one["hit"] for one in steps if one["hit"] is not None]
    head = {"series_id": series_id, "metric": metric.name, "unit": metric.unit, "day": day.isoformat()}
    window = {"start": _iso(start), "end": _iso(start + timedelta(days=1))}
    counts = {"step_s": metric.plan.step.total_seconds(), "hits": sum(judged), "judged": len(judged)}
    return {**head, **window, **counts, "steps": steps, "record": _record(days)}


def _record(days: int) -> Row:
    errors = {"coverage_80": 0.81, "absolute_error": 74.0, "absolute_error_naive": 121.0}
    gain = {"gain": 0.39, "gain_low": 0.34, "gain_high": 0.43, "naive_share": 0.0}
    return {"days": days, "steps": 8_640, **errors, **gain}


def _frame(sensor_id: int, slot: int, at: datetime) -> Row:
    topic = f"application/1/device/{sensor_id:016x}/event/up"
    outcome = "rejected" if slot == 2 else "stored"
    return {
        "slot": slot,
        "received_at": _iso(at),
        "observed_at": _iso(at),
        "topic": topic,
        "size_bytes": 812,
        "outcome": outcome,
    }


def _entry(kind: str, number: int, what: str, at: datetime, **other: Any) -> Row:
    who = {"by": "Nadia", "role": "technician", "said": "", "photos": []}
    about = {"before": None, "after": None, "alarm": None, "until": None}
    return {"kind": kind, "number": number, "what": what, "at": _iso(at), **who, **about, **other}


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
