"""The functions of OGC 18-088, table 23: what each takes and gives, and which function of the store computes it."""

from __future__ import annotations

from dataclasses import dataclass

from services.api.sensor_things.schema import Kind

_TEXT, _NUMBER, _TRUTH, _INSTANT = Kind.TEXT, Kind.NUMBER, Kind.TRUTH, Kind.INSTANT
_POINT, _POLYGON, _DATE, _TIME = Kind.POINT, Kind.POLYGON, Kind.DATE, Kind.TIME


@dataclass(frozen=True, slots=True)
class Function:
    """One form of a function.

    Parameters
    ----------
    sql
        Its name in `core.store.criteria.FUNCTIONS`.
    """

    sql: str
    takes: tuple[Kind, ...]
    gives: Kind


def _one(sql: str, *takes: Kind, gives: Kind) -> tuple[Function, ...]:
    return (Function(sql, takes, gives),)


def _of_date(name: str) -> tuple[Function, ...]:
    return (Function(name, (_INSTANT,), _NUMBER), Function(name, (_DATE,), _NUMBER))


def _of_time(name: str) -> tuple[Function, ...]:
    return (Function(name, (_INSTANT,), _NUMBER), Function(name, (_TIME,), _NUMBER))


def _of_places(in_polygon: str, at_point: str) -> tuple[Function, ...]:
    return (
        Function(in_polygon, (_POINT, _POLYGON), _TRUTH),
        Function(at_point, (_POINT, _POINT), _TRUTH),
    )


FUNCTIONS: dict[str, tuple[Function, ...]] = {
    "substringof": _one("substringof", _TEXT, _TEXT, gives=_TRUTH),
    # OData 4.0 turned it round and named it anew; clients use both.
    "contains": _one("contains", _TEXT, _TEXT, gives=_TRUTH),
    "startswith": _one("startswith", _TEXT, _TEXT, gives=_TRUTH),
    "endswith": _one("endswith", _TEXT, _TEXT, gives=_TRUTH),
    "length": _one("length", _TEXT, gives=_NUMBER),
    "indexof": _one("indexof", _TEXT, _TEXT, gives=_NUMBER),
    "substring": (
        Function("substring", (_TEXT, _NUMBER), _TEXT),
        Function("substring_of_length", (_TEXT, _NUMBER, _NUMBER), _TEXT),
    ),
    "tolower": _one("tolower", _TEXT, gives=_TEXT),
    "toupper": _one("toupper", _TEXT, gives=_TEXT),
    "trim": _one("trim", _TEXT, gives=_TEXT),
    "concat": _one("concat", _TEXT, _TEXT, gives=_TEXT),
    "year": _of_date("year"),
    "month": _of_date("month"),
    "day": _of_date("day"),
    "hour": _of_time("hour"),
    "minute": _of_time("minute"),
    "second": _of_time("second"),
    "fractionalseconds": _of_time("fractionalseconds"),
    "date": _one("date", _INSTANT, gives=_DATE),
    "time": _one("time", _INSTANT, gives=_TIME),
    "totaloffsetminutes": _one("totaloffsetminutes", _INSTANT, gives=_NUMBER),
    "round": _one("round", _NUMBER, gives=_NUMBER),
    "floor": _one("floor", _NUMBER, gives=_NUMBER),
    "ceiling": _one("ceiling", _NUMBER, gives=_NUMBER),
    "geo.distance": _one("distance", _POINT, _POINT, gives=_NUMBER),
    "geo.intersects": _of_places("inside", "same_point"),
    "st_intersects": _of_places("inside", "same_point"),
    "st_within": _of_places("inside", "same_point"),
    # What QGIS and others write, after the geo.* functions of OData.
    "geo.within": _of_places("inside", "same_point"),
    "st_disjoint": _of_places("outside", "other_point"),
    "st_equals": _one("same_point", _POINT, _POINT, gives=_TRUTH),
    "st_contains": _one("same_point", _POINT, _POINT, gives=_TRUTH),
}
"""The functions that are built, by the standard's names; those of no argument stand in `conditions`."""

NOT_BUILT = {"geo.length", "st_touches", "st_overlaps", "st_crosses", "st_relate"}
"""Functions of the standard that say nothing of points."""


def comparison_of(left: Kind, right: Kind) -> Kind | None:
    """Return as which kind two values are compared, None where they cannot be."""
    kinds = {left, right}
    if kinds & {_POINT, _POLYGON, Kind.NULL}:
        return None
    if kinds == {Kind.JSON}:
        return Kind.JSON
    if len(kinds) == 1:
        return left
    if kinds == {_NUMBER, _TRUTH}:
        return _NUMBER
    other = kinds - {Kind.JSON}
    return other.pop() if Kind.JSON in kinds and other <= {_TEXT, _NUMBER, _TRUTH} else None


def calculation(name: str, left: Kind, right: Kind) -> Kind | None:
    """Return what a calculation gives, None where it does not take these kinds."""
    if left is right is _NUMBER:
        return _NUMBER
    if name in {"add", "sub"} and (left, right) == (_INSTANT, Kind.DURATION):
        return _INSTANT
    if name in {"add", "sub"} and left is right is Kind.DURATION:
        return Kind.DURATION
    return Kind.DURATION if name == "sub" and left is right is _INSTANT else None
