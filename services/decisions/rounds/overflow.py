"""How likely a bin is full by an instant if nobody collects it, and by then again if somebody does.

A forecast is of the level were nobody to empty the bin: its fan is followed to its horizon, and recent inflow is added
from there on. Where no model speaks, or the bin was emptied since it spoke, recent inflow alone is added to the last
level since it was read: the longer a sensor is silent, the fuller its bin is thought to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from core.forecasts import QUANTILES
from services.decisions.rounds.inflow import COLLECTED
from services.decisions.rounds.opening import Opening
from services.decisions.rounds.situation import BinState, Fan, Inflow

Samples = NDArray[np.float64]

FAN_FRESH = timedelta(hours=6)
SILENT_AFTER = timedelta(hours=24)
_MEDIAN = QUANTILES.index(0.5)
_SHARES: Samples = (np.arange(100) + 0.5) / 100
_DEVIATES: Samples = np.array([NormalDist().inv_cdf(share) for share in _SHARES.tolist()])


class Source(StrEnum):
    """From what the chances of a bin were made."""

    FORECAST = "forecast"
    INFLOW = "inflow"
    """No model's fresh forecast, or none since the bin was emptied: last level and recent inflow."""
    SILENT = "silent"
    """As inflow, and the last reading is older than a day."""
    UNKNOWN = "unknown"
    """Nothing can be said."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What to expect of one bin.

    Parameters
    ----------
    fill_ratio, fill_ratio_high
        Expected level when the round starts, and the level it stays under 9 times out of 10.
    full_left, full_collected
        Probability of being full at the next opportunity, if left and if collected now.
    """

    source: Source
    fill_ratio: float
    fill_ratio_high: float
    full_left: float
    full_collected: float

    @property
    def avoided(self) -> float:
        """Overflows that collecting avoids, 0 to 1."""
        return max(0.0, self.full_left - self.full_collected)


NOTHING_KNOWN = Outlook(Source.UNKNOWN, 1.0, 1.0, 0.0, 0.0)
"""Loaded as if full, and no chance is claimed."""


def outlook(state: BinState, opening: Opening, full_ratio: float, now: datetime) -> Outlook:
    """Return what to expect of a bin for this opening."""
    if state.level is None or state.observed_at is None or state.inflow is None:
        return NOTHING_KNOWN
    fan = state.fan
    silent = now - state.observed_at > SILENT_AFTER
    start, next_at = opening.window.start, opening.next_at
    if fan is not None and now - fan.issued_at <= FAN_FRESH and not silent and not _is_emptied(state.level, fan):
        source, at_start, at_next = (
            Source.FORECAST,
            _by_fan(fan, state.inflow, start),
            _by_fan(fan, state.inflow, next_at),
        )
    else:
        source = Source.SILENT if silent else Source.INFLOW
        level = np.array([state.level])
        at_start = _plus(level, state.inflow, start - state.observed_at)
        at_next = _plus(level, state.inflow, next_at - state.observed_at)
    again = _plus(np.zeros(1), state.inflow, next_at - start)
    return Outlook(
        source,
        round(float(np.minimum(at_start, 1).mean()), 4),
        round(float(min(np.quantile(at_start, 0.9), 1.0)), 4),
        round(float((at_next >= full_ratio).mean()), 4),
        round(float((again >= full_ratio).mean()), 4),
    )


def _by_fan(fan: Fan, inflow: Inflow, until: datetime) -> Samples:
    """Return the level at ``until``: the fan as far as it reaches, then inflow."""
    middles = [valid_at + fan.step / 2 for valid_at in fan.valid_at]
    reach = max(sum(middle <= until for middle in middles) - 1, 0)
    return _plus(_spread(fan.quantiles[reach]), inflow, until - middles[reach])


def _is_emptied(level: float, fan: Fan) -> bool:
    """Whether a bin was emptied after its forecast: this knows of no collection, and its level only rises."""
    return fan.quantiles[0][_MEDIAN] - level > COLLECTED


def _spread(quantiles: tuple[float, ...]) -> Samples:
    """Return samples of the distribution: straight between its quantiles, and as steep beyond them."""
    low = quantiles[0] - (quantiles[1] - quantiles[0])
    high = quantiles[-1] + (quantiles[-1] - quantiles[-2])
    return np.interp(_SHARES, (0.0, *QUANTILES, 1.0), (low, *quantiles, high))


def _plus(level: Samples, inflow: Inflow, length: timedelta) -> Samples:
    """Return every sum of a level and an inflow of this length; nothing flows out."""
    hours = max(length.total_seconds() / 3600, 0.0)
    added = np.maximum(inflow.ratio_per_h * hours + _DEVIATES * np.sqrt(inflow.variance_per_h * hours), 0)
    sums: Samples = (level[:, None] + added[None, :]).ravel()
    return sums
