"""What people did at a sensor: the journal of interventions, with pictures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Body, Path, Request, Response
from pydantic import Field, StringConstraints

from core.clock import format_instant, now
from core.interventions import (
    PHOTO_BYTES_MAX,
    PHOTOS_MAX,
    SAID_CHARACTERS_MAX,
    Deed,
    Intervention,
    PictureRefused,
)
from core.places import Sensor
from core.roles import RIGHTS, Right, Visitor
from core.store import interventions
from core.store.journal import Place
from core.store.pool import Connection
from core.store.sensors import read_sensor
from services.api.acting import Acting, demand
from services.api.answers import PREFIX, Answer, Items, Store, api_router, documented, problem_responses
from services.api.doors.visiting import Visiting
from services.api.journal_places import Before, format_place, parse_place
from services.api.parameters import ID_MAX, Instant, Limit, SensorId
from services.api.problems import BodyInvalid, Code, Problem, said
from services.api.routes.uplink import whole_sensor
from services.photos import taken_picture

router = api_router("sensors")

AHEAD_MAX = timedelta(minutes=5)
"""How far a phone's clock may be ahead of ours."""
_KEPT_FOR = "private, max-age=86400, immutable"
_PHOTO = {"photo_id": 7, "url": "/api/v1/photos/7", "small_url": "/api/v1/photos/7?size=small"}
_BODY = {"at": "2026-03-02T08:00:00Z", "what": "battery_changed", "said": "Pile neuve, 3,62 V au repos."}
_INTERVENTION = {
    "intervention_id": 3,
    "sensor_id": 12,
    **_BODY,
    "by": "Nadia",
    "role": "technician",
    "made_at": "2026-03-02T08:12:00Z",
    "photos": [_PHOTO],
}
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/jpeg": {"schema": {}, "examples": {"": {"value": "bytes of a JPEG file"}}}},
        "description": "The picture.",
    }
}
_EXAMPLE = {"": {"value": "bytes of a JPEG, PNG or WebP file"}}

InterventionId = Annotated[int, Path(ge=1, le=ID_MAX)]
PhotoId = Annotated[int, Path(ge=1, le=ID_MAX)]


class InterventionBody(Answer):
    """What somebody did at a sensor."""

    model_config = documented(_BODY)

    at: Instant | None = Field(default=None, description="When it was done. Default: now.")
    what: Deed
    said: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, max_length=SAID_CHARACTERS_MAX, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
        ),
    ] = Field(default="", description="In words; nobody's name is needed.")


class PhotoAnswer(Answer):
    """A picture of an intervention."""

    model_config = documented(_PHOTO)

    photo_id: int
    url: str = Field(description="A JPEG of 1,600 pixels a side at most.")
    small_url: str = Field(description="The same, of 320 pixels at most.")


class InterventionAnswer(Answer):
    """An intervention at a sensor."""

    model_config = documented(_INTERVENTION)

    intervention_id: int
    sensor_id: int
    at: datetime
    what: Deed
    said: str
    by: str
    role: str = Field(description="As what whoever noted it did: what pages show of them.")
    made_at: datetime
    photos: list[PhotoAnswer]


class Interventions(Items[InterventionAnswer]):
    """Interventions at a sensor, the newest first."""

    model_config = documented({"items": [_INTERVENTION], "next": None})


@router.get("/sensors/{sensor_id}/interventions", operation_id="read_interventions")
def read_interventions(
    sensor_id: SensorId,
    store: Store,
    before: Before = None,
    limit: Limit = 100,
) -> Interventions:
    """List what was done at a sensor, the newest first."""
    whole_sensor(store, sensor_id)
    page = interventions.read_interventions(store, sensor_id, before=_after(before), limit=limit + 1)
    last = page[limit - 1] if len(page) > limit else None
    following = format_place(Place(last.at, "intervention", last.intervention_id)) if last else None
    return Interventions(items=[intervention_answer(one) for one in page[:limit]], next=following)


@router.post(
    "/sensors/{sensor_id}/interventions",
    operation_id="add_intervention",
    status_code=201,
    responses=problem_responses(413),
)
def add_intervention(
    sensor_id: SensorId, body: InterventionBody, store: Acting, visitor: Visiting, response: Response
) -> InterventionAnswer:
    """Note what was done at a sensor. It is kept with who noted it, and as what."""
    sensor, _ = whole_sensor(store, sensor_id)
    role = _role(visitor, sensor)
    made_at = now()
    at = body.at or made_at
    if at > made_at + AHEAD_MAX:
        raise BodyInvalid("at", f"{format_instant(at)} is in the future")
    new = Intervention(sensor_id, min(at, made_at), body.what, body.said, visitor.name, role, made_at)
    written = _named(store, interventions.write_intervention(store, new, sensor))
    response.headers["Location"] = f"{PREFIX}/sensors/{sensor_id}/interventions"
    return intervention_answer(written)


