"""Contours out of GeoJSON: what is taken, and what beside it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely

from services.contours.reading import (
    FEATURES_MAX,
    POSITIONS_MAX,
    ContoursRefused,
    Given,
    area_km2,
    read_geojson,
)

Feature = dict[str, Any]


def box(west: float, south: float, size: float = 0.03) -> list[list[float]]:
    east, north = west + size, south + size
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def feature(code: str, *rings: list[list[float]], under: str = "code") -> Feature:
    geometry = {"type": "Polygon", "coordinates": list(rings or (box(2.5, 48.8),))}
    return {"type": "Feature", "properties": {under: code, "nom": "x"}, "geometry": geometry}


def read(*features: Feature) -> Given:
    text = json.dumps({"type": "FeatureCollection", "features": list(features)})
    return read_geojson(text.encode(), source="IGN", licence="LO")


@pytest.mark.parametrize("under", ["code", "INSEE_COM", "insee_com", "code_insee", "insee"])
def test_the_code_is_found_where_the_state_and_the_ign_write_it(under: str) -> None:
    [contour] = read(feature("93051", under=under)).contours
    assert (contour.insee, contour.source, contour.licence) == ("93051", "IGN", "LO")
    assert shapely.from_geojson(json.dumps(contour.geometry)).equals(shapely.box(2.5, 48.8, 2.53, 48.83))


def test_communes_elsewhere_are_counted_and_left_aside() -> None:
    given = read(feature("93051"), feature("77294"), feature("77059"))
    assert ([one.insee for one in given.contours], given.others) == (["93051"], 2)


def test_a_merged_commune_and_arrondissements_belong_to_the_commune_of_today() -> None:
    given = read(
        feature("93066", box(2.34, 48.92)),
        feature("93059", box(2.37, 48.92)),
        feature("75101", box(2.30, 48.85)),
        feature("75120", box(2.33, 48.85)),
    )
    assert [one.insee for one in given.contours] == ["75056", "93066"]
    for contour in given.contours:
        assert contour.geometry["type"] == "Polygon"
        assert area_km2(shapely.from_geojson(json.dumps(contour.geometry))) == pytest.approx(14.7, abs=0.2)


def test_holes_and_parts_stay() -> None:
    hole = box(2.51, 48.81, 0.005)
    [contour] = read(feature("93051", box(2.5, 48.8), hole)).contours
    assert len(contour.geometry["coordinates"]) == 2
    parts = {"type": "MultiPolygon", "coordinates": [[box(2.5, 48.8)], [box(2.6, 48.8)]]}
    [contour] = read({**feature("93051"), "geometry": parts}).contours
    assert contour.geometry["type"] == "MultiPolygon"


def test_rings_that_cross_themselves_are_put_right_and_told() -> None:
    bow = [[2.5, 48.8], [2.53, 48.83], [2.53, 48.8], [2.5, 48.83], [2.5, 48.8]]
    given = read(feature("93051", bow), feature("93048"))
    assert given.mended == ("93051",)
    assert all(shapely.from_geojson(json.dumps(one.geometry)).is_valid for one in given.contours)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"type": "FeatureCollection"}, "features"),
        ({"type": "Topology", "features": []}, "FeatureCollection"),
        ({"type": "FeatureCollection", "features": [1]}, "feature 0 is no object"),
        ({"type": "FeatureCollection", "features": [{}] * (FEATURES_MAX + 1)}, "features"),
        ({"type": "FeatureCollection", "features": []}, "none is of a commune"),
        ({"type": "FeatureCollection", "features": [{"properties": {"nom": "x"}}]}, "no INSEE code"),
        ({"type": "FeatureCollection", "features": [{"properties": {"code": 93051}}]}, "no INSEE code"),
        ({"type": "FeatureCollection", "features": [{"properties": {"code": "93051"}}]}, "no Polygon"),
    ],
)
def test_what_is_no_collection_of_communes_is_refused_with_its_reason(wrong: object, why: str) -> None:
    with pytest.raises(ContoursRefused, match=why):
        read_geojson(json.dumps(wrong).encode(), source="IGN", licence="LO")


@pytest.mark.parametrize(
    ("rings", "why"),
    [
        ([[[2.5, 48.8], [2.6, 48.8]]], "cannot be read"),
        ([[[2.5, 48.8], [2.6, 48.8], [2.6, 48.9], [2.5, 48.9]]], "cannot be read"),
        ([[["2.5", 48.8], [2.6, 48.8], [2.6, 48.9]]], "cannot be read"),
        ([], "no position"),
        ([box(650_000.0, 6_860_000.0, 3_000.0)], "degrees of WGS 84"),
        ([box(48.8, 2.5)], "longitude first"),
        ([box(2.5, 48.8, 0.001)], "km²"),
        ([box(2.2, 48.7, 0.3)], "km²"),
        ([[[2.5 + place * 1e-7, 48.8] for place in range(POSITIONS_MAX + 1)]], "cannot be read|more than"),
    ],
)
def test_what_cannot_be_the_contour_of_a_commune_is_refused(rings: list[list[list[float]]], why: str) -> None:
    wrong = {**feature("93051"), "geometry": {"type": "Polygon", "coordinates": rings}}
    with pytest.raises(ContoursRefused, match=why):
        read(wrong)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"{", b"[" * 100_000])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(ContoursRefused, match="no JSON"):
        read_geojson(text, source="IGN", licence="LO")
