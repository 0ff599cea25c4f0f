"""What is done around every request: one log line, one counter, bounds, and the headers that every answer carries."""

from __future__ import annotations

import re
import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.instruments import REQUEST_SECONDS
from core.interventions import PHOTO_BYTES_MAX
from core.registry_csv import BYTES_MAX
from services.api.answers import PREFIX
from services.api.problem_answers import SAFE_HEADERS, problem_answer
from services.api.problems import Code, Detail, problem_of, said

UNMATCHED = "unmatched"
"""The route of a request that matched none: paths that strangers invent would be labels without bound."""

HSTS = "max-age=31536000"
"""Who came by https comes by nothing else for a year."""
ADDRESS_BYTES_MAX = 32_768
"""Path and query: an export may name 500 sensors."""
HEADERS_BYTES_MAX = 16_384
"""Names and values of all headers."""
BODY_BYTES_MAX = 65_536
LARGER_BODIES = (
    (re.compile(rf"{PREFIX}/sensors/bulk"), BYTES_MAX),
    (re.compile(rf"{PREFIX}/interventions/[0-9]{{1,10}}/photos"), PHOTO_BYTES_MAX),
)
"""Paths of the routes that take a whole file, and their bounds."""

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
    """Adds the security headers that an answer does not set itself; what does not say that it may be kept is not."""

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
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", HSTS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


class Bounds:
    """Refuses a request whose address, headers or body are over their bound, or that does not say its body's length.

    Nothing of the body is read before. The web server holds a body to the length that it says.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        refusal = _refusal(Request(scope)) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, detail = refusal
        code = Code.BODY_TOO_LARGE if status in {411, 413} else Code.REQUEST_REFUSED
        problem = problem_of(code, detail, status=status)
        await problem_answer(Request(scope), problem)(scope, receive, send)


def _refusal(request: Request) -> tuple[int, Detail] | None:
    """Return the status and the reason with which this request is refused, None where it is within its bounds."""
    if len(request.scope.get("raw_path") or b"") + len(request.scope["query_string"]) > ADDRESS_BYTES_MAX:
        return 414, said("address_too_long", bytes=ADDRESS_BYTES_MAX)
    if sum(len(name) + len(value) for name, value in request.scope["headers"]) > HEADERS_BYTES_MAX:
        return 431, said("headers_too_large", bytes=HEADERS_BYTES_MAX)
    if "transfer-encoding" in request.headers:
        return 411, said("length_required")
    length = request.headers.get("content-length", "0")
    bound = next((most for path, most in LARGER_BODIES if path.fullmatch(request.url.path)), BODY_BYTES_MAX)
    if not length.isdecimal() or int(length) > bound:
        return 413, said("body_too_large", bytes=bound)
    return None


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path_format", UNMATCHED)
