"""What was known of series at an instant, as far as the store has it ready: of the days that have not moved since.

A local day is settled at an instant when its roll-ups did not move later, and nothing that came near it by then waits
to be judged. Its hours and the quality of its readings are then those that were known; of the other hours, both follow
from the readings that had come, judged anew (`services.quality.samples_as_of`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
from psycopg import sql

from core.clock import PARIS, Window
from core.columns import Ints, Mask, to_microseconds
from core.quality.days import day_number, day_start, days_of
from core.quality.marks import codes_of
from core.quality.steps import Means
from core.quality.traces import HOUR_US
from core.store.arrow import ArrowConnection, one_snapshot, read_batches
from core.store.history import instants_in

_UNIX = day_number(date(1970, 1, 1))
"""Arrow's own first day as we count."""
_SETTLED = sql.SQL(
    """
    SELECT series_id, day FROM rollup_day
     WHERE series_id = ANY({series_ids}::integer[]) AND day >= {first} AND day <= {last}
       AND rolled_at <= {as_of}::timestamptz
    """
)
_TOUCHED = sql.SQL("SELECT series_id, hour FROM touched_hours({series_ids}::integer[])")
_HOURS = sql.SQL(
    """
    SELECT series_id, hour, mean, increment FROM rollup_hour
     WHERE series_id = ANY({series_ids}::integer[]) AND hour >= {start} AND hour < {end} AND mean IS NOT NULL
    """
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: which series, by their ids in ascending order, over which window, as known at which instant.

    Parameters
    ----------
    moved_h
        How many hours from one that was touched roll-ups may move.
    """

    series_ids: tuple[int, ...]
    window: Window
    as_of: datetime
    moved_h: int


class Settled:
    """Which local days of which series are settled.

    Parameters
    ----------
    first
        The first day, in days since `core.clock.EPOCH`.
    days
        Shape (series, days).
    """

    def __init__(self, series_ids: Ints, first: int, days: Mask) -> None:
        self._ids, self._first, self._days = series_ids, first, days

    @classmethod
    def read(cls, arrow: ArrowConnection, asked: Asked) -> Settled:
        """Find the settled days."""
        first, last = (instant.astimezone(PARIS).date() for instant in (asked.window.start, asked.window.end))
        zero, ids = day_number(first), np.array(asked.series_ids, dtype=np.int64)
        settled = cls(ids, zero, np.zeros((len(ids), day_number(last) + 1 - zero), dtype=np.bool_))
        wanted = {"series_ids": ids.tolist(), "first": first, "last": last, "as_of": asked.as_of}
        for batch in read_batches(arrow, _SETTLED.format(**wanted)):
            day = batch.column("day").cast(pa.int32()).to_numpy() + _UNIX - zero
            settled._days[settled._rows(batch.column("series_id").to_numpy()), day] = True
        for batch in read_batches(arrow, _TOUCHED.format(series_ids=ids.tolist())):
            rows, hours = settled._rows(batch.column("series_id").to_numpy()), instants_in(batch, "hour")
            # A day is longer than any reach: the days of both ends, and those between, are all that may move.
            for shift in {*range(-asked.moved_h, asked.moved_h, 12), asked.moved_h}:
                touched = days_of(hours + shift * HOUR_US) - zero
                near = (touched >= 0) & (touched < settled._days.shape[1])
                settled._days[rows[near], touched[near]] = False
        return settled

    def holds(self, series: Ints, times: Ints) -> Mask:
        """Return which instants of which series lie on a settled day; before and after the window, all do."""
        day = days_of(times) - self._first
        within = (day >= 0) & (day < self._days.shape[1])
        held: Mask = ~within | self._days[self._rows(series), np.where(within, day, 0)]
        return held

    def unsettled(self, window: Window) -> Ints:
        """Return the codes (`core.quality.marks`) of the hours of a window that lie on no settled day, ascending."""
        start, end = to_microseconds(window.start) // HOUR_US * HOUR_US, to_microseconds(window.end)
        bounds = np.array([day_start(self._first + number) for number in range(self._days.shape[1] + 1)])
        rows, days = np.nonzero(~self._days)
        spans = zip(np.maximum(bounds[:-1], start), np.minimum(bounds[1:], end), strict=True)
        hours = [np.arange(opens, closes, HOUR_US) for opens, closes in spans]
        lengths = np.array([len(some) for some in hours])[days]
        times = np.concatenate([hours[day] for day in days.tolist()]) if len(days) else np.zeros(0, dtype=np.int64)
        return np.sort(codes_of(np.repeat(self._ids[rows], lengths), times))

    def _rows(self, series: Ints) -> Ints:
        rows: Ints = np.searchsorted(self._ids, series)
        return rows


def read_settled_means(arrow: ArrowConnection, asked: Asked, *, counted: bool) -> tuple[Settled, Iterator[Means]]:
    """Return which days are settled, and their hours: to the bit the means that all readings known then come to.

    Of levels, and where ``counted`` of counts; the window begins with an hour.
    """
    wanted = {"series_ids": list(asked.series_ids), "start": asked.window.start, "end": asked.window.end}
    with one_snapshot(arrow):
        hours = list(read_batches(arrow, _HOURS.format(**wanted)))
        settled = Settled.read(arrow, asked)
    return settled, (_means(batch, settled, counted=counted) for batch in hours)


def _means(hours: pa.RecordBatch, settled: Settled, *, counted: bool) -> Means:
    series, starts = hours.column("series_id").to_numpy().astype(np.int64), instants_in(hours, "hour")
    kept = settled.holds(series, starts)
    mean = hours.column("mean").to_numpy()[kept]
    count = np.ones(len(mean), dtype=np.int64)
    if counted:
        # How many readings were not bad is not kept of an hour: it is what its sum and its mean come to.
        total = hours.column("increment").to_numpy(zero_copy_only=False)[kept]
        count = np.rint(np.divide(total, mean, out=np.ones(len(mean)), where=mean != 0)).astype(np.int64)
    return Means(series[kept], starts[kept], mean, count)
