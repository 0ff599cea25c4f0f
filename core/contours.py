"""Where a commune ends, as a source draws it: what maps show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Contour:
    """The contour of a commune.

    Parameters
    ----------
    insee
        INSEE code of a commune of today.
    geometry
        GeoJSON Polygon or MultiPolygon (RFC 7946), degrees of WGS 84, longitude first.
    source, licence
        What must be said wherever it is shown, and under what it was given.
    """

    insee: str
    geometry: Mapping[str, Any]
    source: str
    licence: str
