"""The faults that the real data are known to have, found in the files without any code of the conditions.

Which they are stands in the README beside the data: six stuck car parks, days of rooms left out, electricity that the
source wrote as 0 where it was missing, counters that died at 0, and loads that step to another level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from alarm_places import Line
from alarm_runs import Run

from core.alarms import Condition
from core.columns import to_microseconds
from core.quality.traces import DAY_US, HOUR_US

STUCK_CAR_PARKS = ("triangle", "polygone", "pitot", "gaumont-ouest", "gaumont-est", "gaumont-circe")
HOLE_INTERVALS = 4
"""A hole is a pause of more than so many expected intervals."""
DEAD_US = 48 * HOUR_US
STEP_TIMES = 1.5
"""A load has stepped where the median of four weeks' means is so many times that of the four weeks before, or less."""
WEEK_US = 7 * DAY_US
Fault = tuple[Line, int, int]
"""Whose it is, from when and until when, microseconds."""


@dataclass(frozen=True)
class Known:
    """One sort of known fault of a data set.

    Parameters
    ----------
    delays_h
        Of those that were found: hours from the beginning of the fault to the alarm, in data time.
    told_else
        Alarms of the same condition that none of these faults explains.
    """

    place: str
    what: str
    faults: int
    delays_h: tuple[float, ...]
    told_else: int

    @property
    def found(self) -> int:
        """How many of the faults an alarm tells of."""
        return len(self.delays_h)


def stuck_car_parks(lines: Sequence[Line]) -> Iterator[Fault]:
    """Yield the six, from their first reading to their last."""
    for line in lines:
        if line.sensor.removeprefix("mtp-") in STUCK_CAR_PARKS:
            yield line, int(line.track.observed[0]), int(line.track.observed[-1])


def holes(lines: Sequence[Line]) -> Iterator[Fault]:
    """Yield where a series pauses."""
    for line in lines:
        times = line.track.observed
        for place in np.flatnonzero(np.diff(times) > HOLE_INTERVALS * line.track.interval_us).tolist():
            yield line, int(times[place]), int(times[place + 1])


def dead_counters(lines: Sequence[Line]) -> Iterator[Fault]:
    """Yield where a counter says nothing but 0 for two days."""
    for line in lines:
        times, bounded = line.track.observed, np.concatenate([[False], line.track.value == 0, [False]])
        edges = np.flatnonzero(np.diff(bounded.astype(int)))
        for first, last in zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True):
            if times[last] - times[first] >= DEAD_US:
                yield line, int(times[first]), int(times[last])


def level_steps(lines: Sequence[Line]) -> Iterator[Fault]:
    """Yield where the electric load of a building steps to another level and stays there for four weeks."""
    for line in lines:
        if line.track.metric == "power_kw":
            yield from ((line, at - WEEK_US, at + 2 * WEEK_US) for at in _steps(line))


def _steps(line: Line) -> Iterator[int]:
    weeks = line.track.observed // WEEK_US
    first = int(weeks[0])
    count = np.bincount(weeks - first)
    means = np.bincount(weeks - first, weights=line.track.value) / np.maximum(count, 1)
    last = -9
    for week in range(4, len(means) - 4):
        before, after = float(np.median(means[week - 4 : week])), float(np.median(means[week : week + 4]))
        beyond = max(means[week] / before, before / max(means[week], 1e-9)) >= STEP_TIMES if before > 0 else False
        if beyond and max(after / before, before / max(after, 1e-9)) >= STEP_TIMES and week - last > 4:
            last = week
            yield (first + week) * WEEK_US


SORTS: Mapping[str, tuple[tuple[str, Condition, Callable[[Sequence[Line]], Iterator[Fault]]], ...]] = {
    "Montpellier, car parks": (("car parks stuck on one value", Condition.STUCK, stuck_car_parks),),
    "ROBOD, two rooms": (("holes of the rooms' channels", Condition.SILENCE, holes),),
    "Cambridge, buildings": (
        ("holes (zeros that meant missing)", Condition.SILENCE, holes),
        ("steps of a load to another level", Condition.EXPECTED, level_steps),
    ),
    "Paris, bicycle counters": (("counters dead at 0 for two days", Condition.STUCK, dead_counters),),
}


def known_faults(found: Run, lines: Sequence[Line]) -> list[Known]:
    """Return the known faults of a data set, and what became of each."""
    return [
        _met(found, what, condition, list(faults(lines))) for what, condition, faults in SORTS.get(found.place.name, ())
    ]


def _met(found: Run, what: str, condition: Condition, faults: list[Fault]) -> Known:
    alarms = [one for one in found.every if one.rule.condition is condition]
    explained: set[int] = set()
    delays = []
    for line, since, until in faults:
        met = [
            one
            for one in alarms
            if one.line is line
            and to_microseconds(one.episode.since) <= until
            and (one.episode.until is None or to_microseconds(one.episode.until) > since)
        ]
        explained |= {id(one) for one in met}
        if met:
            delays.append((min(to_microseconds(one.episode.confirmed_at) for one in met) - since) / HOUR_US)
    return Known(found.place.name, what, len(faults), tuple(delays), len(alarms) - len(explained))
