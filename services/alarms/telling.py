"""Telling of alarms, in the transaction that moves them: pages by the live feed, others by events.

E-mail follows from the acts that are told (the store notes them for whoever subscribed).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.alarms import ActOnAlarm
from core.clock import format_instant
from core.events import Event, EventName
from core.store.alarms import KeptAlarm, NewAct, read_alarms_of, write_acts
from core.store.episodes import note_told
from core.store.events import write_event
from core.store.live import write_live_alarms
from core.store.pool import Connection
from services.alarms.words import said_of
from services.words import Catalogue, read_catalogues

PLATFORM = "vigie"
"""Who does what nobody does."""
_DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards"
_EVENTS: Mapping[ActOnAlarm, EventName] = {
    ActOnAlarm.RAISED: EventName.ALARM_RAISED,
    ActOnAlarm.ACKNOWLEDGED: EventName.ALARM_ACKNOWLEDGED,
    ActOnAlarm.ESCALATED: EventName.ALARM_ESCALATED,
    ActOnAlarm.CLEARED: EventName.ALARM_CLEARED,
    ActOnAlarm.WITHDRAWN: EventName.ALARM_WITHDRAWN,
}
"""What the outside hears of; the other acts are of those who look after alarms."""


def tell_acted(connection: Connection, kept: KeptAlarm, what: ActOnAlarm, at: datetime) -> None:
    """Tell what a person did with an alarm."""
    show_moved(connection, [kept], at)
    if what in _EVENTS:
        write_event(connection, alarm_event(kept, _EVENTS[what], at))


def tell_moved(
    connection: Connection, alarm_ids: Sequence[int], what: ActOnAlarm, at: datetime, said: str = ""
) -> None:
    """Tell everybody what became of alarms by themselves: the act, the event, the pages, who subscribed."""
    if not alarm_ids:
        return
    if what is ActOnAlarm.RAISED:
        note_told(connection, alarm_ids, at)
    write_acts(connection, [NewAct(one, at, PLATFORM, what, said, told=True) for one in alarm_ids])
    kept = read_alarms_of(connection, alarm_ids)
    for one in kept:
        write_event(connection, alarm_event(one, _EVENTS[what], at))
    show_moved(connection, kept, at)


def note_moved(
    connection: Connection, alarm_ids: Sequence[int], what: ActOnAlarm, at: datetime, said: str = ""
) -> None:
    """Keep what became of alarms that nobody is told of: the act, and what pages show."""
    if not alarm_ids:
        return
    write_acts(connection, [NewAct(one, at, PLATFORM, what, said) for one in alarm_ids])
    show_moved(connection, read_alarms_of(connection, alarm_ids), at)


def show_moved(connection: Connection, moved: Iterable[KeptAlarm], at: datetime) -> None:
    """Have open pages look again, in the communes of alarms that moved."""
    bodies: dict[str, list[dict[str, Any]]] = {}
    for kept in moved:
        alarm = kept.alarm
        if alarm.commune_insee is not None:
            item = {
                "alarm_id": alarm.alarm_id,
                "state": alarm.state(at).value,
                "severity": alarm.severity.value,
                "sensor_id": alarm.sensor_id,
                "series_id": alarm.series_id,
                "site_id": alarm.site_id,
                "commune_insee": alarm.commune_insee,
            }
            bodies.setdefault(alarm.commune_insee, []).append(item)
    if bodies:
        write_live_alarms(connection, at, bodies)


def alarm_event(kept: KeptAlarm, name: EventName, at: datetime) -> Event:
    """Return the event that tells of an alarm: its facts, and the same sentences as the page shows."""
    alarm = kept.alarm
    said = {language: said_of(words, kept, at) for language, words in _words().items()}
    instants = {
        name: None if instant is None else format_instant(instant)
        for name, instant in (
            ("since", alarm.since),
            ("until", alarm.until),
            ("raised_at", alarm.raised_at),
            ("cleared_at", alarm.cleared_at),
        )
    }
    told = {
        "alarm_id": alarm.alarm_id,
        "name": alarm.name,
        "state": alarm.state(at).value,
        "severity": alarm.severity.value,
        **instants,
        "commune_insee": alarm.commune_insee,
        "site": kept.site.code if kept.site else None,
        "sensor": kept.sensor.external_id if kept.sensor else None,
        "origin": kept.sensor.origin if kept.sensor else None,
        "metric": kept.metric,
        "gateway": alarm.gateway,
        "members": kept.members,
        "acknowledged_by": alarm.acknowledged_by,
        "figures": dict(alarm.figures),
        "title": {language: one.title for language, one in said.items()},
        "detail": {language: one.detail for language, one in said.items()},
    }
    return Event(name, at, alarm.commune_insee, told, f"alarm:{alarm.alarm_id}")


@lru_cache(maxsize=1)
def _words() -> dict[str, Catalogue]:
    return read_catalogues(_DASHBOARDS)
