"""Entities as the standard writes them in JSON (OGC 18-088, clause 8): pure, from what was read."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from core.clock import format_instant
from core.metrics import Nature, metric_named
from core.readings import Flag, Quality
from core.store.things import Key, Row
from services.api.flags import flag_names
from services.api.sensor_things.options import Options
from services.api.sensor_things.queries import Query
from services.api.sensor_things.reading import Entity, Found
from services.api.sensor_things.schema import EntitySet, Kind, Property

_OBSERVATION_COLUMNS = ("phenomenonTime", "resultTime", "result", "resultQuality", "parameters")


def entity_url(root: str, of: EntitySet, key: Key) -> str:
    """Return the address of an entity."""
    if of.identity is Kind.TEXT:
        text = str(key).replace("'", "''")
        return f"{root}/{of.name}('{quote(text, safe='')}')"
    return f"{root}/{of.name}({key})"


def entity_json(entity: Entity, query: Query, root: str) -> dict[str, Any]:
    """Return an entity with what was selected and expanded of it; what is not known is left out."""
    of, select, row = query.of, query.options.select, entity.row
    url = entity_url(root, of, row["id"])
    written: dict[str, Any] = {}
    if select is None or {"id", "@iot.id"} & set(select):
        written["@iot.id"] = row["id"]
    if select is None or "@iot.selfLink" in select:
        written["@iot.selfLink"] = url
    for one in of.properties:
        if select is None or one.name in select:
            value = property_json(of, one, row)
            if value is not None:
                written[one.name] = value
    for name, link in of.links.items():
        if name in entity.expanded:
            inner = query.expand[name]
            written |= _expanded(name, entity.expanded[name], inner, root, f"{url}/{name}" if link.many else "")
        if name in select if select is not None else name not in entity.expanded:
            written[f"{name}@iot.navigationLink"] = f"{url}/{name}"
    return written


def collection_json(found: Found, query: Query, root: str, url: str) -> dict[str, Any]:
    """Return a page of entities; ``url`` is where they were asked for."""
    written: dict[str, Any] = {} if found.count is None else {"@iot.count": found.count}
    if found.more:
        written["@iot.nextLink"] = next_link(url, query.options, found)
    if query.options.in_arrays:
        return written | {"value": _arrays(found, query, root)}
    return written | {"value": [entity_json(entity, query, root) for entity in found.entities]}


def references_json(found: Found, query: Query, root: str, url: str) -> dict[str, Any]:
    """Return the addresses of a page of entities."""
    written = collection_json(Found([], found.count, found.more, found.token), query, root, url)
    of = query.of
    links = [{"@iot.selfLink": entity_url(root, of, entity.row["id"])} for entity in found.entities]
    return written | {"value": links}


def next_link(url: str, options: Options, found: Found) -> str:
    """Return the address of the page that follows: by token where there is one, else by ``$skip``."""
    written = {name: value for name, value in options.written.items() if name not in {"$skip", "$skiptoken"}}
    if found.token is not None:
        written["$skiptoken"] = found.token
    else:
        written["$skip"] = str(options.skip + len(found.entities))
    return f"{url}?{urlencode(written, quote_via=quote, safe='$(),/')}"


def property_json(of: EntitySet, one: Property, row: Row) -> Any:
    """Return the value of a property, None where it is not known."""
    if of.is_observations:
        return _observation(row, one.name)
    if one.name == "phenomenonTime":
        return _period(row)
    if one.kind is Kind.POINT:
        return row[one.name]
    value = row[one.column]
    return format_instant(value) if one.kind is Kind.INSTANT else value


def _expanded(name: str, found: Found, query: Query, root: str, url: str) -> dict[str, Any]:
    """Return what was expanded: one entity where ``url`` is empty, else many."""
    if not url:
        one = found.entities[0] if found.entities else None
        return {name: None if one is None else entity_json(one, query, root)}
    page = collection_json(found, query, root, url)
    return {name if key == "value" else f"{name}{key}": value for key, value in page.items()}


def _arrays(found: Found, query: Query, root: str) -> list[dict[str, Any]]:
    """Return observations as arrays of values, one array a Datastream (OGC 18-088, 13.1)."""
    select = query.options.select
    chosen = ("id", *_OBSERVATION_COLUMNS) if select is None else tuple(dict.fromkeys(select))
    components = ["id" if name == "@iot.id" else name for name in chosen if name not in query.of.links]
    arrays: dict[Key, list[list[Any]]] = {}
    for entity in found.entities:
        values = [_component(query.of, name, entity.row, root) for name in components]
        arrays.setdefault(entity.row["datastream_id"], []).append(values)
    return [
        {
            "Datastream@iot.navigationLink": f"{root}/Datastreams({series_id})",
            "components": components,
            "dataArray@iot.count": len(values),
            "dataArray": values,
        }
        for series_id, values in arrays.items()
    ]


def _component(of: EntitySet, name: str, row: Row, root: str) -> Any:
    if name == "id":
        return row["id"]
    if name == "@iot.selfLink":
        return entity_url(root, of, row["id"])
    return _observation(row, name)


def _observation(row: Row, name: str) -> Any:
    if name == "phenomenonTime":
        return format_instant(row["phenomenon_time"])
    if name == "resultTime":
        return format_instant(row["result_time"])
    if name == "result":
        return _result(row)
    if name == "resultQuality":
        return {"quality": Quality(row["quality"]).name.lower(), "flags": flag_names(Flag(row["flags"]))}
    return _parameters(row)


def _result(row: Row) -> float | bool:
    value: float = row["result"]
    nature = metric_named(row["metric"]).nature
    if nature is Nature.STATE and value in {0, 1}:
        return value == 1
    return int(value) if nature is Nature.COUNT and value.is_integer() else value


def _parameters(row: Row) -> dict[str, Any] | None:
    """Return which frame brought it and how its result was calibrated, None where there was neither."""
    parameters: dict[str, Any] = {}
    if row["frame"] is not None:
        parameters["fCnt"], parameters["arrival"] = row["frame"]
    if row["gain"] is not None:
        parameters["rawResult"] = row["raw"]
        parameters["calibration"] = {
            "gain": row["gain"],
            "shift": row["shift"],
            "validFrom": format_instant(row["valid_from"]),
        }
    return parameters or None


def _period(row: Row) -> str | None:
    if row.get("oldest_at") is None or row.get("newest_at") is None:
        return None
    # The newest reading is kept apart, and may be a moment ahead of the first in another transaction's eyes.
    return f"{format_instant(row['oldest_at'])}/{format_instant(max(row['oldest_at'], row['newest_at']))}"
