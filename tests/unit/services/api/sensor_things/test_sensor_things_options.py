"""Query options and paths: what OGC 18-088 allows is read, what it does not serve is 501, what is wrong 400 or 404."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.problems import Code, Problem
from services.api.sensor_things.options import TOP_DEFAULT, TOP_MAX, parse_query
from services.api.sensor_things.paths import parse_path
from services.api.sensor_things.schema import ENTITY_SETS, OBSERVATIONS

THINGS, DATASTREAMS = ENTITY_SETS["Things"], ENTITY_SETS["Datastreams"]


def refusal(query: str, name: str = "Things") -> Code:
    with pytest.raises(Problem) as refused:
        parse_query(query, ENTITY_SETS[name])
    return refused.value.code


def test_without_options_a_page_is_a_hundred() -> None:
    options = parse_query("", THINGS)
    assert (options.top, options.skip, options.count, options.select) == (TOP_DEFAULT, 0, False, None)


def test_more_than_a_page_is_served_as_a_page() -> None:
    assert parse_query(f"$top={TOP_MAX}", THINGS).top == TOP_MAX
    assert parse_query(f"$top={TOP_MAX + 1}&$skip=7", THINGS).top == TOP_MAX


def test_expand_nests_by_slash_and_by_brackets() -> None:
    options = parse_query("$expand=Datastreams/Observations,Locations($select=name)", THINGS)
    assert list(options.expand) == ["Datastreams", "Locations"]
    assert list(options.expand["Datastreams"].expand) == ["Observations"]
    assert options.expand["Locations"].select == ("name",)
    inner = "$expand=Datastreams($top=2;$filter=name eq 'a;b,(c';$expand=Observations($top=1;$orderby=result desc))"
    found = parse_query(inner, THINGS).expand["Datastreams"]
    assert (found.top, found.written["$filter"]) == (2, "name eq 'a;b,(c'")
    assert found.expand["Observations"].order[0][1] is True


def test_two_paths_through_one_link_are_one_expansion() -> None:
    found = parse_query("$expand=Datastreams/Sensor,Datastreams/ObservedProperty", THINGS).expand
    assert list(found["Datastreams"].expand) == ["Sensor", "ObservedProperty"]


def test_directions_are_read_in_any_case() -> None:
    order = parse_query("$orderby=name DESC,id asc,description", THINGS).order
    assert [descending for _, descending in order] == [True, False, False]


@pytest.mark.parametrize("query", ["$format=json", "$search=x", "$whatever=1", "$resultFormat=GeoJSON", "$apply=x"])
def test_options_that_are_not_served_are_501(query: str) -> None:
    assert refusal(query, "Observations") is Code.NOT_IMPLEMENTED


@pytest.mark.parametrize(
    "query",
    [
        "top=5",
        "$top=-1",
        "$top=1.5",
        "$top=١",
        "$top=",
        "$top=5&$top=6",
        "$skip=1000001",
        "$count=yes",
        "$select=nothing",
        "$expand=Observations",
        "$expand=Datastreams(",
        "$expand=Datastreams($top=1",
        "$expand=Datastreams,Datastreams($top=1)",
        "$expand=Datastreams(top=1)",
        "$expand=Datastreams($top)",
        "$resultFormat=dataArray",
        "$filter=name eq",
        "$expand=Datastreams/Thing/Datastreams/Thing/Datastreams",
    ],
)
def test_what_is_wrong_is_400(query: str) -> None:
    assert refusal(query) is Code.REQUEST_REFUSED


def test_options_of_the_whole_answer_are_none_of_an_expansion() -> None:
    assert refusal("$expand=Observations($resultFormat=dataArray)", "Datastreams") is Code.NOT_IMPLEMENTED
    assert parse_query("$resultFormat=dataArray", OBSERVATIONS).in_arrays


@given(st.text(alphabet="$()=;,/'& %+abDatastreamsexpndfil01", max_size=60))
def test_any_query_is_read_or_refused(text: str) -> None:
    for query in (text, f"$expand={text}", f"$orderby={text}", f"$select={text}"):
        told: Code | None = None
        try:
            options = parse_query(query, DATASTREAMS)
        except Problem as refused:
            told = refused.code
        else:
            assert 0 <= options.top <= TOP_MAX
        assert told in {None, Code.REQUEST_REFUSED, Code.NOT_IMPLEMENTED}


@pytest.mark.parametrize(
    ("path", "of", "is_one"),
    [
        ("Things", "Things", False),
        ("/Things(1)/", "Things", True),
        ("Things(1)/Datastreams", "Datastreams", False),
        ("Things(1)/Datastreams(2)/Observations('2-5')/FeatureOfInterest", "FeaturesOfInterest", True),
        ("Datastreams(1)/Thing/Locations", "Locations", False),
        ("Sensors('o''neill/2')/Datastreams", "Datastreams", False),
    ],
)
def test_paths(path: str, of: str, is_one: bool) -> None:  # noqa: FBT001 # what is expected of the path
    resource = parse_path(path)
    assert (resource.of.name, resource.is_one, resource.inside) == (of, is_one, ())


def test_paths_to_properties_values_and_references() -> None:
    found = parse_path("Things(1)/properties/commune/$value")
    assert (found.inside, found.raw) == (("properties", "commune"), True)
    assert parse_path("Sensors('o''neill/2')").steps[0].key == "o'neill/2"
    assert parse_path("Things(1)/Datastreams/$ref").reference
    assert parse_path("Datastreams(1)/Thing/name").inside == ("name",)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "Nothings",
        "Things/name",
        "Things/Datastreams",
        "Things(1)/nothing",
        "Things(1)/$value",
        "Things(99999999999)",
        "Datastreams(1)/Thing(2)",
        "Things(1)/$ref/name",
    ],
)
def test_paths_that_lead_nowhere_are_404(path: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_path(path)
    assert refused.value.code is Code.NOT_FOUND


@pytest.mark.parametrize("path", ["Things(a)", "Things('1')", "Sensors(1)", "Things(-1)", "/".join(["Things(1)"] * 9)])
def test_ids_that_are_none_are_400(path: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_path(path)
    assert refused.value.code is Code.REQUEST_REFUSED
