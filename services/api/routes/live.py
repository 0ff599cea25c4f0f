"""The live feed of a commune, as Server-Sent Events that resume."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Annotated

import structlog
from fastapi import Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from core.errors import StoreAbsent
from core.store.live import LiveEvent
from services.api.answers import api_router
from services.api.doors.visiting import Visiting
from services.api.live_hub import Feed, LiveHub
from services.api.live_sight import Sight
from services.api.parameters import LONG_ID_MAX, CommuneFilter
from services.api.problems import Code, Problem

router = api_router("live")

PING_S = 15
SEND_S_MAX = 30
"""A client that takes nothing for so long is gone."""
EVENTS_AT_HAND = 1_024

_log = structlog.get_logger(__name__)

_EXAMPLE = (
    'event: ready\nid: 1200\ndata: {"items": []}\n\n'
    'event: readings\nid: 1201\ndata: {"items": [{"series_id": 41, "sensor_id": 12, "metric": "co2_ppm", '
    '"observed_at": "2026-03-02T08:10:00Z", "value": 812.0, "quality": 0}]}\n\n'
)


FAREWELL_S_MAX = 2
"""How long a stream may take to end in order when the process is told to stop."""


class _EndOfFeed:
    """Ends a feed when the process is told to stop, so that its stream ends in order and is not cut."""

    def __init__(self, feed: Feed) -> None:
        self.set = feed.end


class LiveResponse(EventSourceResponse):
    """The stream of one feed; however it ends, the feed is closed."""

    def __init__(self, hub: LiveHub, feed: Feed, content: AsyncIterator[ServerSentEvent | bytes]) -> None:
        super().__init__(
            content,
            ping=PING_S,
            sep="\n",
            send_timeout=SEND_S_MAX,
            shutdown_event=_EndOfFeed(feed),  # type: ignore[arg-type] # all that is asked of the event is to be set
            shutdown_grace_period=FAREWELL_S_MAX,
        )
        self._hub, self._feed = hub, feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            _log.info("live_client_gone", pass_id=self._feed.pass_id, waited_s=SEND_S_MAX)
        finally:
            self._hub.leave(self._feed)


@router.get(
    "/live",
    operation_id="follow_live",
    response_class=EventSourceResponse,
    responses={200: {"description": "The feed.", "content": {"text/event-stream": {"example": _EXAMPLE}}}},
)
async def follow_live(
    request: Request,
    visitor: Visiting,
    commune: CommuneFilter = None,
    last_event_id: Annotated[int | None, Query(ge=0, le=LONG_ID_MAX)] = None,
    resumed: Annotated[int | None, Header(alias="Last-Event-ID", ge=0, le=LONG_ID_MAX)] = None,
) -> LiveResponse:
    """Follow what is stored and forecast, as Server-Sent Events.

    Events: `readings` and `forecasts`, each with its `id` and `{"items": [...]}`; `ready` comes first on a new feed;
    `reset` comes first on a resumed one when what followed the last event is no longer kept: read `/latest` anew.
    Resume with the header `Last-Event-ID` (a browser does by itself) or the parameter `last_event_id`: everything
    after it comes, in order, once. A comment comes every 15 s. A client that does not keep up is disconnected, as is
    one whose pass is withdrawn. Who sees one site of a commune gets the items of that site.
    """
    hub: LiveHub = request.app.state.live_hub
    after = resumed if resumed is not None else last_event_id
    sight = Sight.of(visitor.grants).within(commune)
    if sight.is_empty:
        raise Problem(Code.FORBIDDEN, f"your roles show nothing of the commune {commune}")
    feed = hub.join(sight, visitor.pass_id)
    try:
        resumable = after is not None and await hub.can_resume(feed, after)
    except BaseException:
        hub.leave(feed)
        raise
    if after is not None and resumable:
        return LiveResponse(hub, feed, _resumed(hub, feed, after))
    return LiveResponse(hub, feed, _opened(feed, "ready" if after is None else "reset"))


async def _opened(feed: Feed, greeting: str) -> AsyncIterator[ServerSentEvent | bytes]:
    yield ServerSentEvent(json.dumps({"items": []}), event=greeting, id=str(feed.joined_at))
    async for event in feed.events(feed.joined_at):
        yield _sent(event)


async def _resumed(hub: LiveHub, feed: Feed, after: int) -> AsyncIterator[ServerSentEvent | bytes]:
    try:
        async for event in hub.missed(feed, after):
            yield _sent(event)
    except StoreAbsent:
        return  # the client comes back with the last id it saw
    async for event in feed.events(after):
        yield _sent(event)


@lru_cache(EVENTS_AT_HAND)
def _sent(event: LiveEvent) -> bytes:
    """Return an event as it goes over the line: made once, sent to everybody."""
    said = ServerSentEvent(f'{{"items": {event.text}}}', event=event.kind, id=str(event.event_id), sep="\n")
    return said.encode()
