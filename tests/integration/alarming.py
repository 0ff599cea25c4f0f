"""A database whose alarms are evaluated: readings come in batches, are judged, and looked at as the worker does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from acting import acting_as
from judging import judge_all, write

from core.store.pool import Connection
from core.store.roles import Login
from services.alarms.clock import find_silent, settle, tend_alarms
from services.alarms.evaluating import evaluate_touched

Reading = tuple[int, datetime, float]


def deliver(connection: Connection, readings: Sequence[Reading], at: datetime) -> None:
    """Take readings in at an instant of our clock, judge them and look at their alarms."""
    write(connection, readings, at)
    judge_all(connection)
    look(connection, at)


def look(connection: Connection, at: datetime) -> None:
    """Look at all that was touched, at once and by the hour, and tell of it."""
    with acting_as(connection, Login.WORKER):
        for hourly in (False, True):
            while evaluate_touched(connection, at, hourly=hourly).hours_touched:
                continue
        settle(connection, at)


def tick(connection: Connection, at: datetime) -> None:
    """Do what the worker does each minute."""
    with acting_as(connection, Login.WORKER):
        find_silent(connection, at)
        tend_alarms(connection, at)


def steady(series_id: int, start: datetime, minutes: Iterable[int], value: float = 500.0) -> list[Reading]:
    """Return readings at these minutes after an instant that move a little, so that none is stuck."""
    return [(series_id, start + timedelta(minutes=one), value + one % 7) for one in minutes]


def episodes(connection: Connection) -> list[tuple[Any, ...]]:
    """Return what alarms tell of the data, those that never were aside: rule, sensor, series and when."""
    return connection.execute(
        """
        SELECT preset, sensor.external_id, series.metric, alarm.since, alarm.until
          FROM alarm JOIN alarm_rule USING (rule_id) JOIN sensor ON sensor.sensor_id = alarm.sensor_id
          LEFT JOIN series ON series.series_id = alarm.series_id
         WHERE withdrawn_at IS NULL ORDER BY preset, external_id, series.metric, alarm.since
        """
    ).fetchall()


def told(connection: Connection) -> list[tuple[str, datetime]]:
    """Return the events of alarms by name and when, in order."""
    return connection.execute(
        "SELECT name, happened_at FROM event WHERE name LIKE 'alarm.%' ORDER BY happened_at, name"
    ).fetchall()


def acts(connection: Connection) -> list[tuple[str, bool]]:
    """Return what happened to alarms, in order, and whether others were told."""
    return connection.execute("SELECT what, told FROM alarm_act ORDER BY act_id").fetchall()
