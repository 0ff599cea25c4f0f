"""Groups of silent sensors in the store: what one gateway or one site explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.alarms import SEVERITIES
from core.events import Severity
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class SilentSensor:
    """The alarm of a sensor that is silent, with what may explain it.

    Parameters
    ----------
    gateway
        That heard most of its frames in the week before; None where none is known.
    """

    alarm_id: int
    sensor_id: int
    commune_insee: str
    site_id: int
    gateway: str | None
    severity: Severity
    since: datetime
    confirmed_at: datetime
    parent_id: int | None
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """A group that lasts."""

    alarm_id: int
    commune_insee: str
    gateway: str | None
    site_id: int | None
    since: datetime


def read_silent(connection: Connection) -> list[SilentSensor]:
    """Return the alarms of silent sensors that last, muted ones and those found late aside, the oldest first."""
    rows = connection.execute(
        """
        SELECT alarm.alarm_id, alarm.sensor_id, alarm.commune_insee, alarm.site_id, heard.gateway, alarm.severity,
               alarm.since, alarm.confirmed_at, alarm.parent_id, alarm.told_at
          FROM alarm LEFT JOIN LATERAL (
                SELECT gateway FROM gateway_heard
                 WHERE gateway_heard.sensor_id = alarm.sensor_id AND day >= alarm.since::date - 7
                   AND day <= alarm.since::date
                 GROUP BY gateway ORDER BY sum(frames) DESC, gateway LIMIT 1) AS heard ON true
         WHERE alarm.name = 'silence' AND alarm.rule_id IS NOT NULL AND alarm.series_id IS NULL
           AND alarm.cleared_at IS NULL AND alarm.withdrawn_at IS NULL AND NOT alarm.muted AND NOT alarm.found_late
         ORDER BY alarm.since, alarm.alarm_id
        """
    )
    return [replace(one, severity=Severity(one.severity)) for one in (SilentSensor(*row) for row in rows)]


def read_open_groups(connection: Connection) -> list[OpenGroup]:
    """Return the groups that last."""
    rows = connection.execute(
        """
        SELECT alarm_id, commune_insee, gateway, site_id, since FROM alarm
         WHERE name = 'silence' AND rule_id IS NULL AND cleared_at IS NULL AND withdrawn_at IS NULL ORDER BY alarm_id
        """
    )
    return [OpenGroup(*row) for row in rows]


def count_by_gateway(connection: Connection, gateways: Sequence[str], on: datetime) -> dict[tuple[str, str], int]:
    """Return how many sensors in service each gateway mostly heard in the week before, by gateway and commune."""
    rows = connection.execute(
        """
        WITH near AS (
            SELECT DISTINCT sensor_id FROM gateway_heard
             WHERE gateway = ANY(%(gateways)s) AND day >= %(on)s::timestamptz::date - 7
        ), mostly AS (
            SELECT DISTINCT ON (sensor_id) sensor_id, gateway
              FROM (SELECT sensor_id, gateway, sum(frames) AS frames
                      FROM gateway_heard JOIN near USING (sensor_id) WHERE day >= %(on)s::timestamptz::date - 7
                     GROUP BY sensor_id, gateway) AS summed
             ORDER BY sensor_id, frames DESC, gateway
        )
        SELECT mostly.gateway, site.commune_insee, count(*)
          FROM mostly JOIN sensor USING (sensor_id) JOIN site USING (site_id)
         WHERE sensor.retired_at IS NULL AND mostly.gateway = ANY(%(gateways)s)
         GROUP BY mostly.gateway, site.commune_insee
        """,
        {"gateways": list(gateways), "on": on},
    )
    return {(gateway, commune): count for gateway, commune, count in rows}


def count_by_site(connection: Connection, site_ids: Sequence[int]) -> dict[int, int]:
    """Return how many sensors in service that ever spoke stand on each site."""
    rows = connection.execute(
        """
        SELECT site_id, count(*) FROM sensor
         WHERE site_id = ANY(%s) AND retired_at IS NULL
           AND EXISTS (SELECT FROM series JOIN latest USING (series_id) WHERE series.sensor_id = sensor.sensor_id)
         GROUP BY site_id
        """,
        (list(site_ids),),
    )
    return dict(rows.fetchall())


def join_group(connection: Connection, parent_id: int, alarm_ids: Sequence[int]) -> None:
    """Have alarms belong to a group; it began with the first of them, and is as severe as the worst."""
    connection.execute("UPDATE alarm SET parent_id = %s WHERE alarm_id = ANY(%s)", (parent_id, list(alarm_ids)))
    connection.execute(
        """
        UPDATE alarm SET since = least(alarm.since, member.since),
                         figures = jsonb_build_object('members', member.count),
                         severity = (%(severities)s::text[])[greatest(
                             array_position(%(severities)s::text[], alarm.severity), member.worst)]
          FROM (SELECT min(since) AS since, count(*) AS count,
                       max(array_position(%(severities)s::text[], severity)) AS worst
                  FROM alarm WHERE parent_id = %(parent_id)s) AS member
         WHERE alarm_id = %(parent_id)s
        """,
        {"parent_id": parent_id, "severities": list(SEVERITIES)},
    )


def clear_empty_groups(connection: Connection, at: datetime) -> list[tuple[int, bool]]:
    """Clear the groups whose last member is over; return their ids, and whether others knew of them."""
    rows = connection.execute(
        """
        UPDATE alarm SET cleared_at = %(at)s, until = greatest(alarm.since, (
               SELECT max(until) FROM alarm AS member WHERE member.parent_id = alarm.alarm_id))
         WHERE name = 'silence' AND rule_id IS NULL AND cleared_at IS NULL AND withdrawn_at IS NULL
           AND NOT EXISTS (SELECT FROM alarm AS member
                            WHERE member.parent_id = alarm.alarm_id AND member.cleared_at IS NULL
                              AND member.withdrawn_at IS NULL)
        RETURNING alarm_id, told_at IS NOT NULL
        """,
        {"at": at},
    )
    return sorted((alarm_id, was_told) for alarm_id, was_told in rows)
