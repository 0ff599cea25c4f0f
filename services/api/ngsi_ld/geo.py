"""The NGSI-LD geo-query language (clause 4.10) over points: near, within, intersects, disjoint, equals."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

from core.store.entities import Box
from services.api.ngsi_ld.faults import Fault, Refused

Point: TypeAlias = tuple[float, float]
"""Longitude and latitude, degrees."""
Ring: TypeAlias = list[Point]

POINTS_MAX = 2_000
EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean radius (IUGG)."""
_NEAR: Final = re.compile(r"near;(maxDistance|minDistance)==(\d{1,8}(?:\.\d{1,6})?)")
_EQUAL_DEGREES: Final = 1e-7
"""About a centimetre: points nearer than that are one."""


@dataclass(frozen=True, slots=True)
class GeoQuery:
    """A parsed geo-query.

    Parameters
    ----------
    box
        What holds every point that passes, so that the store can leave out the others; None where none does.
    test
        Whether a point passes.
    """

    box: Box | None
    test: Callable[[Point], bool]


def parse_geo_query(georel: str, geometry: str | None, coordinates: str | None) -> GeoQuery:
    """Parse a geo-query.

    Raises
    ------
    Refused
        If a part is missing, not well formed or not supported.
    """
    if geometry is None or coordinates is None:
        raise _wrong("georel needs geometry and coordinates")
    near = _NEAR.fullmatch(georel)
    if near is not None:
        if geometry != "Point":
            raise _wrong("near is of a Point")
        return _near(_point(_parsed(coordinates)), float(near[2]), nearer=near[1] == "maxDistance")
    if georel not in {"within", "intersects", "disjoint", "equals"}:
        raise _wrong(
            f"georel {georel[:60]!r} is none of near;maxDistance==<metres>, near;minDistance==<metres>, within, "
            "intersects, disjoint, equals"
        )
    box, holds = _shape(geometry, _parsed(coordinates))
    if georel == "disjoint":
        return GeoQuery(None, lambda point: not holds(point))
    return GeoQuery(box, holds)


def distance_m(one: Point, other: Point) -> float:
    """Return the great-circle distance of two points, metres."""
    (west, south), (east, north) = ((math.radians(x), math.radians(y)) for x, y in (one, other))
    a = math.sin((north - south) / 2) ** 2
    a += math.cos(south) * math.cos(north) * math.sin((east - west) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(a, 1.0)))


def _near(centre: Point, metres: float, *, nearer: bool) -> GeoQuery:
    if not nearer:
        return GeoQuery(None, lambda point: distance_m(centre, point) >= metres)
    reach = math.degrees(metres / EARTH_RADIUS_M) * 1.001 + _EQUAL_DEGREES
    widest = math.cos(math.radians(min(abs(centre[1]) + reach, 90)))
    across = reach / widest if widest > 0.01 else 360
    # What reaches over the 180th meridian has no box.
    crosses = abs(centre[0]) + across > 180
    box = None if crosses else Box(centre[0] - across, centre[1] - reach, centre[0] + across, centre[1] + reach)
    return GeoQuery(box, lambda point: distance_m(centre, point) <= metres)


def _shape(geometry: str, parsed: Any) -> tuple[Box, Callable[[Point], bool]]:
    if geometry == "Point":
        centre = _point(parsed)
        box = Box(*(edge - _EQUAL_DEGREES for edge in centre), *(edge + _EQUAL_DEGREES for edge in centre))
        return box, lambda point: all(abs(a - b) <= _EQUAL_DEGREES for a, b in zip(centre, point, strict=True))
    if geometry not in {"Polygon", "MultiPolygon"}:
        raise _wrong(f"geometry {geometry[:60]!r} is none of Point, Polygon, MultiPolygon")
    polygons = [_polygon(one) for one in _list([parsed] if geometry == "Polygon" else parsed)]
    corners = [corner for polygon in polygons for ring in polygon for corner in ring]
    if len(corners) > POINTS_MAX:
        raise Refused(Fault.TOO_COMPLEX_QUERY, f"coordinates hold more than {POINTS_MAX} points")
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return Box(min(xs), min(ys), max(xs), max(ys)), lambda point: any(_holds(one, point) for one in polygons)


def _holds(rings: list[Ring], point: Point) -> bool:
    """Whether a polygon holds a point: in its outer ring and in none of its holes."""
    return _in_ring(rings[0], point) and not any(_in_ring(hole, point) for hole in rings[1:])


def _in_ring(ring: Ring, point: Point) -> bool:
    """Whether a ring goes round a point: a ray from it crosses the ring an odd number of times."""
    x, y = point
    inside = False
    for (x0, y0), (x1, y1) in pairwise(ring):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            inside = not inside
    return inside


def _parsed(coordinates: str) -> Any:
    if len(coordinates) > 40 * POINTS_MAX:
        raise Refused(Fault.TOO_COMPLEX_QUERY, f"coordinates hold more than {POINTS_MAX} points")
    try:
        return json.loads(coordinates)
    except (ValueError, RecursionError):
        raise _wrong("coordinates are no JSON array") from None


def _polygon(parsed: Any) -> list[Ring]:
    rings = [[_point(corner) for corner in _list(ring)] for ring in _list(parsed)]
    for ring in rings:
        if len(ring) < 4 or ring[0] != ring[-1]:
            raise _wrong("a ring has four points or more, and ends where it began")
    return rings


def _list(parsed: Any) -> list[Any]:
    if not isinstance(parsed, list) or not parsed:
        raise _wrong("coordinates do not fit the geometry")
    return parsed


def _point(parsed: Any) -> Point:
    pair = _list(parsed)
    if len(pair) not in {2, 3} or not all(isinstance(one, int | float) and math.isfinite(one) for one in pair):
        raise _wrong("a point is [longitude, latitude]")
    x, y = float(pair[0]), float(pair[1])
    if not (-180 <= x <= 180 and -90 <= y <= 90):
        raise _wrong(f"[{x:g}, {y:g}] is no point of the earth: longitude stands first")
    return x, y


def _wrong(said: str) -> Refused:
    return Refused(Fault.BAD_REQUEST_DATA, said)
