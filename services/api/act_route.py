"""The route of all operations of the API: acts are done once by idempotency key, and tell what is deprecated."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from services.api.deprecation import deprecated_in
from services.api.idempotency import AnsweredBefore, Asked, Once

ACTS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def _acting(route: ActRoute) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """Return what answers a request: the operation, and what is kept and told of its answer."""
    answered = APIRoute.get_route_handler(route)

    async def acted(request: Request) -> Response:
        try:
            response = await answered(request)
        except AnsweredBefore as before:
            response = before.response
        else:
            asked: Asked | None = getattr(request.state, "asked", None)
            if asked is not None:
                # The transaction of the act is still open: it is committed when the answer is ready.
                await run_in_threadpool(asked.keep, response)
        for one in deprecated_in(route.operation_id or route.name, request.query_params, await request.body()):
            response.headers.update(one.headers())
        return response

    return acted if ACTS & (route.methods or set()) else answered


class ActRoute(APIRoute):
    """A route; where it takes POST, it takes an idempotency key."""

    get_route_handler = _acting
    """FastAPI asks each route for what answers its requests."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        dependencies = list(options.pop("dependencies", None) or [])
        if "POST" in (options.get("methods") or ()):
            dependencies.append(Once)
        super().__init__(path, endpoint, dependencies=dependencies, **options)
