"""Entities as they are now: /entities and /entities/{entityId} (clauses 6.4 and 6.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from core.store.pool import Connection
from services.api.answers import History
from services.api.ngsi_ld.answering import GEO, answer, asked_as, media_type, page_headers, teller_of
from services.api.ngsi_ld.asking import EntitiesAsked, FormAsked, OneAsked
from services.api.ngsi_ld.entity_types import ENTITY_TYPES
from services.api.ngsi_ld.faults import Fault, Refused
from services.api.ngsi_ld.forms import feature, feature_collection, formed, projected
from services.api.ngsi_ld.gathering import Choice, Chosen, choose, created, kept, read_page, tell
from services.api.ngsi_ld.said import Json, Teller
from services.api.ngsi_ld.urns import parse_urn

router = APIRouter()


@router.get("/entities")
@router.get("/entities/")
def query_entities(
    request: Request, store: History, asked: Annotated[EntitiesAsked, Depends(asked_as(EntitiesAsked))]
) -> Response:
    """Return the entities that a question selects, a page of them."""
    asked.check()
    media, form, teller = _media(request, asked.geometry_property), asked.form, teller_of(request)
    choice = Choice(
        asked.entity_types, asked.numbers, asked.attributes, asked.query, asked.geo_query, named=asked.named
    )
    chosen = choose(store, choice, teller)
    page = chosen[asked.offset : asked.offset + asked.limit]
    told = _told(store, page, asked, teller)
    headers = page_headers(request, asked.offset, asked.limit, len(chosen), counted=asked.counted)
    if media == GEO:
        return answer(request, feature_collection(told, form), media, headers)
    return answer(request, [formed(entity, form) for entity in told], media, headers)


@router.get("/entities/{entity_id}")
def retrieve_entity(
    request: Request, entity_id: str, store: History, asked: Annotated[OneAsked, Depends(asked_as(OneAsked))]
) -> Response:
    """Return one entity."""
    media, form, teller = _media(request, asked.geometry_property), asked.form, teller_of(request)
    named = parse_urn(entity_id)
    entity_type = ENTITY_TYPES.get(named[0]) if named else None
    if named is not None and entity_type in asked.entity_types:
        chosen = choose(store, Choice([entity_type], {entity_type.name: [named[1]]}, asked.attributes), teller)
        for told in _told(store, chosen, asked, teller):
            return answer(request, feature(told, form) if media == GEO else formed(told, form), media)
    raise Refused(Fault.RESOURCE_NOT_FOUND, f"there is no entity {entity_id[:200]}")


def _media(request: Request, geometry_property: str | None) -> str:
    """Return the media type of the answer; which attribute is the geometry can be asked of GeoJSON alone."""
    media = media_type(request, geo=True)
    if geometry_property is not None and (media != GEO or geometry_property != "location"):
        said = f"geometryProperty is of {GEO}, and the only one is location"
        raise Refused(Fault.BAD_REQUEST_DATA, said)
    return media


def _told(store: Connection, page: Sequence[Chosen], asked: FormAsked, teller: Teller) -> list[Json]:
    """Return a page of entities with what is asked of them, in the normalized form."""
    told = []
    for entity_type, subject in read_page(store, page, asked.attributes):
        times = created(subject) if asked.with_times else {}
        entity = tell(entity_type, subject, teller, asked.attributes) | times
        told.append(projected(entity, kept(asked.picked, subject), asked.omitted))
    # One of which nothing is left is no result (clause 4.21).
    return [entity for entity in told if entity]
