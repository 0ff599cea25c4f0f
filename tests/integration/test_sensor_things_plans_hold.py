"""However a question to Observations is planned, it finds what the same words find among all of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from things_town import COUNT, MINUTE, START, Town, things_town

from core.clock import format_instant, parse_instant
from services.api.sensor_things.observation_plans import observation_id
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
OPERATORS: dict[str, Callable[[object, object], bool]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "gt", "ge", "lt", "le")
}


@dataclass(frozen=True)
class Seen:
    """An observation as it was served."""

    series: int
    at: datetime
    result: float


@dataclass(frozen=True)
class Words:
    """A condition as a request writes it, and what it means."""

    text: str
    holds: Callable[[Seen], bool]


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    with things_town(database_server, template) as town:
        yield town


def _word(
    name: str, of: Callable[[Seen], object], values: st.SearchStrategy[tuple[str, object]]
) -> st.SearchStrategy[Words]:
    def made(comparison: str, value: tuple[str, object], side: str) -> Words:
        text, meant = value
        compare = OPERATORS[comparison]
        if side == "right":
            return Words(f"{text} {comparison} {name}", lambda seen: compare(meant, of(seen)))
        return Words(f"{name} {comparison} {text}", lambda seen: compare(of(seen), meant))

    return st.builds(made, st.sampled_from(sorted(OPERATORS)), values, st.sampled_from(["left", "right"]))


_TIMES = st.integers(-10, COUNT + 10).map(lambda k: START + k * MINUTE)
_LEAVES = st.one_of(
    _word("result", lambda seen: seen.result, st.integers(-1, 1_900).map(lambda k: (str(k), k))),
    _word("phenomenonTime", lambda seen: seen.at, _TIMES.map(lambda at: (format_instant(at), at))),
    _word("Datastream/id", lambda seen: seen.series, st.integers(0, 5).map(lambda k: (str(k), k))),
)


def _joined(inner: st.SearchStrategy[Words]) -> st.SearchStrategy[Words]:
    return st.one_of(
        st.builds(lambda a, b: Words(f"({a.text} and {b.text})", lambda s: a.holds(s) and b.holds(s)), inner, inner),
        st.builds(lambda a, b: Words(f"({a.text} or {b.text})", lambda s: a.holds(s) or b.holds(s)), inner, inner),
        inner.map(lambda a: Words(f"not ({a.text})", lambda s: not a.holds(s))),
    )


CONDITIONS = st.recursive(_LEAVES, _joined, max_leaves=6)


@pytest.fixture(scope="module")
def everything(town: Town) -> list[Seen]:
    """All observations of the first three Datastreams, one Datastream after the other, without any condition."""
    found = []
    for series in (1, 2, 3):
        page = town.get(f"/Datastreams({series})/Observations", top="1000")
        while True:
            found += [Seen(series, parse_instant(one["phenomenonTime"]), float(one["result"])) for one in page["value"]]
            if "@iot.nextLink" not in page:
                break
            page = town.follow(page["@iot.nextLink"])
    assert len(found) == COUNT + 4
    return found


@given(CONDITIONS, st.sampled_from(["", "phenomenonTime", "phenomenonTime desc", "result desc"]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_condition_finds_what_its_words_mean(town: Town, everything: list[Seen], words: Words, order: str) -> None:
    expected = [one for one in everything if words.holds(one)]
    options = {"filter": f"Datastream/id lt 4 and {words.text}", "select": "id", "count": "true", "top": "1000"}
    page = town.get("/Observations", **options, **({"orderby": order} if order else {}))
    assert page["@iot.count"] == len(expected)
    ids = [one["@iot.id"] for one in page["value"]]
    while "@iot.nextLink" in page:
        page = town.follow(page["@iot.nextLink"])
        ids += [one["@iot.id"] for one in page["value"]]
    assert ids == [observation_id(one.series, one.at) for one in _in_order(expected, order)]


def _in_order(found: list[Seen], order: str) -> list[Seen]:
    if order == "phenomenonTime":
        return sorted(found, key=lambda one: (one.at, one.series))
    if order == "phenomenonTime desc":
        return sorted(found, key=lambda one: (-one.at.timestamp(), one.series))
    return sorted(found, key=lambda one: -one.result) if order else found
