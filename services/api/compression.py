"""Answers compressed as the client prefers: zstd, Brotli or gzip; live feeds and Parquet files are left as they are.

Measured on one core with 3,000 latest readings (690 kB of JSON): zstd 64 kB in 1.0 ms, Brotli 62 kB in 2.5 ms, gzip
64 kB in 3.4 ms; with 52,000 (12 MB) 16, 61 and 60 ms: large bodies are compressed in a thread, off the event loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import anyio
import brotli
import zstandard
from anyio.to_thread import run_sync
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipResponder, IdentityResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.exports.asked import Format
from services.exports.stream import FILES

BYTES_MIN = 1_024
"""Smaller bodies are sent as they are."""
IN_THREAD_BYTES_MIN = 131_072
LEFT_ALONE = (*DEFAULT_EXCLUDED_CONTENT_TYPES, FILES[Format.PARQUET].media_type)
"""Media types that are compressed already, or whose events must leave at once."""
_ZSTD_LEVEL = 4
_BROTLI_QUALITY = 4
_GZIP_LEVEL = 5
_THREADS = 8


class _Squeezing(IdentityResponder, ABC):
    """An answer under way whose body is compressed, large pieces of it in a thread."""

    def __init__(self, app: ASGIApp, threads: anyio.CapacityLimiter) -> None:
        super().__init__(app, BYTES_MIN, exclude_content_types=LEFT_ALONE)
        self._threads = threads

    @abstractmethod
    def squeeze(self, body: bytes, more_body: bool) -> bytes:  # noqa: FBT001 - as Starlette's own
        """Return what is to be sent for this piece, everything where it is the last."""

    async def apply_compression(self, body: bytes, *, more_body: bool) -> bytes:
        """Compress a piece where the event loop does not wait for it."""
        if len(body) >= IN_THREAD_BYTES_MIN:
            return await run_sync(self.squeeze, body, more_body, limiter=self._threads)
        return self.squeeze(body, more_body)


class _Zstd(_Squeezing):
    content_encoding = "zstd"
    _begun: zstandard.ZstdCompressionObj | None = None

    def squeeze(self, body: bytes, more_body: bool) -> bytes:  # noqa: FBT001 - as Starlette's own
        if self._begun is None:
            self._begun = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
        end = zstandard.COMPRESSOBJ_FLUSH_BLOCK if more_body else zstandard.COMPRESSOBJ_FLUSH_FINISH
        return self._begun.compress(body) + self._begun.flush(end)


class _Brotli(_Squeezing):
    content_encoding = "br"
    _begun: brotli.Compressor | None = None

    def squeeze(self, body: bytes, more_body: bool) -> bytes:  # noqa: FBT001 - as Starlette's own
        if self._begun is None:
            self._begun = brotli.Compressor(quality=_BROTLI_QUALITY)
        done: bytes = self._begun.process(body)
        ended: bytes = self._begun.flush() if more_body else self._begun.finish()
        return done + ended


def _gzip(app: ASGIApp, _: anyio.CapacityLimiter) -> IdentityResponder:
    return GZipResponder(
        app,
        BYTES_MIN,
        _GZIP_LEVEL,
        thread_minimum_size=IN_THREAD_BYTES_MIN,
        exclude_content_types=LEFT_ALONE,
    )


def _identity(app: ASGIApp, _: anyio.CapacityLimiter) -> IdentityResponder:
    return IdentityResponder(app, BYTES_MIN, exclude_content_types=LEFT_ALONE)


CODINGS: Mapping[str, Callable[[ASGIApp, anyio.CapacityLimiter], IdentityResponder]] = {
    "zstd": _Zstd,
    "br": _Brotli,
    "gzip": _gzip,
}
"""The content codings, the one that costs least first."""


def chosen_coding(accept: str) -> str | None:
    """Return the coding of ours that an ``Accept-Encoding`` header weighs most, ours first among equals; None for none.

    A coding that is not named has the weight of ``*`` (RFC 9110, 12.5.3).
    """
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, _, weight = part.partition(";")
        try:
            weights[name.strip()] = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
    rest = weights.get("*", 0.0)
    best = max(CODINGS, key=lambda coding: weights.get(coding, rest))
    return best if weights.get(best, rest) > 0 else None


class Compression:
    """Compresses answers; the tag of a compressed one names its coding, for it is another representation."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._threads = anyio.CapacityLimiter(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        coding = chosen_coding(Headers(scope=scope).get("accept-encoding", ""))
        responder = CODINGS.get(coding or "", _identity)(self._app, self._threads)

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                tag, used = headers.get("etag", ""), headers.get("content-encoding")
                if used in CODINGS and tag.endswith('"'):
                    headers["ETag"] = f'{tag[:-1]}.{used}"'
            await send(message)

        await responder(scope, receive, tagged)
