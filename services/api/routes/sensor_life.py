"""A sensor's life: edit, move, retire, replace it; its history; the device models that it can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field, model_validator

from core.clock import now
from core.places import Sensor, SensorKind
from core.roles import Right, Visitor
from core.sensor_life import Device, Signature
from core.store import sensor_life as life
from core.store.devices import read_device_models
from core.store.places import read_site_id
from core.store.sensors import read_changes
from services.api.acting import Acting, demand
from services.api.answers import Answer, Items, Store, api_router, documented, problem_responses
from services.api.decision_answers import FormerPerson
from services.api.doors.visiting import Visiting
from services.api.etags import IfMatch, check_match
from services.api.parameters import LONG_ID_MAX, Instant, Limit, SensorId
from services.api.routes.sensors import sensor_named
from services.api.sensor_answers import ExternalId, IntervalS, ModelName, Name, SensorAnswer, SitePlace

router = api_router("sensors")

_SITE = {"commune_insee": "93051", "code": "gymnase", "name": "Gymnase"}
_MODEL = {"model": "adeunis-pulse", "maker": "Adeunis", "title": "Adeunis Pulse", "kinds": ["meter"]}
_CHANGE = {
    "change_id": 7,
    "what": "moved",
    "at": "2026-03-02T08:00:00Z",
    "by": "Nadia",
    "before": {"site": "mairie", "site_name": "Mairie"},
    "after": {"site": "gymnase", "site_name": "Gymnase", "moved_at": "2026-03-01T10:00:00Z"},
}
_CHANGED = problem_responses(409, 413)


class DeviceModelAnswer(Answer):
    """A device that Vigie decodes from the bytes of its frames."""

    model_config = documented(_MODEL)

    model: str = Field(description="Its name, as a sensor's `model` gives it.")
    maker: str
    title: str = Field(description="What its maker calls it.")
    kinds: list[SensorKind] = Field(description="The kinds of sensor that it can be.")


class DeviceModels(Items[DeviceModelAnswer]):
    """Device models, by name."""

    model_config = documented({"items": [_MODEL], "next": None})


class ChangeAnswer(Answer):
    """One entry of a sensor's history."""

    model_config = documented(_CHANGE)

    change_id: int
    what: str = Field(description="adopted, edited, moved, retired, restored, replaced or calibrated.")
    at: datetime = Field(description="When it was written; from when it holds stands in `after`.")
    by: str
    before: dict[str, Any] = Field(description="The fields that changed, as they were.")
    after: dict[str, Any] = Field(description="The fields that changed, as they are since.")


class Changes(Items[ChangeAnswer]):
    """A sensor's history, the newest first."""

    model_config = documented({"items": [_CHANGE], "next": None})


class SensorEdit(Answer):
    """What to change of a sensor: fields that are not given stay as they are."""

    model_config = documented({"name": "Compteur général", "interval_s": 600})

    by: FormerPerson = None
    name: Name | None = None
    kind: SensorKind | None = None
    model: ModelName | None = Field(default=None, description="Null: its network decodes.")
    interval_s: IntervalS | None = Field(default=None, description="Null: as its metrics expect.")
    longitude: float | None = Field(
        default=None,
        strict=True,
        ge=-180,
        le=180,
        allow_inf_nan=False,
        description="Of its site, for all sensors of it.",
    )
    latitude: float | None = Field(default=None, strict=True, ge=-90, le=90, allow_inf_nan=False)
    retired_at: None = Field(default=None, description="Null, when given, takes its retirement back.")

    @model_validator(mode="after")
    def _both_or_none(self) -> SensorEdit:
        if (self.longitude is None) != (self.latitude is None):
            raise ValueError("longitude and latitude are given together or not at all")
        return self


class SensorMove(Answer):
    """Where a sensor stands from an instant on."""

    model_config = documented({"site": _SITE, "moved_at": "2026-03-01T10:00:00Z"})

    by: FormerPerson = None
    site: SitePlace
    moved_at: Instant | None = Field(default=None, description="Since when; default: now.")


class SensorRetirement(Answer):
    """A sensor goes out of service."""

    model_config = documented({"retired_at": "2026-03-01T10:00:00Z"})

    by: FormerPerson = None
    retired_at: Instant | None = Field(default=None, description="Since when; default: now.")


class SensorReplacement(Answer):
    """Another device takes a sensor's place."""

    model_config = documented({"external_id": "0018b20000005678", "replaced_at": "2026-03-01T10:00:00Z"})

    by: FormerPerson = None
    external_id: ExternalId = Field(description="Of the new device.")
    model: ModelName | None = Field(default=None, description="Of the new device; not given: the same as before.")
    replaced_at: Instant | None = Field(default=None, description="Since when; default: now.")


