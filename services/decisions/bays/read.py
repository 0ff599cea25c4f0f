"""What was known of a commune's bays at an instant, read from the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from core.clock import Window
from core.decisions import Subject
from core.places import SensorKind
from core.store.places import read_series_of
from core.store.pool import Connection
from core.store.runs import RunsAsked, StateRun, read_state_runs
from core.store.sensors import read_sensors
from services.decisions.bays.policy import BayPolicy
from services.decisions.bays.situation import BaySituation, PlaceRuns

RUNS_MAX = 1_500_000
METRIC = "occupied"


def read_situation(connection: Connection, subject: Subject, policy: BayPolicy, at: datetime) -> BaySituation:
    """Read the runs of every place of the policy, as they were known ``at``; a sensor that is not there has none."""
    named = {name for bay in policy.bays for name in bay.sensors}
    sensors = {
        sensor.sensor_id: sensor.external_id
        for sensor in read_sensors(connection, commune=subject.commune_insee, kind=SensorKind.BAY)
        if sensor.external_id in named and sensor.sensor_id is not None
    }
    series = {
        one.series_id: sensors[sensor_id]
        for sensor_id, found in read_series_of(connection, list(sensors)).items()
        for one in found
        if one.metric == METRIC
    }
    since = at - timedelta(days=policy.history_days)
    asked = RunsAsked(Window(since, at), at, timedelta(seconds=policy.silence_s), RUNS_MAX)
    runs = read_state_runs(connection, list(series), asked) if series else {}
    places = {external_id: _place(series_id, runs[series_id]) for series_id, external_id in series.items()}
    return BaySituation(subject.code, subject.commune_insee, at, since, places)


def _place(series_id: int, runs: Sequence[StateRun]) -> PlaceRuns:
    """Return a place's runs; seconds are enough, and a change within one second of another is none."""
    start_s: list[int] = []
    seen_s: list[int] = []
    states: list[int] = []
    for run in runs:
        start, seen = int(run.start.timestamp()), int(run.seen.timestamp())
        if start_s and start <= seen_s[-1]:
            start = seen_s[-1] + 1
        if seen >= start:
            start_s.append(start)
            seen_s.append(seen)
            states.append(int(run.on))
    columns = (np.array(column, dtype=np.int64) for column in (start_s, seen_s, states))
    return PlaceRuns(series_id, *columns)
