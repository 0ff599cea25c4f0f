"""Expressions of $filter: what OGC 18-088 writes in tables 22 and 23 is read as it says, the rest is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.problems import Code, Problem
from services.api.sensor_things.expressions import DEPTH_MAX, LENGTH_MAX, Applied, Literal, Path, parse_expression
from services.api.sensor_things.schema import Kind

RESULT = Path(("result",))


def number(text: str) -> Literal:
    return Literal(Kind.NUMBER, text)


@pytest.mark.parametrize("operator", ["eq", "ne", "gt", "ge", "lt", "le"])
def test_comparisons(operator: str) -> None:
    assert parse_expression(f"result {operator} 20.0") == Applied(operator, (RESULT, number("20.0")))


def test_and_binds_closer_than_or_and_not_closer_than_both() -> None:
    found = parse_expression("not result gt 20 and result lt 3.5 or result eq 7")
    above, below, seven = (
        Applied(operator, (RESULT, number(text))) for operator, text in (("gt", "20"), ("lt", "3.5"), ("eq", "7"))
    )
    assert found == Applied("or", (Applied("and", (Applied("not", (above,)), below)), seven))


def test_products_bind_closer_than_sums_and_brackets_closest() -> None:
    two = number("2")
    added = Applied("add", (RESULT, Applied("mul", (two, two))))
    assert parse_expression("result add 2 mul 2 eq 2") == Applied("eq", (added, two))
    grouped = Applied("mul", (Applied("sub", (RESULT, number("5"))), two))
    assert parse_expression("(result sub 5) mul 2 gt 10") == Applied("gt", (grouped, number("10")))
    assert parse_expression("-result lt -2") == Applied("lt", (Applied("negate", (RESULT,)), number("-2")))


def test_functions_paths_and_quotes() -> None:
    found = parse_expression("substringof('l''église', Datastream/Thing/name)")
    assert found == Applied("substringof", (Literal(Kind.TEXT, "l'église"), Path(("Datastream", "Thing", "name"))))
    assert parse_expression("resultTime ge now()") == Applied("ge", (Path(("resultTime",)), Applied("now", ())))
    shape = "POLYGON ((30 10, 10 20, 20 40, 30 10))"
    found = parse_expression(f"st_within(location, geography'{shape}')")
    assert found == Applied("st_within", (Path(("location",)), Literal(Kind.POLYGON, shape)))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2026-03-02T08:00:00Z", Kind.INSTANT),
        ("2026-03-02T08:00:00.123456+01:00", Kind.INSTANT),
        ("2026-03-02T08:00:00 01:00", Kind.INSTANT),
        ("2026-03-02", Kind.DATE),
        ("08:00:00", Kind.TIME),
        ("1.5e-3", Kind.NUMBER),
        ("true", Kind.TRUTH),
        ("null", Kind.NULL),
    ],
)
def test_literals(text: str, kind: Kind) -> None:
    assert parse_expression(text) == Literal(kind, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "result gt",
        "gt 5",
        "result gt 5 5",
        "(result gt 5",
        "result gt 5)",
        "name eq 'open",
        'name eq "quotes"',
        "result > 5",
        "startswith(name,'a'",
        "startswith(name 'a')",
        "result gt 5; DROP TABLE reading",
        "result eq 5x",
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_expression(text)
    assert refused.value.code is Code.REQUEST_REFUSED
    assert str(refused.value)


def test_intervals_of_time_are_not_built() -> None:
    with pytest.raises(Problem) as refused:
        parse_expression("phenomenonTime eq 2026-03-02T08:00:00Z/2026-03-02T09:00:00Z")
    assert refused.value.code is Code.NOT_IMPLEMENTED


def test_length_and_depth_have_bounds() -> None:
    assert parse_expression("(" * (DEPTH_MAX - 1) + "1" + ")" * (DEPTH_MAX - 1)) == number("1")
    for text in ("(" * DEPTH_MAX + "1" + ")" * DEPTH_MAX, "not " * (DEPTH_MAX + 1) + "true", "1" * (LENGTH_MAX + 1)):
        with pytest.raises(Problem):
            parse_expression(text)


WORDS = ["result", "Datastream/id", "and", "or", "not", "eq", "add", "mul", "-", "(", ")", ",", "'a'", "5", "2.5"]
WORDS += ["2026-03-02", "08:00:00", "true", "null", "now()", "startswith(", "$", "%", "geography'POINT(1 2)'"]


@given(st.text(max_size=80) | st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    told: Code | None = None
    try:
        parsed = parse_expression(text)
    except Problem as refused:
        told = refused.code
    else:
        assert isinstance(parsed, Literal | Path | Applied)
    assert told in {None, Code.REQUEST_REFUSED, Code.NOT_IMPLEMENTED}
