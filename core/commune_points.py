"""A point inside each commune of the Métropole: where its weather is asked for.

Source of ``commune_points.csv``: contours of IGN Admin Express COG 2018, simplified (gregoiredavid/france-geojson,
Licence Ouverte, attribution IGN / Etalab); an inner point of each.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class CommunePoint:
    """A point inside a commune, degrees of WGS 84."""

    commune_insee: str
    longitude: float
    latitude: float


@cache
def commune_points() -> dict[str, CommunePoint]:
    """Return a point of all 131 communes that were ever of the Métropole, by INSEE code."""
    text = files("core").joinpath("commune_points.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["insee"]: CommunePoint(row["insee"], float(row["longitude"]), float(row["latitude"])) for row in rows}
