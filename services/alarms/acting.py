"""What a person does with an alarm: acknowledge, snooze, assign, note. Done twice, it is done once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.alarms import ActOnAlarm, Alarm
from core.errors import VigieError
from core.store.alarms import KeptAlarm, NewAct, write_acts, write_life
from core.store.pool import Connection
from services.alarms.telling import tell_acted

SNOOZED_MAX = timedelta(days=30)


class ActRefused(VigieError):
    """An alarm does not take this act; ``field`` names what of it is wrong, None where it is the alarm's state."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Done:
    """What somebody does.

    Parameters
    ----------
    said
        A note.
    until
        Of a snooze.
    assignee
        Of an assignment; None takes it back.
    """

    what: ActOnAlarm
    by: str
    said: str = ""
    until: datetime | None = None
    assignee: str | None = None


def act_on(connection: Connection, kept: KeptAlarm, done: Done, at: datetime) -> bool:
    """Do something with an alarm that is held, in the caller's transaction; tell others where they must hear of it.

    Returns
    -------
    bool
        Whether something changed: what is so already is not done again.

    Raises
    ------
    ActRefused
        If it is over, or the act lacks what it needs.
    """
    changed = acted(kept.alarm, done, at)
    if changed is None:
        return False
    write_life(connection, changed)
    said = done.assignee or "" if done.what is ActOnAlarm.ASSIGNED and not done.said else done.said
    until = done.until if done.what is ActOnAlarm.SNOOZED else None
    write_acts(connection, [NewAct(changed.alarm_id, at, done.by, done.what, said, until)])
    tell_acted(connection, replace(kept, alarm=changed), done.what, at)
    return True


def acted(alarm: Alarm, done: Done, at: datetime) -> Alarm | None:
    """Return an alarm after an act, None where nothing is to be done. Pure.

    Raises
    ------
    ActRefused
        If it is over, or the act lacks what it needs.
    """
    if done.what is ActOnAlarm.COMMENTED:
        if not done.said:
            raise ActRefused("a comment says something", "said")
        return alarm
    if alarm.cleared_at is not None or alarm.withdrawn_at is not None:
        raise ActRefused(f"alarm {alarm.alarm_id} is over: it takes notes only")
    if done.what is ActOnAlarm.ACKNOWLEDGED:
        return None if alarm.acknowledged_at else replace(alarm, acknowledged_at=at, acknowledged_by=done.by)
    if done.what is ActOnAlarm.UNACKNOWLEDGED:
        return replace(alarm, acknowledged_at=None, acknowledged_by=None) if alarm.acknowledged_at else None
    if done.what is ActOnAlarm.SNOOZED:
        return _snoozed(alarm, done.until, at)
    if done.what is ActOnAlarm.UNSNOOZED:
        is_snoozed = alarm.snoozed_until is not None and alarm.snoozed_until > at
        return replace(alarm, snoozed_until=None) if is_snoozed else None
    assert done.what is ActOnAlarm.ASSIGNED, "the other acts follow from the readings and the clock"
    return None if alarm.assignee == done.assignee else replace(alarm, assignee=done.assignee)


def _snoozed(alarm: Alarm, until: datetime | None, at: datetime) -> Alarm | None:
    if until is None:
        raise ActRefused("a snooze ends some time", "until")
    if not at < until <= at + SNOOZED_MAX:
        raise ActRefused(f"a snooze ends within {SNOOZED_MAX.days} days from now", "until")
    return None if alarm.snoozed_until == until else replace(alarm, snoozed_until=until)
