"""Runs of a state: how thousands of heartbeats become the few changes between them, in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import Window
from core.readings import Quality
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class StateRun:
    """Consecutive readings of one series that agree: the first and the last of them."""

    series_id: int
    start: datetime
    seen: datetime
    on: bool


@dataclass(frozen=True, slots=True)
class RunsAsked:
    """Which runs to read: observed in ``window``, known ``as_of``; a silence over ``silence`` ends a run.

    At most ``limit`` runs come back, of each series the newest ``limit`` over the number of series.
    """

    window: Window
    as_of: datetime
    silence: timedelta
    limit: int


def read_state_runs(connection: Connection, series_ids: Sequence[int], asked: RunsAsked) -> dict[int, list[StateRun]]:
    """Return the runs of several series of a state metric, oldest first; a value of one half or more is on.

    Readings marked bad are left out.
    """
    rows = connection.execute(
        """
        WITH told AS (
            SELECT series_id, observed_at, value >= 0.5 AS state,
                   lag(observed_at) OVER each AS before_at, lag(value >= 0.5) OVER each AS before
              FROM reading
             WHERE series_id = ANY(%(series_ids)s) AND observed_at >= %(start)s AND observed_at < %(end)s
               AND quality <> %(bad)s AND received_at <= %(as_of)s
            WINDOW each AS (PARTITION BY series_id ORDER BY observed_at)
        ), numbered AS (
            SELECT series_id, observed_at, state,
                   count(*) FILTER (WHERE before IS DISTINCT FROM state OR observed_at - before_at > %(silence)s)
                       OVER (PARTITION BY series_id ORDER BY observed_at) AS run
              FROM told
        ), runs AS (
            SELECT series_id, run, min(observed_at) AS start, max(observed_at) AS seen, bool_and(state) AS state,
                   row_number() OVER (PARTITION BY series_id ORDER BY run DESC) AS age
              FROM numbered GROUP BY series_id, run
        )
        SELECT series_id, start, seen, state FROM runs WHERE age <= %(each)s ORDER BY series_id, start
        """,
        {
            "series_ids": list(series_ids),
            "start": asked.window.start,
            "end": asked.window.end,
            "bad": int(Quality.BAD),
            "as_of": asked.as_of,
            "silence": asked.silence,
            "each": asked.limit // max(len(series_ids), 1),
        },
    )
    found: dict[int, list[StateRun]] = {series_id: [] for series_id in series_ids}
    for row in rows:
        run = StateRun(*row)
        found[run.series_id].append(run)
    return found
