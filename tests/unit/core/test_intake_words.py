from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import in_utc
from core.intakes import BackfillAsked, Counts, RejectionFilter
from core.readings import Reason

INSTANTS = st.datetimes(
    min_value=datetime(2000, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2099, 1, 1),  # noqa: DTZ001
    timezones=st.just(timezone(timedelta(hours=1))),
)
TEXTS = st.none() | st.text(min_size=1, max_size=8)


FILTERS = st.builds(
    RejectionFilter,
    st.none() | st.sampled_from(Reason),
    TEXTS,
    TEXTS,
    st.none() | INSTANTS,
    st.none() | INSTANTS,
)


@given(FILTERS)
def test_a_filter_is_read_back_from_its_arguments(asked: RejectionFilter) -> None:
    arguments = asked.arguments()
    assert RejectionFilter.parse(arguments) == asked
    assert arguments.keys() == {name for name, word in asdict(asked).items() if word is not None}
    assert all(isinstance(value, str) for value in arguments.values())


@given(INSTANTS, INSTANTS, TEXTS)
def test_a_back_fill_is_read_back_from_its_arguments(since: datetime, until: datetime, device: str | None) -> None:
    asked = BackfillAsked("ecoles@ttn", since, until, device)
    assert BackfillAsked.parse(asked.arguments()) == asked
    assert asked.arguments()["since"].endswith("Z")
    assert BackfillAsked.parse(asked.arguments()).since == in_utc(since)


def test_without_a_word_a_filter_says_nothing() -> None:
    assert RejectionFilter().arguments() == {}


def test_an_unknown_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="bad_luck"):
        RejectionFilter.parse({"reason": "bad_luck"})


def test_counts_add_up() -> None:
    total = Counts(messages=3, stored=1, duplicate=1, rejected=1) + Counts(messages=2, stored=1, aside=1)
    assert total == Counts(messages=5, stored=2, duplicate=1, rejected=1, aside=1)
