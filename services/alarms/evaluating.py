"""Evaluation: the conditions of rules on touched hours, and what that moves of the alarms, in one transaction.

What is found is a pure function of the readings, the rules and the rhythms: the order of arrival plays no part. Marks
go with the commit of what they asked for; a worker that is killed leaves them, and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import structlog

from core.alarms import Alarm, Condition, Episode
from core.clock import EPOCH
from core.columns import Ints, from_microseconds, to_microseconds
from core.quality.marks import hours_of, series_of
from core.quality.traces import HOUR_US
from core.store.alarm_rules import read_rules
from core.store.episodes import (
    Watched,
    leave_marks,
    read_heard,
    read_known,
    read_watched,
    take_marks,
)
from core.store.maintenance import read_maintenance
from core.store.pool import Connection
from core.store.touched import hold_series
from services.alarms.conditions.parameters import Expected
from services.alarms.difference import Knowing, difference
from services.alarms.lanes import Hearing, hearing_at
from services.alarms.life import Moves, write_moves
from services.alarms.maintenance import Muting
from services.alarms.silence import SILENCE_INTERVALS, channel_episodes, sensor_episodes, united
from services.alarms.track import State, Track
from services.alarms.tracks import Zone, interval_us_of, read_tracks
from services.alarms.watching import DAILY, Watch, watches_of

log = structlog.get_logger(__name__)

ROWS_MAX = 500
"""Rows of marks (a round of judging leaves one) that one transaction takes at most; and no further one after:"""
MARKS_MAX = 20_000
KNOWN_BEFORE = timedelta(days=60)
"""Alarms that ended so long before a touched hour are not moved by it: longer than any condition looks back."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a turn of evaluation came to."""

    hours_touched: int = 0
    series: int = 0
    moved: int = 0


@dataclass(slots=True)
class _Turn:
    """One turn: when it is, which rules look, from where on each series is looked at, and what was found."""

    at: datetime
    hearing: Hearing
    watches: Sequence[Watch]
    froms: Mapping[int, int]
    node_froms: dict[int, int] = field(default_factory=dict)
    known: dict[tuple[int | None, int | None, int | None], list[Alarm]] = field(
        default_factory=lambda: defaultdict(list)
    )
    moves: Moves = field(default_factory=Moves)

    def watches_on(self, one: Watched) -> list[Watch]:
        """Return the rules that look at a series, silence aside."""
        return [
            watch for watch in self.watches if watch.rule.condition is not Condition.SILENCE and watch.looks_at(one)
        ]

    def silences_on(self, one: Watched) -> list[Watch]:
        """Return the rules of silence that ask about a series or its sensor; one that was retired may be silent.

        A rule of one metric asks about the other channels, too: whether the node speaks.
        """
        if one.retired_at is not None:
            return []
        return [
            watch
            for watch in self.watches
            if watch.rule.condition is Condition.SILENCE
            and watch.looks_at(replace(one, metric=watch.rule.scope.metric or one.metric))
        ]

    def known_of(self, watch: Watch, one: Watched, series_id: int | None) -> list[Alarm]:
        """Return the alarms of a rule on a series or, without one, on all of its sensor."""
        return self.known[watch.rule.rule_id, one.sensor_id, series_id]


def evaluate_touched(connection: Connection, at: datetime, *, hourly: bool = False) -> Evaluated:
    """Look at the oldest marks of a turn, in one transaction; no hour was touched when none was left to take."""
    with connection.transaction():
        codes = take_marks(connection, hourly=hourly, rows=ROWS_MAX, marks=MARKS_MAX)
        if not len(codes):
            return Evaluated()
        rules = [one for one in watches_of(read_rules(connection, enabled_only=True)) if not one.asks_issues]
        watches = [one for one in rules if one.rule.condition not in DAILY]
        if not hourly and any(one.is_hourly for one in watches):
            leave_marks(connection, codes, hourly=True)
        evaluated = evaluate(connection, codes, [one for one in watches if one.is_hourly == hourly], at)
    if evaluated.moved:
        log.info("alarms_moved", hours_touched=len(codes), series=evaluated.series, moved=evaluated.moved)
    return evaluated


def evaluate(connection: Connection, codes: Ints, watches: Sequence[Watch], at: datetime) -> Evaluated:
    """Look at hours of series, by code, under these rules, in the caller's transaction."""
    froms: dict[int, int] = {}
    for series_id, hour in zip(series_of(codes).tolist(), hours_of(codes).tolist(), strict=True):
        froms.setdefault(series_id, hour * HOUR_US)
    has_silence = any(one.rule.condition is Condition.SILENCE for one in watches)
    watched = read_watched(connection, list(froms), with_siblings=has_silence)
    turn = _Turn(at, hearing_at(connection, at), watches, froms)
    zones = _zones(turn, watched)
    if not zones:
        return Evaluated(len(codes), len(watched))
    hold_series(connection, [zone.watched.series_id for zone in zones])
    since = from_microseconds(min(froms.values())) - KNOWN_BEFORE
    for alarm in read_known(connection, [zone.watched for zone in zones], max(since, EPOCH)):
        turn.known[alarm.rule_id, alarm.sensor_id, alarm.series_id].append(alarm)
    nodes: dict[int, list[tuple[Watched, Track]]] = defaultdict(list)
    for one, track in read_tracks(connection, zones):
        if one.series_id in froms:
            _look(turn, one, track)
        if turn.silences_on(one):
            nodes[one.sensor_id].append((one, _times_of(track)))
    heard = _heard_before(connection, turn, nodes)
    for channels in nodes.values():
        _listen(turn, channels, heard)
    muting = Muting.at(read_maintenance(connection, ending_after=at), at)
    write_moves(connection, turn.moves, muting, at)
    return Evaluated(len(codes), len(watched), len(turn.moves))


