"""What there is to ask for: /types, /attributes and the @context (clauses 6.25 to 6.28, 6.30)."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from core.store.pool import Connection
from services.api.answers import History
from services.api.ngsi_ld.answering import LD, answer, asked_as, media_type, root_of, teller_of
from services.api.ngsi_ld.contexts import (
    CONTEXT_PATH,
    attribute_iri,
    attribute_term,
    context_document,
    type_iri,
    type_named,
)
from services.api.ngsi_ld.entity_types import ENTITY_TYPES, EntityType
from services.api.ngsi_ld.faults import Fault, Refused
from services.api.ngsi_ld.gathering import Choice, choose
from services.api.ngsi_ld.said import Json, Teller

router = APIRouter()

_LIST_ID: Final = "urn:ngsi-ld:{kind}:vigie"
_GEO_PROPERTIES: Final = frozenset({"location"})
_RELATIONSHIPS: Final = frozenset(
    {"refDevice", "refPointOfInterest", "refParkingSite", "refParkingSpot", "controlledAsset"}
)
_CONTEXT_KEPT_S: Final = 86_400


class InformationAsked(BaseModel):
    """Where to look: everything is local."""

    model_config = ConfigDict(extra="forbid")

    local: bool = True


class ListAsked(InformationAsked):
    """How a list of types or attributes is written."""

    details: bool = False


@router.get("/types")
@router.get("/types/")
def retrieve_types(
    request: Request, store: History, asked: Annotated[ListAsked, Depends(asked_as(ListAsked))]
) -> Response:
    """Return the types of which there are entities."""
    media = media_type(request)
    counts = _counts(store, teller_of(request))
    if not asked.details:
        return answer(
            request,
            {"id": _LIST_ID.format(kind="EntityTypeList"), "type": "EntityTypeList", "typeList": list(counts)},
            media,
        )
    details = [
        {
            "id": type_iri(ENTITY_TYPES[name]),
            "type": "EntityType",
            "typeName": name,
            "attributeNames": list(ENTITY_TYPES[name].attributes),
        }
        for name in counts
    ]
    return answer(request, details, media)


@router.get("/types/{name:path}")
def retrieve_type(
    request: Request, name: str, store: History, _: Annotated[InformationAsked, Depends(asked_as(InformationAsked))]
) -> Response:
    """Return what entities of a type say, and how many there are."""
    media = media_type(request)
    entity_type = type_named(name)
    counts = _counts(store, teller_of(request), entity_type) if entity_type else {}
    if entity_type is None or not counts:
        raise Refused(Fault.RESOURCE_NOT_FOUND, f"there is no entity of a type {name[:200]}")
    details = [
        {
            "id": attribute_iri(entity_type, attribute),
            "type": "Attribute",
            "attributeName": attribute,
            "attributeTypes": [kind_of(attribute)],
        }
        for attribute in entity_type.attributes
    ]
    body: Json = {
        "id": type_iri(entity_type),
        "type": "EntityTypeInfo",
        "typeName": entity_type.name,
        "entityCount": counts[entity_type.name],
        "attributeDetails": details,
    }
    return answer(request, body, media)


@router.get("/attributes")
@router.get("/attributes/")
def retrieve_attributes(
    request: Request, store: History, asked: Annotated[ListAsked, Depends(asked_as(ListAsked))]
) -> Response:
    """Return the attributes of the types of which there are entities."""
    media = media_type(request)
    types = _types_by_attribute(list(_counts(store, teller_of(request))))
    if not asked.details:
        body: Json = {
            "id": _LIST_ID.format(kind="AttributeList"),
            "type": "AttributeList",
            "attributeList": list(types),
        }
        return answer(request, body, media)
    details = [
        {
            "id": attribute_iri(ENTITY_TYPES[names[0]], attribute),
            "type": "Attribute",
            "attributeName": attribute,
            "typeNames": names,
        }
        for attribute, names in types.items()
    ]
    return answer(request, details, media)


@router.get("/attributes/{name:path}")
def retrieve_attribute(
    request: Request, name: str, store: History, _: Annotated[InformationAsked, Depends(asked_as(InformationAsked))]
) -> Response:
    """Return what is known of an attribute: whose it is, and how many entities have it."""
    media, teller, attribute = media_type(request), teller_of(request), attribute_term(name)
    types = tuple(one for one in ENTITY_TYPES.values() if attribute in one.attributes)
    chosen = choose(store, Choice(types, attributes=frozenset({attribute})), teller)
    names = list(Counter(entity_type.name for entity_type, _ in chosen))
    if not names:
        raise Refused(Fault.RESOURCE_NOT_FOUND, f"no entity has an attribute {name[:200]}")
    body: Json = {
        "id": attribute_iri(ENTITY_TYPES[names[0]], attribute),
        "type": "Attribute",
        "attributeName": attribute,
        "attributeCount": len(chosen),
        "attributeTypes": [kind_of(attribute)],
        "typeNames": names,
    }
    return answer(request, body, media)


@router.get("/jsonldContexts")
def list_contexts(request: Request) -> Response:
    """Return the address of the one @context that is served."""
    return JSONResponse([root_of(request) + CONTEXT_PATH])


@router.get("/jsonldContexts/vigie-1")
def serve_context() -> Response:
    """Return the @context document; it never changes under its name."""
    kept = {"Cache-Control": f"public, max-age={_CONTEXT_KEPT_S}"}
    return JSONResponse(context_document(), media_type=LD, headers=kept)


def _counts(store: Connection, teller: Teller, only: EntityType | None = None) -> dict[str, int]:
    """Return how many entities there are of each type that has any."""
    types = (only,) if only else tuple(ENTITY_TYPES.values())
    return dict(Counter(entity_type.name for entity_type, _ in choose(store, Choice(types), teller)))


def _types_by_attribute(type_names: list[str]) -> dict[str, list[str]]:
    types: dict[str, list[str]] = {}
    for name in type_names:
        for attribute in ENTITY_TYPES[name].attributes:
            types.setdefault(attribute, []).append(name)
    return dict(sorted(types.items()))


def kind_of(attribute: str) -> str:
    """Return what an attribute is in NGSI-LD."""
    if attribute in _GEO_PROPERTIES:
        return "GeoProperty"
    return "Relationship" if attribute in _RELATIONSHIPS else "Property"
