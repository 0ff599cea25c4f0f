"""Conditions that a reader composes: trees of fields, values and calls, and their SQL, with every value a parameter.

For the query languages of the standards (SensorThings, OData), where the reader writes the condition. All else in the
store is whole statements. Nothing of a reader's text becomes SQL: names are those of relations, columns and functions
that stand in the code, and the rest are parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, LiteralString, TypeAlias

from psycopg import sql


@dataclass(frozen=True, slots=True)
class Link:
    """How a relation leads to another: rows whose ``target_column`` equals the row's ``source_column``.

    Parameters
    ----------
    target
        The relation it leads to.
    many
        Whether it leads to more than one row.
    """

    target: str
    source_column: str
    target_column: str
    many: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the row at hand, or of the row that ``links`` lead to; ``path`` leads into a column of JSON."""

    column: str
    links: tuple[Link, ...] = ()
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A value that the reader gave, and the type it is sent with (a key of `_CASTS`)."""

    value: Any
    cast: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `FUNCTIONS`, by its name there.

    Parameters
    ----------
    truth
        Whether it is true or false of a row.
    """

    function: str
    arguments: tuple[Node, ...]
    truth: bool = False


Node: TypeAlias = Field | Value | Call
LOGICAL = ("and", "or", "not")

_CASTS: dict[str, LiteralString] = {
    "text": "{}::text",
    "integer": "{}::bigint",
    "number": "{}::float8",
    "truth": "{}::boolean",
    "instant": "{}::timestamptz",
    "date": "{}::date",
    "time": "{}::time",
    "duration": "{}::interval",
    "point": "{}::point",
    "polygon": "{}::polygon",
    "integers": "{}::bigint[]",
}

FUNCTIONS: dict[str, LiteralString] = {
    "and": "({0} AND {1})",
    "or": "({0} OR {1})",
    "not": "(NOT {0})",
    "eq": "({0} = {1})",
    "ne": "({0} IS DISTINCT FROM {1})",
    "gt": "({0} > {1})",
    "ge": "({0} >= {1})",
    "lt": "({0} < {1})",
    "le": "({0} <= {1})",
    "among": "({0} = ANY({1}))",
    "is_null": "({0} IS NULL)",
    "is_not_null": "({0} IS NOT NULL)",
    "add": "({0} + {1})",
    "sub": "({0} - {1})",
    "mul": "({0} * {1})",
    "div": "({0} / nullif({1}, 0))",
    "mod": "mod(({0})::numeric, nullif(({1})::numeric, 0))::float8",
    "negate": "(- {0})",
    "json_text": "({0} #>> '{{}}')",
    "json_number": "(CASE WHEN jsonb_typeof({0}) = 'number' THEN ({0})::float8 END)",
    "json_truth": "(CASE WHEN jsonb_typeof({0}) = 'boolean' THEN ({0})::boolean END)",
    "substringof": "(strpos({1}, {0}) > 0)",
    "contains": "(strpos({0}, {1}) > 0)",
    "startswith": "starts_with({0}, {1})",
    "endswith": "(right({0}, char_length({1})) = {1})",
    "length": "char_length({0})",
    "indexof": "(strpos({0}, {1}) - 1)",
    "substring": "substr({0}, least({1}, 2147483646)::integer + 1)",
    "substring_of_length": "substr({0}, least({1}, 2147483646)::integer + 1, least({2}, 2147483647)::integer)",
    # The same order whatever the database's own collation.
    "by_code_point": '({0} COLLATE "C")',
    "tolower": "lower({0})",
    "toupper": "upper({0})",
    "trim": "btrim({0})",
    "concat": "({0} || {1})",
    "year": "extract(year FROM {0})::float8",
    "month": "extract(month FROM {0})::float8",
    "day": "extract(day FROM {0})::float8",
    "hour": "extract(hour FROM {0})::float8",
    "minute": "extract(minute FROM {0})::float8",
    "second": "floor(extract(second FROM {0}))::float8",
    "fractionalseconds": "mod(extract(second FROM {0}), 1)::float8",
    "date": "({0} AT TIME ZONE 'UTC')::date",
    "time": "({0} AT TIME ZONE 'UTC')::time",
    # Every instant is kept and told in UTC.
    "totaloffsetminutes": "(CASE WHEN {0} IS NOT NULL THEN 0 END)",
    "round": "round(({0})::numeric)::float8",
    "floor": "floor(({0})::float8)",
    "ceiling": "ceiling(({0})::float8)",
    "distance": "({0} <-> {1})",
    "same_point": "({0} ~= {1})",
    "other_point": "NOT ({0} ~= {1})",
    "inside": "({0} <@ {1})",
    "outside": "NOT ({0} <@ {1})",
}
"""The functions that a condition may call, each as SQL; instants are read in UTC, as every connection is."""


def fields_of(node: Node) -> Iterator[Field]:
    """Yield every field in a tree."""
    if isinstance(node, Field):
        yield node
    elif isinstance(node, Call):
        for argument in node.arguments:
            yield from fields_of(argument)


