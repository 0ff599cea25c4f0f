"""The NGSI-LD query language (clause 4.9): parsed once, then asked of entities in the normalized form.

Supported: existence, ``== != > >= < <=``, lists and ranges of values, patterns (``~=``, ``!~=``: the subset of
`services.api.ngsi_ld.patterns`), sub-attributes (``pm25.quality``), paths into compound values
(``address[addressLocality]``), ``;`` (and, which binds closer), ``|`` (or), parentheses. Refused by name: linked
entities (``{}``).
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from core.clock import parse_instant
from core.errors import NaiveDatetime
from services.api.ngsi_ld.contexts import attribute_term
from services.api.ngsi_ld.faults import Fault, Refused
from services.api.ngsi_ld.forms import member_at
from services.api.ngsi_ld.patterns import parse_pattern
from services.api.ngsi_ld.said import Json

LENGTH_MAX = 2_000
TERMS_MAX = 32
DEPTH_MAX = 8

Test: TypeAlias = Callable[[Json], bool]

_TOKENS: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<operator>!?~=|==|!=|>=|<=|>|<)
      | (?P<range>\.\.)
      | (?P<mark>[;|(),])
      | (?P<linked>[{}])
      | (?P<word>[^\s"!~=<>;|(),{}]+?(?=\.\.|[\s"!~=<>;|(),{}]|$))""",
    re.VERBOSE,
)
_PATH: Final = re.compile(r"(?P<path>\w+(?:\.\w+)*)(?:\[(?P<trail>[\w.-]+)\])?")
_IRI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query: the attributes that it looks at, and the test that an entity passes or not."""

    attributes: frozenset[str]
    test: Test


class Token(NamedTuple):
    """A piece of the query: what it is, its text, and how many characters stand before it."""

    kind: str
    text: str
    place: int


def parse_query(text: str) -> Query:
    """Parse a query.

    Raises
    ------
    Refused
        BadRequestData where it is not well formed or uses what is not supported, TooComplexQuery where it is too long.
    """
    if len(text) > LENGTH_MAX:
        raise Refused(Fault.TOO_COMPLEX_QUERY, f"q is longer than {LENGTH_MAX} characters")
    parser = _Parser(_tokens(text))
    test = parser.either(0)
    parser.end()
    return Query(frozenset(parser.attributes), test)


def _tokens(text: str) -> list[Token]:
    tokens, place = [], 0
    while place < len(text):
        found = _TOKENS.match(text, place)
        if found is None or found.lastgroup is None:
            raise _wrong(f"nothing can be read from {text[place : place + 20]!r} on", place)
        if found.lastgroup == "linked":
            raise _wrong("linked entities ({ }) are not supported", place)
        if found.lastgroup != "space":
            tokens.append(Token(found.lastgroup, found.group(), place))
        place = found.end()
    return [*tokens, Token("end", "the end", len(text))]


def _wrong(said: str, place: int) -> Refused:
    return Refused(Fault.BAD_REQUEST_DATA, f"q, character {place + 1}: {said}")


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._next = tokens, 0
        self.attributes: set[str] = set()
        self._terms = 0

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._peek()
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _took(self, text: str) -> bool:
        taken = self._peek().text == text and self._peek().kind != "string"
        self._next += taken
        return taken

    def end(self) -> None:
        token = self._peek()
        if token.kind != "end":
            raise _wrong(f"{token.text!r} was not expected", token.place)

    def either(self, depth: int) -> Test:
        tests = [self._both(depth)]
        while self._took("|"):
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda entity: any(test(entity) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._took(";"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda entity: all(test(entity) for test in tests)

    def _one(self, depth: int) -> Test:
        token = self._peek()
        if not self._took("("):
            return self._term()
        if depth == DEPTH_MAX:
            raise Refused(Fault.TOO_COMPLEX_QUERY, f"q has parentheses more than {DEPTH_MAX} deep")
        test = self.either(depth + 1)
        if not self._took(")"):
            raise _wrong("the parenthesis is never closed", token.place)
        return test

    def _term(self) -> Test:
        self._terms += 1
        if self._terms > TERMS_MAX:
            raise Refused(Fault.TOO_COMPLEX_QUERY, f"q has more than {TERMS_MAX} terms")
        path, trail = self._target()
        if self._peek().kind != "operator":
            return lambda entity: member_at(entity, path, trail) is not None
        said = self._take().text
        if said in {"==", "!="}:
            return _equality(path, trail, self._values(), wanted=said == "==")
        if said in {"~=", "!~="}:
            return _pattern_test(path, trail, self._pattern(), wanted=said == "~=")
        value, order = self._value(), _ORDERS[said]
        return lambda entity: _ordered(order, member_at(entity, path, trail), value)

    def _target(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        token = self._take()
        if token.kind != "word":
            raise _wrong(f"the name of an attribute was expected, not {token.text!r}", token.place)
        if _IRI.fullmatch(token.text):
            path, trail = (attribute_term(token.text),), ()
        else:
            found = _PATH.fullmatch(token.text)
            if found is None:
                raise _wrong(f"{token.text!r} is no path of an attribute", token.place)
            path = tuple(found["path"].split("."))
            trail = tuple(found["trail"].split(".")) if found["trail"] else ()
        self.attributes.add(path[0])
        return path, trail

    def _values(self) -> Callable[[Any], bool]:
        """Take what stands after an equality: a range, a list or one value; return what it admits."""
        first = self._value()
        if self._took(".."):
            last = self._value()
            return lambda found: _ordered(operator.ge, found, first) and _ordered(operator.le, found, last)
        values = [first]
        while self._took(","):
            values.append(self._value())
        return lambda found: any(_equal(found, value) for value in values)

    def _pattern(self) -> Callable[[str], bool]:
        """Take what stands after ``~=``; return which texts it admits."""
        token = self._take()
        if token.kind not in {"word", "string"}:
            raise _wrong(f"a pattern was expected, not {token.text!r}", token.place)
        return parse_pattern(token.text.strip('"'))

    def _value(self) -> Any:
        token = self._take()
        if token.kind == "string":
            try:
                return json.loads(token.text)
            except ValueError:
                raise _wrong(f"{token.text} is no JSON text", token.place) from None
        if token.kind != "word":
            raise _wrong(f"a value was expected, not {token.text!r}", token.place)
        if token.text in {"true", "false"}:
            return token.text == "true"
        if _NUMBER.fullmatch(token.text):
            return float(token.text)
        try:
            return parse_instant(token.text)
        except (ValueError, NaiveDatetime, OverflowError):
            if _IRI.fullmatch(token.text):
                return token.text
            raise _wrong(f"{token.text!r} is no value: text stands in double quotes", token.place) from None


def _equality(path: tuple[str, ...], trail: tuple[str, ...], admits: Callable[[Any], bool], *, wanted: bool) -> Test:
    """Return the test of an equality, or of its contrary; what is not there is neither."""

    def test(entity: Json) -> bool:
        found = member_at(entity, path, trail)
        return found is not None and _any_of(found, admits) is wanted

    return test


def _pattern_test(path: tuple[str, ...], trail: tuple[str, ...], holds: Callable[[str], bool], *, wanted: bool) -> Test:
    """Return the test of a pattern, or of its contrary; what is no text is neither."""

    def test(entity: Json) -> bool:
        found = member_at(entity, path, trail)
        texts = [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, str)]
        return bool(texts) and any(holds(one) for one in texts) is wanted

    return test


def _any_of(found: Any, admits: Callable[[Any], bool]) -> bool:
    """Whether a value is admitted; of a list, whether one of its elements is."""
    return any(admits(one) for one in found) if isinstance(found, list) else admits(found)


def _equal(found: Any, value: Any) -> bool:
    found = _comparable(found, value)
    return type(found) is type(value) and bool(found == value)


def _ordered(order: Callable[[Any, Any], bool], found: Any, value: Any) -> bool:
    """Whether two values stand in this order; values of different kinds stand in none."""
    found = _comparable(found, value)
    if type(found) is not type(value) or isinstance(value, bool):
        return False
    return order(found, value)


def _comparable(found: Any, value: Any) -> Any:
    """Return what was found as the kind of the value: numbers as numbers, instants as instants."""
    if isinstance(value, float) and isinstance(found, int) and not isinstance(found, bool):
        return float(found)
    if isinstance(value, datetime) and isinstance(found, str):
        try:
            return parse_instant(found)
        except (ValueError, NaiveDatetime, OverflowError):
            return found
    return found
