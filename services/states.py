"""The state of a series, as the page colours it: from its newest reading, its age and what was expected of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from core.metrics import metric_named
from core.readings import Quality
from core.store.readings import Latest

SILENT_AFTER_STEPS = 3
"""A series is silent when its newest reading is older than so many of its metric's expected steps."""


class State(StrEnum):
    """What a technician should think of a series; the first that holds, in this order."""

    SILENT = "silent"
    """Its newest reading is too old to say anything of now."""
    SUSPECT = "suspect"
    """Its newest reading is not of good quality."""
    WATCH = "watch"
    """Its newest reading lies outside of what was expected, p05 to p95."""
    NORMAL = "normal"


def state_of(latest: Latest, now: datetime) -> State:
    """Return the state of a series at ``now``.

    Without an expectation a fresh and good reading is normal: nothing says otherwise.
    """
    if now - latest.observed_at > SILENT_AFTER_STEPS * metric_named(latest.metric).step:
        return State.SILENT
    if latest.quality != Quality.GOOD:
        return State.SUSPECT
    if latest.expected_p05 is None or latest.expected_p95 is None:
        return State.NORMAL
    return State.NORMAL if latest.expected_p05 <= latest.value <= latest.expected_p95 else State.WATCH
