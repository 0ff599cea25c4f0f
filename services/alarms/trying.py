"""A rule tried on the past: what it would have raised on the series of its scope, by the readings as they are now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from core.alarms import Condition, Episode, Rule
from core.clock import Window
from core.columns import MICROSECOND, to_microseconds
from core.forecasts import QUANTILES
from core.store.episodes import Watched
from core.store.foreseen import read_issues
from core.store.pool import Connection
from core.store.rule_scope import read_in_scope, read_sensor_names
from services.alarms.conditions.completeness import days_of_readings
from services.alarms.conditions.expected import chance_of_passing
from services.alarms.conditions.parameters import Expected, WillExceed
from services.alarms.track import State, Track
from services.alarms.tracks import Zone, interval_us_of, read_tracks
from services.alarms.watching import Watch, watches_of

DAYS_MAX = 90
SERIES_MAX = 2_000
READINGS_MAX = 1_000_000
"""About how many readings one trial looks at; series that are too many for that are left, and told."""
EXAMPLES_MAX = 20
_MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Found:
    """An alarm that there would have been."""

    series_id: int
    sensor_id: int
    sensor: str
    since: datetime
    until: datetime | None
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule would have raised.

    Parameters
    ----------
    series, series_left
        Series that were looked at, and those that were too many.
    sensors
        Sensors that would have raised one.
    per_sensor_month
        Alarms for each sensor that was looked at and 30 days; None where there was none to look at.
    """

    window: Window
    series: int
    series_left: int
    sensors: int
    alarms: int
    per_sensor_month: float | None
    examples: Sequence[Found]


def try_rule(connection: Connection, rule: Rule, days: int, at: datetime) -> Trial:
    """Return what a rule would have raised in the ``days`` before ``at``, on what whoever asks sees of its scope.

    Each series by itself: silences are not gathered by sensor or gateway, and nothing is muted.
    """
    [watch] = watches_of([rule])
    window = Window.ending(at, timedelta(days=days))
    in_scope = read_in_scope(connection, rule.scope, SERIES_MAX + 1)
    zones = _affordable([_zone(watch, one, window) for one in in_scope])
    found = [
        (one, episode)
        for one, track in _tracks(connection, watch, zones, window)
        for episode in watch.kind.episodes(track, watch.parameters, State.none())
        if episode.confirmed_at in window
    ]
    looked_at = {zone.watched.sensor_id for zone in zones}
    months = len(looked_at) * (window.length / _MONTH)
    return Trial(
        window,
        len(zones),
        len(in_scope) - len(zones),
        len({one.sensor_id for one, _ in found}),
        len(found),
        len(found) / months if months else None,
        _examples(connection, found),
    )


def _zone(watch: Watch, one: Watched, window: Window) -> Zone:
    """Return what is read of a series: from so far before the window that the condition has its beginning."""
    end_us = to_microseconds(window.end)
    first_us = to_microseconds(window.start) - watch.lookback_us(one.metric, interval_us_of(one))
    return Zone(one, first_us, end_us, end_us, is_expected=isinstance(watch.parameters, Expected))


def _affordable(zones: Sequence[Zone]) -> list[Zone]:
    weights = [(zone.last_us - zone.first_us) / interval_us_of(zone.watched) for zone in zones[:SERIES_MAX]]
    most = int(np.searchsorted(np.cumsum(weights), READINGS_MAX, side="right")) if weights else 0
    return list(zones[: max(most, min(len(zones), 1))])


def _tracks(
    connection: Connection, watch: Watch, zones: Sequence[Zone], window: Window
) -> Iterator[tuple[Watched, Track]]:
    if isinstance(watch.parameters, WillExceed):
        yield from _issues(connection, watch.parameters, zones, window)
        return
    for one, track in read_tracks(connection, zones):
        yield one, days_of_readings(track) if watch.rule.condition is Condition.COMPLETENESS else track


def _issues(
    connection: Connection, asked: WillExceed, zones: Sequence[Zone], window: Window
) -> Iterator[tuple[Watched, Track]]:
    """Yield each series with its issues as a track: when each was issued, and the chance that it gave."""
    ids, levels = [zone.watched.series_id for zone in zones], np.array(QUANTILES)
    issues = read_issues(connection, ids, window.start, asked.within_hours * 3_600)
    for zone in zones:
        told = issues.get(zone.watched.series_id, [])
        at = np.array([to_microseconds(issued_at) for issued_at, _ in told], dtype=np.int64)
        chances = np.array([chance_of_passing(levels, steps, asked.will_exceed) for _, steps in told], dtype=np.float64)
        every = int(np.median(np.diff(at))) if len(at) > 1 else timedelta(hours=1) // MICROSECOND
        yield zone.watched, Track.plain(zone.watched.metric, at, chances, every)


def _examples(connection: Connection, found: Sequence[tuple[Watched, Episode]]) -> list[Found]:
    newest = sorted(found, key=lambda one: one[1].since, reverse=True)[:EXAMPLES_MAX]
    names = read_sensor_names(connection, sorted({one.sensor_id for one, _ in newest}))
    return [
        Found(one.series_id, one.sensor_id, names[one.sensor_id], episode.since, episode.until, episode.figures)
        for one, episode in newest
    ]
