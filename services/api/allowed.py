"""The methods that an address takes: of all operations there, which its `Allow` lists (RFC 9110, 10.2.1)."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.routing import compile_path


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """Return the methods of the operations at this path of the API, none where it has none there."""
    found = [template for template in app.openapi()["paths"] if compile_path(template)[0].match(path)]
    if not found:
        return []
    # `/sensors/bulk` is its own resource, though `/sensors/{sensor_id}` reads like it.
    exact = min(found, key=lambda template: template.count("{"))
    return sorted(method.upper() for method in app.openapi()["paths"][exact])
