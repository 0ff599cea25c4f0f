"""The empty FastAPI route that the API is held against: the same web server, nothing asked of anybody.

``/empty`` answers ``{}``; ``/stream`` sends each line of standard input to all who follow it, as an event.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from sse_starlette import EventSourceResponse, ServerSentEvent

followers: set[asyncio.Queue[str]] = set()


async def hand_on() -> None:
    """Hand each line that comes in to everybody."""
    reader = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        for follower in followers:
            follower.put_nowait(line.decode().rstrip())


@asynccontextmanager
async def running(_: FastAPI) -> AsyncIterator[None]:
    """Listen to standard input while the application runs."""
    task = asyncio.create_task(hand_on())
    yield
    task.cancel()


app = FastAPI(lifespan=running)


@app.get("/empty")
def empty() -> dict[str, str]:
    """Answer nothing."""
    return {}


@app.get("/stream")
async def stream() -> EventSourceResponse:
    """Follow what comes in."""
    mine: asyncio.Queue[str] = asyncio.Queue()
    followers.add(mine)

    async def events() -> AsyncIterator[ServerSentEvent]:
        try:
            while True:
                yield ServerSentEvent(await mine.get(), event="readings")
        finally:
            followers.discard(mine)

    return EventSourceResponse(events(), sep="\n")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_config=None)
