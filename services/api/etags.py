"""Tags of answers: who has an answer already is told that it holds (304), and changes only what it has read (412)."""

from __future__ import annotations

import base64
import hashlib
import re
from http import HTTPStatus
from typing import Annotated

from fastapi import Header
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.answers import Answer
from services.api.problems import Code, Problem, said

TAGGED_BYTES_MAX = 4 * 2**20
"""Larger bodies get no tag: hashing one takes longer than a request should hold the others (4 MiB: 2 ms)."""
TAGGED_TYPES = frozenset({"application/json", "application/ld+json", "application/geo+json"})
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_TAGS_MAX = 20
_OF_THE_BODY = ("content-encoding", "content-length", "content-type")

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1_000,
        description="The `ETag` of what was read: 412 where it changed since. Without it, the last one to write wins.",
    ),
]


def tag_of(body: bytes) -> str:
    """Return the strong tag of these bytes, quotes included: 128 bits of their SHA-256."""
    digest = hashlib.sha256(body).digest()[:16]
    return f'"{base64.urlsafe_b64encode(digest).decode().rstrip("=")}"'


def names(asked: str, tag: str) -> str | None:
    """Return which of the tags that a header lists means this one, as it was written; None where none does.

    The same answer compressed has a tag of its own, ``"<tag>.zstd"``; whoever read that one read this one. What a
    proxy weakened (``W/``) still means it.
    """
    if asked.strip() == "*":
        return tag
    for found in list(_TAG.finditer(asked))[:_TAGS_MAX]:
        if found[1].partition(".")[0] == tag.strip('"'):
            return found[0]
    return None


def check_match(if_match: str | None, current: Answer) -> None:
    """Check that the answer a client read before it changes this is still the current one.

    The caller holds what it answers for, so that nobody changes it between the check and the change.

    Raises
    ------
    Problem
        412 where it changed.
    """
    if if_match is not None and names(if_match, tag_of(current.model_dump_json().encode())) is None:
        raise Problem(Code.PRECONDITION_FAILED, said("precondition_failed"))


class Etags:
    """Gives JSON answers to GET their tag, and answers 304 to a client that has that very answer.

    Streams and bodies over `TAGGED_BYTES_MAX` pass as they are. An answer may be kept by its client alone, which asks
    again each time (``private, no-cache``).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("if-none-match", "")
        start: Message | None = None

        async def tagged(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_tagged(message):
                start = message
                return
            if start is not None:
                begun, start = start, None
                if message["type"] == "http.response.body" and not message.get("more_body", False):
                    message = _answered(begun, message, asked)
                await send(begun)
            await send(message)

        await self._app(scope, receive, tagged)


def _is_tagged(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    media_type = headers.get("content-type", "").partition(";")[0].strip()
    length = headers.get("content-length", "")
    return (
        start["status"] == HTTPStatus.OK
        and media_type in TAGGED_TYPES
        and length.isdecimal()
        and int(length) <= TAGGED_BYTES_MAX
    )


def _answered(start: Message, body: Message, asked: str) -> Message:
    """Tag the answer that begins with ``start``; return its body, an empty one where the client has it."""
    headers = MutableHeaders(scope=start)
    headers.setdefault("Cache-Control", "private, no-cache")
    tag = headers.setdefault("ETag", tag_of(body.get("body", b"")))
    known = names(asked, tag)
    if known is None:
        return body
    start["status"] = HTTPStatus.NOT_MODIFIED
    headers["ETag"] = known
    for name in _OF_THE_BODY:
        del headers[name]
    return {"type": "http.response.body", "body": b""}
