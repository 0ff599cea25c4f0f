"""Idempotency keys: a POST that is sent again with its key is answered as the first time, and done once.

The client chooses the key (``Idempotency-Key``, draft-ietf-httpapi-idempotency-key-header-07), a UUID say, anew for
each thing that it wants done. It belongs to its pass. The answer is kept for a day, in the transaction of the act; an
act that was refused left nothing, and is tried anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool

from core.clock import now
from core.store.idempotency import (
    BODY_BYTES_MAX,
    AskedKey,
    KeptAnswer,
    hold_key,
    keep_answer,
    read_kept_answer,
)
from core.store.pool import Connection
from services.api.doors.visiting import Visiting, operation_of
from services.api.problems import Code, Problem, said
from services.api.turns import Connections

SHOWS_SECRET = frozenset(
    {"make_token", "make_link", "make_person_link", "add_person", "make_webhook", "make_webhook_secret"}
)
"""Operations whose answers show a secret once: it is kept nowhere, here neither."""
_RETRY_AFTER_S = 1

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Chosen by the client for what it wants done once: sent again within a day, the request is "
        "answered as the first time.",
    ),
]


class AnsweredBefore(Exception):
    """A request was answered before: its answer is told again, and nothing is done."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with a key, under way on this connection."""

    connection: Connection
    key: AskedKey
    digest: bytes
    shows_secret: bool

    def keep(self, response: Response) -> None:
        """Keep its answer, in the transaction of the act."""
        body = bytes(response.body)
        is_kept = not self.shows_secret and len(body) <= BODY_BYTES_MAX
        location = response.headers.get("location")
        answer = KeptAnswer(self.digest, response.status_code, location, body if is_kept else None)
        keep_answer(self.connection, self.key, answer, now())


async def _once(request: Request, visitor: Visiting, key: IdempotencyKey = None) -> AsyncIterator[None]:
    if key is None:
        yield
        return
    connections: Connections = request.app.state.connections
    asked_key, digest = AskedKey(visitor.pass_id, key), await _digest_of(request)
    async with connections.store(visitor.key) as connection:
        before = await run_in_threadpool(_before, connection, asked_key, digest)
        if before is not None:
            raise AnsweredBefore(before)
        # What the request does, it does on this connection: one transaction for the act and for its answer.
        request.state.connection = connection
        request.state.asked = Asked(connection, asked_key, digest, operation_of(request) in SHOWS_SECRET)
        yield


Once = Depends(_once, scope="function")
"""Has a request with an idempotency key answered as the first time."""


def _before(connection: Connection, asked: AskedKey, digest: bytes) -> Response | None:
    """Return what was answered to this key before, None if nothing was.

    Raises
    ------
    Problem
        The key is at work, or was used for something else, or its answer was not kept (409).
    """
    if not hold_key(connection, asked):
        detail = said("idempotency_under_way", seconds=_RETRY_AFTER_S)
        raise Problem(Code.IDEMPOTENCY_CONFLICT, detail, retry_after_s=_RETRY_AFTER_S)
    kept = read_kept_answer(connection, asked)
    if kept is None:
        return None
    if kept.asked_digest != digest:
        raise Problem(Code.IDEMPOTENCY_CONFLICT, said("idempotency_key_reused"))
    if kept.body is None:
        raise Problem(Code.IDEMPOTENCY_CONFLICT, said("idempotency_not_kept"))
    headers = {"Idempotency-Replayed": "true"} | ({"Location": kept.location} if kept.location else {})
    return Response(kept.body, kept.status, headers, media_type="application/json")


async def _digest_of(request: Request) -> bytes:
    asked = (request.method, request.url.path, request.url.query, request.headers.get("content-type", ""))
    return hashlib.sha256("\n".join(asked).encode() + b"\n" + await request.body()).digest()
