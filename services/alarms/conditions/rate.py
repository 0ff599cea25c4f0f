"""Rate: moves faster than it should, up or down.

Each good reading is compared with the newest that is at least ``minutes`` older, and at most one link (three expected
intervals) more. The condition holds where the change a minute reaches ``per_minute``, and is over when it has stayed
below half of that for ``minutes``.
"""

from __future__ import annotations

import numpy as np

from core.alarms import Episode
from core.columns import Floats
from core.decisions import Value
from core.quality.traces import MINUTE_US
from services.alarms.conditions.parameters import Rate, minutes_us
from services.alarms.episodes import Signal, lookback_of, replay
from services.alarms.track import LINK_INTERVALS, State, Track

CLEAR_SHARE = 0.5


def lookback_us(parameters: Rate, _: str, interval_us: int) -> int:
    """Return how far before an instant the readings begin that a replay from it needs, microseconds."""
    link_us, minutes = LINK_INTERVALS * interval_us, minutes_us(parameters.minutes)
    return lookback_of(0, minutes, link_us) + minutes + link_us


def episodes(track: Track, parameters: Rate, state: State) -> list[Episode]:
    """Return when the series moved too fast; ``change`` is what it moved in ``minutes``, up above 0."""
    good = track.good()
    change = changes(good, minutes_us(parameters.minutes))
    known = np.isfinite(change)
    good, change = good.where(known), change[known]
    holds = np.abs(change) >= parameters.per_minute
    clears = np.abs(change) < CLEAR_SHARE * parameters.per_minute
    signal = Signal.of(good.observed, holds, clears, (0, minutes_us(parameters.minutes), track.link_us))
    limit, minutes = parameters.per_minute, parameters.minutes

    def figures(place: int) -> dict[str, Value]:
        return {"change": float(change[place]) * minutes, "minutes": minutes, "limit": limit}

    return replay(signal, state, figures)


def changes(track: Track, over_us: int) -> Floats:
    """Return the change a minute at each reading; NaN where no reading is as old as it should be."""
    times, value = track.observed, track.value
    former = np.searchsorted(times, times - over_us, side="right") - 1
    elapsed = times - times[former]
    some = (former >= 0) & (elapsed <= over_us + track.link_us) & (elapsed > 0)
    changed: Floats = np.full(len(times), np.nan)
    changed[some] = (value[some] - value[former[some]]) / (elapsed[some] / MINUTE_US)
    return changed
