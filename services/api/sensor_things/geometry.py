"""Geometries in well-known text, longitude first, in degrees of WGS 84: points, and polygons without holes."""

from __future__ import annotations

import math
import re

from services.api.sensor_things.refusals import Malformed, NotBuilt

_SHAPE = re.compile(r"\s*([A-Za-z]+)\s*\((.*)\)\s*", re.DOTALL)
_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_POSITION = re.compile(rf"\s*({_NUMBER})\s+({_NUMBER})\s*", re.ASCII)


def parse_point(text: str) -> str:
    """Return a point as the store takes it, from ``POINT (2.35 48.85)``.

    Raises
    ------
    Malformed
        If it is no point of the Earth.
    NotBuilt
        If it is a line, or anything else than a point or a polygon.
    """
    body = _body(text, "POINT")
    x, y = _position(body, text)
    return f"({x!r},{y!r})"


def parse_polygon(text: str) -> str:
    """Return a polygon as the store takes it, from ``POLYGON ((2 48, 3 48, 3 49, 2 48))``.

    Raises
    ------
    Malformed
        If it is no closed ring of four positions or more.
    NotBuilt
        If it has holes.
    """
    body = _body(text, "POLYGON").strip()
    if body.count("(") > 1:
        raise NotBuilt("polygons with holes are not compared")
    if not (body.startswith("(") and body.endswith(")")):
        raise Malformed(f"{text!r} is no polygon in well-known text")
    ring = [_position(part, text) for part in body[1:-1].split(",")]
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise Malformed("the ring of a polygon has four positions or more, and ends where it began")
    return "(" + ",".join(f"({x!r},{y!r})" for x, y in ring[:-1]) + ")"


def _body(text: str, shape: str) -> str:
    # Well-known text may name its reference system first; there is one only here.
    found = _SHAPE.fullmatch(re.sub(r"^\s*SRID=4326;", "", text))
    if found is None:
        raise Malformed(f"{text!r} is no geometry in well-known text")
    if found.group(1).upper() != shape:
        raise NotBuilt(f"{found.group(1)} is not compared here: places are points, give a POINT or a POLYGON")
    return found.group(2)


def _position(part: str, text: str) -> tuple[float, float]:
    found = _POSITION.fullmatch(part)
    if found is None:
        raise Malformed(f"{part.strip()!r} in {text!r} is no position: longitude, a space, latitude")
    x, y = float(found.group(1)), float(found.group(2))
    if not (math.isfinite(x) and abs(x) <= 180 and abs(y) <= 90):
        raise Malformed(f"longitude {x} and latitude {y} are not on the Earth")
    return x, y
