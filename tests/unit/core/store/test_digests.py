from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.readings import Aside, Message, Reason, Rejection
from core.store.digests import aside_digest, rejection_digest

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
MESSAGE = Message("v3/a/devices/b/up", b"{}", T0, 2)
REFUSED = Rejection(MESSAGE, Reason.MALFORMED, "no uplink_message", "b", None, "the_things_stack/2")
LATER = replace(MESSAGE, received_at=T0 + timedelta(seconds=1))


@pytest.mark.parametrize(
    "same",
    [
        replace(REFUSED, message=LATER),
        replace(REFUSED, decoder="the_things_stack/3"),
        replace(REFUSED, message=replace(MESSAGE, properties={"a": "b"})),
    ],
)
def test_what_comes_again_and_is_refused_again_is_the_same(same: Rejection) -> None:
    assert rejection_digest(same) == rejection_digest(REFUSED)


@pytest.mark.parametrize(
    "other",
    [
        replace(REFUSED, reason=Reason.NO_READING),
        replace(REFUSED, detail="no uplink_messag"),
        replace(REFUSED, message=replace(MESSAGE, payload=b"{} ")),
        replace(REFUSED, message=replace(MESSAGE, topic="v3/a/devices/c/up")),
        # The same letters, cut elsewhere.
        replace(REFUSED, message=replace(MESSAGE, topic="v3/a/devices/b/upmalformed"), detail="no uplink_message"),
        replace(REFUSED, timeless=True),
    ],
)
def test_another_message_or_another_refusal_is_another(other: Rejection) -> None:
    assert rejection_digest(other) != rejection_digest(REFUSED)


def test_without_a_time_of_its_own_each_arrival_is_another() -> None:
    timeless = replace(REFUSED, timeless=True)
    assert rejection_digest(timeless) != rejection_digest(replace(timeless, message=LATER))
    paris = replace(MESSAGE, received_at=T0.astimezone(timezone(timedelta(hours=1))))
    assert rejection_digest(timeless) == rejection_digest(replace(timeless, message=paris))


def test_of_what_is_aside_too() -> None:
    aside = Aside(MESSAGE, "b", "the_things_stack")
    assert aside_digest(aside) == aside_digest(replace(aside, message=LATER))
    timeless = replace(aside, timeless=True)
    assert aside_digest(timeless) != aside_digest(replace(timeless, message=LATER))
