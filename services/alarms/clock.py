"""What the clock moves of alarms: silence, the end of snoozes and maintenance, escalation, groups, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from core.alarms import ActOnAlarm, Condition
from core.store.alarm_life import (
    Listening,
    Usual,
    clear_ended_rules,
    clear_passed,
    clear_retired,
    escalate_due,
    follow_moved,
    read_fallen_silent,
    read_untold,
    unmute_over,
    unsnooze_over,
)
from core.store.alarm_rules import read_rules
from core.store.alarms import read_alarms_of
from core.store.live import lock_live
from core.store.pool import Connection
from core.store.rhythms import read_newest_rhythms
from services.alarms.evaluating import Evaluated, evaluate
from services.alarms.grouping import group_silences
from services.alarms.lanes import hearing_at, tell_of_lanes
from services.alarms.rhythm import SILENT_AFTER_US_MAX
from services.alarms.telling import note_moved, show_moved, tell_moved
from services.alarms.watching import watches_of

log = structlog.get_logger(__name__)

SETTLE = timedelta(minutes=10)
"""The silence of a sensor is told so long after it was raised, unless its gateway or its site explains it by then."""
SILENT_MAX = 5_000
"""Channels that one turn finds silent at most; the others follow with the next."""


def settle(connection: Connection, at: datetime) -> None:
    """Put silent sensors into groups, and tell what is to be told; in a transaction of its own, or the caller's."""
    with connection.transaction():
        lock_live(connection)
        group_silences(connection, at)
        tell_moved(connection, read_untold(connection, at - SETTLE), ActOnAlarm.RAISED, at)


def tend_alarms(connection: Connection, at: datetime) -> None:
    """Move the alarms as the clock does, each minute; what is over ends before anything is told or escalated."""
    with connection.transaction():
        tell_of_lanes(connection, at)
        lock_live(connection)
        for clear in (clear_ended_rules, clear_retired, clear_passed):
            _tell_cleared(connection, clear(connection, at), at)
        show_moved(connection, read_alarms_of(connection, follow_moved(connection, at)), at)
        show_moved(connection, read_alarms_of(connection, unmute_over(connection, at)), at)
        note_moved(connection, unsnooze_over(connection, at), ActOnAlarm.UNSNOOZED, at)
        tell_moved(connection, escalate_due(connection, at), ActOnAlarm.ESCALATED, at)
        settle(connection, at)


def find_silent(connection: Connection, at: datetime) -> Evaluated:
    """Look at the sensors and channels that by the clock have fallen silent, and are not known to be."""
    with connection.transaction():
        rules = [one for one in read_rules(connection, enabled_only=True) if one.condition is Condition.SILENCE]
        watches = watches_of(rules)
        if not watches:
            return Evaluated()
        usual = Usual(*read_newest_rhythms(connection), SILENT_AFTER_US_MAX / 1e6)
        hearing = hearing_at(connection, at)
        heard = None if hearing.deaf_us is None else sorted(hearing.received)
        listening = Listening([(one.rule, one.parameters.factor) for one in watches], heard, SILENT_MAX)
        codes = read_fallen_silent(connection, at, usual, listening)
        if not len(codes):
            return Evaluated()
        evaluated = evaluate(connection, codes, watches, at)
    if evaluated.moved:
        log.info("silences_found", series=evaluated.series, moved=evaluated.moved)
    return evaluated


def _tell_cleared(connection: Connection, alarm_ids: Sequence[int], at: datetime) -> None:
    """Tell of alarms that ended by no reading of theirs whoever was told of them."""
    told = {one.alarm.alarm_id for one in read_alarms_of(connection, alarm_ids) if one.alarm.told_at is not None}
    tell_moved(connection, sorted(told), ActOnAlarm.CLEARED, at)
    note_moved(connection, sorted(set(alarm_ids) - told), ActOnAlarm.CLEARED, at)
