"""What all answers share: their form, a page of items, and the request's connection to the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from core.store.pool import Connection, under
from core.store.replica import Replica
from services.api.act_route import ActRoute
from services.api.doors.visiting import Visiting
from services.api.problems import MEDIA_TYPE
from services.api.turns import Connections

PREFIX = "/api/v1"
_PROBLEMS = {
    400: "The request cannot be taken as it is: it shows two passes, say.",
    401: "Nobody is let in by what the request shows, or it shows nothing.",
    403: "Whoever asks has not the right, or not there.",
    404: "There is no such thing.",
    405: "The method is not one of this resource.",
    409: "There is one already, or its state does not allow it, or the idempotency key was used for something else.",
    412: "It changed since it was read: its `ETag` is not that of `If-Match`.",
    413: "The body is over 64 KiB, or over 4 MiB where it is a file.",
    414: "The address is over 32 KiB.",
    422: "A parameter or the body is invalid; `errors` names it.",
    429: "Too many requests in a row; `Retry-After` says when to go on.",
    431: "The headers are over 16 KiB.",
    501: "This process cannot do it.",
    503: "The database is absent, or all connections to it are at work; try again later.",
}


class Answer(BaseModel):
    """An answer of the API; every instant in it is RFC 3339 in UTC, with Z."""

    model_config = ConfigDict(extra="forbid")


Item = TypeVar("Item")


class Items(Answer, Generic[Item]):
    """A list: one page of it, and where the next starts.

    Parameters
    ----------
    next
        What to give as ``after`` (``before``, where the newest come first) to go on; None at the end.
    """

    items: list[Item]
    next: int | str | None = Field(default=None, description="Cursor of the next page, null at the end.")


def documented(*examples: dict[str, Any]) -> ConfigDict:
    """Return the model settings of an answer with these examples in the OpenAPI document."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(examples)})


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of these error statuses."""
    return {
        status: {
            "description": _PROBLEMS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
        for status in statuses
    }


def api_router(tag: str) -> APIRouter:
    """Return a router of the API whose operations share this tag and answer errors as problems."""
    responses = problem_responses(404, 405, 422, 503)
    return APIRouter(prefix=PREFIX, tags=[tag], responses=responses, route_class=ActRoute)


async def _store(request: Request, visitor: Visiting) -> AsyncIterator[Connection]:
    # A request with an idempotency key has its connection already: the act and its answer are one transaction.
    held: Connection | None = getattr(request.state, "connection", None)
    if held is not None:
        yield held
        return
    connections: Connections = request.app.state.connections
    async with connections.store(visitor.key) as connection:
        yield connection


async def _history(request: Request, visitor: Visiting) -> AsyncIterator[Connection]:
    connections: Connections = request.app.state.connections
    async with connections.reading_history(visitor.key) as connection:
        yield connection


def _history_dsn(request: Request, visitor: Visiting) -> str:
    connections: Connections = request.app.state.connections
    return under(connections.history.dsn, visitor.key)


def _history_replica(request: Request) -> Replica:
    connections: Connections = request.app.state.connections
    return connections.history.replica


# "function": what was written is committed before the answer leaves.
Store = Annotated[Connection, Depends(_store, scope="function")]
"""The request's connection, from the pool, under its visitor's pass: the store shows and takes what they may.

Committed when the answer is ready, rolled back on error; the pass holds for this one transaction.
"""
History = Annotated[Connection, Depends(_history, scope="function")]
"""The same, read-only, for what reads history and may be some seconds old: of the replica while it follows.

A route asks for `Store` or for `History`, never for both: a request holds one connection.
"""
HistoryDsn = Annotated[str, Depends(_history_dsn)]
"""The address to read history from under the visitor's pass, for what connects by itself (Arrow, a long export)."""
HistoryReplica = Annotated[Replica, Depends(_history_replica)]
"""How the replica does that history is read from."""
