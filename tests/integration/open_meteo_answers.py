"""Answers as the documentation of Open-Meteo writes them, made up hour by hour."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 3, 2, 8, 50, tzinfo=UTC)
BEGUN_S = int(datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp())
UNITS = {
    "time": "unixtime",
    "temperature_2m": "°C",
    "relative_humidity_2m": "%",
    "shortwave_radiation": "W/m²",
    "wind_speed_10m": "m/s",
    "precipitation": "mm",
    "cloud_cover": "%",
}


def place_told(longitude: float, latitude: float, *, hours: int = 4, first_s: int = BEGUN_S) -> dict[str, Any]:
    """Return what is told of a place: so many instants, an hour apart, each variable higher by one an hour."""
    return {
        "latitude": latitude,
        "longitude": longitude,
        "generationtime_ms": 0.11,
        "utc_offset_seconds": 0,
        "timezone": "GMT",
        "timezone_abbreviation": "GMT",
        "elevation": 38.0,
        "hourly_units": dict(UNITS),
        "hourly": {
            "time": [first_s + 3_600 * number for number in range(hours)],
            "temperature_2m": [5.0 + number % 20 for number in range(hours)],
            "relative_humidity_2m": [80 + number % 20 for number in range(hours)],
            "shortwave_radiation": [100.0 + number % 20 for number in range(hours)],
            "wind_speed_10m": [3.0 + number % 20 for number in range(hours)],
            "precipitation": [0.0 + number % 20 for number in range(hours)],
            "cloud_cover": [50 + number % 20 for number in range(hours)],
        },
    }


def sent(told: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return an answer as it is sent."""
    return json.dumps(told, ensure_ascii=False).encode()
