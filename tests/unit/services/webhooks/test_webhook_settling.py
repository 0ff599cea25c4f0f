"""What follows from an answer: taken, later, or never; and how long to wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.store.deliveries import DELIVERED_WITHIN, STEPS_ASIDE_TRIES, Due
from services.webhooks.outgoing import Answered
from services.webhooks.settling import SPREAD, WAIT_MAX, Outcome, outcome_name, settle, wait_after

NOW = datetime(2026, 3, 16, 9, 20, tzinfo=UTC)


def due(*, tries: int = 0, failures: int = 0) -> Due:
    return Due(1, 2, uuid4(), "https://hook.example/", "{}", (b"",), NOW, tries, failures, NOW)


def middle() -> float:
    return 0.5


def outcome(status: int | None, *, body: bytes = b"", **headers: str) -> Outcome:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answered = None if status is None else Answered(status, named, body, is_cut=False)
    return Outcome(answered, "" if status else "nobody there", NOW, 12)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_an_answer_of_success_takes_it(status: int) -> None:
    settled = settle(due(tries=3, failures=3), outcome(status), middle)
    assert (settled.is_taken, settled.failure, settled.absences) == (True, "", 0)
    assert settled.webhook_next_try_at == NOW
    assert outcome_name(settled) == "taken"


@pytest.mark.parametrize("status", [100, 199, 301, 302, 307, 308, 400, 401, 404, 500, 501])
def test_another_answer_refuses_this_event_only(status: int) -> None:
    settled = settle(due(tries=2, failures=3), outcome(status), middle)
    assert (settled.is_taken, settled.is_gone, settled.absences) == (False, False, 0)
    assert settled.failure == f"it answered {status}"
    assert settled.webhook_next_try_at == NOW
    assert settled.next_try_at == NOW + timedelta(seconds=20)
    assert outcome_name(settled) == "refused"


@pytest.mark.parametrize("status", [None, 429, 502, 503, 504])
def test_a_receiver_that_is_absent_is_left_alone_for_a_while(status: int | None) -> None:
    settled = settle(due(failures=2), outcome(status), middle)
    assert (settled.is_taken, settled.absences) == (False, 3)
    assert settled.webhook_next_try_at == NOW + timedelta(seconds=20)
    assert settled.next_try_at == NOW
    assert outcome_name(settled) == "absent"


def test_410_ends_it() -> None:
    assert settle(due(), outcome(410), middle).is_gone
    assert not settle(due(), outcome(404), middle).is_gone


@pytest.mark.parametrize(
    ("asked", "waits_s"),
    [("120", 120), ("1", 5), ("999999", 3_600), ("soon", 5), ("-5", 5), ("Wed, 21 Oct 2026 07:28:00 GMT", 5), ("²", 5)],
)
def test_a_receiver_may_ask_to_be_left_alone_within_bounds(asked: str, waits_s: int) -> None:
    settled = settle(due(), outcome(503, retry_after=asked), middle)
    assert settled.webhook_next_try_at == NOW + timedelta(seconds=waits_s)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_are_bounded_and_spread(failures: int, chance: float) -> None:
    waited = wait_after(failures, lambda: chance)
    assert timedelta(seconds=5) * (1 - SPREAD) <= waited <= WAIT_MAX * (1 + SPREAD)


def test_the_order_is_held_for_hours_and_tries_go_on_to_the_end() -> None:
    held = sum((wait_after(failure, middle) for failure in range(1, STEPS_ASIDE_TRIES + 1)), timedelta())
    assert timedelta(hours=5) < held < timedelta(hours=7)
    assert held + 21 * wait_after(100, middle) < DELIVERED_WITHIN


def test_a_reason_is_kept_as_a_terminal_may_show_it() -> None:
    settled = settle(due(), Outcome(None, "\x1b[2J\0" + "a" * 5_000, NOW, 1), middle)
    assert settled.failure.startswith("?[2J?aaa")
    assert len(settled.failure) == 500


def test_an_answer_is_kept_as_text_that_the_store_takes() -> None:
    settled = settle(due(), outcome(500, body=b"a\0b\xff" + b"c" * 5_000), middle)
    assert settled.answer.startswith("a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c")
    assert len(settled.answer) == 1_000
