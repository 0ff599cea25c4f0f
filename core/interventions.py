"""Interventions: what people did at a sensor, with the pictures that they took there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SAID_CHARACTERS_MAX = 2_000
PHOTO_BYTES_MAX = 5 * 2**20
PHOTO_PIXELS_MAX = 40_000_000
PHOTOS_MAX = 8
"""Of one intervention."""


class Deed(StrEnum):
    """What somebody did at a sensor."""

    INSTALLED = "installed"
    MOVED = "moved"
    BATTERY_CHANGED = "battery_changed"
    CALIBRATED = "calibrated"
    CLEANED = "cleaned"
    REPAIRED = "repaired"
    REMARK = "remark"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Intervention:
    """An intervention at a sensor.

    Parameters
    ----------
    at
        When it was done.
    by, role
        Who noted it, and as what; pages show the role.
    made_at
        When it was noted.
    photos
        Ids of its pictures, in the order in which they came.
    """

    sensor_id: int
    at: datetime
    what: Deed
    said: str
    by: str
    role: str
    made_at: datetime
    intervention_id: int = 0
    photos: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is kept: turned upright, without what a camera adds to it (place, time, maker).

    Parameters
    ----------
    width, height
        Of the full one, pixels.
    """

    media_type: str
    width: int
    height: int
    full: bytes
    small: bytes


class PictureRefused(ValueError):
    """A file is no picture that is taken; its text says why."""
