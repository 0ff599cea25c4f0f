"""Conditions: names and kinds are checked, values are parameters, and nothing that was written becomes SQL."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.store.criteria import FUNCTIONS, Call, Field, Value
from core.store.things import RELATIONS, composer
from services.api.problems import Code, Problem
from services.api.sensor_things.conditions import Resolver
from services.api.sensor_things.expressions import parse_expression
from services.api.sensor_things.functions import FUNCTIONS as BUILT
from services.api.sensor_things.schema import BY_RELATION, ENTITY_SETS, OBSERVATIONS

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def resolved(text: str, of: str = "Datastreams") -> object:
    return Resolver(NOW).condition(parse_expression(text), ENTITY_SETS[of])


def refusal(text: str, of: str = "Datastreams") -> Code:
    with pytest.raises(Problem) as refused:
        resolved(text, of)
    return refused.value.code


def written(text: str, of: str) -> tuple[str, dict[str, object]]:
    """Return the SQL of a condition, and its values."""
    writing = composer()
    node = Resolver(NOW).condition(parse_expression(text), ENTITY_SETS[of])
    sql = writing.condition(node, "one").as_string(None)
    return sql, {name: value for name, value in writing.values.items() if name != "quantities"}


def test_a_value_is_a_parameter() -> None:
    sql, values = written("name eq 'x'' OR true --'", "Things")
    assert sql == '("one"."name" = %(value_0)s::text)'
    assert values == {"value_0": "x' OR true --"}


@given(st.text(alphabet=st.characters(exclude_characters="'\x00"), max_size=40))
def test_no_text_of_a_request_becomes_sql(text: str) -> None:
    sql, values = written(f"startswith(name,'{text}') and properties/kind ne '{text}'", "Datastreams")
    assert sql == written("startswith(name,'') and properties/kind ne ''", "Datastreams")[0]
    assert text in values.values()


def test_a_condition_behind_a_link_is_whether_there_is_one() -> None:
    sql, values = written("Datastreams/ObservedProperty/id eq 'co2_ppm'", "Things")
    assert sql.count("EXISTS (SELECT FROM") == 1
    assert '"observed_property_id" = %(value_1)s::text' in sql
    assert values == {"value_1": "co2_ppm"}


def test_each_link_to_another_s_property_is_one_step_further() -> None:
    sql, _ = written("Datastreams/ObservedProperty/name eq 'Ozone'", "Things")
    assert sql.count("EXISTS (SELECT FROM") == 2


def test_now_is_an_instant_of_the_request_and_durations_move_it() -> None:
    found = Resolver(NOW).condition(parse_expression("phenomenonTime gt now() sub duration'P1D'"), OBSERVATIONS)
    assert found == Call(
        "gt", (Field("phenomenon_time"), Value(datetime(2026, 3, 1, 8, tzinfo=UTC), "instant")), truth=True
    )


def test_true_is_one_where_results_are_numbers() -> None:
    assert resolved("result eq true", "Observations") == Call("eq", (Field("result"), Value(1, "integer")), truth=True)


def test_what_an_object_holds_is_read_as_what_it_is_compared_with() -> None:
    assert resolved("properties/interval_s gt 60") == Call(
        "gt",
        (Call("json_number", (Field("properties", path=("interval_s",)),)), Value(60, "integer")),
        truth=True,
    )
    assert resolved("properties/simulated") == Call(
        "json_truth", (Field("properties", path=("simulated",)),), truth=True
    )


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("nothing eq 1", "Things"),
        ("name", "Things"),
        ("name eq 1", "Things"),
        ("name gt null", "Things"),
        ("id eq 'a'", "Things"),
        ("id eq 1", "Sensors"),
        ("properties eq 'a'", "Things"),
        ("name/x eq 'a'", "Things"),
        ("Datastreams eq 1", "Things"),
        ("year(name) eq 2026", "Things"),
        ("year() eq 2026", "Things"),
        ("unknown(name) eq 1", "Things"),
        ("name and true", "Things"),
        ("not name", "Things"),
        ("name add 1 eq 2", "Things"),
        ("location eq 1", "Locations"),
        ("st_within(location, 'POINT(1 2)')", "Locations"),
        ("st_within(location, geography'POINT(181 2)')", "Locations"),
        ("st_within(location, geography'POLYGON((1 2,3 4,1 2))')", "Locations"),
        ("phenomenonTime gt '2026-03-02T08:00:00Z'", "Observations"),
        ("phenomenonTime gt 2026-03-02T08:00:00", "Observations"),
        ("phenomenonTime gt 2026-02-30T08:00:00Z", "Observations"),
        ("phenomenonTime gt now() add duration'P9999D' add duration'forever'", "Observations"),
    ],
)
def test_what_does_not_go_together_is_400(text: str, of: str) -> None:
    assert refusal(text, of) is Code.REQUEST_REFUSED


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("st_touches(location, geography'POINT(1 2)')", "Locations"),
        ("st_within(location, geography'LINESTRING(1 2, 3 4)')", "Locations"),
        ("st_within(location, geography'POLYGON((1 2,3 4,5 6,1 2),(1 2,3 4,5 6,1 2))')", "Locations"),
        ("Datastreams/Observations/result gt 5", "Things"),
        ("Datastreams/name eq name", "Things"),
        ("phenomenonTime gt 2026-03-02T08:00:00Z", "Datastreams"),
    ],
)
def test_what_is_not_built_is_501(text: str, of: str) -> None:
    assert refusal(text, of) is Code.NOT_IMPLEMENTED


def test_every_function_is_one_of_the_store() -> None:
    assert {one.sql for forms in BUILT.values() for one in forms} <= set(FUNCTIONS)


def test_every_link_leads_to_a_set_and_every_set_but_observations_has_its_relation() -> None:
    targets = {link.target for of in ENTITY_SETS.values() for link in of.links.values()}
    assert targets <= set(BY_RELATION)
    assert set(BY_RELATION) - {"observation"} == set(RELATIONS)
