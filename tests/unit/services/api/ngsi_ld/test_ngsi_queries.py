"""The NGSI-LD query language: what an entity passes, what is refused, and that nothing else ever comes of a text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.ngsi_ld.faults import Fault, Refused
from services.api.ngsi_ld.patterns import parse_pattern
from services.api.ngsi_ld.queries import parse_query

ENTITY: dict[str, Any] = {
    "id": "urn:ngsi-ld:WasteContainer:vigie:12",
    "type": "WasteContainer",
    "name": {"type": "Property", "value": "Borne; verre | (Jaurès)"},
    "fillingLevel": {
        "type": "Property",
        "value": 0.4,
        "unitCode": "C62",
        "observedAt": "2026-03-02T08:00:00Z",
        "quality": {"type": "Property", "value": "good"},
        "flags": {"type": "Property", "value": ["step", "stale"]},
    },
    "count": {"type": "Property", "value": 3},
    "open": {"type": "Property", "value": True},
    "address": {"type": "Property", "value": {"addressLocality": "Noisy-le-Grand", "deep": {"er": 1}}},
    "refDevice": {"type": "Relationship", "object": ["urn:ngsi-ld:Device:vigie:12"]},
    "dateObserved": {"type": "Property", "value": "2026-03-02T08:00:00Z"},
}
PASSED = [
    "fillingLevel",
    "fillingLevel==0.4",
    "fillingLevel!=0.5",
    "fillingLevel>=0.4;fillingLevel<=0.4",
    "fillingLevel==0.3..0.4",
    "fillingLevel!=0.5..0.6",
    "fillingLevel==0.1,0.4",
    "fillingLevel==4e-1",
    'fillingLevel.quality=="good"',
    'fillingLevel.flags=="stale"',
    'fillingLevel.unitCode=="C62"',
    "fillingLevel.observedAt>=2026-03-02T08:00:00Z",
    "fillingLevel.observedAt<2026-03-02T09:30:00+01:00",
    "dateObserved==2026-03-02T08:00:00.000Z",
    "count==3",
    "count>2.5",
    "open==true",
    "open!=false",
    'name=="Borne; verre | (Jaurès)"',
    'name~="^Borne; .*\\(Jaur.s\\)$"',
    'name!~="papier"',
    'address[addressLocality]=="Noisy-le-Grand"',
    "address[deep.er]==1",
    "refDevice==urn:ngsi-ld:Device:vigie:12",
    'refDevice=="urn:ngsi-ld:Device:vigie:12"',
    "nothing|count==3",
    "nothing;count==1|count==3",
    "count==3|nothing;nothing",
    " ( nothing | count == 3 ) ; open == true ",
    "((count==3))",
    "https://smartdatamodels.org/dataModel.WasteManagement/fillingLevel<1",
]
NOT_PASSED = [
    "nothing",
    "nothing!=1",
    "fillingLevel>0.4",
    "fillingLevel<0.4",
    'fillingLevel=="0.4"',
    'name>"A";count>"2"',
    "open==1",
    "count==true",
    "open>false",
    "name.nothing",
    "address[nothing]",
    "address[addressLocality.er]",
    "refDevice>urn:a:b",
    "(nothing|count==3);open==false",
    "fillingLevel==0.5..0.6",
    'count~="3"',
    'count!~="3"',
    'name~="^verre"',
]


@pytest.mark.parametrize("text", PASSED)
def test_it_passes(text: str) -> None:
    assert parse_query(text).test(ENTITY)


@pytest.mark.parametrize("text", NOT_PASSED)
def test_it_does_not_pass(text: str) -> None:
    assert not parse_query(text).test(ENTITY)


def test_a_query_says_which_attributes_it_looks_at() -> None:
    query = parse_query('pm25.quality=="good"|(pm10>3;address[addressLocality]=="Paris")')
    assert query.attributes == {"pm25", "pm10", "address"}


@pytest.mark.parametrize(
    ("text", "fault", "said"),
    [
        ("", Fault.BAD_REQUEST_DATA, "name of an attribute was expected"),
        ("count==", Fault.BAD_REQUEST_DATA, "character 8: a value was expected"),
        ("count==abc", Fault.BAD_REQUEST_DATA, "double quotes"),
        ('count=="abc', Fault.BAD_REQUEST_DATA, "nothing can be read"),
        ("count=3", Fault.BAD_REQUEST_DATA, "character 6"),
        ("(count", Fault.BAD_REQUEST_DATA, "never closed"),
        ("count)", Fault.BAD_REQUEST_DATA, "was not expected"),
        ("count;", Fault.BAD_REQUEST_DATA, "name of an attribute was expected"),
        ("[count]", Fault.BAD_REQUEST_DATA, "no path"),
        ("ref{Device:rssi}==1", Fault.BAD_REQUEST_DATA, "linked entities"),
        ('name~="(a+)+"', Fault.BAD_REQUEST_DATA, "pattern"),
        ("name~=", Fault.BAD_REQUEST_DATA, "a pattern was expected"),
        ("(" * 9 + "a" + ")" * 9, Fault.TOO_COMPLEX_QUERY, "8 deep"),
        (";".join(["a"] * 33), Fault.TOO_COMPLEX_QUERY, "32 terms"),
        ("a" * 2_001, Fault.TOO_COMPLEX_QUERY, "2000 characters"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(text: str, fault: Fault, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        parse_query(text)
    assert refused.value.fault is fault


@given(st.text(alphabet='ab.=!<>~;|(),"[]{}0123 -:TZ\\', max_size=40))
def test_any_text_is_a_query_or_is_refused(text: str) -> None:
    try:
        query = parse_query(text)
    except Refused:
        return
    assert query.test({"a": {"type": "Property", "value": 1}, "b": {"type": "Property", "value": "x"}}) in {True, False}


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        ("abc", "xabcx", True),
        ("^abc", "xabc", False),
        ("abc$", "abcx", False),
        ("^abc$", "abc", True),
        ("^a.*c$", "abcbc", True),
        ("^a.*a$", "a", False),
        ("a.+c", "ac", False),
        ("a.+c", "abc", True),
        (r"a\.c", "abc", False),
        (r"a\.c$", "xa.c", True),
        (r"^cost\$", "cost$ 3", True),
        (".*", "", True),
        ("ab.*ab", "abab", True),
        ("ab.*ab", "aab", False),
    ],
)
def test_a_pattern_holds(pattern: str, text: str, *, holds: bool) -> None:
    assert parse_pattern(pattern)(text) is holds


@pytest.mark.parametrize("pattern", ["a*", "a+", "[ab]", "(a)", "a|b", "a{2}", "a?", r"\d", "a\\", "b^"])
def test_a_pattern_that_could_cost_more_than_the_text_is_refused(pattern: str) -> None:
    with pytest.raises(Refused):
        parse_pattern(pattern)
    with pytest.raises(Refused, match="200"):
        parse_pattern("a" * 201)
