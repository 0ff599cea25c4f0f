"""The life of alarms as the data move them: raised, moved, cleared, withdrawn, in the transaction that found it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.alarms import ActOnAlarm, Alarm, Condition, Episode
from core.store.episodes import NewAlarm, Watched, insert_alarms, move_alarms, withdraw_alarms
from core.store.live import lock_live
from core.store.pool import Connection
from services.alarms.difference import Difference, Knowing
from services.alarms.maintenance import Muting
from services.alarms.telling import note_moved, tell_moved
from services.alarms.watching import Watch


@dataclass(slots=True)
class Moves:
    """What evaluation found, of many rules and series, to be written together."""

    new: list[NewAlarm] = field(default_factory=list)
    moved: list[tuple[Alarm, Alarm]] = field(default_factory=list)
    withdrawn: list[Alarm] = field(default_factory=list)

    def add(self, watch: Watch, one: Watched, different: Difference, knowing: Knowing) -> None:
        """Take in what moved of one rule on one series."""
        self.new += [_new(watch, one, episode, knowing) for episode in different.new]
        self._take(different)

    def add_of_sensor(self, watch: Watch, channels: Sequence[Watched], different: Difference, knowing: Knowing) -> None:
        """Take in what moved of one rule on a sensor: all of its channels together."""
        told = {"channels": [one.metric for one in channels]}
        for episode in different.new:
            new = _new(watch, channels[0], episode, knowing)
            self.new.append(replace(new, series_id=None, figures={**new.figures, **told}))
        self._take(different)

    def _take(self, different: Difference) -> None:
        self.moved += different.moved
        self.withdrawn += different.withdrawn

    def __len__(self) -> int:
        return len(self.new) + len(self.moved) + len(self.withdrawn)


def write_moves(connection: Connection, moves: Moves, muting: Muting, at: datetime) -> None:
    """Write what moved, and tell of what is over; what is raised is told by `services.alarms.clock.settle`."""
    if not len(moves):
        return
    # The live feed is held first, as by all who write alarms: nobody waits in a circle.
    lock_live(connection)
    withdraw_alarms(connection, [one.alarm_id for one in moves.withdrawn], at)
    _tell_over(connection, moves.withdrawn, ActOnAlarm.WITHDRAWN, at)
    move_alarms(connection, [after for _, after in moves.moved])
    cleared = [before for before, after in moves.moved if before.cleared_at is None and after.cleared_at is not None]
    _tell_over(connection, cleared, ActOnAlarm.CLEARED, at)
    again = [before for before, after in moves.moved if before.cleared_at is not None and after.cleared_at is None]
    tell_moved(connection, [one.alarm_id for one in again if one.told_at is not None], ActOnAlarm.RAISED, at)
    new = [muting.laid_on(one) for one in moves.new]
    ids = insert_alarms(connection, new) if new else []
    _tell_past(connection, zip(ids, new, strict=True), at)


def _tell_past(connection: Connection, written: Iterable[tuple[int, NewAlarm]], at: datetime) -> None:
    """Tell of what was over when we knew of it, where it had only just ended; else it is history."""
    over = [(alarm_id, one) for alarm_id, one in written if one.cleared_at is not None]
    told = [alarm_id for alarm_id, one in over if not (one.found_late or one.muted or _waits(one.name))]
    kept = [alarm_id for alarm_id, _ in over if alarm_id not in set(told)]
    for what in (ActOnAlarm.RAISED, ActOnAlarm.CLEARED):
        tell_moved(connection, told, what, at)
        note_moved(connection, kept, what, at)


def _tell_over(connection: Connection, alarms: Sequence[Alarm], what: ActOnAlarm, at: datetime) -> None:
    """Tell of alarms that are over whoever was told of them."""
    tell_moved(connection, [one.alarm_id for one in alarms if one.told_at is not None], what, at)
    note_moved(connection, [one.alarm_id for one in alarms if one.told_at is None], what, at)


def _waits(name: str) -> bool:
    """Whether an alarm waits for others like it before it is told: of a silence, its gateway may be the reason."""
    return name == Condition.SILENCE


def _new(watch: Watch, one: Watched, episode: Episode, knowing: Knowing) -> NewAlarm:
    is_over = episode.until is not None
    return NewAlarm(
        name=watch.rule.condition,
        severity=watch.rule.severity,
        commune_insee=one.commune_insee,
        site_id=one.site_id,
        since=episode.since,
        until=episode.until,
        confirmed_at=episode.confirmed_at,
        raised_at=knowing.at,
        rule_id=watch.rule.rule_id,
        sensor_id=one.sensor_id,
        series_id=one.series_id,
        subject=f"sensor:{one.external_id}",
        cleared_at=knowing.at if is_over else None,
        found_late=knowing.is_late(episode),
        figures=dict(episode.figures),
    )
