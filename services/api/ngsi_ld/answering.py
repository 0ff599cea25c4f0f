"""Answers as NGSI-LD gives them: media types, @context, pages, and errors (clauses 6.3.3 to 6.3.6, 6.3.10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import URL

from core.clock import now
from services.api.ngsi_ld.contexts import CONTEXT_PATH, CONTEXT_REL, CORE_CONTEXT, check_link
from services.api.ngsi_ld.faults import Fault, Refused
from services.api.ngsi_ld.said import Json, Teller

JSON: Final = "application/json"
LD: Final = "application/ld+json"
GEO: Final = "application/geo+json"
LEFT_OUT: Final = frozenset(
    {
        "q", "scopeQ", "csf", "lang", "datasetId", "orderBy", "orderFrom", "collation", "join", "joinLevel",
        "containedBy", "expandValues", "jsonKeys", "entityMap", "entityMapLifetime", "splitEntities", "reduced",
    }
)  # fmt: skip
"""Parameters of the standard that Vigie does not support, everywhere or in some places."""
Model = TypeVar("Model", bound=BaseModel)


def check_request(request: Request) -> None:
    """Check what every question must be: of no tenant, in a @context that is known.

    Raises
    ------
    Refused
        If it is not.
    """
    if request.headers.get("ngsild-tenant"):
        raise Refused(Fault.NO_MULTI_TENANT_SUPPORT, "ask without NGSILD-Tenant")
    check_link(request.headers.get("link"), root_of(request))


def asked_as(kind: type[Model]) -> Callable[[Request], Model]:
    """Return what reads a question's parameters: NGSI-LD tells what is wrong with them in its own words."""

    def read(request: Request) -> Model:
        parameters = request.query_params
        given = {name: values if len(values := parameters.getlist(name)) > 1 else values[0] for name in parameters}
        try:
            return kind.model_validate(given)
        except ValidationError as invalid:
            errors = invalid.errors()
            raise Refused(_fault(errors[0]), "; ".join(map(_told, errors))) from None

    return read


def _fault(error: ErrorDetails) -> Fault:
    """Return what is wrong: a parameter that nobody knows is another fault than one that Vigie leaves out (6.3.20)."""
    if error["type"] != "extra_forbidden":
        return Fault.BAD_REQUEST_DATA
    return Fault.OPERATION_NOT_SUPPORTED if error["loc"][0] in LEFT_OUT else Fault.INVALID_REQUEST


def _told(error: ErrorDetails) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{name}: not a parameter that Vigie supports here"
    return f"{name}: {str(error['msg']).removeprefix('Value error, ')}"


def root_of(request: Request) -> str:
    """Return the address that the request came to, without a slash at its end."""
    return str(request.base_url).rstrip("/")


def teller_of(request: Request) -> Teller:
    """Return who tells it: now, at this address."""
    return Teller(now(), root_of(request))


def media_type(request: Request, *, geo: bool = False) -> str:
    """Return the media type of the answer: of those that are accepted best, the first of JSON, JSON-LD, GeoJSON.

    Raises
    ------
    Refused
        If none of them is accepted.
    """
    offered = (JSON, LD, GEO) if geo else (JSON, LD)
    weights = _weights(request.headers.get("accept") or JSON)
    best = max(offered, key=lambda one: _weight(one, weights))
    if _weight(best, weights) <= 0:
        raise Refused(Fault.NOT_ACCEPTABLE, f"available are {', '.join(offered)}")
    return best


def _weights(accept: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in accept.split(",")[:32]:
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        given = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        try:
            weights[name] = float(given)
        except ValueError:
            weights[name] = 0.0
    return weights


def _weight(offered: str, weights: Mapping[str, float]) -> float:
    for name in (offered, "application/*", "*/*"):
        if name in weights:
            return weights[name]
    return 0.0


def answer(request: Request, body: Json | list[Json], media: str, headers: Mapping[str, str] | None = None) -> Response:
    """Write an answer with its @context: in the body of JSON-LD and GeoJSON, in a Link beside JSON."""
    context_url = root_of(request) + CONTEXT_PATH
    contexts = [context_url, CORE_CONTEXT]
    sent = {"Cache-Control": "no-store", "Vary": "Accept", **(headers or {})}
    # A feature collection says its context once, as one entity does; a list says it in each of its entities.
    if media == JSON:
        link = f'<{context_url}>; rel="{CONTEXT_REL}"; type="{LD}"'
        sent["Link"] = ", ".join(filter(None, (sent.get("Link"), link)))
    elif isinstance(body, list):
        body = [{**one, "@context": contexts} for one in body]
    else:
        body = {**body, "@context": contexts}
    return JSONResponse(body, media_type=media, headers=sent)


def page_headers(request: Request, offset: int, limit: int, total: int, *, counted: bool) -> dict[str, str]:
    """Return the links to the pages beside this one (clause 6.3.10), and how many results there are where asked."""
    links = []
    # "" is what a page of none would repeat for ever.
    if limit and offset > 0:
        links.append(_page(request.url, max(offset - limit, 0), "prev"))
    if limit and offset + limit < total:
        links.append(_page(request.url, offset + limit, "next"))
    headers = {"Link": ", ".join(links)} if links else {}
    return {**headers, "NGSILD-Results-Count": str(total)} if counted else headers


def _page(url: URL, offset: int, rel: str) -> str:
    target = url.include_query_params(offset=offset)
    return f'<{target.path}?{target.query}>; rel="{rel}"; type="{LD}"'
