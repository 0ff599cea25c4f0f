"""What a lane's heartbeats say of the lane: on time, late, silent."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

LATE_AFTER = timedelta(seconds=150)
"""Two heartbeats missed, and half a minute."""
SILENT_AFTER = timedelta(minutes=10)
LATENCY_S_MAX = 10.0


class LaneState(StrEnum):
    """What a lane's heartbeats say."""

    OK = "ok"
    LATE = "late"
    SILENT = "silent"


def state_of(age: timedelta, latency_s: float) -> LaneState:
    """Return what the age of a lane's last heartbeat, and the time it took, say of the lane."""
    if age > SILENT_AFTER:
        return LaneState.SILENT
    return LaneState.LATE if age > LATE_AFTER or latency_s > LATENCY_S_MAX else LaneState.OK
