"""Feeding the platform over MQTT: the simulated town and replayed files, each declared and then published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.readings import Source
from core.store.places import adopt_sensor
from core.store.pool import connected

OVERLAP = timedelta(hours=12)
"""What is published again after a restart: late deliveries under way were lost with the feeder; twice counts once."""


@dataclass(frozen=True, slots=True)
class Feeding:
    """How a source is published.

    Parameters
    ----------
    history
        How far back to begin.
    speed
        Seconds of the source per second of ours, once live.
    live
        Whether to go on after the history.
    """

    history: timedelta
    speed: float = 1.0
    live: bool = True


def declare(dsn: str, source: Source, at: datetime) -> None:
    """Adopt every sensor of a source, so that its first reading finds a place."""
    with connected(dsn) as connection:
        for sensor in source.sensors:
            adopt_sensor(connection, sensor, at)
