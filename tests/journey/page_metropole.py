"""Communes behind the stubbed API: made-up contours around the small commune, and the summary of each."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from page_alarms import waits

if TYPE_CHECKING:
    from page_town import StubTown

Row = dict[str, Any]
COMMUNE = "93051"
MIDDLE = (2.555, 48.845)
_REACH_KM = 2.4
_KM_PER_DEGREE = 111.2
_CORNERS = 28
_NEIGHBOURS = (
    ("94079", "Villiers-sur-Marne", 200),
    ("94015", "Bry-sur-Marne", 262),
    ("93033", "Gournay-sur-Marne", 40),
    ("93050", "Neuilly-sur-Marne", 330),
    ("93049", "Neuilly-Plaisance", 296),
    ("94059", "Le Plessis-Trévise", 165),
)


def contours() -> Row:
    """Return the commune and its neighbours as blobs that touch nothing real."""
    shapes = [_feature(COMMUNE, "Noisy-le-Grand", MIDDLE, 1.0)]
    for insee, name, bearing in _NEIGHBOURS:
        shapes.append(_feature(insee, name, _away(MIDDLE, bearing, 1.95 * _REACH_KM), 0.86))
    return {"type": "FeatureCollection", "features": shapes}


def _away(start: tuple[float, float], bearing_deg: float, km: float) -> tuple[float, float]:
    angle, squeeze = math.radians(bearing_deg), math.cos(math.radians(start[1]))
    east, north = km * math.sin(angle) / _KM_PER_DEGREE, km * math.cos(angle) / _KM_PER_DEGREE
    return start[0] + east / squeeze, start[1] + north


def _feature(insee: str, name: str, middle: tuple[float, float], scale: float) -> Row:
    ring = []
    for corner in range(_CORNERS):
        ripple = 1 + 0.08 * math.sin(corner * 2.3 + int(insee)) + 0.05 * math.sin(corner * 5.1)
        lon, lat = _away(middle, 360 * corner / _CORNERS, scale * _REACH_KM * ripple)
        ring.append([round(lon, 5), round(lat, 5)])
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    properties = {"insee": insee, "name": name, "schematic": False, "source": "Contours dessinés pour l’essai"}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def place_of(site_id: int, sites: int) -> tuple[float, float]:
    """Return where a site of the small commune stands: spread within its contour."""
    return _away(MIDDLE, 137.5 * site_id, 0.72 * _REACH_KM * math.sqrt(site_id / sites))


def other_communes(now: datetime) -> list[Row]:
    """Return the summaries of neighbours, for a visitor who sees several communes."""
    said = [(3, 4, 2, 1), (0, 2, 0, 0), (0, 0, 1, 0), (0, 0, 0, 0), (1, 0, 0, 2), (0, 0, 0, 0)]
    return [
        {
            "insee": insee,
            "name": name,
            "sensors": 60 + 10 * number,
            **dict(zip(("alarming", "watch", "silent", "suspect"), counts, strict=True)),
            "normal": 60 + 10 * number - sum(counts),
            "stale_since": _iso(now - timedelta(hours=3)) if number == 1 else None,
            "received_10min": 180 + 7 * number,
            "refused_today": number % 3,
        }
        for number, ((insee, name, _), counts) in enumerate(zip(_NEIGHBOURS, said, strict=True))
    ]


def metropole_router(town: StubTown) -> APIRouter:
    """Return the operations on communes' shapes and summaries."""
    router = APIRouter()

    @router.get("/communes/contours")
    def read_contours(commune: str | None = None) -> Row:
        assert commune is None or len(commune) == len(COMMUNE)
        return contours()

    @router.get("/metropole")
    def metropole() -> Row:
        return {"items": [_own(town), *town.others], "next": None}

    return router


def _own(town: StubTown) -> Row:
    alarming = {one["sensor"]["sensor_id"] for one in town.alarms.items if waits(one) and one["sensor"]}
    states: dict[int, list[str]] = {}
    for latest in town.latest.values():
        states.setdefault(latest["sensor_id"], []).append(latest["state"])
    worst = {
        sensor_id: next((state for state in ("watch", "silent", "suspect") if state in found), "normal")
        for sensor_id, found in states.items()
        if sensor_id not in alarming
    }
    counts = {state: list(worst.values()).count(state) for state in ("watch", "silent", "suspect", "normal")}
    row = {"insee": COMMUNE, "name": "Noisy-le-Grand", "sensors": len(town.sensors), "alarming": len(alarming)}
    return {**row, **counts, "stale_since": None, "received_10min": 128, "refused_today": 7}


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
