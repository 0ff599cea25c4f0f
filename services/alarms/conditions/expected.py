"""Expected: outside of what was forecast, or forecast to pass a limit.

Of measured values, the forecast that was issued before them is asked: by how much of its width p05 to p95 they lie
outside. Of forecasts, each issue is one element of the track: when it was issued, and the chance that it gives
(`chance_of_passing`).
"""

from __future__ import annotations

import numpy as np

from core.alarms import Episode
from core.columns import Floats, Ints
from core.decisions import Value
from services.alarms.conditions.parameters import Expected, WillExceed, minutes_us
from services.alarms.episodes import Signal, lookback_of, replay
from services.alarms.track import LINK_INTERVALS, State, Track

CLEAR_SHARE = 0.7
"""A forecast that a value will be passed is over when its chance is below this share of the one that raised it."""


def lookback_us(parameters: Expected | WillExceed, _: str, interval_us: int) -> int:
    """Return how far before an instant the readings, or issues, begin that a replay from it needs, microseconds."""
    lasts = minutes_us(parameters.minutes) if isinstance(parameters, Expected) else 0
    return lookback_of(lasts, lasts, LINK_INTERVALS * interval_us)


def episodes(track: Track, parameters: Expected | WillExceed, state: State) -> list[Episode]:
    """Return when the series was outside of what was expected, or a limit was forecast to be passed.

    Parameters
    ----------
    track
        Readings with what was expected of them; of a rule that asks what will be, issues with their chances.
    """
    if isinstance(parameters, WillExceed):
        return _will_exceed(track, parameters, state)
    low, high = track.expected_low, track.expected_high
    if low is None or high is None:
        return state.before()
    told = track.where(np.isfinite(low) & np.isfinite(high)).good()
    low, high = told.expected_low, told.expected_high
    assert low is not None, "a track keeps its columns"
    assert high is not None, "a track keeps its columns"
    beyond = np.maximum(low - told.value, told.value - high)
    holds = (beyond > 0) & (beyond >= parameters.margin_ratio * (high - low))
    lasts = minutes_us(parameters.minutes)
    signal = Signal.of(told.observed, holds, beyond <= 0, (lasts, lasts, track.link_us))

    def figures(place: int) -> dict[str, Value]:
        seen = {"value": told.value, "expected_low": low, "expected_high": high}
        return {name: float(column[place]) for name, column in seen.items()}

    return replay(signal, state, figures)


def _will_exceed(track: Track, parameters: WillExceed, state: State) -> list[Episode]:
    holds, clears = track.value >= parameters.chance, track.value < CLEAR_SHARE * parameters.chance
    signal = Signal.of(track.observed, holds, clears, (0, 0, track.link_us))
    limit, hours = parameters.will_exceed, parameters.within_hours
    return replay(
        signal, state, lambda place: {"chance": float(track.value[place]), "limit": limit, "within_hours": hours}
    )


def chance_of_passing(levels: Floats, quantiles: Floats, limit: float) -> float:
    """Return the chance that a limit is passed, upwards, at the step where it is most likely.

    A lower bound of the chance that it is passed at any step. Between two quantiles the chance is interpolated; beyond
    the outermost nothing is claimed: above the highest it is 0, below the lowest what that one says.

    Parameters
    ----------
    levels
        Of the quantiles, ascending, in 0 to 1; shape (levels,).
    quantiles
        Shape (steps, levels), ascending along the levels, NaN where a step has none.
    limit
        In the unit of the quantiles.
    """
    known = quantiles[np.isfinite(quantiles).all(axis=1)]
    if not len(known):
        return 0.0
    return max(1.0 - _share_below(levels, step, limit) for step in known)


def _share_below(levels: Floats, step: Floats, limit: float) -> float:
    if limit >= step[-1]:
        return 1.0
    place: Ints = np.searchsorted(step, [limit], side="right")
    after = int(place[0])
    if after == 0:
        return float(levels[0])
    width = step[after] - step[after - 1]
    share = (limit - step[after - 1]) / width
    return float(levels[after - 1] + share * (levels[after] - levels[after - 1]))
