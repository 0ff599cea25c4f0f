"""A server that answers as the Storage Integration of The Things Stack does, and fails where a test wants it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from core.clock import parse_instant


@dataclass(frozen=True)
class Answer:
    """How one request is answered: with a status of failure, cut in the middle, or with a line of error."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    error: bool = False


@dataclass
class Asked:
    """One request, as it came."""

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]


@dataclass
class StorageServer:
    """What the server keeps and how it answers; ``answers[i]`` is for the i-th request, those after it are whole.

    Parameters
    ----------
    inclusive
        Whether an uplink of the very instant ``after`` is given again.
    page_max
        The most uplinks it gives at once, whatever the limit asked.
    """

    port: int = 0
    stored: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    inclusive: bool = False
    page_max: int = 1_000
    asked: list[Asked] = field(default_factory=list)
    key: str = "NNSXS.KEY"

    @property
    def url(self) -> str:
        """Its address, as the setting wants it."""
        return f"http://127.0.0.1:{self.port}"

    def page(self, asked: Asked) -> list[dict[str, Any]]:
        """Return the uplinks that a request asks for."""
        after, before = (parse_instant(asked.parameters[name]) for name in ("after", "before"))
        device = asked.path.split("/devices/")[1].split("/")[0] if "/devices/" in asked.path else None
        found = [
            one
            for one in sorted(self.stored, key=lambda one: one["received_at"])
            if self._is_after(parse_instant(one["received_at"]), after)
            and parse_instant(one["received_at"]) < before
            and device in {None, one["end_device_ids"]["device_id"]}
        ]
        return found[: min(int(asked.parameters["limit"]), self.page_max)]

    def _is_after(self, at: datetime, after: datetime) -> bool:
        return at >= after if self.inclusive else at > after


@contextmanager
def storage_server() -> Iterator[StorageServer]:
    """Run the server on a loopback port."""
    told = StorageServer()

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer_request(self, told)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer_request(request: BaseHTTPRequestHandler, told: StorageServer) -> None:
    """Answer one request as the script says."""
    parts = urlsplit(request.path)
    parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
    asked = Asked(unquote(parts.path), parameters, dict(request.headers))
    told.asked.append(asked)
    answer = told.answers[len(told.asked) - 1] if len(told.asked) <= len(told.answers) else Answer()
    if answer.status == 200 and request.headers["Authorization"] != f"Bearer {told.key}":
        answer = Answer(403)
    request.send_response(answer.status)
    for name, value in answer.headers.items():
        request.send_header(name, value)
    if answer.status != 200:
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    lines = "\n\n".join(json.dumps({"result": one}) for one in told.page(asked))
    if answer.error:
        lines += '\n\n{"error":{"code":14,"message":"unavailable"}}'
    body = lines.encode()
    request.send_header("Content-Type", "text/event-stream")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body[: len(body) // 2] if answer.cut else body)
    if answer.cut:
        request.close_connection = True
