"""How far and how long it is between points. Providers differ; every matrix says where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.clock import PARIS, Window

EARTH_RADIUS_M = 6_371_008.8
DETOUR = 1.35
"""Streets over the great circle; 1.3 to 1.4 is usual in towns."""
# km/h by local hour: an assumption for a truck between stops in a dense commune, measured nowhere.
SPEED_KMH = (28, 28, 28, 28, 28, 27, 24, 19, 16, 18, 20, 20, 19, 20, 20, 19, 17, 15, 16, 19, 22, 24, 26, 27)

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees, WGS 84."""

    longitude: float
    latitude: float


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """Distances and durations from each point (row) to each (column).

    Parameters
    ----------
    metres, seconds
        Whole, zero on the diagonal; need not be symmetric.
    provider
        Where they come from.
    estimated
        Whether they are an estimate and no road was looked at: whoever shows them says so.
    """

    metres: Whole
    seconds: Whole
    provider: str
    estimated: bool


class Distances(Protocol):
    """A provider of matrices."""

    def matrix(self, points: Sequence[Point], window: Window) -> Matrix:
        """Return the matrix of ``points`` for driving within ``window``."""
        ...


class StraightLineEstimate:
    """Great circle times `DETOUR`, at the mean of `SPEED_KMH` over the hours of the window. Always flagged."""

    def matrix(self, points: Sequence[Point], window: Window) -> Matrix:
        """Return the estimate; the same both ways."""
        longitudes = np.radians([point.longitude for point in points])
        latitudes = np.radians([point.latitude for point in points])
        half_chord = (
            np.sin((latitudes[:, None] - latitudes[None, :]) / 2) ** 2
            + np.cos(latitudes)[:, None]
            * np.cos(latitudes)[None, :]
            * np.sin((longitudes[:, None] - longitudes[None, :]) / 2) ** 2
        )
        metres = np.rint(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(half_chord)) * DETOUR).astype(np.int64)
        seconds = np.rint(metres * 3.6 / mean_speed_kmh(window)).astype(np.int64)
        return Matrix(metres, seconds, "straight_line", estimated=True)


def mean_speed_kmh(window: Window) -> float:
    """Return the mean of the assumed speeds over the local hours that the window touches."""
    first = window.start.astimezone(PARIS).hour
    hours = max(1, int(np.ceil(window.length.total_seconds() / 3600)))
    return float(np.mean([SPEED_KMH[(first + number) % 24] for number in range(hours)]))


ESTIMATE = StraightLineEstimate()
