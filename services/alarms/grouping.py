"""Grouping: sensors that fell silent together because one gateway did, or one site, are one alarm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from core.alarms import SEVERITIES, ActOnAlarm, Condition
from core.store.alarm_groups import (
    SilentSensor,
    clear_empty_groups,
    count_by_gateway,
    count_by_site,
    join_group,
    read_open_groups,
    read_silent,
)
from core.store.episodes import NewAlarm, insert_alarms
from core.store.pool import Connection
from services.alarms.telling import note_moved, tell_moved

TOGETHER = timedelta(minutes=30)
"""Sensors fell silent together that may have been cut off within so long."""
SILENT_INTERVALS = 3
"""A silence is unusual after about so many intervals: a sensor was cut off within one of them of its last message."""
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many sensors make a group: at least so many, and at least such a share of those that it may explain."""

    fewest: int
    share: float


OF_GATEWAY = Crowd(3, 2 / 3)
OF_SITE = Crowd(5, 0.8)


def group_silences(connection: Connection, at: datetime) -> None:
    """Put silent sensors into groups, new or lasting, and clear the groups whose last member is over.

    In the caller's transaction, which holds the live feed.
    """
    silent = read_silent(connection)
    if not silent and not read_open_groups(connection):
        return
    _join_lasting(connection, silent, at)
    silent = [one for one in read_silent(connection) if one.parent_id is None]
    by_gateway = _sorted_by(silent, lambda one: (one.gateway, one.commune_insee) if one.gateway else None)
    if by_gateway:
        sizes = count_by_gateway(connection, sorted({gateway for gateway, _ in by_gateway}), at)
        for (gateway, _), members in groups_of(by_gateway, sizes, OF_GATEWAY).items():
            _begin(connection, members, gateway, at)
    silent = [one for one in read_silent(connection) if one.parent_id is None]
    by_site = _sorted_by(silent, lambda one: one.site_id)
    if by_site:
        for members in groups_of(by_site, count_by_site(connection, sorted(by_site)), OF_SITE).values():
            _begin(connection, members, None, at)
    over = clear_empty_groups(connection, at)
    tell_moved(connection, [alarm_id for alarm_id, told in over if told], ActOnAlarm.CLEARED, at)
    note_moved(connection, [alarm_id for alarm_id, told in over if not told], ActOnAlarm.CLEARED, at)


def groups_of(
    silent: Mapping[Key, Sequence[SilentSensor]], sizes: Mapping[Key, int], crowd: Crowd
) -> dict[Key, list[SilentSensor]]:
    """Return the sensors that fell silent together, by what may explain it, where they are enough. Pure.

    Those that were silent long before say nothing of it: they do not count among those that it may explain.
    """
    found = {}
    for key, sensors in silent.items():
        together = _together(sensors)
        apart = len(sensors) - len(together)
        if len(together) >= crowd.fewest and len(together) >= crowd.share * (sizes.get(key, 0) - apart):
            found[key] = together
    return found


def _together(sensors: Sequence[SilentSensor]) -> list[SilentSensor]:
    """Return the most sensors that may have been cut off by one thing, and of as many the latest."""
    return max(
        ([one for one in sensors if one.since <= last.since <= one.since + _slack(one)] for last in reversed(sensors)),
        key=len,
        default=[],
    )


def _slack(one: SilentSensor) -> timedelta:
    return TOGETHER + (one.confirmed_at - one.since) / SILENT_INTERVALS


def _sorted_by(
    silent: Sequence[SilentSensor], key: Callable[[SilentSensor], Key | None]
) -> dict[Key, list[SilentSensor]]:
    found: dict[Key, list[SilentSensor]] = defaultdict(list)
    for one in silent:
        word = key(one)
        if word is not None:
            found[word].append(one)
    return dict(found)


def _join_lasting(connection: Connection, silent: Sequence[SilentSensor], at: datetime) -> None:
    """Have sensors join a group that lasts already: its gateway, or its site, is silent still."""
    for group in read_open_groups(connection):
        joining = [
            one
            for one in silent
            if one.parent_id is None
            and one.commune_insee == group.commune_insee
            and (one.gateway == group.gateway if group.gateway else one.site_id == group.site_id)
            and one.since + _slack(one) >= group.since
        ]
        if joining:
            _join(connection, group.alarm_id, joining, at)


def _begin(connection: Connection, members: Sequence[SilentSensor], gateway: str | None, at: datetime) -> None:
    first = members[0]
    lasting = [
        group.alarm_id
        for group in read_open_groups(connection)
        if group.gateway == gateway
        and group.commune_insee == first.commune_insee
        and (gateway is not None or group.site_id == first.site_id)
    ]
    if lasting:
        # Silent long before the others, and told only now (a maintenance window ended): one gateway is one alarm.
        _join(connection, lasting[0], members, at)
        return
    sites = {one.site_id for one in members}
    new = NewAlarm(
        name=Condition.SILENCE,
        severity=max((one.severity for one in members), key=SEVERITIES.index),
        commune_insee=first.commune_insee,
        site_id=sites.pop() if len(sites) == 1 else None,
        since=min(one.since for one in members),
        until=None,
        confirmed_at=max(one.confirmed_at for one in members),
        raised_at=at,
        gateway=gateway,
        subject=f"gateway:{gateway}" if gateway else f"site:{first.site_id}",
    )
    [parent_id] = insert_alarms(connection, [new])
    _join(connection, parent_id, members, at)


def _join(connection: Connection, parent_id: int, members: Sequence[SilentSensor], at: datetime) -> None:
    join_group(connection, parent_id, [one.alarm_id for one in members])
    # Their own beginning is kept, and told to nobody: the group is.
    note_moved(connection, [one.alarm_id for one in members if one.told_at is None], ActOnAlarm.RAISED, at)