def shared_link(node: Node) -> Link | None:
    """Return the link through which every field of a tree goes first, None where there is no such link."""
    firsts = {one.links[:1] for one in fields_of(node)}
    if len(firsts) != 1:
        return None
    (first,) = firsts
    return first[0] if first else None


def beyond_link(node: Node) -> Node:
    """Return the same tree as the row sees it that the fields' first link leads to."""
    if isinstance(node, Field):
        return replace(node, links=node.links[1:])
    if isinstance(node, Call):
        return replace(node, arguments=tuple(beyond_link(argument) for argument in node.arguments))
    return node


def by_own_columns(node: Node) -> Node:
    """Return the same tree with the keys of linked rows read from the row that names them."""
    if isinstance(node, Call):
        return replace(node, arguments=tuple(by_own_columns(argument) for argument in node.arguments))
    if isinstance(node, Field) and node.links and not node.path:
        *before, last = node.links
        if not last.many and node.column == last.target_column:
            return Field(last.source_column, tuple(before))
    return node


def all_of(*nodes: Node | None) -> Node | None:
    """Return the condition that all of these hold, None where there is none."""
    given = [node for node in nodes if node is not None]
    if not given:
        return None
    joined = given[0]
    for node in given[1:]:
        joined = Call("and", (joined, node), truth=True)
    return joined


def conjuncts(node: Node | None) -> list[Node]:
    """Return the conditions that must all hold for this one to hold."""
    if isinstance(node, Call) and node.function == "and":
        return [part for argument in node.arguments for part in conjuncts(argument)]
    return [] if node is None else [node]


@dataclass(slots=True)
class Composer:
    """Writes conditions as SQL and keeps their values, which go to the server beside the statement.

    Parameters
    ----------
    relations
        The SQL of each relation, in brackets.
    values
        The statement's parameters, by name.
    """

    relations: Mapping[str, LiteralString]
    values: dict[str, Any] = field(default_factory=dict)
    _names: Iterator[int] = field(default_factory=count)

    def condition(self, node: Node | None, row: str) -> sql.Composable:
        """Return a condition on the row of this alias; without a node, one that always holds."""
        return sql.SQL("true") if node is None else self.expression(by_own_columns(node), row)

    def expression(self, node: Node, row: str) -> sql.Composable:
        """Return the SQL of an expression on the row of this alias."""
        if isinstance(node, Value):
            return sql.SQL(_CASTS[node.cast]).format(self._parameter(node.value))
        if isinstance(node, Field):
            return self._field(node, row)
        if node.truth and node.function not in LOGICAL:
            link = shared_link(node)
            if link is not None:
                return self._somewhere(link, beyond_link(node), row)
        return sql.SQL(FUNCTIONS[node.function]).format(*(self.expression(one, row) for one in node.arguments))

    def terms(self, terms: Sequence[tuple[Node, bool]], row: str) -> list[sql.Composable]:
        """Return terms to order by, each with whether it descends; nulls lie below all else."""
        directions = (sql.SQL(" ASC NULLS FIRST"), sql.SQL(" DESC NULLS LAST"))
        return [self.expression(node, row) + directions[descending] for node, descending in terms]

    def order(self, terms: Sequence[tuple[Node, bool]], row: str) -> sql.Composable:
        """Return what to order by: the terms, then the row's id."""
        return sql.SQL(", ").join([*self.terms(terms, row), sql.Identifier(row, "id")])

    def _parameter(self, value: Any) -> sql.Placeholder:
        name = f"value_{next(self._names)}"
        self.values[name] = value
        return sql.Placeholder(name)

    def _field(self, node: Field, row: str) -> sql.Composable:
        if not node.links:
            column = sql.Identifier(row, node.column)
            if not node.path:
                return column
            return sql.SQL("({} #> {}::text[])").format(column, self._parameter(list(node.path)))
        link, beyond = node.links[0], replace(node, links=node.links[1:])
        assert not link.many, "a field of many rows has no one value: who builds conditions refuses it"
        other = f"row_{next(self._names)}"
        return sql.SQL("(SELECT {value} FROM {relation} AS {other} WHERE {target} = {source})").format(
            value=self._field(beyond, other), **self._joined(link, row, other)
        )

    def _somewhere(self, link: Link, node: Node, row: str) -> sql.Composable:
        other = f"row_{next(self._names)}"
        return sql.SQL("EXISTS (SELECT FROM {relation} AS {other} WHERE {target} = {source} AND {holds})").format(
            holds=self.expression(node, other), **self._joined(link, row, other)
        )

    def _joined(self, link: Link, row: str, other: str) -> dict[str, sql.Composable]:
        return {
            "relation": sql.SQL(self.relations[link.target]),
            "other": sql.Identifier(other),
            "target": sql.Identifier(other, link.target_column),
            "source": sql.Identifier(row, link.source_column),
        }
