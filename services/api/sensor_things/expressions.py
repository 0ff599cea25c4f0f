"""Expressions of ``$filter`` and ``$orderby``: text to a tree, by recursive descent.

The grammar is that of OData 4.0 as SensorThings 1.1 takes it over (OGC 18-088, 9.3.3.5, tables 22 and 23). Precedence,
loosest first: ``or``, ``and``, ``not``, comparison, ``add sub``, ``mul div mod``, minus.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from services.api.sensor_things.refusals import Malformed, NotBuilt
from services.api.sensor_things.schema import Kind

LENGTH_MAX = 2_000
DEPTH_MAX = 30
COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
SUMS = ("add", "sub")
PRODUCTS = ("mul", "div", "mod")
_WORDS = {*COMPARISONS, *SUMS, *PRODUCTS, "and", "or", "not"}

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<interval>\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+\- ]\d\d:?\d\d)/)
    | (?P<instant>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+\- ]\d\d:?\d\d)?)
    | (?P<date>\d{4}-\d\d-\d\d)(?![\w:])
    | (?P<time>\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?![\w:])
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
    | (?P<geography>geo(?:graphy|metry)'[^']*')
    | (?P<duration>duration'[^']*')
    | (?P<text>'(?:[^']|'')*')
    | (?P<name>[A-Za-z_@][\w.@]*(?:/[\w@][\w.@-]*)*)
    | (?P<mark>[(),-])
    )""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it is written: the text between the quotes where it has some."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Path:
    """A property, behind as many links as there are; ``Datastream/unitOfMeasurement/name``."""

    steps: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.steps)


@dataclass(frozen=True, slots=True)
class Applied:
    """An operator or a function on its operands."""

    function: str
    operands: tuple[Expression, ...]


Expression: TypeAlias = Literal | Path | Applied


class _Token(NamedTuple):
    sort: str
    text: str
    place: int


def parse_expression(text: str) -> Expression:
    """Parse an expression.

    Raises
    ------
    Malformed
        If it is none, is over 2,000 characters, or is nested deeper than 30.
    NotBuilt
        If it has an interval of time, which no function here takes.
    """
    if len(text) > LENGTH_MAX:
        raise Malformed(f"an expression has at most {LENGTH_MAX} characters, this one has {len(text)}")
    reading = _Reading(text)
    found = reading.alternatives()
    reading.end()
    return found


def _tokens(text: str) -> list[_Token]:
    tokens, place = [], 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise Malformed(f"cannot read {text[place:].strip()[:40]!r} in {text!r}")
        sort = str(found.lastgroup)
        if sort == "interval":
            raise NotBuilt("intervals of time cannot be compared here: compare phenomenonTime with instants, ge and lt")
        word = found.group(sort)
        tokens.append(_Token("word" if sort == "name" and word in _WORDS else sort, word, found.start(sort)))
        place = found.end()
    return tokens


class _Reading:
    """The tokens of one expression, read from the left."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._next, self._depth = text, _tokens(text), 0, 0

    def alternatives(self) -> Expression:
        """Operands of ``or``."""
        found = self._conditions()
        while self._taken("word", "or"):
            found = Applied("or", (found, self._conditions()))
        return found

    def end(self) -> None:
        """Refuse what is left over."""
        if self._next < len(self._tokens):
            raise self._unexpected()

    def _conditions(self) -> Expression:
        found = self._negation()
        while self._taken("word", "and"):
            found = Applied("and", (found, self._negation()))
        return found

    def _negation(self) -> Expression:
        if self._taken("word", "not"):
            self._deeper()
            found = Applied("not", (self._negation(),))
            self._depth -= 1
            return found
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._sum()
        operator = self._taken("word", *COMPARISONS)
        return Applied(operator, (left, self._sum())) if operator else left

    def _sum(self) -> Expression:
        found = self._product()
        while operator := self._taken("word", *SUMS):
            found = Applied(operator, (found, self._product()))
        return found

    def _product(self) -> Expression:
        found = self._operand()
        while operator := self._taken("word", *PRODUCTS):
            found = Applied(operator, (found, self._operand()))
        return found

    def _operand(self) -> Expression:
        self._deeper()
        try:
            return self._bare_operand()
        finally:
            self._depth -= 1

    def _bare_operand(self) -> Expression:
        if self._taken("mark", "-"):
            return Applied("negate", (self._operand(),))
        if self._taken("mark", "("):
            found = self.alternatives()
            self._expect(")")
            return found
        if self._next >= len(self._tokens):
            raise Malformed(f"something is missing at the end of {self._text!r}")
        token = self._tokens[self._next]
        if token.sort in {"mark", "word"}:
            raise self._unexpected()
        self._next += 1
        return self._named(token.text) if token.sort == "name" else _literal(token)

    def _named(self, name: str) -> Expression:
        if self._taken("mark", "("):
            return Applied(name.lower(), self._arguments())
        if name in {"true", "false"}:
            return Literal(Kind.TRUTH, name)
        if name == "null":
            return Literal(Kind.NULL, name)
        return Path(tuple(name.split("/")))

    def _arguments(self) -> tuple[Expression, ...]:
        if self._taken("mark", ")"):
            return ()
        found = [self.alternatives()]
        while self._taken("mark", ","):
            found.append(self.alternatives())
        self._expect(")")
        return tuple(found)

    def _taken(self, sort: str, *texts: str) -> str:
        """Take the next token where it is one of these, and return it; else the empty text."""
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token.sort == sort and token.text in texts:
                self._next += 1
                return token.text
        return ""

    def _expect(self, mark: str) -> None:
        if not self._taken("mark", mark):
            raise self._unexpected(f", {mark!r} was expected")

    def _unexpected(self, more: str = "") -> Malformed:
        if self._next >= len(self._tokens):
            return Malformed(f"something is missing at the end of {self._text!r}{more}")
        token = self._tokens[self._next]
        return Malformed(f"unexpected {token.text!r} at character {token.place + 1} of {self._text!r}{more}")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise Malformed(f"an expression is nested at most {DEPTH_MAX} deep")


_KINDS = {
    "instant": Kind.INSTANT,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "number": Kind.NUMBER,
    "text": Kind.TEXT,
    "duration": Kind.DURATION,
}


def _literal(token: _Token) -> Literal:
    if token.sort == "geography":
        text = token.text.partition("'")[2][:-1]
        return Literal(Kind.POLYGON if "POLYGON" in text.upper() else Kind.POINT, text)
    kind = _KINDS[token.sort]
    if kind is Kind.TEXT:
        return Literal(kind, token.text[1:-1].replace("''", "'"))
    if kind is Kind.DURATION:
        return Literal(kind, token.text.partition("'")[2][:-1])
    return Literal(kind, token.text)
