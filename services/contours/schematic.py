"""Cells around the communes' points, where nobody gave contours: who is whose neighbour, not where one ends. Pure.

Each point is nearest of all to its cell (Voronoi), clipped to a soft outline of the Métropole. Paris is three times as
wide as any other commune and would lose most of itself to its neighbours with one point: it speaks with a ring of them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import shapely
from shapely.geometry.base import BaseGeometry

from core.columns import Floats
from core.commune_points import CommunePoint

REACH_KM = 3.0
"""How far the outline lies beyond a point."""
_SOFT_KM = 1.2
_KM_PER_DEGREE = 111.195
_PARIS = "75056"
# Half axes of the ring, km: Paris is some 11 km wide without its woods, 9 km high.
_PARIS_KM = (3.9, 3.0)
_PARIS_POINTS = 16
_LATITUDE = 48.85


def schematic_cells(
    points: Mapping[str, CommunePoint], taken: Collection[BaseGeometry] = ()
) -> dict[str, BaseGeometry]:
    """Return a cell for each commune, in degrees of WGS 84.

    Parameters
    ----------
    points
        Of all communes of today: those whose contours are known have a say in where the others end.
    taken
        Contours that are known; what they cover is in no cell.
    """
    seeds = [(insee, place) for insee, point in points.items() for place in _seeds(point)]
    places = shapely.points([_flat(*place) for _, place in seeds])
    outline = _outline(places)
    parts = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(places), extend_to=outline))
    holders = shapely.STRtree(parts).query(places, predicate="within")
    cells: dict[str, list[BaseGeometry]] = {}
    for seed, part in holders.T.tolist():
        cells.setdefault(seeds[seed][0], []).append(parts[part])
    covered = shapely.transform(shapely.union_all(list(taken)), _flattened) if taken else None
    found = {}
    for insee in points:
        cell = shapely.intersection(shapely.union_all(cells[insee]), outline)
        free = cell if covered is None else shapely.difference(cell, covered)
        found[insee] = shapely.transform(free, _degrees)
    return found


def _seeds(point: CommunePoint) -> list[tuple[float, float]]:
    if point.commune_insee != _PARIS:
        return [(point.longitude, point.latitude)]
    x, y = _flat(point.longitude, point.latitude)
    # Its inner point stands west of its middle, by the wood of Boulogne.
    x += 1.6
    turns = [2 * math.pi * number / _PARIS_POINTS for number in range(_PARIS_POINTS)]
    ring = [(x + _PARIS_KM[0] * math.cos(turn), y + _PARIS_KM[1] * math.sin(turn)) for turn in turns]
    return [_place(*one) for one in ring]


def _outline(places: BaseGeometry) -> BaseGeometry:
    """Return the area around all points, its notches filled and its corners round."""
    wide = shapely.union_all(shapely.buffer(places, REACH_KM + _SOFT_KM))
    return shapely.buffer(shapely.buffer(wide, -2 * _SOFT_KM), _SOFT_KM).simplify(0.05)


# Kilometres on a plane that touches the earth at Paris: within 30 km the error is below one in a thousand.
_SQUEEZE = math.cos(math.radians(_LATITUDE))


def _flat(longitude: float, latitude: float) -> tuple[float, float]:
    return longitude * _KM_PER_DEGREE * _SQUEEZE, latitude * _KM_PER_DEGREE


def _place(x: float, y: float) -> tuple[float, float]:
    return x / (_KM_PER_DEGREE * _SQUEEZE), y / _KM_PER_DEGREE


def _flattened(coordinates: Floats) -> Floats:
    return coordinates * (_KM_PER_DEGREE * _SQUEEZE, _KM_PER_DEGREE)


def _degrees(coordinates: Floats) -> Floats:
    return coordinates / (_KM_PER_DEGREE * _SQUEEZE, _KM_PER_DEGREE)