@router.delete("/interventions/{intervention_id}", operation_id="delete_intervention", status_code=204)
def remove_intervention(intervention_id: InterventionId, store: Acting, visitor: Visiting) -> Response:
    """Remove an intervention that was noted by mistake, with its pictures; that it was stays on record."""
    one = _named(store, intervention_id)
    interventions.remove_intervention(store, one, _tended(store, visitor, one))
    return Response(status_code=204)


@router.post(
    "/interventions/{intervention_id}/photos",
    operation_id="add_photo",
    status_code=201,
    responses=problem_responses(409, 413),
)
def add_photo(
    intervention_id: InterventionId,
    body: Annotated[bytes, Body(media_type="image/jpeg", openapi_examples=_EXAMPLE, max_length=PHOTO_BYTES_MAX)],
    request: Request,
    store: Acting,
    visitor: Visiting,
) -> PhotoAnswer:
    """Add a picture: JPEG, PNG or WebP by what is in it, at most 5 MiB and 40 megapixels, 8 of an intervention.

    What the camera added (place, time, maker) is left out of what is kept.
    """
    one = _named(store, intervention_id)
    sensor = _tended(store, visitor, one)
    if len(one.photos) >= PHOTOS_MAX:
        raise Problem(Code.STATE_REFUSED, said("too_many_photos", photos=PHOTOS_MAX))
    try:
        # One at a time: unpacked, a picture takes a hundred times the room of its file.
        with request.app.state.photo_turn:
            picture = taken_picture(body)
    except PictureRefused as refused:
        raise BodyInvalid("body", str(refused)) from None
    photo_id = interventions.add_photo(store, one, picture, sensor)
    if photo_id is None:
        raise Problem(Code.STATE_REFUSED, said("too_many_photos", photos=PHOTOS_MAX))
    return photo_answer(photo_id)


@router.get("/photos/{photo_id}", operation_id="read_photo", response_class=Response, responses=_PICTURE)
def read_photo(photo_id: PhotoId, store: Store, size: Literal["small", "full"] = "full") -> Response:
    """Return a picture, as a JPEG."""
    found = interventions.read_photo(store, photo_id, small=size == "small")
    if found is None:
        raise Problem(Code.NOT_FOUND, f"there is no photo {photo_id}")
    media_type, content = found
    return Response(content, media_type=media_type, headers={"Cache-Control": _KEPT_FOR})


@router.delete("/photos/{photo_id}", operation_id="delete_photo", status_code=204)
def remove_photo(photo_id: PhotoId, store: Acting, visitor: Visiting) -> Response:
    """Remove a picture."""
    one = interventions.read_photo_owner(store, photo_id)
    if one is None:
        raise Problem(Code.NOT_FOUND, f"there is no photo {photo_id}")
    interventions.remove_photo(store, photo_id, one, _tended(store, visitor, one))
    return Response(status_code=204)


def _named(store: Connection, intervention_id: int) -> Intervention:
    one = interventions.read_intervention(store, intervention_id)
    if one is None:
        raise Problem(Code.NOT_FOUND, f"there is no intervention {intervention_id}")
    return one


def _tended(store: Connection, visitor: Visitor, one: Intervention) -> Sensor:
    sensor = read_sensor(store, one.sensor_id)
    assert sensor is not None, "whoever sees an intervention sees its sensor"
    demand(visitor, Right.TEND, sensor.site.commune_insee, sensor.site.site_id)
    return sensor


def _role(visitor: Visitor, sensor: Sensor) -> str:
    """Return as what a visitor tends a sensor; refused with 403 where they do not."""
    site = sensor.site
    demand(visitor, Right.TEND, site.commune_insee, site.site_id)
    granted = (one for one in visitor.grants if Right.TEND in RIGHTS[one.role])
    return next(one.role for one in granted if one.covers(site.commune_insee, site.site_id))


def _after(before: str | None) -> tuple[datetime, int] | None:
    place = None if before is None else parse_place(before)
    return None if place is None else (place.at, place.number)


def intervention_answer(one: Intervention) -> InterventionAnswer:
    """Return an intervention as the API tells it."""
    return InterventionAnswer(
        intervention_id=one.intervention_id,
        sensor_id=one.sensor_id,
        at=one.at,
        what=one.what,
        said=one.said,
        by=one.by,
        role=one.role,
        made_at=one.made_at,
        photos=[photo_answer(photo_id) for photo_id in one.photos],
    )


def photo_answer(photo_id: int) -> PhotoAnswer:
    """Return where a picture is found."""
    url = f"{PREFIX}/photos/{photo_id}"
    return PhotoAnswer(photo_id=photo_id, url=url, small_url=f"{url}?size=small")
