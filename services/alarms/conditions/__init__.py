"""Conditions: what a rule can look for on a series, one file each. Pure: readings in, episodes out.

Exact whatever the order of arrival: ``episodes`` on the readings from ``state.from_us - lookback_us`` on, with the
episodes known so far, returns what ``episodes`` on all readings from `State.none` would return (less those that ended
before the lookback and were not handed in).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.alarms import Condition, Episode
from services.alarms.conditions import battery, completeness, expected, rate, silence, stuck, threshold
from services.alarms.conditions.parameters import (
    Battery,
    Completeness,
    Parameters,
    Rate,
    Silence,
    Stuck,
    Threshold,
    parse_expected,
)
from services.alarms.track import State, Track

AT_ONCE, HOURLY = timedelta(seconds=10), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """What there is to a condition.

    Parameters
    ----------
    parse
        Checks a rule's parameters as JSON gives them; a ValueError of pydantic says what is wrong.
    episodes
        Returns the episodes of a track under parameters, from a state on.
    lookback_us
        Given parameters, the metric and the expected interval in microseconds, how far before ``state.from_us`` the
        track must begin, microseconds.
    every
        How often it is worth asking: what lasts for days needs no answer within seconds.
    """

    parse: Callable[[Mapping[str, Any]], Parameters]
    episodes: Callable[[Track, Any, State], list[Episode]]
    lookback_us: Callable[[Any, str, int], int]
    every: timedelta = AT_ONCE


CONDITIONS: Mapping[Condition, Kind] = {
    Condition.THRESHOLD: Kind(Threshold.model_validate, threshold.episodes, threshold.lookback_us),
    Condition.RATE: Kind(Rate.model_validate, rate.episodes, rate.lookback_us),
    Condition.STUCK: Kind(Stuck.model_validate, stuck.episodes, stuck.lookback_us, HOURLY),
    Condition.SILENCE: Kind(Silence.model_validate, silence.episodes, silence.lookback_us),
    Condition.BATTERY: Kind(Battery.model_validate, battery.episodes, battery.lookback_us, HOURLY),
    Condition.EXPECTED: Kind(parse_expected, expected.episodes, expected.lookback_us),
    Condition.COMPLETENESS: Kind(Completeness.model_validate, completeness.episodes, completeness.lookback_us, HOURLY),
}
"""Every condition that a rule may have."""
