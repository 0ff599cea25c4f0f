"""The query options of a request, and those in brackets behind what is expanded (OGC 18-088, 9.3): text to values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from services.api.sensor_things.expressions import Expression, parse_expression
from services.api.sensor_things.refusals import Malformed, NotBuilt
from services.api.sensor_things.schema import EntitySet, target_of

TOP_DEFAULT = 100
TOP_MAX = 1_000
SKIP_MAX = 1_000_000
EXPAND_DEPTH_MAX = 4
EXPANDED_MAX = 12
QUERY_LENGTH_MAX = 8_000
_OPTIONS = ("$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count")
_OF_THE_WHOLE = ("$resultFormat", "$skiptoken")
_STANDARD_NOT_BUILT = ("$format", "$search", "$apply", "$compute", "$levels", "$id")


@dataclass(slots=True)
class Options:
    """What a request asks of a set, or of what is expanded.

    Parameters
    ----------
    written
        The options as they were written, for the links to following pages.
    order
        Expressions, and whether each descends.
    select
        Names of properties and links; None: all.
    expand
        What is expanded, by the name of the link.
    token
        Where a page of observations starts, as the page before said.
    """

    written: dict[str, str] = field(default_factory=dict)
    filter: Expression | None = None
    select: tuple[str, ...] | None = None
    expand: dict[str, Options] = field(default_factory=dict)
    order: tuple[tuple[Expression, bool], ...] = ()
    top: int = TOP_DEFAULT
    skip: int = 0
    count: bool = False
    in_arrays: bool = False
    token: str | None = None


def parse_query(query: str, of: EntitySet) -> Options:
    """Parse the query of a request for entities of a set.

    Raises
    ------
    Malformed
        If an option is none, is given twice, or does not hold what it should.
    NotBuilt
        If an option is of a standard, and not served.
    """
    if len(query) > QUERY_LENGTH_MAX:
        raise Malformed(f"a query has at most {QUERY_LENGTH_MAX} characters, this one has {len(query)}")
    pairs = parse_qsl(query, keep_blank_values=True)
    options = _parsed(pairs, of, (*_OPTIONS, *_OF_THE_WHOLE))
    depth, expanded = _size(options)
    if depth > EXPAND_DEPTH_MAX:
        raise Malformed(f"$expand goes at most {EXPAND_DEPTH_MAX} deep, this one {depth}")
    if expanded > EXPANDED_MAX:
        raise Malformed(f"$expand names at most {EXPANDED_MAX} links, this one {expanded}")
    return options


def _parsed(pairs: list[tuple[str, str]], of: EntitySet, known: tuple[str, ...]) -> Options:
    options = Options()
    for name, value in pairs:
        if name not in known:
            raise _unknown(name)
        if name in options.written:
            raise Malformed(f"{name} is given twice")
        options.written[name] = value
        _set(options, name, value, of)
    return options


def _unknown(name: str) -> Malformed | NotBuilt:
    if name in _STANDARD_NOT_BUILT or name in _OF_THE_WHOLE:
        return NotBuilt(f"the query option {name} is not served here")
    if name.startswith("$"):
        return NotBuilt(f"there is no query option {name}: {', '.join(_OPTIONS)}")
    return Malformed(f"there is no parameter {name!r}: query options begin with $")


def _set(options: Options, name: str, value: str, of: EntitySet) -> None:
    match name:
        case "$filter":
            options.filter = parse_expression(value)
        case "$select":
            options.select = _selected(value, of)
        case "$expand":
            options.expand = _expanded(value, of)
        case "$orderby":
            options.order = tuple(_ordered(part) for part in _parts(value, ","))
        case "$top":
            # More than a page is served as a page, with a link to the next one (9.3.3.2).
            options.top = min(_number(name, value), TOP_MAX)
        case "$skip":
            options.skip = _skipped(value)
        case "$count":
            options.count = _counted(value)
        case "$resultFormat":
            options.in_arrays = _in_arrays(value, of)
        case _:
            options.token = value


def _selected(value: str, of: EntitySet) -> tuple[str, ...]:
    names = tuple(part.strip() for part in value.split(","))
    for name in names:
        if name not in {"id", "@iot.id", "@iot.selfLink", *of.links} and of.property_named(name) is None:
            raise Malformed(f"$select: {of.entity} has no {name!r}")
    return names


def _expanded(value: str, of: EntitySet) -> dict[str, Options]:
    found: dict[str, Options] = {}
    for part in _parts(value, ","):
        path, bracket, inner = part.partition("(")
        if bracket and not inner.endswith(")"):
            raise Malformed(f"$expand: a bracket is not closed in {part!r}")
        _expand(found, path.strip().split("/"), inner[:-1], of)
    return found


def _expand(found: dict[str, Options], steps: list[str], inner: str, of: EntitySet) -> None:
    """Add what a path of links expands; options in brackets are those of its last link."""
    name, *further = steps
    link = of.links.get(name)
    if link is None:
        raise Malformed(f"$expand: {of.entity} has no link {name!r}: {', '.join(of.links)}")
    target = target_of(link)
    if further:
        if len(further) >= EXPANDED_MAX:
            raise Malformed(f"$expand goes at most {EXPAND_DEPTH_MAX} deep")
        _expand(found.setdefault(name, Options()).expand, further, inner, target)
        return
    if name in found and inner:
        raise Malformed(f"$expand: {name} is given twice")
    if inner:
        pairs = [_pair(one) for one in _parts(inner, ";")]
        found[name] = _parsed(pairs, target, _OPTIONS)
    found.setdefault(name, Options())


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.strip().partition("=")
    if not equals:
        raise Malformed(f"$expand: {text!r} is no option, $name=value")
    return name, value


def _ordered(part: str) -> tuple[Expression, bool]:
    text, _, direction = part.strip().rpartition(" ")
    if text and direction.lower() in {"asc", "desc"}:
        return parse_expression(text), direction.lower() == "desc"
    return parse_expression(part), False


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= 9):
        raise Malformed(f"{name} is a whole number from 0 on, not {value[:40]!r}")
    return int(value)


def _skipped(value: str) -> int:
    skip = _number("$skip", value)
    if skip > SKIP_MAX:
        raise Malformed(f"$skip is at most {SKIP_MAX}")
    return skip


def _counted(value: str) -> bool:
    if value not in {"true", "false"}:
        raise Malformed("$count is true or false")
    return value == "true"


def _in_arrays(value: str, of: EntitySet) -> bool:
    if value != "dataArray":
        raise NotBuilt(f"$resultFormat is dataArray, {value[:40]!r} is not served")
    if not of.is_observations:
        raise Malformed("$resultFormat=dataArray is a form of Observations")
    return True


def _parts(text: str, mark: str) -> Iterator[str]:
    """Yield what stands between the marks that are in no bracket and no quotes."""
    depth, quoted, start = 0, False, 0
    for place, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == mark and not quoted and depth == 0:
            yield text[start:place]
            start = place + 1
    if quoted or depth:
        raise Malformed(f"a quote or a bracket is not closed in {text[:80]!r}")
    yield text[start:]


def _size(options: Options) -> tuple[int, int]:
    """Return how deep options expand, and how many links in all."""
    inner = [_size(one) for one in options.expand.values()]
    return 1 + max((depth for depth, _ in inner), default=-1), len(inner) + sum(count for _, count in inner)
