"""Alarms that no work of its own would raise: what should have happened, and did not."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.clock import format_instant
from core.events import EventName, PlatformAlarm, Severity
from core.store.backup import read_last_backup
from core.store.events import DAILY, end_alarm, raise_alarm
from core.store.pool import Connection

BACKUP_AGE_MAX = timedelta(days=2)
"""A backup a day, and a day to mend what kept it."""


def tell_of_backups(connection: Connection, at: datetime) -> None:
    """Raise an alarm when the newest backup has grown too old, or end it; without any backup so far, neither."""
    newest = read_last_backup(connection)
    if newest is None:
        return
    due = newest.made_at + BACKUP_AGE_MAX
    values = {"made_at": format_instant(newest.made_at)}
    alarm = PlatformAlarm(EventName.ALARM_BACKUP_OVERDUE, Severity.CRITICAL, due, "backup", values=values)
    if at >= due:
        raise_alarm(connection, alarm, at, reminded=DAILY)
    else:
        end_alarm(connection, alarm, at)
