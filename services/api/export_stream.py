"""An export as an answer: it flows as it is read, holds little memory, and ends when its reader goes away.

A file that broke off is not taken for a whole one: its chunked body ends without the last chunk, which every HTTP
client reports, and a Parquet file lacks its footer.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Protocol

import anyio
import structlog
from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.errors import StoreAbsent
from core.instruments import API_EXPORTS
from services.api.problems import Code, Problem

SEND_S_MAX = 30
"""A reader that takes nothing for so long is gone."""
EXPORT_S_MAX = 3_600
"""How long an export may flow: until then the server keeps what it would otherwise clean up."""
BEFORE_ANSWER = 2
"""Pieces that are made before the answer begins, heading and first lines: so long, an error is still a problem."""

_log = structlog.get_logger(__name__)


class FileForm(Protocol):
    """How a file is named and served."""

    @property
    def suffix(self) -> str: ...  # noqa: D102 # after the dot
    @property
    def media_type(self) -> str: ...  # noqa: D102 # of the answer


class Flowing(Protocol):
    """A file as it comes out of the store, on a connection of its own."""

    @property
    def rows(self) -> int: ...  # noqa: D102 # how many were written so far
    def pieces(self) -> Generator[bytes]: ...  # noqa: D102 # it is whole when the iterator ended by itself
    def cancel(self) -> None: ...  # noqa: D102 # end the statement under way, from any thread


class ExportTurns:
    """Bounds how many exports flow at once; each has a thread of its own, so that it takes none from other requests."""

    def __init__(self, most: int) -> None:
        self._most, self._flowing = most, 0
        self.threads = anyio.CapacityLimiter(2 * most)
        """One that reads and one that cancels, for each."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Take a turn.

        Raises
        ------
        Problem
            If all are taken.
        """
        if self._flowing >= self._most:
            raise Problem(Code.TOO_MANY_EXPORTS, f"{self._most} exports flow already, no more are allowed at once")
        self._flowing += 1
        API_EXPORTS.set(self._flowing)
        try:
            yield
        finally:
            self._flowing -= 1
            API_EXPORTS.set(self._flowing)


class ExportResponse(Response):
    """The stream of one export.

    Parameters
    ----------
    name
        What the file is called, without its suffix.
    """

    def __init__(self, turns: ExportTurns, flow: Flowing, kind: FileForm, name: str) -> None:
        super().__init__(
            media_type=kind.media_type,
            headers={"Content-Disposition": f'attachment; filename="{name}.{kind.suffix}"'},
        )
        del self.headers["content-length"]
        self._turns, self._flow = turns, flow
        self._begun = self._whole = self._left = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the server's way
        """Send the export, or as much of it as its reader stays for."""
        broken: Exception | None = None
        with self._turns.turn():
            pieces = self._flow.pieces()
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._watch, receive, tasks.cancel_scope)
                    try:
                        with anyio.fail_after(EXPORT_S_MAX):
                            await self._send(pieces, send)
                    except (StoreAbsent, TimeoutError) as error:
                        broken = error
                    tasks.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True):
                    await run_sync(pieces.close, limiter=self._turns.threads)
        if broken is not None and not self._begun and not self._left:
            raise broken
        if self._whole:
            _log.info("export_sent", rows=self._flow.rows)
        else:
            # Returning without the last chunk has the server close the connection: the reader sees a broken file.
            _log.warning("export_broken", rows=self._flow.rows, left=self._left, reason=str(broken or ""))

    async def _send(self, pieces: Iterator[bytes], send: Send) -> None:
        ready = [piece for _ in range(BEFORE_ANSWER) if (piece := await self._next(pieces))]
        self._begun = True
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in ready:
            await self._put(piece, send)
        while piece := await self._next(pieces):
            await self._put(piece, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        self._whole = True

    async def _next(self, pieces: Iterator[bytes]) -> bytes:
        """Return the next piece, nothing at the end."""
        return await run_sync(next, pieces, b"", limiter=self._turns.threads)

    async def _put(self, piece: bytes, send: Send) -> None:
        with anyio.fail_after(SEND_S_MAX):
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    async def _watch(self, receive: Receive, scope: anyio.CancelScope) -> None:
        """Wait until the reader goes away; then end the statement, and with it whoever waits for its rows."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._left = True
        scope.cancel()
        with anyio.CancelScope(shield=True):
            await run_sync(self._flow.cancel, limiter=self._turns.threads)
