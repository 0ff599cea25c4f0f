"""A small made-up school for the ventilation tests: a room with a fan, a room with windows only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.decisions.ventilation.policy import Room, VentilationPolicy
from services.decisions.ventilation.situation import STEPS, OutdoorState, RoomState, Situation

# A Tuesday of term, 09:00 in Paris.
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
FULL_M3_S = 27 * 3.35e-6
WITH_FAN = Room("a", "Salle A", "sensor-a", 185, 27, 60, levels_m3_h=(0, 250, 500), usual_m3_h=250, airing_m3_h=900)
WINDOWS_ONLY = Room("b", "Salle B", "sensor-b", 170, 27, 80, airing_m3_h=850)


def policy(*rooms: Room) -> VentilationPolicy:
    return VentilationPolicy(rooms or (WITH_FAN, WINDOWS_ONLY), 7.5, 17.5, (0, 1, 3, 4), keeps_school_holidays=True)


def state(code: str, share: float = 0.9, *, ppm: float = 650.0, days: int = 12, age_min: float = 5) -> RoomState:
    """Return a room that was filled to about ``share`` on so many comparable days, and read ``age_min`` ago."""
    sources = tuple(share * FULL_M3_S * (0.8 + 0.02 * day) for day in range(days))
    return RoomState(code, 1, ((NOW - timedelta(minutes=age_min), ppm),), (sources,) * STEPS)


def situation(*rooms: RoomState, outdoor: tuple[OutdoorState, ...] = ()) -> Situation:
    return Situation("93051:ecole", "93051", NOW, rooms or (state("a"), state("b")), outdoor)


def outdoor(metric: str, *values: float) -> OutdoorState:
    """Return a quantity of outdoor air: its values over equal parts of the window."""
    held = tuple(value for value in values for _ in range(STEPS // len(values)))
    return OutdoorState(metric, 9, NOW - timedelta(minutes=20), held)