def _zones(turn: _Turn, watched: Sequence[Watched]) -> list[Zone]:
    """Return what is read of each series: as far back as its rules look from the first touched hour, up to the end."""
    for one in watched:
        if one.series_id in turn.froms:
            first = turn.froms[one.series_id]
            turn.node_froms[one.sensor_id] = min(first, turn.node_froms.get(one.sensor_id, first))
    zones = []
    last_us = to_microseconds(turn.at) + HOUR_US
    # What a node says comes by one way: where one of its channels is heard in time, none of them is late.
    lags_s: dict[int, float] = {}
    for one in watched:
        lags_s[one.sensor_id] = min(one.lag_s, lags_s.get(one.sensor_id, one.lag_s))
    for one in watched:
        interval_us = interval_us_of(one)
        watches = turn.watches_on(one) if one.series_id in turn.froms else []
        firsts = [turn.froms[one.series_id] - watch.lookback_us(one.metric, interval_us) for watch in watches]
        if turn.silences_on(one):
            firsts.append(turn.node_froms[one.sensor_id] - SILENCE_INTERVALS * interval_us)
        if firsts:
            is_expected = any(isinstance(watch.parameters, Expected) for watch in watches)
            end_us = turn.hearing.end_us(one.commune_insee) - round(lags_s[one.sensor_id] * 1e6)
            zones.append(Zone(one, min(firsts), last_us, end_us, is_expected))
    return zones


def _look(turn: _Turn, one: Watched, track: Track) -> None:
    """Look at a series under each rule that does."""
    heard_at = from_microseconds(int(track.observed[-1])) if len(track) else None
    knowing = Knowing(turn.at, heard_at, timedelta(microseconds=track.interval_us))
    for watch in turn.watches_on(one):
        known = turn.known_of(watch, one, one.series_id)
        state = State(turn.froms[one.series_id], episodes_of(known))
        found = watch.episodes(one, track, state)
        if found is not None:
            found = [_in_service(one, episode) for episode in found]
            turn.moves.add(watch, one, difference(known, found, knowing), knowing)


def _in_service(one: Watched, episode: Episode) -> Episode:
    """Return an episode as far as its sensor was in service: what came late of one that is retired opens none again."""
    if one.retired_at is None or episode.until is not None:
        return episode
    return replace(episode, until=max(episode.since, one.retired_at))


def _listen(turn: _Turn, channels: Sequence[tuple[Watched, Track]], heard: Mapping[int, int]) -> None:
    """Look at whether a sensor, or one of its channels, is silent."""
    knowing = Knowing(turn.at)
    first, _ = channels[0]
    from_us = turn.node_froms[first.sensor_id]
    node = united([track for _, track in channels], from_us)
    befores = [before for one, track in channels if (before := _before(one, track, from_us, heard)) is not None]
    for watch in turn.watches:
        if watch.rule.condition is not Condition.SILENCE:
            continue
        # The only channel of a sensor is the sensor.
        if watch.looks_at(first) and (watch.rule.scope.metric is None or len(channels) == 1):
            known = turn.known_of(watch, first, None)
            state = State(from_us, episodes_of(known), None if _holds(node, from_us) else max(befores, default=None))
            found = sensor_episodes(node, watch.parameters, state, turn.hearing.outages_of(first.commune_insee))
            turn.moves.add_of_sensor(watch, [one for one, _ in channels], difference(known, found, knowing), knowing)
        for one, track in channels if len(channels) > 1 else ():
            if watch.looks_at(one):
                known = turn.known_of(watch, one, one.series_id)
                state = State(from_us, episodes_of(known), None if _holds(track, from_us) else heard.get(one.series_id))
                found = channel_episodes(track, node, watch.parameters, state)
                turn.moves.add(watch, one, difference(known, found, knowing), knowing)


def _heard_before(
    connection: Connection, turn: _Turn, nodes: Mapping[int, Sequence[tuple[Watched, Track]]]
) -> dict[int, int]:
    """Return when each channel was last heard before its sensor was touched, where its zone does not say it."""
    asked = {
        one.series_id: turn.node_froms[sensor_id]
        for sensor_id, channels in nodes.items()
        for one, track in channels
        if not _holds(track, turn.node_froms[sensor_id])
    }
    return read_heard(connection, asked) if asked else {}


def _before(one: Watched, track: Track, from_us: int, heard: Mapping[int, int]) -> int | None:
    """Return when a channel was last heard before an instant."""
    place = int(np.searchsorted(track.observed, from_us))
    return int(track.observed[place - 1]) if place else heard.get(one.series_id)


def _holds(track: Track, from_us: int) -> bool:
    """Whether a track holds a reading from before an instant."""
    return bool(len(track)) and int(track.observed[0]) < from_us


def _times_of(track: Track) -> Track:
    """Return a track without its values: silence asks when, and not what."""
    nothing: Ints = np.zeros(0, dtype=np.int64)
    return Track(
        track.metric,
        track.observed.copy(),
        nothing.astype(np.float64),
        nothing,
        nothing,
        track.interval_us,
        track.end_us,
        rhythm=track.rhythm,
    )


def episodes_of(alarms: Sequence[Alarm]) -> list[Episode]:
    """Return the episodes that alarms tell of."""
    return [Episode(one.since, one.until, one.confirmed_at, one.figures) for one in alarms]
