"""Contours out of GeoJSON, as geo.api.gouv.fr and the IGN write them: codes, rings and size are checked. Pure.

The code of a commune stands under ``code`` (geo.api.gouv.fr), ``INSEE_COM``, ``insee_com``, ``code_insee`` (IGN Admin
Express, BAN) or ``insee``. Communes that merged, and the arrondissements of Paris (75101 to 75120), are put together
into the commune of today.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from core.contours import Contour
from core.errors import VigieError
from core.places import communes, current_commune

FILE_BYTES_MAX = 128 * 2**20
"""Admin Express for all of France, simplified, is some 60 MB."""
FEATURES_MAX = 50_000
POSITIONS_MAX = 20_000
"""Of one commune; Paris has about 1,000 at full precision, the longest coast of France 15,000."""
BOUNDS = (1.40, 48.10, 3.60, 49.30)
"""West, south, east, north of Île-de-France with a margin, degrees."""
AREA_KM2 = (0.1, 150.0)
"""Le Pré-Saint-Gervais, the smallest commune of the Métropole, has 0.7; Paris 105."""
DECIMALS = 5
"""A metre."""

_CODES = ("code", "INSEE_COM", "insee_com", "code_insee", "insee")
_PARIS = "75056"
_KM_PER_DEGREE = 111.195


class ContoursRefused(VigieError):
    """A file holds no contours of communes; the message says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a file gives.

    Parameters
    ----------
    contours
        One a commune of today, by code.
    others
        Features of communes that are not of the Métropole, which were left aside.
    mended
        Communes whose rings crossed themselves and were put right.
    """

    contours: tuple[Contour, ...]
    others: int
    mended: tuple[str, ...]


def read_geojson(text: bytes, *, source: str, licence: str) -> Given:
    """Read the contours of the Métropole's communes out of a GeoJSON FeatureCollection in WGS 84.

    Raises
    ------
    ContoursRefused
        If it is none, or a contour of the Métropole in it cannot be right.
    """
    parts: defaultdict[str, list[BaseGeometry]] = defaultdict(list)
    others, mended = 0, set()
    for number, feature in enumerate(_features(text)):
        insee = _current(_code(feature, number))
        if insee is None:
            others += 1
            continue
        geometry = _geometry(feature, insee)
        if not geometry.is_valid:
            geometry = _areas(shapely.make_valid(geometry))
            mended.add(insee)
        parts[insee].append(geometry)
    if not parts:
        raise ContoursRefused(f"of its {others} features none is of a commune of the Métropole du Grand Paris")
    found = {insee: shapely.union_all(given, grid_size=10**-DECIMALS) for insee, given in parts.items()}
    for insee, geometry in found.items():
        _check_size(insee, geometry)
    contours = tuple(Contour(insee, mapping_of(found[insee]), source, licence) for insee in sorted(found))
    return Given(contours, others, tuple(sorted(mended)))


def mapping_of(geometry: BaseGeometry) -> dict[str, Any]:
    """Return a geometry as GeoJSON, rounded to a metre."""
    written: dict[str, Any] = json.loads(shapely.to_geojson(geometry))
    return {"type": written["type"], "coordinates": _rounded(written["coordinates"])}


def area_km2(geometry: BaseGeometry) -> float:
    """Return an area of here, km², a degree of longitude taken as it is in the middle of it."""
    squeeze = math.cos(math.radians(geometry.centroid.y))
    return float(geometry.area) * _KM_PER_DEGREE**2 * squeeze


def _features(text: bytes) -> Iterator[Mapping[str, Any]]:
    if len(text) > FILE_BYTES_MAX:
        raise ContoursRefused(f"it is over {FILE_BYTES_MAX // 2**20} MiB")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ContoursRefused(f"it is no JSON: {error}") from None
    if not isinstance(told, dict) or told.get("type") != "FeatureCollection":
        raise ContoursRefused("it is no GeoJSON FeatureCollection")
    features = told.get("features")
    if not isinstance(features, list) or len(features) > FEATURES_MAX:
        raise ContoursRefused(f"it has no list of at most {FEATURES_MAX} features")
    for number, feature in enumerate(features):
        if not isinstance(feature, dict):
            raise ContoursRefused(f"feature {number} is no object")
        yield feature


def _code(feature: Mapping[str, Any], number: int) -> str:
    properties = feature.get("properties")
    told = [properties[name] for name in _CODES if name in properties] if isinstance(properties, dict) else []
    if not told or not isinstance(told[0], str):
        raise ContoursRefused(f"feature {number} has no INSEE code; it is looked for under {', '.join(_CODES)}")
    return told[0]


def _current(code: str) -> str | None:
    """Return the commune of today that this code is of, None where it is not of the Métropole."""
    if code.startswith("751") and code != _PARIS:
        return _PARIS
    return current_commune(code).insee if code in communes() else None


def _geometry(feature: Mapping[str, Any], insee: str) -> BaseGeometry:
    told = feature.get("geometry")
    if not isinstance(told, dict) or told.get("type") not in {"Polygon", "MultiPolygon"}:
        raise ContoursRefused(f"commune {insee} has no Polygon or MultiPolygon")
    try:
        geometry: BaseGeometry = shapely.force_2d(shapely.from_geojson(json.dumps(told)))
    except (shapely.errors.ShapelyError, ValueError) as error:
        raise ContoursRefused(f"the rings of commune {insee} cannot be read: {error}") from None
    if geometry.is_empty or shapely.get_num_coordinates(geometry) > POSITIONS_MAX:
        raise ContoursRefused(f"commune {insee} has no position, or more than {POSITIONS_MAX}")
    west, south, east, north = geometry.bounds
    if not (BOUNDS[0] <= west and BOUNDS[1] <= south and east <= BOUNDS[2] and north <= BOUNDS[3]):
        raise ContoursRefused(
            f"commune {insee} lies at {west:.5g}, {south:.5g}, outside of Île-de-France: degrees of WGS 84 are needed, "
            "longitude first"
        )
    return geometry


def _check_size(insee: str, geometry: BaseGeometry) -> None:
    low, high = AREA_KM2
    area = area_km2(geometry)
    if geometry.geom_type not in {"Polygon", "MultiPolygon"} or not low <= area <= high:
        raise ContoursRefused(f"commune {insee} has {area:.3g} km²: between {low:g} and {high:g} are possible")


def _areas(geometry: BaseGeometry) -> BaseGeometry:
    """Return what has an area of a geometry that was put right: lines that stuck out are left."""
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type in {"Polygon", "MultiPolygon"}]
    return shapely.union_all(parts)


def _rounded(coordinates: Any) -> Any:
    if isinstance(coordinates, float | int):
        return round(coordinates, DECIMALS)
    return [_rounded(one) for one in coordinates]
