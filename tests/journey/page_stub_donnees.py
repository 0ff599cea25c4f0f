"""The stubbed routes behind Données: groups of refusals, frames, days, intakes, lanes, what is done with sensors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from page_town import COMMUNE, Row, StubTown
from page_town_donnees import MODELS, changes, completeness, gaps, gaps_of, groups, lanes, looping_group, planned


def listed(items: list[Any]) -> Row:
    return {"items": items, "next": None}


def quality_router(town: StubTown) -> APIRouter:
    """Return the routes that say what was refused, what is missing, and whether all of it gets in."""
    router = APIRouter()

    @router.get("/rejections/groups")
    def rejection_groups() -> Row:
        return listed(groups(town) + ([looping_group()] if town.rejections else []))

    @router.get("/rejections/{rejection_id:int}")
    def rejection(rejection_id: int) -> Row:
        return next(one for one in town.rejections if one["rejection_id"] == rejection_id)

    @router.get("/pruned")
    def pruned() -> Row:
        return listed(town.pruned)

    @router.get("/gaps")
    def sensors_gaps(commune: str) -> Row:
        return listed(gaps(town) if commune == COMMUNE else [])

    @router.get("/sensors/{sensor_id}/gaps")
    def sensor_gaps(sensor_id: int) -> Row:
        return listed(gaps_of(sensor_id))

    @router.get("/completeness")
    def days(commune: str) -> Row:
        return listed(completeness(town) if commune == COMMUNE else [])

    @router.get("/ingest")
    def ingest() -> Row:
        return listed(lanes(datetime.now(UTC), town.lane_state))

    return router


def intake_router(town: StubTown) -> APIRouter:
    """Return the routes of intakes: asked, followed, cancelled."""
    router = APIRouter()

    @router.get("/intakes")
    def intakes() -> Row:
        return listed(town.intakes.items)

    @router.post("/intakes", status_code=202)
    async def ask(request: Request) -> Response:
        body: Row = await request.json()
        if body["kind"] == "backfill" and body["application"] == "inconnue":
            problem = {"title": "Réseau absent", "detail": "no such application", "status": 503}
            return JSONResponse(problem, status_code=503)
        return JSONResponse(town.intakes.ask(body, total=60), status_code=202)

    @router.get("/intakes/{intake_id}")
    def intake(intake_id: int) -> Row:
        return town.intakes.read(intake_id)

    @router.post("/intakes/{intake_id}/cancel")
    def cancel(intake_id: int) -> Row:
        found = next(one for one in town.intakes.items if one["intake_id"] == intake_id)
        found |= {"state": "cancelled", "ended_at": found["changed_at"]}
        return found

    return router


def registry_router(town: StubTown) -> APIRouter:
    """Return the routes of sensors' lives; what is asked of them is kept in ``town.acts``."""
    router = APIRouter()

    @router.get("/device-models")
    def models() -> Row:
        return listed(MODELS)

    @router.post("/sensors/bulk")
    async def bulk(request: Request, *, dry_run: bool = False) -> Row:
        plan = planned((await request.body()).decode("utf-8-sig"))
        if not dry_run:
            town.acts.append(("bulk", dict(request.query_params)))
        return plan | {"done": not dry_run}

    @router.get("/sensors/{sensor_id}/changes")
    def history(sensor_id: int) -> Row:
        return listed(changes(sensor_id))

    @router.patch("/sensors/{sensor_id}")
    async def edit(sensor_id: int, request: Request) -> Row:
        return _acted(sensor_id, "edit", await request.json())

    @router.post("/sensors/{sensor_id}/{act}")
    async def act(sensor_id: int, act: str, request: Request) -> Row:
        return _acted(sensor_id, act, await request.json())

    def _acted(sensor_id: int, act: str, body: Row) -> Row:
        town.acts.append((act, body))
        sensor = next(one for one in town.sensors if one["sensor_id"] == sensor_id)
        sensor |= {name: value for name, value in body.items() if name in sensor and name != "site"}
        return sensor

    return router
