"""A real receiver of webhooks on a loopback port: keeps what it is sent, and answers as a test wants."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.api.process import listening


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        """By which the receiver knows what it has already."""
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """What was heard, in order, and the answer to each: its status, or seconds to hang before it is 200."""

    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    answers: Callable[[Heard], Response | float] = field(default=lambda _: Response("taken"))

    def url(self, path: str = "/hook") -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        one = Heard(request.url.path, dict(request.headers), await request.body())
        self.heard.append(one)
        answer = self.answers(one)
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            answer = Response("late")
        await answer(scope, receive, send)

    def wait_for(self, count: int, timeout_s: float = 60.0) -> list[Heard]:
        """Return what was heard once it is so much."""
        deadline = time.monotonic() + timeout_s
        while len(self.heard) < count:
            assert time.monotonic() < deadline, f"heard {len(self.heard)} of {count}"
            time.sleep(0.02)
        return list(self.heard)


@contextmanager
def receiving(**options: Any) -> Iterator[Receiver]:
    """Run a receiver; stopped at the end."""
    receiver = Receiver(**options)
    with listening("127.0.0.1", receiver.port) as listener:
        receiver.port = int(listener.getsockname()[1])
        config = uvicorn.Config(
            receiver, access_log=False, log_config=None, lifespan="off", timeout_graceful_shutdown=0
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + 10
            while not server.started:
                assert time.monotonic() < deadline, "the receiver did not start within 10 s"
                time.sleep(0.01)
            yield receiver
        finally:
            server.should_exit = True
            thread.join(15)
