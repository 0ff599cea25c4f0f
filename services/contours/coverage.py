"""The communes as a map draws them: contours where they are known, cells where not; small enough to be sent. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from core.commune_points import CommunePoint
from core.contours import Contour
from core.places import Commune
from services.contours.reading import mapping_of
from services.contours.schematic import schematic_cells

TOLERANCE_DEGREES = 0.0006
"""How far an edge may move on the map of all communes: some 50 m, half a pixel where 50 km are 600 pixels high."""
AROUND = 1.0
"""How far around a commune its neighbours are told of, in its own widths and heights."""


@dataclass(frozen=True, slots=True)
class Area:
    """A commune on the map."""

    insee: str
    name: str
    geometry: BaseGeometry
    source: str
    schematic: bool

    def feature(self, geometry: BaseGeometry | None = None) -> dict[str, Any]:
        """Return it as a GeoJSON feature, with another geometry where one is given."""
        told = {"insee": self.insee, "name": self.name, "schematic": self.schematic, "source": self.source}
        return {"type": "Feature", "properties": told, "geometry": mapping_of(geometry or self.geometry)}


class Coverage:
    """All communes of today without a gap between them, made once from what is known.

    Parameters
    ----------
    communes
        Of today; each gets an area.
    points
        A point inside of each.
    """

    def __init__(
        self, communes: Iterable[Commune], contours: Iterable[Contour], points: Mapping[str, CommunePoint]
    ) -> None:
        known = {one.insee: one for one in contours}
        drawn = {insee: shapely.from_geojson(json.dumps(dict(one.geometry))) for insee, one in known.items()}
        wanted = list(communes)
        missing = [one for one in wanted if one.insee not in known]
        cells = schematic_cells({one.insee: points[one.insee] for one in wanted}, drawn.values()) if missing else {}
        self.areas = [
            Area(
                insee=one.insee,
                name=one.name,
                geometry=drawn.get(one.insee) or cells[one.insee],
                source=known[one.insee].source if one.insee in known else "",
                schematic=one.insee not in known,
            )
            for one in wanted
        ]

    @cached_property
    def whole(self) -> bytes:
        """All communes as a GeoJSON FeatureCollection, simplified together: what touched still touches."""
        shapes = shapely.coverage_simplify([area.geometry for area in self.areas], TOLERANCE_DEGREES)
        return _collection([area.feature(shape) for area, shape in zip(self.areas, shapes, strict=True)])

    def around(self, insee: str) -> bytes | None:
        """Return a commune and those around it in full, None for one that is not there."""
        here = next((area for area in self.areas if area.insee == insee), None)
        if here is None:
            return None
        west, south, east, north = here.geometry.bounds
        wide, high = AROUND * (east - west), AROUND * (north - south)
        view = shapely.box(west - wide, south - high, east + wide, north + high)
        return _collection([area.feature() for area in self.areas if area.geometry.intersects(view)])


def _collection(features: Sequence[Mapping[str, Any]]) -> bytes:
    told = {"type": "FeatureCollection", "features": features}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