@router.get("/device-models", operation_id="read_device_models")
def read_models(store: Store, kind: SensorKind | None = None) -> DeviceModels:
    """List the device models that Vigie decodes, by name; the ingest process writes them when it starts."""
    found = read_device_models(store).values()
    return DeviceModels(
        items=[
            DeviceModelAnswer(model=one.model, maker=one.maker, title=one.title, kinds=list(one.kinds))
            for one in found
            if kind is None or kind in one.kinds
        ]
    )


@router.patch("/sensors/{sensor_id:int}", operation_id="write_sensor", responses=_CHANGED | problem_responses(412))
def edit_sensor(
    sensor_id: SensorId, body: SensorEdit, store: Acting, visitor: Visiting, if_match: IfMatch = None
) -> SensorAnswer:
    """Change what a sensor is called, what it is, how often it speaks, or its site's point."""
    held = _held(store, sensor_id, visitor)
    check_match(if_match, sensor_named(store, sensor_id))
    given = body.model_fields_set
    point = {name: getattr(body, name) for name in ("longitude", "latitude") if given & {"longitude", "latitude"}}
    wanted = replace(
        held,
        name=body.name or held.name,
        kind=body.kind or held.kind,
        site=replace(held.site, **point),
        **{name: getattr(body, name) for name in given & {"model", "interval_s", "retired_at"}},
    )
    life.edit_sensor(store, held, wanted, Signature(visitor.name, now()))
    return sensor_named(store, sensor_id)


@router.post("/sensors/{sensor_id}/move", operation_id="write_sensor_move", responses=_CHANGED)
def move_sensor(sensor_id: SensorId, body: SensorMove, store: Acting, visitor: Visiting) -> SensorAnswer:
    """Put a sensor on another site: its series and their history stay.

    What it observed before still counts on the topics of the commune that it leaves.
    """
    signed = Signature(visitor.name, now())
    held = _held(store, sensor_id, visitor)
    site = body.site.as_site()
    demand(visitor, Right.TEND, site.commune_insee, read_site_id(store, site))
    life.move_sensor(store, held, site, body.moved_at or signed.at, signed)
    return sensor_named(store, sensor_id)


@router.post("/sensors/{sensor_id}/retire", operation_id="write_sensor_retirement", responses=_CHANGED)
def retire_sensor(sensor_id: SensorId, body: SensorRetirement, store: Acting, visitor: Visiting) -> SensorAnswer:
    """Take a sensor out of service: what it observes from then on is refused, its history stays."""
    signed = Signature(visitor.name, now())
    life.retire_sensor(store, _held(store, sensor_id, visitor), body.retired_at or signed.at, signed)
    return sensor_named(store, sensor_id)


@router.post("/sensors/{sensor_id}/replace", operation_id="write_sensor_replacement", responses=_CHANGED)
def replace_device(sensor_id: SensorId, body: SensorReplacement, store: Acting, visitor: Visiting) -> SensorAnswer:
    """Put another device in a sensor's place: the sensor and its series stay.

    What the former device observed before still counts, however late it comes.
    """
    signed = Signature(visitor.name, now())
    held = _held(store, sensor_id, visitor)
    device = Device(body.external_id, body.model if "model" in body.model_fields_set else held.model)
    life.replace_device(store, held, device, body.replaced_at or signed.at, signed)
    return sensor_named(store, sensor_id)


@router.get("/sensors/{sensor_id}/changes", operation_id="read_sensor_changes")
def read_history(
    sensor_id: SensorId,
    store: Store,
    before: Annotated[int | None, Query(ge=1, le=LONG_ID_MAX, description="The `next` of the page before.")] = None,
    limit: Limit = 100,
) -> Changes:
    """List what people did with a sensor, the newest first."""
    sensor_named(store, sensor_id)
    page = read_changes(store, sensor_id, before=before, limit=limit + 1)
    items = [
        ChangeAnswer(
            change_id=one.change_id or 0,
            what=one.what,
            at=one.signed.at,
            by=one.signed.author,
            before=one.before,
            after=one.after,
        )
        for one in page[:limit]
    ]
    return Changes(items=items, next=items[-1].change_id if len(page) > limit else None)


def _held(store: Acting, sensor_id: int, visitor: Visitor) -> Sensor:
    held = life.hold_sensor(store, sensor_id)
    demand(visitor, Right.TEND, held.site.commune_insee, held.site.site_id)
    return held
