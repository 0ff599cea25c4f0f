"""The pure parts of the live hub: who gets which event, and what becomes of the slow."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import StoreAbsent
from core.store.live import LiveEvent
from services.api.live_hub import FEED_EVENTS_MAX, Bounds, Feed, LiveHub
from services.api.live_sight import Sight
from services.api.problems import Problem

HERE, THERE = "93051", "75056"
SEES_HERE, SEES_THERE, SEES_ALL = Sight(communes=frozenset({HERE})), Sight(communes=frozenset({THERE})), Sight(all=True)
MINE, ANOTHERS = 1, 2


def event(event_id: int, commune: str = HERE) -> LiveEvent:
    return LiveEvent(event_id, commune, "readings", "[]")


def hub_at(event_id: int, *, feeds_max: int = 10) -> LiveHub:
    """Return a hub that has seen this event, without a store."""
    hub = LiveHub("", feeds_max)
    hub.publish(event(event_id), {})
    return hub


async def ids_of(feed: Feed, count: int, *, after: int = 0) -> list[int]:
    stream = feed.events(after)
    return [(await asyncio.wait_for(anext(stream), 5)).event_id for _ in range(count)]


def test_a_feed_gets_the_events_of_its_commune_from_its_beginning_on() -> None:
    hub = hub_at(7)
    here, everywhere = hub.join(SEES_HERE, MINE), hub.join(SEES_ALL, ANOTHERS)
    for each in (event(8), event(9, THERE), event(12)):
        hub.publish(each, {})
    assert here.joined_at == 7
    assert asyncio.run(ids_of(here, 2)) == [8, 12]
    assert asyncio.run(ids_of(everywhere, 3)) == [8, 9, 12]


def test_a_feed_that_saw_more_than_this_process_is_not_sent_it_again() -> None:
    hub = hub_at(7)
    feed = hub.join(SEES_HERE, MINE)
    for event_id in (8, 9, 10):
        hub.publish(event(event_id), {})
    assert asyncio.run(ids_of(feed, 1, after=9)) == [10]


def test_a_slow_feed_is_ended_and_the_others_miss_nothing() -> None:
    hub = hub_at(0)
    slow, quick = hub.join(SEES_HERE, MINE), hub.join(SEES_THERE, ANOTHERS)
    for event_id in range(1, FEED_EVENTS_MAX + 1):
        hub.publish(event(event_id), {})
    assert not any(feed.ended for feed in (slow, quick))
    hub.publish(event(FEED_EVENTS_MAX + 1), {})
    hub.publish(event(FEED_EVENTS_MAX + 2, THERE), {})
    assert [feed.ended for feed in (slow, quick)] == [True, False]
    assert asyncio.run(ids_of(quick, 1)) == [FEED_EVENTS_MAX + 2]

    async def rest_of(feed: Feed) -> list[LiveEvent]:
        return [each async for each in feed.events(0)]

    assert asyncio.run(rest_of(slow)) == []


def test_an_ended_feed_makes_room_and_its_leaving_counts_once() -> None:
    hub = hub_at(0, feeds_max=1)
    first = hub.join(SEES_HERE, MINE)
    with pytest.raises(Problem, match="no more are allowed"):
        hub.join(SEES_HERE, MINE)
    hub.leave(first)
    hub.leave(first)
    hub.join(SEES_HERE, MINE)
    with pytest.raises(Problem, match="no more are allowed"):
        hub.join(SEES_HERE, MINE)


def test_a_waiting_feed_ends_when_it_is_told() -> None:
    async def wait_and_end() -> list[LiveEvent]:
        feed = hub_at(0).join(SEES_ALL, MINE)
        asyncio.get_running_loop().call_soon(feed.end)
        return [each async for each in feed.events(0)]

    assert asyncio.run(asyncio.wait_for(wait_and_end(), 5)) == []


def test_before_the_store_was_reached_nobody_can_join() -> None:
    with pytest.raises(StoreAbsent):
        LiveHub("", 1).join(SEES_ALL, MINE)


@pytest.mark.parametrize(
    ("bounds", "event_id", "kept"),
    [
        (Bounds(5, 9), 4, True),
        (Bounds(5, 9), 3, False),
        (Bounds(5, 9), 9, True),
        (Bounds(5, 9), 10, False),
        (Bounds(0, 0), 0, True),
        (Bounds(0, 0), 7, False),
    ],
)
def test_a_feed_resumes_only_when_all_that_followed_is_kept(bounds: Bounds, event_id: int, *, kept: bool) -> None:
    assert bounds.follow_on(event_id) is kept
