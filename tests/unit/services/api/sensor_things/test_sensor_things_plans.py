"""How questions to Observations are read: by series and time, or refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.store.criteria import Call, Field, Value
from core.store.observations import EARLIEST, LATEST, Sequenced, Stretch
from services.api.problems import Code, Problem
from services.api.sensor_things.conditions import Resolver
from services.api.sensor_things.observation_plans import (
    Plan,
    check_reach,
    following,
    observation_id,
    parse_observation_id,
    plan_of,
)
from services.api.sensor_things.options import parse_query
from services.api.sensor_things.queries import compose
from services.api.sensor_things.schema import OBSERVATIONS

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def plan(query: str) -> Plan:
    return plan_of(compose(parse_query(query, OBSERVATIONS), OBSERVATIONS, Resolver(START)))


def test_without_a_filter_they_come_by_series() -> None:
    found = plan("")
    assert (found.sequence, found.since, found.until) == (Sequenced.BY_SERIES, EARLIEST, LATEST)
    assert found.is_served_by_key


def test_a_window_is_taken_from_what_must_hold() -> None:
    found = plan("$filter=phenomenonTime ge 2026-03-02T08:00:00Z and 2026-03-02T09:00:00Z ge phenomenonTime")
    assert (found.since, found.until) == (START, START + timedelta(hours=1) + MICROSECOND)
    assert found.is_served_by_key


def test_a_window_that_need_not_hold_is_looked_up() -> None:
    found = plan("$filter=phenomenonTime ge 2026-03-02T08:00:00Z or result gt 5")
    assert (found.since, found.is_served_by_key) == (EARLIEST, False)


def test_conditions_on_the_datastream_choose_series() -> None:
    found = plan("$filter=(Datastream/id eq 1 or Datastream/id eq 2) and result gt 5")
    one, two = (Call("eq", (Field("id"), Value(key, "integer")), truth=True) for key in (1, 2))
    assert found.datastreams == Call("or", (one, two), truth=True)
    assert found.left == Call("gt", (Field("result"), Value(5, "integer")), truth=True)


def test_an_id_is_a_series_and_an_instant() -> None:
    found = plan(f"$filter=id eq '{observation_id(7, START)}'")
    assert found.datastreams == Call("eq", (Field("id"), Value(7, "integer")), truth=True)
    assert (found.since, found.until) == (START, START + MICROSECOND)


@pytest.mark.parametrize(
    ("order", "sequence"),
    [
        ("phenomenonTime", Sequenced.BY_TIME),
        ("phenomenonTime desc", Sequenced.BY_TIME_DESCENDING),
        ("phenomenonTime desc,id", Sequenced.BY_TIME_DESCENDING),
        ("id", Sequenced.BY_SERIES),
    ],
)
def test_orders_of_the_key(order: str, sequence: Sequenced) -> None:
    found = plan(f"$orderby={order}")
    assert (found.sequence, found.is_served_by_key) == (sequence, True)


def test_other_orders_are_looked_up() -> None:
    assert not plan("$orderby=result desc").is_served_by_key


@pytest.mark.parametrize("query", ["$filter=id gt '1-1'", "$orderby=id desc", "$skip=10001"])
def test_what_the_key_cannot_serve_at_all_is_refused(query: str) -> None:
    with pytest.raises(Problem) as refused:
        plan(query)
    assert refused.value.code is Code.REQUEST_REFUSED


def test_a_reach_of_many_datastream_days_is_refused_with_the_way_out() -> None:
    asked = [Stretch(series_id, EARLIEST, LATEST) for series_id in range(1, 201)]
    days = {one.series_id: Stretch(one.series_id, START, START + timedelta(days=20)) for one in asked}
    check_reach(asked, days, "this $filter")
    check_reach(asked[:1], {1: asked[0]}, "this $filter")
    check_reach(asked[:2], {}, "this $filter")
    with pytest.raises(Problem, match=r"Datastreams\(id\)/Observations"):
        check_reach(asked, days | {1: Stretch(1, START, START + timedelta(days=21))}, "this $filter")


instants = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
series = st.integers(1, 2**31 - 1)


@given(series, instants)
def test_ids_say_what_they_name(series_id: int, at: datetime) -> None:
    assert parse_observation_id(observation_id(series_id, at)) == (series_id, at)


@pytest.mark.parametrize(
    "text", ["", "1", "1-", "-1", "1-99999999999999999", "a-1", "1-9999999999999999", "2147483648-1"]
)
def test_what_is_no_id(text: str) -> None:
    assert parse_observation_id(text) is None


@given(st.sampled_from(Sequenced), st.integers(1, 3), st.integers(0, 9), st.integers(1, 3), st.integers(0, 9))
def test_what_follows_is_what_comes_later_in_the_order(
    sequence: Sequenced, last_series: int, last_at: int, series_id: int, at: int
) -> None:
    stretch = Stretch(series_id, START, START + 10 * MICROSECOND)
    part = following(stretch, (last_series, START + last_at * MICROSECOND), sequence)
    instant = START + at * MICROSECOND
    kept = part is not None and part.since <= instant < part.until
    places = {
        Sequenced.BY_SERIES: ((series_id, at), (last_series, last_at)),
        Sequenced.BY_TIME: ((at, series_id), (last_at, last_series)),
        Sequenced.BY_TIME_DESCENDING: ((-at, series_id), (-last_at, last_series)),
    }
    one, last = places[sequence]
    assert kept == (one > last)
