"""A stubbed public API behind the real pages, on a loopback port."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from page_alarm_rules import alarm_rules_router
from page_alarms import alarms_router
from page_doors import StubDoor, install_door, stub_door
from page_health import health_router
from page_metropole import metropole_router
from page_models import explanations_router, models_router
from page_sensor import sensor_router
from page_storage import storage_router
from page_stub_donnees import intake_router, listed, quality_router, registry_router
from page_town import COMMUNE, EMPTY_COMMUNE, Row, StubTown, forecast_steps, iso, level, quantity

from core.metrics import METRICS
from services.api.pages import Pages, mount_static, page_router

DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards"


def stub_app(town: StubTown, door: StubDoor | None = None) -> FastAPI:
    """Return the pages over a stubbed API that answers from ``town``; unless ``door`` says other, all may be done."""
    app = FastAPI()
    app.state.pages = Pages(DASHBOARDS)
    install_door(app, door or stub_door())
    app.include_router(page_router(app.state.pages))
    mount_static(app, DASHBOARDS)
    donnees = (quality_router(town), intake_router(town), registry_router(town), storage_router(), health_router())
    models = (models_router(town.models), explanations_router(town.models))
    for router in (
        sensor_router(town),
        *donnees,
        *models,
        alarms_router(town),
        alarm_rules_router(town.rules),
        metropole_router(town),
        _places(town),
        _refusals(town),
        _series(town),
        _live(town),
    ):
        app.include_router(router, prefix="/api/v1")
    return app


def _places(town: StubTown) -> APIRouter:
    router = APIRouter()

    @router.get("/communes")
    def communes() -> Row:
        rows = [(COMMUNE, "Noisy-le-Grand", len(town.sensors)), (EMPTY_COMMUNE, "Villiers-sur-Marne", 0)]
        rows += [(f"7510{n}", f"Paris {n}e", 0) for n in range(1, 9)]
        seen = {one["insee"]: one for one in town.others}
        rows = [row for row in rows if row[0] not in seen] + [
            (insee, one["name"], one["sensors"]) for insee, one in seen.items()
        ]
        return listed([{"insee": insee, "name": name, "sensors": sensors} for insee, name, sensors in rows])

    @router.get("/quantities")
    def quantities() -> Row:
        return listed([quantity(metric) for metric in METRICS.values()])

    @router.get("/sensors")
    def sensors(commune: str | None = None) -> Row:
        return listed(town.sensors if commune in {None, COMMUNE} else [])

    @router.post("/sensors", status_code=201)
    async def adopt(request: Request) -> Row:
        body: Row = await request.json()
        town.adopted.append(body)
        town.unknown.clear()
        return {**body, "sensor_id": 99, "series": [], "origin": "field"}

    @router.get("/sites")
    def sites(commune: str) -> Row:
        by_code = {sensor["site"]["code"]: sensor["site"] for sensor in town.sensors}
        return listed(list(by_code.values()) if commune == COMMUNE else [])

    @router.get("/latest")
    def latest(commune: str | None = None, sensor_id: int | None = None) -> Row:
        asked = [one for one in town.latest.values() if sensor_id in {None, one["sensor_id"]}]
        return listed(asked if commune in {None, COMMUNE} else [])

    return router


def _refusals(town: StubTown) -> APIRouter:
    router = APIRouter()

    @router.get("/reception")
    def reception(minutes: int = 60) -> Row:
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        kinds = {sensor["kind"] for sensor in town.sensors}
        return listed(
            [
                {"minute": iso(now - timedelta(minutes=n)), "kind": kind, "stored": 2 + (n * len(kind)) % 7}
                for n in range(minutes)
                for kind in sorted(kinds)
            ]
        )

    @router.get("/rejections")
    def rejections() -> Row:
        return listed(town.rejections[::-1])

    @router.get("/rejections/counts")
    def counts() -> Row:
        reasons = [rejection["reason"] for rejection in town.rejections]
        return listed([{"reason": reason, "count": reasons.count(reason)} for reason in sorted(set(reasons))])

    @router.get("/unknown-sensors")
    def unknown() -> Row:
        return listed(town.unknown)

    return router


def _series(town: StubTown) -> APIRouter:
    router = APIRouter()

    @router.get("/trends")
    def trends(series: Annotated[list[int], Query()], hours: int = 6, step: str = "PT15M") -> Row:
        town.trends_asked.append(series)
        start, step_s = datetime.now(UTC) - timedelta(hours=hours), 60 * int(step.removeprefix("PT").removesuffix("M"))
        steps = hours * 3600 // step_s
        items = [
            {
                "series_id": key,
                "values": [level(name, start + timedelta(seconds=n * step_s), key) for n in range(steps)],
            }
            for key, name in town.metrics.items()
            if key in series
        ]
        return {"start": iso(start), "step_s": step_s, "items": items}

    @router.get("/series/{series_id}")
    def series(series_id: int) -> Row:
        sensor = next(one for one in town.sensors if any(row["series_id"] == series_id for row in one["series"]))
        return {"series_id": series_id, "sensor_id": sensor["sensor_id"], "metric": town.metrics[series_id]}

    @router.get("/sensors/{sensor_id}")
    def sensor(sensor_id: int) -> Row:
        return next(one for one in town.sensors if one["sensor_id"] == sensor_id)

    @router.get("/series/{series_id}/chart")
    def chart(series_id: int, request: Request) -> Row:
        asked = [datetime.fromisoformat(request.query_params[name]) for name in ("from", "until")]
        return _chart(town.metrics[series_id], series_id, *asked)

    @router.get("/series/{series_id}/rollups")
    def rollups(series_id: int, by: str, request: Request) -> Row:
        assert series_id in town.metrics
        asked = [datetime.fromisoformat(request.query_params[name]) for name in ("from", "until")]
        return listed(_sums(timedelta(hours={"hour": 1, "day": 24, "week": 168, "month": 720}[by]), *asked))

    @router.get("/series/{series_id}/forecast")
    def forecast(series_id: int) -> Response:
        metric = METRICS[town.metrics[series_id]]
        if metric.plan is None:
            return JSONResponse({"title": "No forecast", "status": 404}, status_code=404)
        now = datetime.now(UTC)
        body = {
            "series_id": series_id,
            "metric": metric.name,
            "unit": metric.unit,
            "issued_at": iso(now - timedelta(minutes=12)),
            "step_s": metric.plan.step.total_seconds(),
            "history_until": iso(now - timedelta(minutes=14)),
            "model_id": None if town.fallback else 1,
            "fallback": town.fallback,
            "doubts": town.doubts,
            "steps": list(forecast_steps(now, metric, series_id)),
        }
        return JSONResponse(body)

    return router


def _chart(metric: str, series_id: int, start: datetime, end: datetime) -> Row:
    """Return readings of a week, or means of a longer time, with a gap of four hours the day before yesterday."""
    now, step_s = datetime.now(UTC), 600 if end - start < timedelta(days=8) else 6 * 3_600
    columns: Row = {"t": [], "mean": [], "low": [], "high": [], "last": []}
    at = start
    while at < min(end, now):
        value = None if 30 < (now - at).total_seconds() / 3600 < 34 else level(metric, at, series_id)
        if value is not None or columns["mean"][-1] is not None:
            columns["t"].append(iso(at))
            for name, share in (("mean", 1.0), ("low", 0.9), ("high", 1.1), ("last", 1.0)):
                columns[name].append(None if value is None else value * share)
        at += timedelta(seconds=step_s)
    head = {"source": "raw", "step_s": None if step_s == 600 else step_s}
    return {**head, **columns, "doubtful": [], "doubtful_count": 0}


def _sums(step: timedelta, start: datetime, end: datetime) -> list[Row]:
    """Return periods that sum to 10 each; the last is known in part."""
    starts = [start + number * step for number in range(-(-(end - start) // step))]
    due = step // timedelta(hours=1)
    valid = dict.fromkeys(starts, due) | {starts[-1]: due // 2}
    return [
        {"start": iso(one), "end": iso(one + step), "increment": 10.0, "hours_valid": valid[one], "hours_due": due}
        for one in starts
    ]


def _live(town: StubTown) -> APIRouter:
    router = APIRouter()

    @router.get("/live")
    async def live(request: Request) -> Response:
        if town.refuse_live:
            return JSONResponse({"title": "Indisponible", "status": 503}, status_code=503)
        asked = request.headers.get("last-event-id") or request.query_params.get("last_event_id", "")
        sent = int(asked) if asked else len(town.events)
        town.resumed_after.append(asked)
        return StreamingResponse(_feed(town, request, sent), media_type="text/event-stream")

    return router


async def _feed(town: StubTown, request: Request, sent: int) -> AsyncIterator[str]:
    yield f'retry: 200\nevent: ready\nid: {sent}\ndata: {{"items": []}}\n\n'
    while not town.refuse_live and not await request.is_disconnected():
        for number, kind, items in town.events[sent:]:
            yield f"event: {kind}\nid: {number}\ndata: {json.dumps({'items': items})}\n\n"
            sent = number
        await asyncio.sleep(0.02)


@contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Serve ``app`` on a free loopback port while in the block; yield its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=5)
