from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import format_instant
from core.intakes import BackfillAsked
from core.readings import Message
from ingestors.backfill.pages import PAGE_MESSAGES, PagingStuck, Place, turn

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = START + timedelta(days=2)
ASKED = BackfillAsked("ecoles", START, START + timedelta(days=1))


def result(number: int, at: datetime) -> dict[str, Any]:
    return {"end_device_ids": {"device_id": f"d{number}"}, "received_at": format_instant(at), "uplink_message": {}}


def test_an_uplink_becomes_the_message_that_its_server_would_publish() -> None:
    page = turn(Place(), [result(1, START)], ASKED, NOW)
    payload = b'{"end_device_ids":{"device_id":"d1"},"received_at":"2026-03-02T00:00:00Z","uplink_message":{}}'
    assert page.messages == (Message("v3/ecoles/devices/d1/up", payload, NOW, len(payload)),)


@pytest.mark.parametrize("ids", [{}, {"device_id": 7}, "none"])
def test_an_uplink_of_nobody_is_not_lost(ids: object) -> None:
    (message,) = turn(Place(), [result(1, START) | {"end_device_ids": ids}], ASKED, NOW).messages
    assert message.topic == "v3/ecoles/devices//up"


def test_a_lone_surrogate_stays_what_it_is() -> None:
    told = json.loads('{"received_at":"2026-03-02T00:00:00Z","name":"\\ud800"}')
    assert b"\\ud800" in turn(Place(), [told], ASKED, NOW).messages[0].payload


def test_nothing_new_is_the_end() -> None:
    page = turn(Place(), [result(1, START)], ASKED, NOW)
    assert turn(page.place, [result(1, START)], ASKED, NOW).messages == ()
    assert turn(page.place, [], ASKED, NOW).messages == ()


def test_a_full_page_of_one_instant_cannot_be_passed() -> None:
    same = [result(number, START) for number in range(PAGE_MESSAGES)]
    page = turn(Place(), same, ASKED, NOW)
    with pytest.raises(PagingStuck):
        turn(page.place, same, ASKED, NOW)
    assert turn(page.place, same[1:], ASKED, NOW).messages == ()


def test_without_a_time_or_going_back_there_is_no_way_on() -> None:
    with pytest.raises(PagingStuck):
        turn(Place(), [{"uplink_message": {}}], ASKED, NOW)
    reached = turn(Place(), [result(1, START + timedelta(hours=1))], ASKED, NOW).place
    with pytest.raises(PagingStuck):
        turn(reached, [result(2, START)], ASKED, NOW)


def test_a_place_survives_as_a_cursor() -> None:
    place = turn(Place(), [result(1, START), result(2, START)], ASKED, NOW).place
    assert Place.parse(json.loads(json.dumps(place.cursor()))) == place
    assert Place.parse({}) == Place()
    assert len(place.edge) == 2


def test_a_page_is_asked_from_before_the_edge_but_not_before_the_window() -> None:
    assert Place().ask_after(ASKED) == START
    assert Place(START).ask_after(ASKED) == START
    hour = START + timedelta(hours=1)
    assert Place(hour).ask_after(ASKED) == hour - timedelta(microseconds=1)


@given(
    seconds=st.lists(st.integers(0, 20), max_size=40),
    page_max=st.integers(25, 60),
    small=st.integers(5, 12),
    inclusive=st.booleans(),
)
def test_every_uplink_is_taken_once(seconds: list[int], page_max: int, small: int, *, inclusive: bool) -> None:
    # At most four uplinks share an instant: fewer than the smallest page holds.
    instants = [START + timedelta(seconds=at) for at in sorted(seconds) if seconds.count(at) <= 4]
    stored = [result(number, at) for number, at in enumerate(instants)]
    for most in (page_max, small):
        place, taken = Place(), []
        while True:
            after = place.ask_after(ASKED) if place.reached else START - timedelta(seconds=1)
            found = [
                one for one, at in zip(stored, instants, strict=True) if (at >= after if inclusive else at > after)
            ]
            page = turn(place, found[:most], ASKED, NOW)
            if not page.messages:
                break
            taken += [message.topic for message in page.messages]
            place = page.place
        assert taken == [f"v3/ecoles/devices/d{number}/up" for number in range(len(stored))]
