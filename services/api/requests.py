"""What is done around every request: one log line, one counter, a bound, and the headers that every answer carries."""

from __future__ import annotations

import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.instruments import REQUEST_SECONDS
from core.registry_csv import BYTES_MAX
from services.api.answers import PREFIX
from services.api.problems import SAFE_HEADERS, Code, problem_answer, problem_of

UNMATCHED = "unmatched"
"""The route of a request that matched none: paths that strangers invent would be labels without bound."""

BODY_BYTES_MAX = 65_536
LARGER_BODIES = {f"{PREFIX}/sensors/bulk": BYTES_MAX}
"""Bounds of the routes that take a whole file."""

_log = structlog.get_logger(__name__)


class RequestLog:
    """Logs each request once it is answered, and counts the seconds until its answer begins.

    A live feed is logged when it ends: its duration is how long it was open.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        # What stands when the application crashes before it answers.
        status = 500

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                REQUEST_SECONDS.labels(_route(scope), str(status)).observe(time.perf_counter() - began_s)
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            duration_ms = round(1_000 * (time.perf_counter() - began_s), 1)
            _log.info(
                "request_answered", method=scope["method"], route=_route(scope), status=status, duration_ms=duration_ms
            )


class SafeHeaders:
    """Adds the security headers that an answer does not set itself; answers of the API are never cached."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(PREFIX):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


class BodyBound:
    """Refuses a request whose body is over its bound, or does not say its length, before it is read.

    The web server holds a body to the length that it says.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        refusal = _body_refusal(Request(scope)) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, detail = refusal
        problem = problem_of(Code.BODY_TOO_LARGE, detail, status=status)
        await problem_answer(Request(scope), problem)(scope, receive, send)


def _body_refusal(request: Request) -> tuple[int, str] | None:
    if "transfer-encoding" in request.headers:
        return 411, "a body must say its length (Content-Length)"
    length = request.headers.get("content-length", "0")
    bound = LARGER_BODIES.get(request.url.path, BODY_BYTES_MAX)
    if not length.isdecimal() or int(length) > bound:
        return 413, f"the body is over {bound} bytes"
    return None


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", UNMATCHED)
