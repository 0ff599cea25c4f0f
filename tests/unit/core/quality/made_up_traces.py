"""Traces made up for the tests: readings of one series by hand, or of several at random."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from core.columns import Ints, to_microseconds
from core.quality.judge import judge
from core.quality.rules import QUALITY_RULES
from core.quality.traces import MINUTE_US, Traces
from core.readings import Flag

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)


def times(minutes: Sequence[float]) -> Ints:
    """Return instants as so many minutes after `T0`."""
    return np.array([to_microseconds(T0 + timedelta(minutes=one)) for one in minutes], dtype=np.int64)


def every(interval_minutes: float, values: Sequence[float]) -> Traces:
    """Return readings of one series that speaks as regularly as it should."""
    minutes = [number * interval_minutes for number in range(len(values))]
    return Traces.plain(times(minutes), np.array(values, dtype=np.float64), round(interval_minutes * MINUTE_US))


def flags_of(metric: str, traces: Traces) -> list[Flag]:
    """Return the flags of each reading by the metric's rule."""
    return [Flag(one) for one in judge(traces, QUALITY_RULES[metric]).tolist()]


def where(flags: Sequence[Flag], flag: Flag) -> list[int]:
    """Return the positions that carry a flag."""
    return [position for position, one in enumerate(flags) if flag in one]
