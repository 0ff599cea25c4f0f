"""A round in other formats: GeoJSON for a map, CSV for a French spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from typing import Any

from core.clock import PARIS, parse_instant
from core.decisions import Decision
from services.decisions.decider import Export

BYTE_ORDER_MARK = "\ufeff"
HEADS = (
    "camion",
    "ordre",
    "arrivee",
    "bac",
    "capteur",
    "longitude",
    "latitude",
    "rempli_attendu_pct",
    "risque_pct",
    "masse_kg",
)


def geojson(decision: Decision) -> str:
    """Return each truck's legs as straight lines (flagged as an estimate) and its stops as points (RFC 7946)."""
    picture = decision.picture
    features: list[dict[str, Any]] = []
    for truck in picture.get("trucks", ()):
        stops = [stop for stop in picture["stops"] if stop["truck"] == truck["code"]]
        line = [_position(picture["garage"])]
        for stop in stops:
            line.append(_position(stop))
            if stop["order"] in truck["unloaded_after"]:
                line.append(_position(picture["unloading"]))
        line.append(_position(picture["garage"]))
        features.append(
            _feature(
                "LineString",
                line,
                {
                    "truck": truck["code"],
                    "distance_km": truck["distance_km"],
                    "straight_legs": True,
                    "estimated": picture["distances"]["estimated"],
                },
            )
        )
        features += [_feature("Point", _position(stop), _stop(stop)) for stop in stops]
    for role in ("garage", "unloading"):
        if role in picture:
            features.append(_feature("Point", _position(picture[role]), {"role": role, "name": picture[role]["name"]}))
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def french_csv(decision: Decision) -> str:
    """Return the stops with semicolons, decimal commas, Paris time and a byte order mark."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADS)
    for stop in decision.picture.get("stops", ()):
        writer.writerow(
            [
                stop["truck"],
                stop["order"],
                _local(stop["arrive"]).strftime("%d/%m/%Y %H:%M"),
                _harmless(stop["name"]),
                stop["sensor"],
                _decimal(stop["longitude"], 5),
                _decimal(stop["latitude"], 5),
                _decimal(stop["fill_ratio"], 1, 100),
                _decimal(stop["probability"], 1, 100),
                _decimal(stop["kg"], 0),
            ]
        )
    return BYTE_ORDER_MARK + text.getvalue()


EXPORTS = {
    "geojson": Export("application/geo+json", geojson),
    "csv": Export("text/csv; charset=utf-8", french_csv),
}


def _position(place: dict[str, Any]) -> list[float]:
    return [place["longitude"], place["latitude"]]


def _feature(kind: str, coordinates: object, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def _stop(stop: dict[str, Any]) -> dict[str, Any]:
    return {name: stop[name] for name in ("truck", "order", "arrive", "name", "sensor", "fill_ratio", "probability")}


def _local(instant: str) -> datetime:
    return parse_instant(instant).astimezone(PARIS)


def _decimal(value: float | None, digits: int, scale: float = 1) -> str:
    return "" if value is None else f"{value * scale:.{digits}f}".replace(".", ",")


def _harmless(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in {"=", "+", "-", "@", "\t", "\r"} else name
