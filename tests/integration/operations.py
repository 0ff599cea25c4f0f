"""All operations of the application, with those that the OpenAPI document leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import APIRoute


@dataclass(frozen=True)
class Operation:
    """One method of one route.

    Parameters
    ----------
    name
        As `NEEDS` names it.
    """

    name: str
    method: str
    path: str

    def address(self) -> str:
        """An address of it, of things that are not there."""
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: EXAMPLES.get(found[1], "999999"), self.path)


EXAMPLES = {
    "insee": "93051",
    "kind": "round",
    "code": "93051:none",
    "language": "fr",
    "version": "v1.1",
    "path": "Things",
}


def operations_of(app: FastAPI) -> Iterator[Operation]:
    """Yield every operation of an application."""
    for route, path in _with_paths(app):
        for method in sorted(route.methods or ()):
            yield Operation(route.operation_id or route.name, method, path)


def routes_of(app: FastAPI) -> Iterator[APIRoute]:
    """Yield every route of an application."""
    return (route for route, _ in _with_paths(app))


def _with_paths(app: FastAPI) -> Iterator[tuple[APIRoute, str]]:
    for route in app.routes:
        contexts = getattr(route, "effective_route_contexts", None)
        for context in contexts() if contexts else ():
            if isinstance(context.original_route, APIRoute):
                yield context.original_route, context.path
