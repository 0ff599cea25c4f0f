"""Maintenance windows: while somebody works at a place, what is raised there is kept and told to nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import Field, StringConstraints

from core.audit import Act, What
from core.clock import format_instant, now
from core.roles import Right
from core.store.audit import record
from core.store.maintenance import (
    Maintenance,
    cancel_maintenance,
    read_maintenance,
    read_one_maintenance,
    write_maintenance,
)
from core.store.pool import Connection
from services.alarms.places import PlaceUnknown, check_place
from services.api.acting import Acting, demand
from services.api.answers import PREFIX, Answer, Items, Store, api_router, documented, problem_responses
from services.api.doors.visiting import Visiting
from services.api.parameters import ID_MAX, CommuneFilter, InseeCode, Instant
from services.api.problems import BodyInvalid, Code, Problem

router = api_router("alarms")

LASTS_MAX = timedelta(days=90)
AHEAD_MAX = timedelta(days=366)
_BODY = {
    "commune_insee": "93051",
    "site_id": 3,
    "sensor_id": None,
    "start_at": "2026-03-02T08:00:00Z",
    "end_at": "2026-03-02T16:00:00Z",
    "why": "remplacement des fenêtres",
}
_WINDOW = {
    "maintenance_id": 4,
    **_BODY,
    "made_at": "2026-03-01T15:02:00Z",
    "made_by": "Nadia",
    "cancelled_at": None,
}
Why = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")
]
_Id = Annotated[int | None, Field(ge=1, le=ID_MAX, strict=True)]


class MaintenanceBody(Answer):
    """A window to be opened: `[start_at, end_at)`, of a commune, one of its sites, or a sensor."""

    model_config = documented(_BODY)

    commune_insee: InseeCode
    site_id: _Id = None
    sensor_id: _Id = None
    start_at: Instant
    end_at: Instant = Field(description="90 days after its start at most.")
    why: Why = Field(description="What is done there.")


class MaintenanceAnswer(Answer):
    """A maintenance window."""

    model_config = documented(_WINDOW)

    maintenance_id: int
    commune_insee: str
    site_id: int | None
    sensor_id: int | None
    start_at: datetime
    end_at: datetime
    why: str
    made_at: datetime
    made_by: str
    cancelled_at: datetime | None


class MaintenanceWindows(Items[MaintenanceAnswer]):
    """Windows that have not ended, the earliest first."""

    model_config = documented({"items": [_WINDOW], "next": None})


@router.get("/maintenance", operation_id="read_maintenance")
def read_windows(
    store: Store,
    commune: CommuneFilter = None,
    since: Annotated[Instant | None, Query(description="Those that end after then. Default: now.")] = None,
) -> MaintenanceWindows:
    """List the maintenance windows that have not ended, cancelled ones too, 1,000 at most."""
    found = read_maintenance(store, ending_after=since or now(), commune=commune)
    return MaintenanceWindows(items=[_answer(window) for window in found])


@router.post("/maintenance", operation_id="add_maintenance", status_code=201, responses=problem_responses(413))
def add_maintenance(body: MaintenanceBody, store: Acting, visitor: Visiting, response: Response) -> MaintenanceAnswer:
    """Open a maintenance window: what is raised in it is kept as muted; what still lasts at its end is told then."""
    at = now()
    try:
        site_id = check_place(store, body.commune_insee, body.site_id, body.sensor_id)
    except PlaceUnknown as error:
        raise BodyInvalid(error.field, str(error)) from None
    demand(visitor, Right.TEND, body.commune_insee, site_id)
    _check_span(body, at)
    window = Maintenance(
        0,
        body.commune_insee,
        site_id,
        body.sensor_id,
        body.start_at,
        body.end_at,
        body.why,
        at,
        visitor.name,
    )
    kept = _window_named(store, write_maintenance(store, window))
    told = {"start_at": format_instant(kept.start_at), "end_at": format_instant(kept.end_at), "why": kept.why}
    target = f"maintenance:{kept.maintenance_id}"
    record(store, Act(What.MAINTENANCE_OPENED, target, kept.commune_insee, after=told | _place(kept)))
    response.headers["Location"] = f"{PREFIX}/maintenance/{kept.maintenance_id}"
    return _answer(kept)


@router.delete("/maintenance/{maintenance_id}", operation_id="cancel_maintenance", status_code=204)
def cancel_window(maintenance_id: Annotated[int, Path(ge=1, le=ID_MAX)], store: Acting, visitor: Visiting) -> Response:
    """End a maintenance window now; what still lasts is told."""
    kept = _window_named(store, maintenance_id)
    demand(visitor, Right.TEND, kept.commune_insee, kept.site_id)
    if cancel_maintenance(store, maintenance_id, now()):
        target = f"maintenance:{maintenance_id}"
        record(store, Act(What.MAINTENANCE_CANCELLED, target, kept.commune_insee, before=_place(kept)))
    return Response(status_code=204)


def _check_span(body: MaintenanceBody, at: datetime) -> None:
    if body.end_at <= max(body.start_at, at):
        raise BodyInvalid("end_at", "the window ends before it starts, or has ended already")
    if body.end_at - body.start_at > LASTS_MAX:
        raise BodyInvalid("end_at", f"the window is longer than {LASTS_MAX.days} days")
    if body.start_at > at + AHEAD_MAX:
        raise BodyInvalid("start_at", "the window starts more than a year ahead")


def _window_named(store: Connection, maintenance_id: int) -> Maintenance:
    kept = read_one_maintenance(store, maintenance_id)
    if kept is None:
        raise Problem(Code.NOT_FOUND, f"there is no maintenance window {maintenance_id}")
    return kept


def _place(kept: Maintenance) -> dict[str, int | str | None]:
    return {"commune_insee": kept.commune_insee, "site_id": kept.site_id, "sensor_id": kept.sensor_id}


def _answer(window: Maintenance) -> MaintenanceAnswer:
    return MaintenanceAnswer.model_validate(window, from_attributes=True)
