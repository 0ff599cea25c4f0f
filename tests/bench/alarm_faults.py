"""Faults put into real series, and what the default rules make of them: which share is found, and after how long.

A fault is put where the series was heard without a pause for as long as it lasts, at least five weeks after it began
(as late as it goes where it is shorter), by a seed. What the rule finds without it does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from alarm_places import Line, judged, rhythmic
from alarm_runs import episodes_of

from core.alarms import Rule
from core.columns import Floats, Ints, to_microseconds
from core.places import SensorKind
from core.quality.traces import DAY_US, HOUR_US
from services.alarms.presets import PRESETS

SETTLED_US = 35 * DAY_US
TRIES = 3
"""Faults put into each series, one at a time."""
SERIES_MAX = 12
"""Of each data set and metric: evenly among its series by name."""
BATTERIES = 60
BATTERY_FULL_DAYS, BATTERY_LEFT = 60, 0.1

Broken = tuple[Ints, Floats]
Fault = Callable[[Ints, Floats, int, int], Broken]


@dataclass(frozen=True)
class Outcome:
    """What became of the faults of one sort.

    Parameters
    ----------
    delays_h
        Of those that were found, hours from the fault's beginning to its confirmation in data time.
    """

    put: int
    delays_h: tuple[float, ...]

    @property
    def share(self) -> float:
        """Share of the faults that were found."""
        return len(self.delays_h) / self.put if self.put else float("nan")


def _silence(times: Ints, values: Floats, start: int, end: int) -> Broken:
    kept = (times < start) | (times >= end)
    return times[kept], values[kept]


def _flat(times: Ints, values: Floats, start: int, end: int) -> Broken:
    inside = (times >= start) & (times < end)
    flat = values.copy()
    flat[inside] = values[inside][0]
    return times, flat


def _jump(times: Ints, values: Floats, start: int, end: int) -> Broken:
    inside = (times >= start) & (times < end)
    return times, np.where(inside, 3 * values, values)


FAULTS: Mapping[str, tuple[str, int, Fault, frozenset[str]]] = {
    "silence of 48 h": ("silence", 48 * HOUR_US, _silence, frozenset()),
    "flat line of 72 h": ("stuck", 72 * HOUR_US, _flat, frozenset()),
    "load times three for 48 h": ("power_unexpected", 48 * HOUR_US, _jump, frozenset({"power_kw"})),
}
"""Each sort of fault: the preset that should find it, how long it lasts, how it is made, and of which metrics only."""


def preset(name: str) -> Rule:
    """Return a preset by its name."""
    return next(rule for rule in PRESETS if rule.preset == name)


def injected(lines: Sequence[Line], name: str, chance: np.random.Generator) -> Outcome:
    """Return what became of faults of one sort in a data set."""
    rule_name, lasts_us, make, metrics = FAULTS[name]
    rule = preset(rule_name)
    chosen = [line for line in lines if not metrics or line.track.metric in metrics]
    put = 0
    delays: list[float] = []
    for line in _some(chosen):
        clean = episodes_of(rule, line)
        for start in _starts(line, lasts_us, chance):
            times, values = make(line.track.observed, line.track.value, start, start + lasts_us)
            track = judged(line.track.metric, line.track.interval_us, times, values)
            broken = replace(line, track=rhythmic(track, line.track.end_us))
            put += 1
            news = [one for one in episodes_of(rule, broken) if one not in clean]
            confirmed = [to_microseconds(one.confirmed_at) for one in news]
            inside = [one for one in confirmed if start <= one <= start + lasts_us]
            delays += [(min(inside) - start) / HOUR_US] if inside else []
    return Outcome(put, tuple(delays))


def _some(lines: Sequence[Line]) -> list[Line]:
    by_metric: dict[str, list[Line]] = {}
    for line in lines:
        by_metric.setdefault(line.track.metric, []).append(line)
    return [line for same in by_metric.values() for line in same[:: max(-(-len(same) // SERIES_MAX), 1)]]


def _starts(line: Line, lasts_us: int, chance: np.random.Generator) -> list[int]:
    """Return where faults begin: at readings from which on the series moves and does not pause."""
    times, values = line.track.observed, line.track.value
    first = min(times[0] + SETTLED_US, times[0] + (times[-1] - times[0]) // 2)
    fit = []
    for place in chance.permutation(np.flatnonzero((times >= first) & (times < times[-1] - lasts_us)))[:50].tolist():
        inside = slice(place, int(np.searchsorted(times, times[place] + lasts_us)))
        steady = np.diff(times[inside]).max(initial=0) <= 3 * line.track.interval_us
        if steady and len(np.unique(values[inside])) > 3 and values[place] > 0:
            fit.append(int(times[place]))
        if len(fit) == TRIES:
            break
    return fit


def batteries(chance: np.random.Generator) -> tuple[int, list[float]]:
    """Return how many batteries were simulated, and by how many days ahead of empty those that were found were.

    Each is full for two months and then falls in a straight line within 60 to 240 days, with a noise of 0.01 and a
    weekly swing of 0.01 by temperature. The line of the condition is tested by the line of the simulation: no cell.
    """
    rule = preset("battery_ratio")
    ahead: list[float] = []
    for _ in range(BATTERIES):
        falls = int(chance.integers(60, 241))
        day = np.arange(BATTERY_FULL_DAYS + falls)
        level = np.interp(day, [0, BATTERY_FULL_DAYS, BATTERY_FULL_DAYS + falls], [0.98, 0.98, BATTERY_LEFT])
        level += 0.01 * chance.standard_normal(len(day)) + 0.01 * np.sin(2 * np.pi * day / 7)
        times = 9_000 * DAY_US + day * DAY_US + 6 * HOUR_US
        track = replace(judged("battery_ratio", DAY_US, times, np.clip(level, 0, 1)), end_us=int(times[-1]))
        found = episodes_of(rule, Line("battery", SensorKind.METER, track))
        if found:
            ahead.append((times[-1] - to_microseconds(found[0].confirmed_at)) / DAY_US)
    return BATTERIES, ahead
