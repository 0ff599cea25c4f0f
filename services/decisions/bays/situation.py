"""What is known of a commune's bays at an instant: for each place, the runs of its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.clock import format_instant, parse_instant

Seconds = NDArray[np.int64]


def _none() -> Seconds:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class PlaceRuns:
    """One place's history: runs of equal readings, in order, none after the situation's instant.

    Parameters
    ----------
    series_id
        None where the sensor has no readings at all.
    start_s, seen_s
        First and last reading of each run, seconds since 1970; ``start <= seen < next start``.
    occupied
        1 or 0 for each run.
    """

    series_id: int | None = None
    start_s: Seconds = field(default_factory=_none)
    seen_s: Seconds = field(default_factory=_none)
    occupied: Seconds = field(default_factory=_none)

    def __post_init__(self) -> None:
        if not len(self.start_s) == len(self.seen_s) == len(self.occupied):
            raise ValueError("runs: start_s, seen_s and occupied must be of one length")
        if np.any(self.seen_s < self.start_s) or np.any(self.start_s[1:] <= self.seen_s[:-1]):
            raise ValueError("runs: must follow each other")
        if not np.all((self.occupied == 0) | (self.occupied == 1)):
            raise ValueError("occupied: must be 0 or 1")

    @property
    def newest_s(self) -> int | None:
        """When the place was last heard of."""
        return int(self.seen_s[-1]) if len(self.seen_s) else None


@dataclass(frozen=True, slots=True, eq=False)
class BaySituation:
    """What was known ``at`` an instant of each place, by its sensor's external id, from ``since`` on.

    ``subject`` and ``commune_insee`` say whose bays they are.
    """

    subject: str
    commune_insee: str
    at: datetime
    since: datetime
    places: Mapping[str, PlaceRuns]

    def __post_init__(self) -> None:
        if self.since > self.at:
            raise ValueError("since: must not be after at")
        newest = max((runs.newest_s or 0 for runs in self.places.values()), default=0)
        if newest > self.at.timestamp():
            raise ValueError("places: a reading is later than at")


def situation_json(situation: BaySituation) -> dict[str, Any]:
    """Return the situation as JSON: what `parse_situation` takes."""
    return {
        "subject": situation.subject,
        "commune_insee": situation.commune_insee,
        "at": format_instant(situation.at),
        "since": format_instant(situation.since),
        "places": {
            name: {
                "series_id": runs.series_id,
                "start_s": runs.start_s.tolist(),
                "lasted_s": (runs.seen_s - runs.start_s).tolist(),
                "occupied": runs.occupied.tolist(),
            }
            for name, runs in situation.places.items()
        },
    }


def parse_situation(given: Mapping[str, Any]) -> BaySituation:
    """Turn the JSON of a situation back into it.

    Raises
    ------
    ValueError
        If its runs do not follow each other or are later than its instant.
    """
    places = {}
    for name, row in given["places"].items():
        start_s = np.array(row["start_s"], dtype=np.int64)
        seen_s = start_s + np.array(row["lasted_s"], dtype=np.int64)
        places[name] = PlaceRuns(row["series_id"], start_s, seen_s, np.array(row["occupied"], dtype=np.int64))
    at, since = parse_instant(given["at"]), parse_instant(given["since"])
    return BaySituation(given["subject"], given["commune_insee"], at, since, places)
