"""Alarms in the store as people read them and act on them. What raises and clears them: `core.store.episodes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import dict_row

from core.alarms import FOLLOWED, SEVERITIES, ActOnAlarm, Alarm, Rule
from core.events import Severity
from core.store.alarm_rules import read_rules_of
from core.store.live import lock_live
from core.store.pool import Connection

LIMIT_MAX = 1_000
"""Alarms on a page at most."""
Place = tuple[int, datetime, int]
"""Where an alarm stands in a list: its rank, an instant, its id."""


@dataclass(frozen=True, slots=True)
class AlarmSite:
    """The site that an alarm is about."""

    site_id: int
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class AlarmSensor:
    """The sensor that an alarm is about."""

    sensor_id: int
    external_id: str
    name: str
    kind: str
    origin: str


@dataclass(frozen=True, slots=True)
class KeptAlarm:
    """An alarm with what it is about.

    Parameters
    ----------
    metric
        Of its series, None where it is of none.
    gateway_name
        What people call its gateway; empty where nobody named it.
    members
        How many alarms belong to it and last; of one that is over, how many did.
    rank
        How soon a person should look, the lowest first.
    """

    alarm: Alarm
    rule: Rule | None
    site: AlarmSite | None
    sensor: AlarmSensor | None
    metric: str | None
    gateway_name: str
    members: int
    rank: int


@dataclass(frozen=True, slots=True)
class AlarmAct:
    """What happened to an alarm, when and by whom; ``vigie`` where nobody did."""

    at: datetime
    by: str
    what: ActOnAlarm
    said: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class AlarmsAsked:
    """Which alarms are asked for; None asks for any.

    Parameters
    ----------
    is_open
        Those that last, by urgency: severity, nobody has looked, the oldest. Otherwise all, the newest raised first.
    parent_id
        Members of one group. Without it those that belong to none, or to one that whoever asks does not see.
    raised_since
        Raised at this instant or later.
    after
        The place of the last one seen (`place_of`): those that follow it.
    """

    is_open: bool = True
    commune: str | None = None
    severity: Severity | None = None
    kind: str | None = None
    sensor_id: int | None = None
    site_id: int | None = None
    series_id: int | None = None
    parent_id: int | None = None
    raised_since: datetime | None = None
    after: Place | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class AlarmCounts:
    """How many alarms last, by state, and what moved; members of groups are not counted beside their group.

    Parameters
    ----------
    by_severity
        Of those that are raised and nobody has looked at.
    raised_since, cleared_since
        Of those that ask for a person (`core.alarms.Alarm.asks`), since the instant that was asked for; those found
        late, and those that never were, aside.
    sensors_alarming
        Sensors with a raised alarm that asks for a person.
    """

    raised: int
    acknowledged: int
    snoozed: int
    muted: int
    by_severity: Mapping[Severity, int]
    raised_since: int
    cleared_since: int
    sensors_alarming: int


@dataclass(frozen=True, slots=True)
class NewAct:
    """Something that happened to an alarm; ``told``: others hear of it."""

    alarm_id: int
    at: datetime
    by: str
    what: ActOnAlarm
    said: str = ""
    until: datetime | None = None
    told: bool = False


# Of somebody who sees one site, a member stands for the group that they do not see.
_OPEN = """
    SELECT *, (SELECT name FROM gateway WHERE gateway.gateway = alarm_told.gateway) AS gateway_name
      FROM alarm_told
     WHERE cleared_at IS NULL AND withdrawn_at IS NULL
       AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
       AND (%(severity)s::text IS NULL OR severity = %(severity)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
       AND (%(sensor_id)s::integer IS NULL OR sensor_id = %(sensor_id)s)
       AND (%(site_id)s::integer IS NULL OR site_id = %(site_id)s)
       AND (%(series_id)s::integer IS NULL OR series_id = %(series_id)s)
       AND (%(raised_since)s::timestamptz IS NULL OR raised_at >= %(raised_since)s)
       AND CASE WHEN %(parent_id)s::bigint IS NOT NULL THEN parent_id = %(parent_id)s
                ELSE parent_id IS NULL
                  OR NOT EXISTS (SELECT FROM alarm WHERE alarm.alarm_id = alarm_told.parent_id) END
       AND (%(rank)s::integer IS NULL
            OR (rank, since, alarm_id) > (%(rank)s::integer, %(instant)s::timestamptz, %(alarm_id)s::bigint))
     ORDER BY rank, since, alarm_id LIMIT %(limit)s
"""
_ALL = """
    SELECT *, (SELECT name FROM gateway WHERE gateway.gateway = alarm_told.gateway) AS gateway_name
      FROM alarm_told
     WHERE (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
       AND (%(severity)s::text IS NULL OR severity = %(severity)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
       AND (%(sensor_id)s::integer IS NULL OR sensor_id = %(sensor_id)s)
       AND (%(site_id)s::integer IS NULL OR site_id = %(site_id)s)
       AND (%(series_id)s::integer IS NULL OR series_id = %(series_id)s)
       AND (%(raised_since)s::timestamptz IS NULL OR raised_at >= %(raised_since)s)
       AND CASE WHEN %(parent_id)s::bigint IS NOT NULL THEN parent_id = %(parent_id)s
                ELSE parent_id IS NULL
                  OR NOT EXISTS (SELECT FROM alarm WHERE alarm.alarm_id = alarm_told.parent_id) END
       AND (%(rank)s::integer IS NULL
            OR (raised_at, alarm_id) < (%(instant)s::timestamptz, %(alarm_id)s::bigint))
     ORDER BY raised_at DESC, alarm_id DESC LIMIT %(limit)s
"""
_BY_ID = """
    SELECT *, (SELECT name FROM gateway WHERE gateway.gateway = alarm_told.gateway) AS gateway_name
      FROM alarm_told WHERE alarm_id = ANY(%(alarm_ids)s) ORDER BY alarm_id
"""


def read_alarms(connection: Connection, asked: AlarmsAsked) -> list[KeptAlarm]:
    """Return the alarms that are asked for, at most ``asked.limit``, in their order."""
    rank, instant, alarm_id = asked.after or (None, None, None)
    values: dict[str, object] = {one.name: getattr(asked, one.name) for one in fields(asked)}
    values |= {"rank": rank, "instant": instant, "alarm_id": alarm_id}
    return _kept(connection, _OPEN if asked.is_open else _ALL, values)


def read_alarms_of(connection: Connection, alarm_ids: Sequence[int]) -> list[KeptAlarm]:
    """Return alarms by their ids, those that whoever asks sees, in order of ids."""
    return _kept(connection, _BY_ID, {"alarm_ids": list(alarm_ids)})


def read_alarm(connection: Connection, alarm_id: int) -> KeptAlarm | None:
    """Return one alarm, or None."""
    return next(iter(read_alarms_of(connection, [alarm_id])), None)


def read_acts(connection: Connection, alarm_id: int) -> list[AlarmAct]:
    """Return what happened to an alarm, oldest first."""
    rows = connection.execute(
        "SELECT at, by, what, said, until FROM alarm_act WHERE alarm_id = %s ORDER BY act_id", (alarm_id,)
    )
    return [AlarmAct(at, by, ActOnAlarm(what), said, until) for at, by, what, said, until in rows]


def place_of(kept: KeptAlarm, *, is_open: bool) -> Place:
    """Return the place of an alarm in the order that it was read in: what ``AlarmsAsked.after`` follows."""
    return (kept.rank, kept.alarm.since if is_open else kept.alarm.raised_at, kept.alarm.alarm_id)


def count_alarms(connection: Connection, at: datetime, since: datetime, commune: str | None = None) -> AlarmCounts:
    """Return how many alarms last, by state and severity, and what moved since an instant; members of groups aside."""
    row = connection.execute(
        """
        WITH seen AS (
            SELECT *, CASE WHEN cleared_at IS NOT NULL OR withdrawn_at IS NOT NULL THEN 'over'
                           WHEN muted THEN 'muted' WHEN snoozed_until > %(at)s THEN 'snoozed'
                           WHEN acknowledged_at IS NOT NULL THEN 'acknowledged' ELSE 'raised' END AS state,
                   severity = 'critical' OR (severity = 'warning' AND NOT name = ANY(%(followed)s)) AS asks
              FROM alarm
             WHERE (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
               AND ((cleared_at IS NULL AND withdrawn_at IS NULL) OR cleared_at >= %(since)s OR raised_at >= %(since)s)
        ), heads AS (
            SELECT * FROM seen
             WHERE parent_id IS NULL OR NOT EXISTS (SELECT FROM alarm WHERE alarm.alarm_id = seen.parent_id)
        )
        SELECT count(*) FILTER (WHERE state = 'raised'), count(*) FILTER (WHERE state = 'acknowledged'),
               count(*) FILTER (WHERE state = 'snoozed'), count(*) FILTER (WHERE state = 'muted'),
               count(*) FILTER (WHERE state = 'raised' AND severity = 'info'),
               count(*) FILTER (WHERE state = 'raised' AND severity = 'warning'),
               count(*) FILTER (WHERE state = 'raised' AND severity = 'critical'),
               count(*) FILTER (WHERE raised_at >= %(since)s AND withdrawn_at IS NULL AND NOT found_late AND asks),
               count(*) FILTER (WHERE cleared_at >= %(since)s AND withdrawn_at IS NULL AND NOT found_late AND asks),
               (SELECT count(DISTINCT sensor_id) FROM seen WHERE state = 'raised' AND asks)
          FROM heads
        """,
        {"at": at, "since": since, "commune": commune, "followed": sorted(FOLLOWED)},
    ).fetchone()
    assert row is not None, "an aggregate returns a row"
    raised, acknowledged, snoozed, muted, *severities, newly_raised, newly_cleared, sensors = row
    by_severity = dict(zip(SEVERITIES, severities, strict=True))
    return AlarmCounts(raised, acknowledged, snoozed, muted, by_severity, newly_raised, newly_cleared, sensors)


def hold_alarm(connection: Connection, alarm_id: int) -> KeptAlarm | None:
    """Return one alarm for an act on it: until the transaction ends, nobody else changes it. None where there is none.

    The live feed is held first, as by all who write alarms: nobody waits in a circle.
    """
    lock_live(connection)
    connection.execute("SELECT FROM alarm WHERE alarm_id = %s FOR NO KEY UPDATE", (alarm_id,))
    return read_alarm(connection, alarm_id)


def write_life(connection: Connection, alarm: Alarm) -> None:
    """Write what a person's act moved of an alarm that is held: seen, by whom, snoozed, assigned."""
    connection.execute(
        """
        UPDATE alarm SET acknowledged_at = %s, acknowledged_by = %s, assignee = %s, snoozed_until = %s
         WHERE alarm_id = %s
        """,
        (alarm.acknowledged_at, alarm.acknowledged_by, alarm.assignee, alarm.snoozed_until, alarm.alarm_id),
    )


def write_acts(connection: Connection, acts: Sequence[NewAct]) -> None:
    """Write what happened to alarms; what is told goes to those who subscribed, by the store itself."""
    if not acts:
        return
    connection.execute(
        """
        INSERT INTO alarm_act (alarm_id, at, by, what, said, until, told)
        SELECT alarm_id, at, by, what, said, until, told
          FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::timestamptz[],
                      %s::boolean[])
               WITH ORDINALITY AS one (alarm_id, at, by, what, said, until, told, place) ORDER BY place
        """,
        [list(column) for column in zip(*(astuple(one) for one in acts), strict=True)],
    )


def _kept(connection: Connection, statement: LiteralString, values: Mapping[str, object]) -> list[KeptAlarm]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, values).fetchall()
    rules = read_rules_of(connection, {row["rule_id"] for row in rows} - {None})
    return [_kept_alarm(row, rules) for row in rows]


def _kept_alarm(row: Mapping[str, Any], rules: Mapping[int, Rule]) -> KeptAlarm:
    site = sensor = None
    if row["site_code"] is not None:
        site = AlarmSite(row["site_id"], row["site_code"], row["site_name"])
    if row["external_id"] is not None:
        about = ("sensor_id", "external_id", "sensor_name", "kind", "origin")
        sensor = AlarmSensor(*(row[name] for name in about))
    return KeptAlarm(
        alarm_of(row),
        rules.get(row["rule_id"]),
        site,
        sensor,
        row["metric"],
        row["gateway_name"] or "",
        row["members"],
        row["rank"],
    )


def alarm_of(row: Mapping[str, Any]) -> Alarm:
    """Return the alarm of a row of ``alarm``, by the names of its columns."""
    values = {one.name: row[one.name] for one in fields(Alarm)}
    return Alarm(**values | {"severity": Severity(row["severity"])})
