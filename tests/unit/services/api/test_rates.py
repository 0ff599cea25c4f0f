"""Token buckets: a burst, what comes back, whose bucket it is, and how many are remembered."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from services.api.doors.rights import NEEDS
from services.api.rates import COSTS, UNRATED, Buckets, Rate, address_of

RATE = Rate("pass", burst=10, per_s=2)


def test_a_burst_is_granted_and_the_next_waits_for_what_comes_back() -> None:
    buckets = Buckets(RATE)
    assert [buckets.take("a", 5, 0).units for _ in range(2)] == [5, 0]
    refused = buckets.take("a", 5, 1)
    assert (refused.units, refused.wait_s) == (2, 2)
    assert buckets.take("a", 5, 3).wait_s == 0


def test_nobody_pays_for_another() -> None:
    buckets = Buckets(RATE)
    buckets.take("a", 10, 0)
    assert buckets.take("b", 10, 0).wait_s == 0


def test_a_bucket_is_never_over_full_and_a_clock_that_goes_back_takes_nothing() -> None:
    buckets = Buckets(RATE)
    buckets.take("a", 1, 1_000)
    assert buckets.take("a", 0, 2_000).units == 10
    assert buckets.take("a", 0, 500).units == 10


def test_what_costs_more_than_a_bucket_takes_all_of_it() -> None:
    assert Buckets(RATE).take("a", 50, 0).units == 0


def test_who_asked_longest_ago_is_forgotten() -> None:
    buckets = Buckets(RATE, most=2)
    for whose in ("a", "b", "a", "c"):
        buckets.take(whose, 4, 0)
    assert buckets.take("a", 0, 0).units == 2
    assert buckets.take("b", 0, 0).units == 10


def test_the_fields_tell_the_burst_the_window_and_when_it_is_full_again() -> None:
    assert Buckets(RATE).take("a", 3, 0).headers() == {
        "RateLimit-Policy": '"pass";q=10;w=5',
        "RateLimit": '"pass";r=7;t=2',
    }


@pytest.mark.parametrize(
    ("host", "whose"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("a socket", "a socket"),
    ],
)
def test_an_address_is_one_person_s_network(host: str, whose: str) -> None:
    assert address_of(Request({"type": "http", "client": (host, 1), "headers": []})) == whose


def test_what_has_a_cost_is_an_operation() -> None:
    assert {*COSTS, *UNRATED} - {"export_audit"} <= set(NEEDS)
