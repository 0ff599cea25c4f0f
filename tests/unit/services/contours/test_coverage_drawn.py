"""The communes on the map: everywhere one, nowhere two, known contours untouched, cells where none is known."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from core.commune_points import commune_points
from core.contours import Contour
from core.places import communes
from services.contours.coverage import Coverage
from services.contours.reading import area_km2, read_geojson
from services.contours.schematic import schematic_cells

TODAY = [one for one in communes().values() if not one.merged_into]
ROOT = Path(__file__).resolve().parents[4]
REAL_DATA = Path(os.environ.get("VIGIE_REAL_DATA_DIR", ROOT.parent / "shared" / "data"))
REAL = REAL_DATA / "geography" / "communes_mgp_131_2018contours.geojson"
NOISY = "93051"


def told(collection: bytes | None) -> dict[str, dict[str, Any]]:
    assert collection is not None
    return {one["properties"]["insee"]: one for one in json.loads(collection)["features"]}


def shape(feature: dict[str, Any]) -> BaseGeometry:
    return shapely.from_geojson(json.dumps(feature["geometry"]))


@pytest.fixture(scope="module")
def schematic() -> Coverage:
    return Coverage(TODAY, [], commune_points())


def test_each_commune_has_one_cell_around_its_point(schematic: Coverage) -> None:
    cells = told(schematic.whole)
    assert set(cells) == {one.insee for one in TODAY}
    for insee, cell in cells.items():
        point = commune_points()[insee]
        assert cell["properties"]["schematic"] is True
        assert cell["properties"]["source"] == ""
        assert shape(cell).contains(shapely.Point(point.longitude, point.latitude)), cell["properties"]["name"]


def test_cells_leave_no_gap_and_lie_nowhere_twice(schematic: Coverage) -> None:
    cells = [area.geometry for area in schematic.areas]
    assert shapely.union_all(cells).geom_type == "Polygon"
    assert sum(map(area_km2, cells)) == pytest.approx(area_km2(shapely.union_all(cells)), rel=1e-5)


def test_paris_is_the_widest_as_it_is(schematic: Coverage) -> None:
    sizes = {area.insee: area_km2(area.geometry) for area in schematic.areas}
    assert max(sizes, key=lambda insee: sizes[insee]) == "75056"
    assert 60 < sizes["75056"] < 160
    assert sum(sizes.values()) == pytest.approx(815, rel=0.35)


def test_a_known_contour_is_untouched_and_the_cells_keep_off_it() -> None:
    point = commune_points()[NOISY]
    known = shapely.box(point.longitude - 0.03, point.latitude - 0.02, point.longitude + 0.02, point.latitude + 0.02)
    contour = Contour(NOISY, json.loads(shapely.to_geojson(known)), "IGN", "LO")
    coverage = Coverage(TODAY, [contour], commune_points())
    by_code = {area.insee: area for area in coverage.areas}
    assert by_code[NOISY].geometry.equals(known)
    assert (by_code[NOISY].schematic, by_code[NOISY].source) == (False, "IGN")
    others = shapely.union_all([area.geometry for area in coverage.areas if area.insee != NOISY])
    assert area_km2(others.intersection(known)) < 0.01
    assert all(area.schematic for area in coverage.areas if area.insee != NOISY)


def test_around_a_commune_are_its_neighbours_and_not_the_other_end_of_the_metropole(schematic: Coverage) -> None:
    found = told(schematic.around(NOISY))
    assert {NOISY, "93033", "94079", "94015"} <= set(found)
    assert "92062" not in found
    assert schematic.around("01001") is None


def test_the_whole_is_small_enough_to_be_sent(schematic: Coverage) -> None:
    assert len(gzip.compress(schematic.whole)) < 150_000


def test_points_of_one_place_are_no_trouble() -> None:
    points = {NOISY: commune_points()[NOISY]}
    [cell] = schematic_cells(points).values()
    assert 5 < area_km2(cell) < 60


@pytest.mark.real_data
def test_real_contours_are_simplified_together() -> None:
    if not REAL.is_file():
        pytest.skip(f"no real contours in {REAL_DATA}: set VIGIE_REAL_DATA_DIR")
    given = read_geojson(REAL.read_bytes(), source="IGN", licence="LO")
    assert (len(given.contours), given.others, given.mended) == (130, 0, ())
    coverage = Coverage(TODAY, given.contours, commune_points())
    assert len(gzip.compress(coverage.whole)) < 150_000
    shapes = [shape(one) for one in told(coverage.whole).values()]
    assert shapely.coverage_is_valid(shapes)
    assert sum(map(area_km2, shapes)) == pytest.approx(814.9, rel=0.01)
