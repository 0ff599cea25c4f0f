"""The state of a series, as the page colours it: from its newest reading, its age and what was expected of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from core.columns import MICROSECOND, Ints, to_microseconds
from core.metrics import METRICS
from core.readings import Quality
from core.store.latest import LatestColumns
from services.alarms.rhythm import INTERVALS_UNKNOWN, SILENT_AFTER_US_MAX

SILENT_AFTER_STEPS = INTERVALS_UNKNOWN
"""A series without a rhythm of its own is silent when its newest reading is older than so many expected intervals."""
SILENT_AFTER_MAX = timedelta(microseconds=SILENT_AFTER_US_MAX)


class State(StrEnum):
    """What a technician should think of a series; the first that holds, in this order."""

    SILENT = "silent"
    """Its newest reading is too old to say anything of now."""
    SUSPECT = "suspect"
    """Its newest reading is not of good quality."""
    WATCH = "watch"
    """Its newest reading lies outside of what was expected, p05 to p95."""
    NORMAL = "normal"


def states_of(latest: LatestColumns, now: datetime) -> list[State]:
    """Return the state of each series at ``now``.

    Without an expectation a fresh and good reading is normal: nothing says otherwise.
    """
    silent_us = silent_after(latest)
    silent = to_microseconds(now) - latest.observed > silent_us
    # No comparison with what is missing (NaN) holds.
    aside = (latest.value < latest.p05) | (latest.value > latest.p95)
    place = np.select([silent, latest.quality != int(Quality.GOOD), aside], [0, 1, 2], default=3)
    states = list(State)
    return [states[one] for one in place.tolist()]


def silent_after(latest: LatestColumns) -> Ints:
    """Return after how long each series is silent, microseconds: by its own rhythm, as alarms of silence are raised."""
    steps = {name: metric.step // MICROSECOND for name, metric in METRICS.items()}
    expected = np.array([steps[name] for name in latest.metric], dtype=np.int64)
    expected = np.where(latest.interval > 0, latest.interval, expected)
    after: Ints = np.where(latest.rhythm > 0, latest.rhythm, SILENT_AFTER_STEPS * expected)
    return np.minimum(after, SILENT_AFTER_US_MAX)
