"""Events in the store: written with what caused them, told to webhooks and to the broker by the store itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.events import Event, PlatformAlarm
from core.store.pool import Connection

EVENTS_KEPT = timedelta(days=30)
"""How long events, and their deliveries, can be looked at and sent again."""
PRUNED_AT_ONCE = 5_000
HOURLY, DAILY = timedelta(hours=1), timedelta(days=1)
"""How often an alarm that lasts is raised again."""


def write_event(connection: Connection, event: Event) -> None:
    """Write an event in the caller's transaction: whoever wants it hears of it once that is committed."""
    connection.execute(
        """
        INSERT INTO event (event_id, name, happened_at, commune_insee, subject, decision_id, body)
        VALUES (%s, %s, %s, (SELECT insee FROM commune WHERE insee = %s), %s, %s, %s)
        """,
        (
            event.event_id,
            event.name,
            event.happened_at,
            event.commune_insee,
            event.subject,
            event.decision_id,
            event.as_json(),
        ),
    )


def raise_alarm(connection: Connection, alarm: PlatformAlarm, at: datetime, *, reminded: timedelta = HOURLY) -> bool:
    """Write an alarm in the caller's transaction, unless it lasts and was raised a short while ago.

    Returns
    -------
    bool
        Whether it was written.
    """
    return raise_alarms(connection, [alarm], at, reminded=reminded) == 1


def raise_alarms(
    connection: Connection, alarms: Sequence[PlatformAlarm], at: datetime, *, reminded: timedelta = HOURLY
) -> int:
    """Write those of some alarms that do not last already, or were not raised for a while; return how many."""
    lasting = _lasting(connection, alarms)
    written = 0
    for alarm in alarms:
        before = lasting.get((alarm.name, alarm.subject))
        if before is not None and before.raised_at > at - reminded:
            continue
        # Raised again in time, it is the same one still.
        goes_on = before is not None and before.raised_at > at - 2 * reminded
        since = before.since if before is not None and goes_on else alarm.since
        write_event(connection, replace(alarm, since=since).event(at))
        written += 1
    return written


def end_alarm(connection: Connection, alarm: PlatformAlarm, at: datetime) -> bool:
    """Write, in the caller's transaction, that an alarm is over, if it lasts; return whether it did."""
    return end_alarms(connection, [alarm], at) == 1


def end_alarms(connection: Connection, alarms: Sequence[PlatformAlarm], at: datetime) -> int:
    """Write that those of some alarms are over that last; return how many did."""
    lasting = _lasting(connection, alarms)
    over = [alarm for alarm in alarms if (alarm.name, alarm.subject) in lasting]
    for alarm in over:
        since = lasting[alarm.name, alarm.subject].since
        write_event(connection, replace(alarm, since=since, until=at).event(at))
    return len(over)


@dataclass(frozen=True, slots=True)
class _Lasting:
    """An alarm whose end was not told: when it was last raised, and since when it lasts."""

    raised_at: datetime
    since: datetime


def _lasting(connection: Connection, alarms: Sequence[PlatformAlarm]) -> dict[tuple[str, str], _Lasting]:
    """Return those of some alarms that last, by name and subject."""
    rows = connection.execute(
        """
        SELECT asked.name, asked.subject, newest.happened_at, newest.since
          FROM unnest(%s::text[], %s::text[]) AS asked (name, subject) CROSS JOIN LATERAL (
                SELECT happened_at, (body #>> '{data,since}')::timestamptz AS since,
                       body #>> '{data,until}' IS NULL AS lasts
                  FROM event WHERE event.name = asked.name AND event.subject = asked.subject
                 ORDER BY happened_at DESC LIMIT 1) AS newest
         WHERE newest.lasts
        """,
        ([alarm.name for alarm in alarms], [alarm.subject for alarm in alarms]),
    )
    return {(name, subject): _Lasting(raised_at, since) for name, subject, raised_at, since in rows}


def prune_events(connection: Connection, at: datetime) -> int:
    """Let go of events that are older than they are kept, with their deliveries; return how many those were."""
    return connection.execute(
        """
        DELETE FROM event WHERE event_id IN (
            SELECT event_id FROM event WHERE happened_at < %s ORDER BY happened_at LIMIT %s)
        """,
        (at - EVENTS_KEPT, PRUNED_AT_ONCE),
    ).rowcount
