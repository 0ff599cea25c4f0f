"""Where the communes end: contours as GeoJSON for maps, schematic cells where no contour was taken in."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from services.api.answers import Store, api_router
from services.api.parameters import CommuneFilter
from services.api.problems import Code, Problem
from services.contours.kept import KeptCoverage

router = api_router("places")

_FEATURE = {
    "type": "Feature",
    "properties": {
        "insee": "93051",
        "name": "Noisy-le-Grand",
        "schematic": False,
        "source": "Contours IGN, Licence Ouverte",
    },
    "geometry": {"type": "Polygon", "coordinates": [[[2.53, 48.83], [2.57, 48.83], [2.55, 48.86], [2.53, 48.83]]]},
}
_SCHEMA = {
    "type": "object",
    "required": ["type", "features"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "properties", "geometry"],
                "properties": {
                    "type": {"const": "Feature"},
                    "properties": {
                        "type": "object",
                        "required": ["insee", "name", "schematic", "source"],
                        "properties": {
                            "insee": {"type": "string"},
                            "name": {"type": "string"},
                            "schematic": {
                                "type": "boolean",
                                "description": "Whether it is a cell around the commune's point, not its contour.",
                            },
                            "source": {"type": "string", "description": "What must be said wherever it is shown."},
                        },
                    },
                    "geometry": {
                        "type": "object",
                        "required": ["type", "coordinates"],
                        "properties": {
                            "type": {"enum": ["Polygon", "MultiPolygon"]},
                            "coordinates": {"type": "array", "items": {"type": "array"}},
                        },
                    },
                },
            },
        },
    },
}
_ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A GeoJSON FeatureCollection (RFC 7946), degrees of WGS 84.",
        "content": {
            "application/geo+json": {
                "schema": _SCHEMA,
                "examples": {"": {"value": {"type": "FeatureCollection", "features": [_FEATURE]}}},
            }
        },
    }
}


@router.get("/communes/contours", operation_id="read_contours", response_class=Response, responses=_ANSWERED)
def read_contours(request: Request, store: Store, commune: CommuneFilter = None) -> Response:
    """Return where the communes end: one with those around it in full, or all of today, simplified for a map.

    Communes without a contour (`vigie geo import`, `vigie geo fetch`) have a cell around their point, `schematic` true.
    """
    kept: KeptCoverage = request.app.state.contours
    coverage = kept.of(store)
    found = coverage.whole if commune is None else coverage.around(commune)
    if found is None:
        raise Problem(Code.NOT_MIGRATED, "the database lacks the communes: run `vigie migrate`")
    return Response(found, media_type="application/geo+json")
