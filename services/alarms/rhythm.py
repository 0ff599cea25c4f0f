"""Rhythm: after how long a series is unusually silent, learnt from how it spoke before. Pure.

A sensor that was set to ten minutes and speaks each hour is an hourly one; a car park that is polled when the poller
finds the time is irregular. Both are told as silent when they are so for *their* rhythm, not for the one that a
datasheet promised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from core.columns import Floats, Ints
from core.quality.traces import DAY_US

LEARN_US = 28 * DAY_US
"""Four weeks: each hour of the week four times."""
YOUNG_US = 3 * DAY_US
"""A series whose readings span less has no rhythm of its own yet."""
GAPS_MIN = 12
"""Nor has one with fewer intervals between readings."""
MEDIANS = 3
"""Silent after three of its usual intervals at least, as long as nothing says that it pauses for longer."""
LONG_SHARE = 0.995
"""All but one in two hundred of its intervals are shorter than what is called long here."""
LONGS = 1.5
"""And after so many times a long one."""
INTERVALS_MIN = 2
"""Never after less than two expected intervals: one lost frame is no silence."""
INTERVALS_UNKNOWN = 3
"""A series without a rhythm of its own is silent after three expected intervals."""
SILENT_AFTER_US_MAX = 7 * DAY_US
"""However rarely a series speaks, after a week somebody should look."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the intervals of a series come to.

    Parameters
    ----------
    interval_us
        Median time between two readings, microseconds.
    silent_after_us
        After how long without any it is silent, microseconds; at most `SILENT_AFTER_US_MAX`.
    gaps
        How many intervals it was learnt from.
    """

    interval_us: int
    silent_after_us: int
    gaps: int


def learn(observed: Ints, interval_us: int) -> Learnt | None:
    """Return the rhythm of a series, or None as long as it is too young to have one.

    Parameters
    ----------
    observed
        When its readings of the last `LEARN_US` were observed, whatever their quality, ascending, microseconds.
    interval_us
        Expected time between two of them, microseconds.

    Notes
    -----
    ``silent_after = max(3 × median, 1.5 × p99.5)``, and two expected intervals at least. Robust: as long as fewer than
    one interval in two hundred is an outage, no outage makes the next one harder to see.
    """
    gaps = np.diff(observed)
    if len(gaps) < GAPS_MIN or observed[-1] - observed[0] < YOUNG_US:
        return None
    usual, long = np.quantile(gaps, [0.5, LONG_SHARE], method="lower")
    after = max(MEDIANS * int(usual), int(LONGS * long), INTERVALS_MIN * interval_us)
    return Learnt(int(usual), min(after, SILENT_AFTER_US_MAX), len(gaps))


@dataclass(frozen=True, slots=True, eq=False)
class Rhythm:
    """After how long a series is silent, as it was learnt time after time.

    Parameters
    ----------
    since
        From when on each was known, microseconds since `core.clock.EPOCH`, ascending.
    silent_after_us
        Beside it, microseconds.
    """

    since: Ints
    silent_after_us: Ints

    @classmethod
    def unknown(cls) -> Self:
        """Return that of a series too young to have one."""
        none = np.zeros(0, dtype=np.int64)
        return cls(none, none)

    def silent_after(self, heard: Ints, interval_us: int, factor: float = 1.0) -> Ints:
        """Return after how long a series is silent that was last heard at each instant, microseconds.

        By the newest rhythm that was known when it was heard; three expected intervals before any was.
        """
        place = np.searchsorted(self.since, heard, side="right") - 1
        unknown = np.full(len(heard), INTERVALS_UNKNOWN * interval_us, dtype=np.int64)
        learnt = np.append(self.silent_after_us, 0)[place]
        after: Floats = np.where(place >= 0, learnt, unknown) * factor
        return np.minimum(after, SILENT_AFTER_US_MAX).astype(np.int64)
