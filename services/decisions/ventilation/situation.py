"""What is known of a site's rooms at an instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.clock import Window, floor_to_step, format_instant, in_utc, parse_instant

STEP = timedelta(minutes=15)
STEPS = 24
"""Six hours of quarters."""
STALE_AFTER = timedelta(hours=1)
TREND = timedelta(hours=3)
"""How far back the readings that the page draws go."""


def window_of(now: datetime) -> Window:
    """Return the six hours of whole quarters that follow ``now``."""
    begun = floor_to_step(now, STEP)
    start = begun if begun == in_utc(now) else begun + STEP
    return Window(start, start + STEPS * STEP)


@dataclass(frozen=True, slots=True)
class RoomState:
    """What is known of one room.

    Parameters
    ----------
    series_id
        Its CO2 series, None while its sensor never published.
    co2
        ``(observed_at, ppm)`` of the last three hours, oldest first.
    sources
        For each quarter of the window, the CO2 breathed out in that local quarter of each comparable day, m3/s, the
        newest day first; days without readings are absent.
    """

    code: str
    series_id: int | None
    co2: tuple[tuple[datetime, float], ...]
    sources: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if len(self.sources) != STEPS:
            raise ValueError(f"sources of {self.code}: {len(self.sources)} quarters, {STEPS} expected")

    @property
    def days(self) -> int:
        """On how many comparable days every quarter of the window rests at least."""
        return min(len(quarter) for quarter in self.sources)

    def is_fresh(self, now: datetime) -> bool:
        """Whether its newest reading is at most an hour old."""
        return bool(self.co2) and now - self.co2[-1][0] <= STALE_AFTER


@dataclass(frozen=True, slots=True)
class OutdoorState:
    """One quantity of the outdoor air over the window.

    Parameters
    ----------
    known_at
        ``issued_at`` of the forecast, or ``observed_at`` of the reading that is held.
    values
        One per quarter in the metric's unit; None where nothing is known.
    fallback
        ``held`` when the last reading stands in for a forecast.
    series_id
        None for the weather, which no sensor of ours forecasts.
    provider
        Who forecast the weather that it is of; None for what our own sensors and models say.
    """

    metric: str
    series_id: int | None
    known_at: datetime
    values: tuple[float | None, ...]
    fallback: str | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a site at ``now``; rooms in the policy's order, outdoor quantities that are known only."""

    subject: str
    commune_insee: str
    now: datetime
    rooms: tuple[RoomState, ...]
    outdoor: tuple[OutdoorState, ...] = ()

    def outdoor_values(self, metric: str) -> tuple[float | None, ...]:
        """Return a quantity of the outdoor air for each quarter, None where it is not known."""
        return next((state.values for state in self.outdoor if state.metric == metric), (None,) * STEPS)


CHANGE_PPM = 250.0


def has_changed(before: Situation, after: Situation) -> bool:
    """Whether a room's CO2 moved by `CHANGE_PPM` within a quarter-hour's reach, or its sensor fell silent or came back.

    Deciding again is worth it only then: plans are made every hour anyway.
    """
    olds = {room.code: room for room in before.rooms}
    for room in after.rooms:
        old = olds.get(room.code)
        if old is None or old.is_fresh(before.now) != room.is_fresh(after.now):
            return True
        if room.co2 and old.co2 and abs(room.co2[-1][1] - old.co2[-1][1]) > CHANGE_PPM:
            return True
    return False


def situation_json(situation: Situation) -> dict[str, Any]:
    """Return the situation as JSON: `parse_situation` gives it back."""
    return {
        "subject": situation.subject,
        "commune_insee": situation.commune_insee,
        "now": format_instant(situation.now),
        "rooms": [
            {
                "code": room.code,
                "series_id": room.series_id,
                "co2": [[format_instant(at), ppm] for at, ppm in room.co2],
                "sources": [list(quarter) for quarter in room.sources],
            }
            for room in situation.rooms
        ],
        "outdoor": [
            {
                "metric": state.metric,
                "series_id": state.series_id,
                "known_at": format_instant(state.known_at),
                "values": list(state.values),
                "fallback": state.fallback,
                "provider": state.provider,
            }
            for state in situation.outdoor
        ],
    }


def parse_situation(body: Mapping[str, Any]) -> Situation:
    """Read a situation back from its JSON."""
    rooms = tuple(
        RoomState(
            row["code"],
            row["series_id"],
            tuple((parse_instant(at), ppm) for at, ppm in row["co2"]),
            tuple(tuple(quarter) for quarter in row["sources"]),
        )
        for row in body["rooms"]
    )
    outdoor = tuple(
        OutdoorState(
            row["metric"],
            row["series_id"],
            parse_instant(row["known_at"]),
            tuple(row["values"]),
            row["fallback"],
            row.get("provider"),
        )
        for row in body["outdoor"]
    )
    return Situation(body["subject"], body["commune_insee"], parse_instant(body["now"]), rooms, outdoor)
