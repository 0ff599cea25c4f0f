"""Roll-ups as they were known at an instant, computed anew series by series, as the store gives those of now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from core.clock import EPOCH, PARIS, Window
from core.columns import MICROSECOND, Ints, from_microseconds
from core.metrics import metric_named
from core.quality.days import Days, day_number, day_start, roll_up_days
from core.quality.hours import Hours
from core.store.history import SeriesLabel
from core.store.pool import Connection
from services.exports.asked import Asked, interval_of
from services.exports.columns import FIGURES, TIMES, By
from services.exports.labels import Labels
from services.quality import roll_up_as_of

_UNIX = datetime(1970, 1, 1, tzinfo=EPOCH.tzinfo)
_DAYS_BEFORE, _MICROSECONDS_BEFORE = (EPOCH - _UNIX).days, (EPOCH - _UNIX) // MICROSECOND
"""From Arrow's origin of times to ours."""


def read_rolled_as_of(
    connection: Connection, asked: Asked, labels: Labels, as_of: datetime
) -> Iterator[pa.RecordBatch]:
    """Yield the hours that start in the window, or the local days that it touches, a batch for each series."""
    window = asked.window if asked.by is By.HOUR else whole_days(asked.window)
    for label in labels.told:
        hours = roll_up_as_of(connection, label.series_id, window, as_of)
        if asked.by is By.HOUR:
            yield _batch(By.HOUR, pa.array(hours.hours + _MICROSECONDS_BEFORE, pa.timestamp("us", "UTC")), hours)
        else:
            days = _days(label, hours)
            yield _batch(By.DAY, pa.array((days.days + _DAYS_BEFORE).astype(np.int32), pa.date32()), days)


def whole_days(window: Window) -> Window:
    """Return the window of the whole local days that a window touches."""
    first, last = (day_number(instant.astimezone(PARIS).date()) for instant in (window.start, window.end - MICROSECOND))
    return Window(from_microseconds(day_start(first)), from_microseconds(day_start(last + 1)))


def _days(label: SeriesLabel, hours: Hours) -> Days:
    interval: Ints = np.full(len(hours.hours), interval_of(label) // timedelta(microseconds=1))
    return roll_up_days(hours, metric_named(label.metric).nature, interval)


def _batch(by: By, times: pa.Array, rolled: Hours | Days) -> pa.RecordBatch:
    figures = {column.name: pa.array(getattr(rolled, column.name), from_pandas=True) for column in FIGURES[by]}
    return pa.RecordBatch.from_pydict({"series_id": pa.array(rolled.series), TIMES[by].name: times, **figures})
