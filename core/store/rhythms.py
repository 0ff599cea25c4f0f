"""Rhythms of series in the store: how often each speaks by itself, learnt nightly, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

import numpy as np

from core.columns import Ints, to_microseconds
from core.store.packed import integers
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class LearntRhythm:
    """How a series spoke: its usual interval, after how long it is silent, and from how many gaps that was learnt."""

    series_id: int
    since: datetime
    interval_s: float
    silent_after_s: float
    gaps: int


@dataclass(frozen=True, slots=True)
class ToLearn:
    """A series whose rhythm is to be learnt: how often its sensor says that it speaks, and what was learnt last."""

    series_id: int
    metric: str
    interval_s: int | None
    silent_after_s: float | None


def write_rhythms(connection: Connection, learnt: Sequence[LearntRhythm]) -> None:
    """Write rhythms that were learnt; one that is there already for the same instant stays."""
    if not learnt:
        return
    connection.execute(
        """
        INSERT INTO rhythm (series_id, since, interval_s, silent_after_s, gaps)
        SELECT * FROM unnest(%s::integer[], %s::timestamptz[], %s::float8[], %s::float8[], %s::integer[])
        ON CONFLICT DO NOTHING
        """,
        [list(column) for column in zip(*(astuple(one) for one in learnt), strict=True)],
    )


def read_rhythms(connection: Connection, series_ids: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """Return the rhythms of series, oldest first: from when each was known, after how long silent; microseconds."""
    rows = connection.execute(
        """
        SELECT series_id, since, silent_after_s FROM rhythm WHERE series_id = ANY(%s) ORDER BY series_id, since
        """,
        (list(series_ids),),
    )
    found: dict[int, list[tuple[int, int]]] = {}
    for series_id, since, silent_after_s in rows:
        found.setdefault(series_id, []).append((to_microseconds(since), round(silent_after_s * 1e6)))
    return found


def read_newest_rhythms(connection: Connection) -> tuple[Ints, Ints]:
    """Return the series that have a rhythm, ascending, and after how long each is silent now, microseconds."""
    row = connection.execute(
        """
        SELECT string_agg(int4send(series_id), '' ORDER BY series_id),
               string_agg(int8send(round(silent_after_s * 1e6)::bigint), '' ORDER BY series_id)
          FROM (SELECT DISTINCT ON (series_id) series_id, silent_after_s FROM rhythm ORDER BY series_id, since DESC)
               AS newest
        """,
        binary=True,
    ).fetchone()
    assert row is not None, "an aggregate returns a row"
    return integers(row[0], 32), integers(row[1], 64)


def read_to_learn(connection: Connection, after: int, limit: int) -> list[ToLearn]:
    """Return series in service, by id, after an id."""
    rows = connection.execute(
        """
        SELECT series.series_id, series.metric, sensor.interval_s,
               (SELECT silent_after_s FROM rhythm WHERE rhythm.series_id = series.series_id
                 ORDER BY since DESC LIMIT 1)
          FROM series JOIN sensor USING (sensor_id)
         WHERE series.series_id > %s AND sensor.retired_at IS NULL ORDER BY series.series_id LIMIT %s
        """,
        (after, limit),
    )
    return [ToLearn(*row) for row in rows]


def read_heard_times(
    connection: Connection, series_ids: Sequence[int], since: datetime, until: datetime
) -> dict[int, Ints]:
    """Return when each of these series was heard in ``[since, until)``, ascending, microseconds since the epoch."""
    row = connection.execute(
        """
        SELECT string_agg(int4send(series_id), ''), string_agg(timestamptz_send(observed_at), '')
          FROM reading WHERE series_id = ANY(%s) AND observed_at >= %s AND observed_at < %s
        """,
        (list(series_ids), since, until),
        binary=True,
        prepare=False,
    ).fetchone()
    assert row is not None, "an aggregate returns a row"
    series, times = integers(row[0], 32), integers(row[1], 64)
    order = np.lexsort((times, series))
    series, times = series[order], times[order]
    firsts = np.flatnonzero(np.diff(series, prepend=-1))
    return dict(zip(series[firsts].tolist(), np.split(times, firsts[1:]), strict=True)) if len(series) else {}
