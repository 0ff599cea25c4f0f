"""The routes of SensorThings: one for every path, answered as OGC 18-088, clause 9 says; read-only."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from core.clock import now
from core.errors import ReadRefused
from core.store.criteria import Call, Field, Node, Value, all_of
from core.store.pool import Connection
from core.store.things import bounded_reading
from services.api.answers import History
from services.api.problems import Code, Problem
from services.api.sensor_things.conditions import Resolver
from services.api.sensor_things.entities import collection_json, entity_json, entity_url, property_json, references_json
from services.api.sensor_things.options import Options, parse_query
from services.api.sensor_things.paths import Resource, Step, parse_path
from services.api.sensor_things.queries import Query, compose, has_id
from services.api.sensor_things.reading import Entity, Reader
from services.api.sensor_things.refusals import Malformed, NotBuilt, NotThere
from services.api.sensor_things.schema import ENTITY_SETS, EntitySet

ROOT = "/sensorthings/v1.1"
_REQUIREMENTS = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
CONFORMANCE = [
    _REQUIREMENTS + name
    for name in (
        "datamodel/entity-control-information",
        "datamodel/thing",
        "datamodel/location",
        "datamodel/datastream",
        "datamodel/sensor",
        "datamodel/observed-property",
        "datamodel/observation",
        "datamodel/feature-of-interest",
        "datamodel/historical-location/properties",
        "datamodel/historical-location/relations",
        "resource-path/resource-path-to-entities",
        "request-data/order",
        "request-data/expand",
        "request-data/select",
        "request-data/status-code",
        "request-data/query-status-code",
        "request-data/orderby",
        "request-data/top",
        "request-data/skip",
        "request-data/pagination",
        "request-data/count",
        "request-data/filter",
        "request-data/built-in-filter-operations",
    )
]
"""What is met. Not among them: the query functions as a whole (lines have none), writing, batches, MQTT, tasks."""

router = APIRouter(prefix=ROOT, include_in_schema=False)
_ON_ONE = {"$select", "$expand"}
_CAST_OF = {int: "integer", str: "text"}
_HEADERS = {"Cache-Control": "no-store"}


def _root_url(request: Request) -> str:
    return str(request.base_url).rstrip("/") + ROOT


Root = Annotated[str, Depends(_root_url)]


@router.get("")
@router.get("/")
def read_service_root(root: Root) -> Response:
    """Return the entity sets, and what of the standard is met."""
    sets = [{"name": name, "url": f"{root}/{name}"} for name in ENTITY_SETS]
    return _answer({"value": sets, "serverSettings": {"conformance": CONFORMANCE}})


@router.get("/{path:path}")
def read_resource(path: str, request: Request, root: Root, history: History) -> Response:
    """Return what a path addresses, as its query options ask for it."""
    resource = parse_path(path)
    options = parse_query(request.url.query, resource.of)
    if resource.is_one or resource.inside:
        _check_on_one(options, resource)
    query = compose(options, resource.of, Resolver(now()))
    try:
        with bounded_reading(history):
            place = _place(history, resource.steps)
            if place is not None:
                query = query.where(place)
            return _addressed(Reader(history), resource, query, root)
    except ReadRefused as error:
        raise Malformed(str(error)) from error


@router.api_route("/{path:path}", methods=["POST", "PUT", "PATCH", "DELETE"])
def refuse_writing(path: str) -> Response:
    """Refuse to write: readings come in by MQTT, sensors by the registry."""
    if path.strip("/") == "$batch":
        raise NotBuilt("batch requests are not served")
    raise Problem(Code.METHOD_NOT_ALLOWED, "SensorThings is served to read only")


def _place(connection: Connection, steps: tuple[Step, ...]) -> Node | None:
    """Return the condition that a path puts on its last set; looks up on the way that each entity is there."""
    condition: Node | None = None
    before: Step | None = None
    for step in steps:
        if before is not None:
            condition = _led_to(_one(Reader(connection), _plain(before.of, condition)), before, step)
        if step.key is not None:
            condition = all_of(condition, has_id(step.of, step.key))
        before = step
    return condition


def _led_to(entity: Entity, before: Step, step: Step) -> Node:
    """Return the condition on the entities that a link of this entity leads to."""
    link = before.of.links[step.link]
    value = entity.row[link.source_column]
    if not step.of.is_observations:
        return Call("eq", (Field(link.target_column), Value(value, _CAST_OF[type(value)])), truth=True)
    back = next(one for one in step.of.links.values() if one.source_column == link.target_column)
    return has_id(before.of, value, (back,))


def _plain(of: EntitySet, condition: Node | None) -> Query:
    return Query(of, Options(top=1), condition, (), {})


def _one(reader: Reader, query: Query) -> Entity:
    found = reader.page(query).entities
    if not found:
        raise NotThere(f"there is no such {query.of.entity}")
    return found[0]


def _addressed(reader: Reader, resource: Resource, query: Query, root: str) -> Response:
    if resource.inside:
        return _property(resource, _one(reader, query), root)
    if resource.is_one:
        entity = _one(reader, query)
        if resource.reference:
            return _answer({"@iot.selfLink": entity_url(root, resource.of, entity.row["id"])})
        return _answer(entity_json(entity, query, root))
    found = reader.page(query)
    url = _url(root, resource.steps)
    if resource.reference:
        return _answer(references_json(found, query, root, f"{url}/$ref"))
    return _answer(collection_json(found, query, root, url))


def _property(resource: Resource, entity: Entity, root: str) -> Response:
    """Return a property of an entity, or a value in it; 204 where it is there and null (OGC 18-088, 9.2.2.4)."""
    name, *inside = resource.inside
    value = _value(resource.of, name, entity, root)
    for one in inside:
        if not isinstance(value, dict) or one not in value:
            raise NotThere(f"{'/'.join(resource.inside)} is nothing of this {resource.of.entity}")
        value = value[one]
    if value is None:
        return Response(status_code=204)
    if not resource.raw:
        return _answer({resource.inside[-1]: value})
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Response(text, media_type="text/plain; charset=utf-8", headers=_HEADERS)


def _value(of: EntitySet, name: str, entity: Entity, root: str) -> Any:
    if name == "@iot.selfLink":
        return entity_url(root, of, entity.row["id"])
    found = of.property_named(name)
    return entity.row["id"] if found is None else property_json(of, found, entity.row)


def _url(root: str, steps: tuple[Step, ...]) -> str:
    """Return the address of what a path leads to, as it was asked for."""
    url = root
    for step in steps:
        name = step.link or step.of.name
        url += f"/{name}" if step.key is None else entity_url("", step.of, step.key).replace(step.of.name, name, 1)
    return url


def _check_on_one(options: Options, resource: Resource) -> None:
    allowed = set() if resource.inside or resource.reference else _ON_ONE
    beyond = sorted(set(options.written) - allowed)
    if beyond:
        raise Malformed(f"{', '.join(beyond)} cannot be asked of one entity or property")


def _answer(content: dict[str, Any]) -> JSONResponse:
    return JSONResponse(content, headers=_HEADERS)
