"""Calibrations: what a person found a sensor to show, against what was true, from an instant on. Raw values stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.columns import Floats, Ints, to_microseconds

GAIN_MAX = 1_000.0
SHIFT_MAX = 1e12


@dataclass(frozen=True, slots=True)
class Calibration:
    """``measured = raw * gain + shift``, in the stored unit of the series' metric, from ``valid_from`` on.

    Of several with one ``valid_from`` the newest ``set_at`` counts. The history read as of an instant uses those that
    were set by then.

    Parameters
    ----------
    gain
        Not 0, within ± `GAIN_MAX`.
    shift
        Within ± `SHIFT_MAX`.
    author, note
        Who set it, and why, in that person's words.

    Raises
    ------
    ValueError
        If gain or shift is out of bounds, or no number.
    """

    series_id: int
    valid_from: datetime
    set_at: datetime
    gain: float
    shift: float
    author: str
    note: str = ""

    def __post_init__(self) -> None:
        if not 0 < abs(self.gain) <= GAIN_MAX:
            raise ValueError(f"gain {self.gain:g} is 0 or beyond ±{GAIN_MAX:g}")
        if not abs(self.shift) <= SHIFT_MAX:
            raise ValueError(f"shift {self.shift:g} is beyond ±{SHIFT_MAX:g}")


@dataclass(frozen=True, slots=True)
class Span:
    """A calibration while it holds: from ``valid_from`` until the next one of its series."""

    series_id: int
    valid_from: datetime
    gain: float
    shift: float


def lay_over(spans: Sequence[Span], series: Ints, times: Ints) -> tuple[Floats, Floats, Ints]:
    """Return gain, shift and start of the calibration of each reading; 1, 0 and 0 before the first of its series.

    ``spans`` are in order of series and ``valid_from``; readings in order of series.
    """
    gain, shift = np.ones(len(series)), np.zeros(len(series))
    since = np.zeros(len(series), dtype=np.int64)
    for series_id in sorted({span.series_id for span in spans}):
        first, last = np.searchsorted(series, [series_id, series_id + 1])
        own = [span for span in spans if span.series_id == series_id]
        starts = np.array([to_microseconds(span.valid_from) for span in own])
        place = np.searchsorted(starts, times[first:last], side="right")
        gain[first:last] = np.array([1.0, *(span.gain for span in own)])[place]
        shift[first:last] = np.array([0.0, *(span.shift for span in own)])[place]
        since[first:last] = np.append(0, starts)[place]
    return gain, shift, since
