"""The rules on the series of a data set: ours and, beside them, the plain ones of the field."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from alarm_checks import Verdict, verdict
from alarm_places import Line, Place, sensor_months

from core.alarms import Condition, Episode, Rule
from core.columns import to_microseconds
from core.quality.traces import MINUTE_US
from services.alarms.conditions import CONDITIONS
from services.alarms.conditions.completeness import days_of_readings
from services.alarms.presets import PRESETS
from services.alarms.track import State

INACTIVE_US = 10 * MINUTE_US
"""ThingsBoard calls a device inactive after ten minutes, unless told otherwise (``defaultInactivityTimeoutInSec``)."""


@dataclass(frozen=True, eq=False)
class Found:
    """One alarm: by which rule, on which series, when, and what the file says of it."""

    rule: Rule
    line: Line
    episode: Episode
    verdict: Verdict


@dataclass(eq=False)
class Run:
    """What the rules came to on a data set.

    Parameters
    ----------
    every
        Every alarm of every series.
    found
        What a person hears of: silences of all channels of a sensor once, and of a poller once.
    plain
        Alarms that the plain rules raise, by condition.
    """

    place: Place
    sensors: int
    months: float
    every: list[Found]
    found: list[Found]
    plain: Counter[Condition] = field(default_factory=Counter)

    def count(self, condition: Condition | None = None, verdict: Verdict | None = None) -> int:
        """Return how many alarms a person would hear of."""
        return sum(
            1 for one in self.found if condition in {None, one.rule.condition} and verdict in {None, one.verdict}
        )


def rules_for(line: Line) -> Iterator[Rule]:
    """Yield the presets that are on and look at a series; forecasts to pass a limit need a forecast."""
    for rule in PRESETS:
        scope = rule.scope
        if not rule.enabled or "will_exceed" in rule.parameters:
            continue
        if scope.metric in {None, line.track.metric} and scope.kind in {None, line.kind}:
            yield rule


def episodes_of(rule: Rule, line: Line) -> list[Episode]:
    """Return the episodes of a rule on a whole series."""
    kind = CONDITIONS[rule.condition]
    track = days_of_readings(line.track) if rule.condition is Condition.COMPLETENESS else line.track
    return kind.episodes(track, kind.parse(rule.parameters), State.none())


def run(place: Place, lines: Sequence[Line]) -> Run:
    """Return what all default rules raise on a data set, checked against its file."""
    found: list[Found] = []
    for line in lines:
        for rule in rules_for(line):
            if rule.condition not in place.only:
                continue
            former: Episode | None = None
            for episode in episodes_of(rule, line):
                found.append(Found(rule, line, episode, verdict(rule, line, episode, lines, former)))
                former = episode
    sensors = {line.sensor for line in lines}
    told = _once(_gathered(found, lines))
    return Run(place, len(sensors), sensor_months(list(lines)), found, told, _plain(place, lines))


def _gathered(found: list[Found], lines: Sequence[Line]) -> list[Found]:
    """Return the alarms, silences of all channels of a sensor at once as one (the first)."""
    channels = Counter(line.sensor for line in lines)
    groups: dict[tuple[str, int], list[Found]] = defaultdict(list)
    for one in found:
        if one.rule.condition is Condition.SILENCE:
            groups[one.line.sensor, to_microseconds(one.episode.since)].append(one)
    gathered = {id(one) for (sensor, _), same in groups.items() if len(same) == channels[sensor] for one in same[1:]}
    return [one for one in found if id(one) not in gathered]


def _once(found: list[Found]) -> list[Found]:
    """Return the alarms, each silence of the poller once."""
    seen: set[int] = set()
    kept = []
    for one in found:
        if one.verdict is Verdict.PLATFORM:
            since = to_microseconds(one.episode.since)
            if since in seen:
                continue
            seen.add(since)
        kept.append(one)
    return kept


def _plain(place: Place, lines: Sequence[Line]) -> Counter[Condition]:
    """Return what plain rules raise: every crossing of the same limits, every device that is quiet for ten minutes."""
    counted: Counter[Condition] = Counter()
    heard: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        heard[line.sensor].append(line)
        for rule in rules_for(line):
            if rule.condition is Condition.THRESHOLD and rule.condition in place.only:
                beyond = line.track.value >= rule.parameters["raise"]
                counted[Condition.THRESHOLD] += int((beyond[1:] & ~beyond[:-1]).sum()) + int(beyond[0])
    for channels in heard.values():
        times = np.unique(np.concatenate([line.track.observed for line in channels]))
        counted[Condition.SILENCE] += int((np.diff(times) > INACTIVE_US).sum())
    return counted
