"""The values that a request writes, parsed into what the store takes."""

from __future__ import annotations

from datetime import date, datetime, time

from core.clock import parse_instant
from core.store.criteria import Value
from services.api.parameters import parse_duration
from services.api.sensor_things.expressions import Literal
from services.api.sensor_things.geometry import parse_point, parse_polygon
from services.api.sensor_things.refusals import Malformed
from services.api.sensor_things.schema import Kind

_INTEGER_MAX = 2**63


def value_of(literal: Literal) -> Value:
    """Return the value of a literal.

    Raises
    ------
    Malformed
        If there is no such day, time, duration or place.
    """
    kind, text = literal.kind, literal.text
    if kind is Kind.NUMBER:
        return _number(text)
    if kind is Kind.TRUTH:
        return Value(text == "true", "truth")
    if kind is Kind.POINT:
        return Value(parse_point(text), "point")
    if kind is Kind.POLYGON:
        return Value(parse_polygon(text), "polygon")
    if kind in {Kind.TEXT, Kind.NULL}:
        if "\x00" in text:
            raise Malformed("text has no NUL character")
        return Value(text, "text")
    return _moment(kind, text)


def _number(text: str) -> Value:
    if text.lstrip("-").isdecimal() and abs(int(text)) < _INTEGER_MAX:
        return Value(int(text), "integer")
    return Value(float(text), "number")


def _moment(kind: Kind, text: str) -> Value:
    try:
        if kind is Kind.INSTANT:
            return Value(_instant(text), "instant")
        if kind is Kind.DATE:
            return Value(date.fromisoformat(text), "date")
        if kind is Kind.TIME:
            return Value(time.fromisoformat(text), "time")
        return Value(parse_duration(text), "duration")
    except (ValueError, OverflowError) as error:
        raise Malformed(f"{text} is no {kind}: {error}") from error


def _instant(text: str) -> datetime:
    # The plus sign of an offset means a space in a query, unless it is encoded.
    return parse_instant(text.replace(" ", "+"))
