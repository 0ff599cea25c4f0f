"""The NGSI-LD geo-query language: which points pass, that the box never leaves one out, and what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.ngsi_ld.faults import Refused
from services.api.ngsi_ld.geo import GeoQuery, distance_m, parse_geo_query

NOTRE_DAME, EIFFEL = (2.3499, 48.8530), (2.2945, 48.8584)
SQUARE = [[2.0, 48.0], [3.0, 48.0], [3.0, 49.0], [2.0, 49.0], [2.0, 48.0]]
HOLE = [[2.4, 48.4], [2.6, 48.4], [2.6, 48.6], [2.4, 48.6], [2.4, 48.4]]


def asked(georel: str, geometry: str, coordinates: object) -> GeoQuery:
    return parse_geo_query(georel, geometry, json.dumps(coordinates))


def test_distance_is_along_the_earth() -> None:
    # About 4,100 m by any map.
    assert distance_m(NOTRE_DAME, EIFFEL) == pytest.approx(4_100, abs=50)
    assert distance_m(NOTRE_DAME, NOTRE_DAME) == 0
    # A degree of the meridian of a sphere of the mean radius.
    assert distance_m((0, 0), (0, 1)) == pytest.approx(111_195, abs=1)


def test_near_is_within_or_beyond_a_distance() -> None:
    assert asked("near;maxDistance==4200", "Point", NOTRE_DAME).test(EIFFEL)
    assert not asked("near;maxDistance==4000", "Point", NOTRE_DAME).test(EIFFEL)
    assert asked("near;minDistance==4000", "Point", NOTRE_DAME).test(EIFFEL)


def test_a_polygon_has_its_holes() -> None:
    within = asked("within", "Polygon", [SQUARE, HOLE])
    assert within.test((2.2, 48.5))
    assert not within.test((2.5, 48.5))
    assert not within.test((3.5, 48.5))
    assert asked("disjoint", "Polygon", [SQUARE, HOLE]).test((2.5, 48.5))
    assert asked("intersects", "MultiPolygon", [[HOLE], [SQUARE]]).test((2.5, 48.5))
    assert asked("equals", "Point", NOTRE_DAME).test(NOTRE_DAME)
    assert not asked("equals", "Point", NOTRE_DAME).test(EIFFEL)


points = st.tuples(st.floats(-179, 179), st.floats(-89, 89))


@given(points, points, st.integers(0, 20_000_000))
def test_the_box_of_a_distance_leaves_out_nobody(
    centre: tuple[float, float], point: tuple[float, float], m: int
) -> None:
    query = asked(f"near;maxDistance=={m}", "Point", centre)
    if query.test(point) and query.box is not None:
        assert query.box.south <= point[1] <= query.box.north
        # A box that would cross the 180th meridian is none.
        assert query.box.west <= point[0] <= query.box.east


@pytest.mark.parametrize(
    ("georel", "geometry", "coordinates", "said"),
    [
        ("near", "Point", "[2,48]", "georel"),
        ("near;maxDistance==-1", "Point", "[2,48]", "georel"),
        ("near;maxDistance==9", "Polygon", "[[[2,48]]]", "of a Point"),
        ("overlaps", "Point", "[2,48]", "none of"),
        ("within", "LineString", "[[2,48],[3,48]]", "none of Point"),
        ("within", "Polygon", "[2,48]", "do not fit"),
        ("within", "Polygon", "[[[2,48],[3,48],[2,48]]]", "four points"),
        ("within", "Polygon", "[[[2,48],[3,48],[3,49],[2,49]]]", "ends where it began"),
        ("within", "Point", "[48.85,102.3]", "longitude stands first"),
        ("within", "Point", "[2]", "a point is"),
        ("within", "Point", '["a","b"]', "a point is"),
        ("within", "Point", "[NaN,1]", "a point is"),
        ("within", "Point", "2,48", "no JSON"),
        ("within", "Polygon", "[" * 30_000, "no JSON"),
        ("within", "Polygon", json.dumps([[[0, i / 1e4] for i in range(2_500)] + [[0, 0]]]), "2000 points"),
    ],
)
def test_what_is_no_place_is_refused(georel: str, geometry: str, coordinates: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        parse_geo_query(georel, geometry, coordinates)


def test_a_relation_needs_its_geometry() -> None:
    with pytest.raises(Refused, match="needs geometry"):
        parse_geo_query("within", None, None)
