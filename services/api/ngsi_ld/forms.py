"""The forms of an entity: normalized, concise, simplified (keyValues), and GeoJSON (clauses 4.5.1 to 4.5.4, 4.5.16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from services.api.ngsi_ld.said import Json

_MEMBERS = {"id", "type", "@context"}
_TIMES = {"createdAt", "modifiedAt"}


class Form(StrEnum):
    """How attributes are written."""

    NORMALIZED = "normalized"
    CONCISE = "concise"
    SIMPLIFIED = "simplified"


def formed(entity: Json, form: Form) -> Json:
    """Return a normalized entity in this form."""
    if form is Form.NORMALIZED:
        return entity
    write = _simplified if form is Form.SIMPLIFIED else _concise
    return {
        name: attribute if name in _MEMBERS | _TIMES else write(attribute)
        for name, attribute in entity.items()
        if not (form is Form.SIMPLIFIED and name in _TIMES)
    }


def _simplified(attribute: Json) -> Any:
    """Return nothing but the value or the object."""
    return attribute["object"] if attribute["type"] == "Relationship" else attribute["value"]


def _concise(attribute: Any) -> Any:
    """Return an attribute without its type, and nothing but the value where nothing else is left."""
    if not isinstance(attribute, dict) or "type" not in attribute:
        return attribute
    rest = {
        name: member if name in {"value", "object"} else _concise(member)
        for name, member in attribute.items()
        if name != "type"
    }
    return rest["value"] if list(rest) == ["value"] else rest


def feature(entity: Json, form: Form) -> Json:
    """Return an entity as a GeoJSON Feature; one without a location has a null geometry, as RFC 7946 asks."""
    location = entity.get("location")
    properties = {name: member for name, member in formed(entity, form).items() if name != "id"}
    return {
        **({"id": entity["id"]} if "id" in entity else {}),
        "type": "Feature",
        "geometry": location["value"] if location else None,
        "properties": properties,
    }


def feature_collection(entities: Iterable[Json], form: Form) -> Json:
    """Return entities as a GeoJSON FeatureCollection."""
    return {"type": "FeatureCollection", "features": [feature(entity, form) for entity in entities]}


def projected(entity: Json, pick: frozenset[str] | None, omit: frozenset[str]) -> Json:
    """Return the members of an entity that are picked, without those that are omitted (clause 4.21)."""
    return {name: member for name, member in entity.items() if (pick is None or name in pick) and name not in omit}


def member_at(entity: Mapping[str, Any], path: tuple[str, ...], trail: tuple[str, ...]) -> Any:
    """Return the target of a query's attribute path in a normalized entity (clause 4.9); None where there is none.

    Parameters
    ----------
    path
        The attribute, then its sub-attributes.
    trail
        The path within a compound value, in square brackets.
    """
    found: Any = entity
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, Mapping):
        found = found.get("value", found.get("object"))
    for name in trail:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
