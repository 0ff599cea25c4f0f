"""What follows from how a receiver answered: taken, tried again later, or never again. Pure.

Two things can go wrong, and they are not the same. The receiver is **absent** (no answer, or 429, 502, 503, 504): all
that waits for it stays in its order behind the first, which is tried again later. The receiver **refuses** one event
(any other answer that is no success): that one is tried again later, and the others pass it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from core.store.deliveries import ANSWER_CHARACTERS_MAX, Due, Settled
from services.webhooks.outgoing import Answered

WAIT_FIRST, WAIT_MAX = timedelta(seconds=5), timedelta(hours=3)
SPREAD = 0.25
"""Waits are longer or shorter by up to this share, so that what failed together does not come back together."""
ASKED_WAIT_MAX = timedelta(hours=1)
"""How long a receiver may ask to be left alone (``Retry-After``)."""
ABSENT = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
FAILURE_CHARACTERS_MAX = 500
_SECONDS_DIGITS_MAX = 6

Chance = Callable[[], float]
"""Gives a number from 0 up to 1."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended, and when: an answer, or why there is none."""

    answered: Answered | None
    failure: str
    at: datetime
    duration_ms: int


def wait_after(failures: int, chance: Chance) -> timedelta:
    """Return how long to wait after so many failures in a row: from 5 s, doubled each time, up to 3 h."""
    longest = min(WAIT_FIRST * 2.0 ** min(failures - 1, 20), WAIT_MAX)
    return longest * (1 - SPREAD + 2 * SPREAD * chance())


def settle(due: Due, outcome: Outcome, chance: Chance) -> Settled:
    """Return what came of a delivery."""
    status = outcome.answered.status if outcome.answered is not None else None
    is_taken = status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    is_absent = status is None or status in ABSENT
    absences = due.failures + 1 if is_absent else 0
    webhook_wait = max(wait_after(absences, chance), _asked_wait(outcome.answered)) if is_absent else timedelta()
    is_refused = not (is_taken or is_absent)
    return Settled(
        is_taken=is_taken,
        status=status,
        failure="" if is_taken else _plain(outcome.failure) or f"it answered {status}",
        answer=_text(outcome.answered),
        duration_ms=outcome.duration_ms,
        next_try_at=outcome.at + (wait_after(due.tries + 1, chance) if is_refused else timedelta()),
        is_gone=status == HTTPStatus.GONE,
        webhook_next_try_at=outcome.at + webhook_wait,
        absences=absences,
    )


def outcome_name(settled: Settled) -> str:
    """Return how operators' counters call it."""
    if settled.is_taken:
        return "taken"
    return "absent" if settled.absences else "refused"


def _asked_wait(answered: Answered | None) -> timedelta:
    asked = answered.headers.get("retry-after", "") if answered is not None else ""
    is_seconds = asked.isascii() and asked.isdecimal() and len(asked) <= _SECONDS_DIGITS_MAX
    return min(timedelta(seconds=int(asked)), ASKED_WAIT_MAX) if is_seconds else timedelta()


def _plain(failure: str) -> str:
    """Return a reason that a terminal may show: it may quote what came from elsewhere."""
    return "".join(one if one.isprintable() else "?" for one in failure)[:FAILURE_CHARACTERS_MAX]


def _text(answered: Answered | None) -> str:
    """Return the beginning of an answer as text that the store takes."""
    if answered is None:
        return ""
    return answered.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")[:ANSWER_CHARACTERS_MAX]
