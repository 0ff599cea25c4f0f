"""Situations of the simulated town's bays, for the tests of this kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from models.simulation.bays import Bay as SimulatedBay
from models.simulation.days import SeededDay
from models.simulation.equipment_bays import SUBJECTS
from models.simulation.town import MEMBERS
from services.decisions.bays.policy import BayPolicy, parse_policy
from services.decisions.bays.situation import BaySituation, PlaceRuns

SIMULATED = {member.sensor.external_id: member for member in MEMBERS if isinstance(member, SimulatedBay)}
AT = datetime(2026, 3, 31, 8, 42, tzinfo=UTC)


def runs_of(occupied: list[tuple[int, int, int]], series_id: int = 1) -> PlaceRuns:
    """Return the runs (first reading, last reading, state) of a place."""
    columns = (np.array([row[column] for row in occupied], dtype=np.int64) for column in range(3))
    return PlaceRuns(series_id, *columns)


def simulated_runs(sensor: str, since: datetime, at: datetime, seed: int = 1) -> PlaceRuns:
    """Return what a simulated bay said between two instants."""
    days = range(since.toordinal(), at.toordinal() + 1)
    traces = [SIMULATED[sensor].traces(SeededDay(seed, ordinal))[0] for ordinal in days]
    times = np.concatenate([trace.observed_s for trace in traces])
    states = np.concatenate([trace.values for trace in traces]).astype(np.int64)
    inside = (times >= since.timestamp()) & (times <= at.timestamp())
    times, states = times[inside], states[inside]
    first = np.flatnonzero(np.append(True, states[1:] != states[:-1]))
    last = np.append(first[1:] - 1, len(times) - 1)
    return PlaceRuns(1, times[first], times[last], states[first])


def subject(code: str = "93048:livraisons") -> dict[str, Any]:
    return next(one for one in SUBJECTS if one["code"] == code)


@cache
def simulated(
    code: str = "93048:livraisons", days: int = 28, at: datetime = AT, seed: int = 1
) -> tuple[BaySituation, BayPolicy]:
    """Return what was known of a commune's bays after so many days, and its policy."""
    row = subject(code)
    policy = parse_policy(row["policy"])
    since = at - timedelta(days=days)
    places = {name: simulated_runs(name, since, at, seed) for bay in policy.bays for name in bay.sensors}
    return BaySituation(code, row["commune_insee"], at, since, places), policy
