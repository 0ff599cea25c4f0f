"""Live updates: one listening connection per process, fanned out to every open feed through bounded queues.

A feed gets what its visitor sees of each event, once and in order. Whoever comes back with the id of the last event
it saw gets all that followed, or a *reset* when that is no longer known: then it reads the present state anew. A feed
that does not keep up is ended, as is one whose pass was withdrawn, and the others never wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from core.errors import StoreAbsent
from core.instruments import LIVE_CLIENTS
from core.store.live import (
    DOORS,
    LiveEvent,
    count_live,
    keep_open_passes,
    listen_live,
    read_live,
    read_live_bounds,
    read_series_sites,
    read_subject_sites,
)
from core.store.pool import AsyncConnection, connected_async
from services.api.live_sight import Place, Sight, places_in
from services.api.problems import Code, Problem

FEED_EVENTS_MAX = 256
"""Events that wait for one feed; one more ends it."""
REPLAY_EVENTS_MAX = 5_000
"""Events that a returning feed is sent; one that missed more is reset."""
PAGE_EVENTS = 500
REPLAYS_AT_ONCE = 2
"""Connections that returning feeds may hold together."""
POLL_S = 5.0
"""How long to wait for a notification before looking anyway: it also shows that the connection lives."""
PASSES_S = 15.0
"""How often it is looked whether the open feeds' passes still let in; a revocation is heard of at once."""
RETRY_S_MIN = 0.5
RETRY_S_MAX = 30.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The ids of the oldest and the newest event that the store keeps; both 0 when there is none."""

    oldest: int
    newest: int

    def follow_on(self, event_id: int) -> bool:
        """Whether all that followed this event is still kept."""
        return self.oldest - 1 <= event_id <= self.newest


@dataclass(eq=False, slots=True)
class Feed:
    """One client's feed.

    Parameters
    ----------
    sight
        What of the events its visitor sees.
    pass_id
        Whose feed it is; it ends with the pass.
    joined_at
        Id of the newest event when it came: later ones come through the queue, earlier ones from the store.
    """

    sight: Sight
    pass_id: int
    joined_at: int
    waiting: deque[LiveEvent] = field(default_factory=deque)
    ended: bool = False
    stirred: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, event: LiveEvent, places: Mapping[Place, int | None]) -> bool:
        """Queue what its visitor sees of an event; False when too many wait already."""
        shown = self.sight.shown(event, places)
        if shown is not None:
            if len(self.waiting) >= FEED_EVENTS_MAX:
                return False
            self.waiting.append(shown)
            self.stirred.set()
        return True

    def end(self) -> None:
        """End the feed: what still waits is not sent, the client comes back for it."""
        self.ended = True
        self.stirred.set()

    async def events(self, after: int) -> AsyncIterator[LiveEvent]:
        """Yield the queued events that follow the id ``after`` as they come, until the feed is ended."""
        while not self.ended:
            if not self.waiting:
                self.stirred.clear()
                await self.stirred.wait()
                continue
            event = self.waiting.popleft()
            if event.event_id > after:
                yield event


class LiveHub:
    """Follows the store's live events and hands them to the open feeds.

    Parameters
    ----------
    dsn
        The database's address under the login that reads the whole feed.
    feeds_max
        Feeds that may be open together.
    passes_changed
        Called when passes changed, or may have while nobody listened.
    """

    def __init__(self, dsn: str, feeds_max: int, passes_changed: Callable[[], None] = lambda: None) -> None:
        self._passes_changed = passes_changed
        self._dsn = dsn
        self._feeds_max = feeds_max
        self._feeds: set[Feed] = set()
        self._newest: int | None = None
        self._passes_seen_s = 0.0
        self._replays = asyncio.Semaphore(REPLAYS_AT_ONCE)
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow the store, in a task of its own."""
        self._following = asyncio.create_task(self._follow_for_ever())

    async def stop(self) -> None:
        """End all feeds and stop following."""
        self._end(self._feeds)
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following

    def join(self, sight: Sight, pass_id: int) -> Feed:
        """Open a feed that starts now.

        Raises
        ------
        Problem
            If too many are open.
        StoreAbsent
            If the store was never reached: nobody knows where "now" is.
        """
        if len(self._feeds) >= self._feeds_max:
            raise Problem(Code.TOO_MANY_LIVE_CLIENTS, f"{self._feeds_max} live feeds are open, no more are allowed")
        if self._newest is None:
            raise StoreAbsent("the live feed has not reached the database yet")
        feed = Feed(sight, pass_id, self._newest)
        self._feeds.add(feed)
        LIVE_CLIENTS.set(len(self._feeds))
        return feed

    def leave(self, feed: Feed) -> None:
        """Close a feed; safe to call again."""
        self._feeds.discard(feed)
        LIVE_CLIENTS.set(len(self._feeds))

    async def can_resume(self, feed: Feed, after: int) -> bool:
        """Whether all that this feed missed since the event ``after`` is kept, and is not too much to send."""
        if after == feed.joined_at:
            return True
        async with self._replays, connected_async(self._dsn) as connection:
            if not Bounds(*await read_live_bounds(connection)).follow_on(after):
                return False
            missed = await count_live(connection, after=after, communes=feed.sight.asked, limit=REPLAY_EVENTS_MAX + 1)
            return missed <= REPLAY_EVENTS_MAX

    async def missed(self, feed: Feed, after: int) -> AsyncIterator[LiveEvent]:
        """Yield what the feed's visitor sees of what came between the event ``after`` and the feed's own beginning."""
        while after < feed.joined_at:
            # A page at a time, so that a slow client never holds a connection.
            async with self._replays, connected_async(self._dsn) as connection:
                page = await read_live(connection, after=after, communes=feed.sight.asked, limit=PAGE_EVENTS)
                places = await _places(connection, [feed], page)
            for event in page:
                if event.event_id <= feed.joined_at and (shown := feed.sight.shown(event, places)) is not None:
                    yield shown
            after = page[-1].event_id if len(page) == PAGE_EVENTS else feed.joined_at

    async def _follow_for_ever(self) -> None:
        retry_s = RETRY_S_MIN
        try:
            while True:
                try:
                    async with connected_async(self._dsn) as connection:
                        await self._catch_up(connection)
                        _log.info("live_feed_followed", newest_event_id=self._newest)
                        retry_s = RETRY_S_MIN
                        await self._follow(connection)
                except StoreAbsent as error:
                    _log.warning("live_feed_lost", error=str(error), retry_s=retry_s)
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, RETRY_S_MAX)
        except Exception:  # noqa: BLE001 # a task has no caller: what is not logged here is never seen
            _log.exception("live_feed_crashed")
        finally:
            # No feed may look alive when nobody follows the store any more.
            self._end(self._feeds)
            self._newest = None

    async def _catch_up(self, connection: AsyncConnection) -> None:
        """Listen, and find where the feed stands; feeds that missed what is no longer kept are ended.

        What was told of passes while nobody listened is made up for before anybody is sent anything.
        """
        await listen_live(connection)
        self._passes_changed()
        await self._look_at_passes(connection)
        bounds = Bounds(*await read_live_bounds(connection))
        if self._newest is None or not bounds.follow_on(self._newest):
            self._end(self._feeds)
            self._newest = bounds.newest

    async def _follow(self, connection: AsyncConnection) -> None:
        while True:
            while page := await read_live(connection, after=self._newest or 0, limit=PAGE_EVENTS):
                places = await _places(connection, self._feeds, page)
                for event in page:
                    self.publish(event, places)
            if time.monotonic() - self._passes_seen_s >= PASSES_S:
                await self._look_at_passes(connection)
            async for told in connection.notifies(timeout=POLL_S, stop_after=1):
                if told.channel == DOORS:
                    self._pass_changed(told.payload)

    async def _look_at_passes(self, connection: AsyncConnection) -> None:
        """End the feeds whose passes ran out, or show less than they did when the feed began."""
        self._passes_seen_s = time.monotonic()
        asked = sorted({feed.pass_id for feed in self._feeds})
        given = await keep_open_passes(connection, asked)
        seen = {pass_id: Sight.of(given.get(pass_id, ())) for pass_id in asked}
        # Whoever came while it was looked at is looked at the next time.
        self._end({feed for feed in self._feeds if feed.pass_id in seen and not seen[feed.pass_id].covers(feed.sight)})

    def _pass_changed(self, told: str) -> None:
        """End the feeds of a pass that was withdrawn or changed, of all where it is not said which.

        Whoever may still come in comes back at once, with what they see now.
        """
        self._passes_changed()
        self._end({feed for feed in self._feeds if not told or str(feed.pass_id) == told})

    def publish(self, event: LiveEvent, places: Mapping[Place, int | None]) -> None:
        """Hand an event to every open feed whose visitor sees of it; end those that are full."""
        self._newest = event.event_id
        full = {feed for feed in self._feeds if not feed.offer(event, places)}
        if full:
            self._end(full)
            _log.warning("live_feeds_ended", slow_feeds=len(full))

    def _end(self, feeds: set[Feed]) -> None:
        for feed in feeds:
            feed.end()
        self._feeds = self._feeds - feeds
        LIVE_CLIENTS.set(len(self._feeds))


async def _places(
    connection: AsyncConnection, feeds: Iterable[Feed], events: Iterable[LiveEvent]
) -> dict[Place, int | None]:
    """Return the site of each item of the events that somebody sees in part; where nobody does, nothing is read."""
    in_part = [event for event in events if any(feed.sight.needs_places(event) for feed in feeds)]
    asked = places_in(in_part)
    series_ids = [place for place in asked if isinstance(place, int)]
    subjects = [place for place in asked if not isinstance(place, int)]
    by_series = await read_series_sites(connection, series_ids) if series_ids else {}
    by_subject = await read_subject_sites(connection, subjects) if subjects else {}
    found: dict[Place, int | None] = dict(by_series.items())
    return found | dict(by_subject.items())
