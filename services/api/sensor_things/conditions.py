"""From the expressions of a request to conditions of the store: names looked up, kinds checked, values parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.store.criteria import Call, Field, Link, Node, Value, fields_of, shared_link
from services.api.sensor_things.expressions import Applied, Expression, Literal, Path
from services.api.sensor_things.functions import (
    FUNCTIONS,
    NOT_BUILT,
    Function,
    calculation,
    comparison_of,
)
from services.api.sensor_things.literals import value_of
from services.api.sensor_things.refusals import Malformed, NotBuilt
from services.api.sensor_things.schema import EntitySet, Kind, Property, target_of

_IDS = ("id", "@iot.id")


@dataclass(frozen=True, slots=True)
class Typed:
    """A part of a condition, and what kind its value is."""

    node: Node
    kind: Kind


@dataclass(frozen=True, slots=True)
class Resolver:
    """Looks up what the expressions of one request name.

    Parameters
    ----------
    now
        The instant that ``now()`` means, the same in the whole request.
    """

    now: datetime

    def condition(self, expression: Expression, of: EntitySet) -> Node:
        """Return an expression as a condition on the entities of a set.

        Raises
        ------
        Malformed
            If a name is none of the set's, kinds do not go together, or it is neither true nor false.
        NotBuilt
            If it asks for what is not built.
        """
        found = self._typed(expression, of)
        if found.kind is Kind.JSON:
            found = _as(found, Kind.TRUTH, "$filter")
        if found.kind is not Kind.TRUTH:
            raise Malformed(f"a $filter is true or false, this one is a {found.kind}")
        return found.node

    def term(self, expression: Expression, of: EntitySet) -> Node:
        """Return an expression to order the entities of a set by."""
        found = self._typed(expression, of)
        if found.kind in {Kind.POINT, Kind.POLYGON}:
            raise Malformed("places have no order")
        if any(link.many for field in fields_of(found.node) for link in field.links):
            raise NotBuilt("entities cannot be ordered by what they have many of")
        return _by_code_point(found)

    def _typed(self, expression: Expression, of: EntitySet) -> Typed:
        if isinstance(expression, Literal):
            return Typed(value_of(expression), expression.kind)
        if isinstance(expression, Path):
            return _field(expression, of)
        operands = tuple(self._typed(operand, of) for operand in expression.operands)
        found = self._applied(expression, operands)
        _check_scopes(found.node)
        return found

    def _applied(self, expression: Applied, operands: tuple[Typed, ...]) -> Typed:
        name = expression.function
        if name in {"and", "or", "not"}:
            nodes = tuple(_as(operand, Kind.TRUTH, name).node for operand in operands)
            return Typed(Call(name, nodes, truth=True), Kind.TRUTH)
        if name in {"eq", "ne", "gt", "ge", "lt", "le"}:
            return _compared(name, *operands)
        if name in {"add", "sub", "mul", "div", "mod"}:
            return _calculated(name, *operands)
        if name == "negate":
            return Typed(Call(name, (_as(operands[0], Kind.NUMBER, "-").node,)), Kind.NUMBER)
        if name in {"now", "mindatetime", "maxdatetime"} and not operands:
            return Typed(Value(_INSTANTS.get(name, self.now), "instant"), Kind.INSTANT)
        if name in NOT_BUILT:
            raise NotBuilt(f"the function {name} is not built: places here are points")
        overloads = FUNCTIONS.get(name)
        if overloads is None:
            raise Malformed(f"there is no function {name!r}")
        return _called(name, overloads, operands)


_INSTANTS = {
    "mindatetime": datetime.fromisoformat("0001-01-01T00:00:00+00:00"),
    "maxdatetime": datetime.fromisoformat("9999-12-31T23:59:59+00:00"),
}


def _field(path: Path, of: EntitySet) -> Typed:
    links: list[Link] = []
    steps = list(path.steps)
    while steps and steps[0] in of.links:
        links.append(of.links[steps.pop(0)])
        of = target_of(links[-1])
        if of.is_observations:
            raise NotBuilt(
                f"{path} would read every observation: filter Observations themselves, "
                "through Datastream/… and phenomenonTime"
            )
    if not steps:
        raise Malformed(f"{path} leads to {of.name}, not to a property of one")
    name, *inside = steps
    if name in _IDS and not inside:
        return Typed(Field("id", tuple(links)), of.identity)
    found = of.property_named(name)
    if found is None:
        raise Malformed(f"{of.entity} has no property {name!r}: {_named(of)}")
    return _property(found, tuple(links), inside, path)


def _property(found: Property, links: tuple[Link, ...], inside: list[str], path: Path) -> Typed:
    if found.kind is None:
        raise NotBuilt(f"{found.name} cannot be put into a condition")
    if inside and found.kind is Kind.POINT:
        # Clients ask what geometry it is: ``location/type eq 'Point'``.
        return Typed(Field(found.name, links, tuple(inside)), Kind.JSON)
    if inside and found.kind is not Kind.JSON:
        raise Malformed(f"{found.name} is a {found.kind} and has no {inside[0]!r} ({path})")
    if not inside and found.kind is Kind.JSON:
        raise Malformed(f"{found.name} is an object: name one of its properties, {found.name}/…")
    return Typed(Field(found.column, links, tuple(inside)), found.kind)


def _named(of: EntitySet) -> str:
    return ", ".join(["id", *(one.name for one in of.properties), *of.links])


def _as(operand: Typed, kind: Kind, what: str) -> Typed:
    """Return an operand as this kind: what an object holds is read as what is wanted of it."""
    if operand.kind is kind:
        return operand
    reading = {Kind.TEXT: "json_text", Kind.NUMBER: "json_number", Kind.TRUTH: "json_truth"}.get(kind)
    if operand.kind is Kind.JSON and reading:
        return Typed(Call(reading, (operand.node,), truth=kind is Kind.TRUTH), kind)
    raise Malformed(f"{what} takes a {kind}, not a {operand.kind}")


def _compared(name: str, left: Typed, right: Typed) -> Typed:
    if Kind.NULL in {left.kind, right.kind}:
        known = right if left.kind is Kind.NULL else left
        if name not in {"eq", "ne"} or known.kind is Kind.NULL:
            raise Malformed("null is compared with eq and ne only")
        if known.kind is Kind.JSON:
            known = _as(known, Kind.TEXT, name)
        node = Call("is_null" if name == "eq" else "is_not_null", (known.node,), truth=True)
        return Typed(node, Kind.TRUTH)
    kind = comparison_of(left.kind, right.kind)
    if kind is None:
        raise Malformed(f"a {left.kind} cannot be compared with a {right.kind}")
    one, other = (_comparable(operand, kind) for operand in (left, right))
    first = one.node if name in {"eq", "ne"} else _by_code_point(one)
    return Typed(Call(name, (first, other.node), truth=True), Kind.TRUTH)


def _by_code_point(found: Typed) -> Node:
    """Return text as it is put in order; ids are in that order already."""
    is_text = found.kind is Kind.TEXT and found.node != Field("id")
    return Call("by_code_point", (found.node,)) if is_text else found.node


def _comparable(operand: Typed, kind: Kind) -> Typed:
    # Observations that are true or false are kept as 1 and 0.
    if kind is Kind.NUMBER and operand.kind is Kind.TRUTH and isinstance(operand.node, Value):
        return Typed(Value(int(operand.node.value), "integer"), Kind.NUMBER)
    return _as(operand, kind, "this comparison")


def _calculated(name: str, left: Typed, right: Typed) -> Typed:
    if Kind.JSON in {left.kind, right.kind}:
        left, right = _as(left, Kind.NUMBER, name), _as(right, Kind.NUMBER, name)
    kind = calculation(name, left.kind, right.kind)
    if kind is None:
        raise Malformed(f"{name} does not take a {left.kind} and a {right.kind}")
    if isinstance(left.node, Value) and isinstance(right.node, Value) and kind is Kind.INSTANT:
        return Typed(_moved(name, left.node, right.node), kind)
    return Typed(Call(name, (left.node, right.node)), kind)


def _moved(name: str, instant: Value, duration: Value) -> Value:
    by: timedelta = duration.value
    try:
        return Value(instant.value + by if name == "add" else instant.value - by, "instant")
    except OverflowError as error:
        raise Malformed("an instant lies between the years 1 and 9999") from error


def _called(name: str, overloads: tuple[Function, ...], operands: tuple[Typed, ...]) -> Typed:
    for one in overloads:
        if len(one.takes) == len(operands) and all(
            operand.kind in {kind, Kind.JSON} for operand, kind in zip(operands, one.takes, strict=True)
        ):
            nodes = tuple(_as(operand, kind, name).node for operand, kind in zip(operands, one.takes, strict=True))
            return Typed(Call(one.sql, nodes, truth=one.gives is Kind.TRUTH), one.gives)
    given = ", ".join(operand.kind for operand in operands) or "nothing"
    wanted = " or ".join(f"({', '.join(one.takes)})" for one in overloads)
    raise Malformed(f"{name} takes {wanted}, not ({given})")


def _check_scopes(node: Node) -> None:
    """Refuse a condition on what an entity has many of, together with something else, in one comparison."""
    if not isinstance(node, Call) or node.function in {"and", "or", "not"}:
        return
    if any(link.many for field in fields_of(node) for link in field.links) and shared_link(node) is None:
        raise NotBuilt("one comparison cannot hold properties of two places of which one has many entities")
