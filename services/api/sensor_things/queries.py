"""What a request asks, looked up: options with their conditions and orders as the store takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.store.criteria import Call, Field, Link, Node, Value, all_of
from services.api.sensor_things.conditions import Resolver
from services.api.sensor_things.options import Options
from services.api.sensor_things.schema import EntitySet, Kind, target_of


@dataclass(frozen=True, slots=True)
class Query:
    """A question to a set of entities.

    Parameters
    ----------
    order
        Terms, and whether each descends.
    expand
        The questions to what its entities lead to, by the name of the link.
    """

    of: EntitySet
    options: Options
    condition: Node | None
    order: tuple[tuple[Node, bool], ...]
    expand: dict[str, Query]

    def where(self, condition: Node) -> Query:
        """Return the same question to those only that meet a condition, too."""
        return replace(self, condition=all_of(condition, self.condition))


def compose(options: Options, of: EntitySet, resolver: Resolver) -> Query:
    """Look up what options name.

    Raises
    ------
    Malformed, NotBuilt
        If they name what is not there, or ask for what is not built.
    """
    return Query(
        of=of,
        options=options,
        condition=None if options.filter is None else resolver.condition(options.filter, of),
        order=tuple((resolver.term(term, of), descending) for term, descending in options.order),
        expand={name: compose(inner, target_of(of.links[name]), resolver) for name, inner in options.expand.items()},
    )


def has_id(of: EntitySet, key: int | str, links: tuple[Link, ...] = ()) -> Node:
    """Return the condition that an entity of a set, behind these links, has this id."""
    value = Value(key, "text" if of.identity is Kind.TEXT else "integer")
    return Call("eq", (Field("id", links), value), truth=True)
