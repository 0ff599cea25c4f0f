"""What is doubtful or refused of a sensor, over a window: for the strip of its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import Window
from core.readings import Flag
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Flagged:
    """How many readings of a sensor carry a flag, and when the newest of them was observed."""

    flag: Flag
    readings: int
    last_at: datetime


def read_flagged(connection: Connection, series_ids: Sequence[int], window: Window) -> list[Flagged]:
    """Return the flags of the readings of series observed in ``window``, the most frequent first."""
    rows = connection.execute(
        """
        SELECT bit, count(*), max(observed_at)
          FROM reading CROSS JOIN unnest(%(bits)s::integer[]) AS bit
         WHERE series_id = ANY(%(series_ids)s) AND observed_at >= %(start)s AND observed_at < %(end)s
           AND flags <> 0 AND flags::integer & bit <> 0
         GROUP BY bit ORDER BY count(*) DESC, bit
        """,
        {"series_ids": list(series_ids), "start": window.start, "end": window.end, "bits": [int(one) for one in Flag]},
    )
    return [Flagged(Flag(bit), readings, last_at) for bit, readings, last_at in rows]


def read_refused(
    connection: Connection, external_ids: Sequence[str], window: Window, step: timedelta
) -> list[tuple[datetime, int, datetime]]:
    """Return the steps of ``window`` in which messages of a sensor were refused: start, how many, the newest."""
    rows = connection.execute(
        """
        SELECT date_bin(%(step)s, received_at, %(start)s) AS start, count(*), max(received_at)
          FROM rejection
         WHERE coalesce(external_id, '') = ANY(%(external_ids)s) AND external_id IS NOT NULL
           AND received_at >= %(start)s AND received_at < %(end)s AND settled_as IS NULL
         GROUP BY 1 ORDER BY 1
        """,
        {"external_ids": list(external_ids), "step": step, "start": window.start, "end": window.end},
    )
    return rows.fetchall()
