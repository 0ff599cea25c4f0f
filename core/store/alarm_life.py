"""What the clock moves of alarms, in the store: whole sets at once, each in one statement that returns whom it moved.

The caller holds `core.store.live.lock_live`, as all who write alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import LiteralString

import numpy as np
from psycopg.types.json import Jsonb

from core.alarms import Rule
from core.columns import Ints
from core.metrics import METRICS
from core.quality.marks import codes_of
from core.store.packed import integers
from core.store.pool import Connection

PASSING = {"sensor_flooded": timedelta(hours=2)}
"""What the platform says again each hour while it lasts: over when it was not said for so long."""
INCIDENTS = ("intake_failed", "webhook_given_up")
"""What happened once: over when somebody has looked, or after `INCIDENT_KEPT`."""
INCIDENT_KEPT = timedelta(days=7)
TOLD_AT_ONCE = 1_000
"""Alarms that one turn tells of: half a second, in which the live feed is held. The others follow with the next."""


def clear_ended_rules(connection: Connection, at: datetime) -> list[int]:
    """Clear the alarms whose rule was edited, ended or turned off."""
    return _ids(
        connection,
        """
        UPDATE alarm SET until = coalesce(alarm.until, greatest(alarm.since, %(at)s)), cleared_at = %(at)s,
                         figures = alarm.figures || '{"ended": "rule"}'
          FROM alarm_rule
         WHERE alarm_rule.rule_id = alarm.rule_id AND alarm.cleared_at IS NULL AND alarm.withdrawn_at IS NULL
           AND (alarm_rule.until IS NOT NULL OR NOT alarm_rule.enabled)
        RETURNING alarm.alarm_id
        """,
        at,
    )


def clear_retired(connection: Connection, at: datetime) -> list[int]:
    """Clear the alarms of sensors that were taken out of service."""
    return _ids(
        connection,
        """
        UPDATE alarm SET until = coalesce(alarm.until, greatest(alarm.since, sensor.retired_at)), cleared_at = %(at)s,
                         figures = alarm.figures || '{"ended": "retired"}'
          FROM sensor
         WHERE sensor.sensor_id = alarm.sensor_id AND sensor.retired_at IS NOT NULL AND alarm.rule_id IS NOT NULL
           AND alarm.cleared_at IS NULL AND alarm.withdrawn_at IS NULL
        RETURNING alarm.alarm_id
        """,
        at,
    )


def follow_moved(connection: Connection, at: datetime) -> list[int]:
    """Have the alarms that last follow their sensors to other sites; what is over stays where it was.

    So does what the platform says of a sensor, where it said it of the new place already: it is over in its own time.
    """
    return _ids(
        connection,
        """
        UPDATE alarm SET site_id = site.site_id, commune_insee = site.commune_insee, parent_id = NULL
          FROM sensor JOIN site USING (site_id)
         WHERE sensor.sensor_id = alarm.sensor_id AND alarm.site_id <> site.site_id AND alarm.raised_at <= %(at)s
           AND alarm.cleared_at IS NULL AND alarm.withdrawn_at IS NULL
           AND (alarm.rule_id IS NOT NULL
                OR NOT EXISTS (SELECT FROM alarm AS there
                                WHERE there.rule_id IS NULL AND there.name = alarm.name
                                  AND there.subject = alarm.subject AND there.alarm_id <> alarm.alarm_id
                                  AND there.commune_insee = site.commune_insee
                                  AND there.cleared_at IS NULL AND there.withdrawn_at IS NULL))
        RETURNING alarm.alarm_id
        """,
        at,
    )


def unmute_over(connection: Connection, at: datetime) -> list[int]:
    """Let the alarms speak again whose maintenance is over, by the clock or because it was cancelled."""
    return _ids(
        connection,
        """
        UPDATE alarm SET muted = false
         WHERE muted AND cleared_at IS NULL AND withdrawn_at IS NULL
           AND NOT EXISTS (
               SELECT FROM maintenance AS one
                WHERE one.cancelled_at IS NULL AND one.start_at <= %(at)s AND one.end_at > %(at)s
                  AND one.commune_insee = alarm.commune_insee
                  AND (one.site_id IS NULL OR one.site_id = alarm.site_id)
                  AND (one.sensor_id IS NULL OR one.sensor_id = alarm.sensor_id))
        RETURNING alarm_id
        """,
        at,
    )


def unsnooze_over(connection: Connection, at: datetime) -> list[int]:
    """Wake the alarms whose snooze is over."""
    return _ids(
        connection,
        """
        UPDATE alarm SET snoozed_until = NULL
         WHERE snoozed_until <= %(at)s AND cleared_at IS NULL AND withdrawn_at IS NULL RETURNING alarm_id
        """,
        at,
    )


def escalate_due(connection: Connection, at: datetime) -> list[int]:
    """Make the alarms one severity higher that nobody has looked at for as long as their rule says; once each."""
    return _ids(
        connection,
        """
        UPDATE alarm SET severity = CASE alarm.severity WHEN 'info' THEN 'warning' ELSE 'critical' END,
                         escalated_at = %(at)s
          FROM alarm_rule
         WHERE alarm_rule.rule_id = alarm.rule_id AND alarm.escalated_at IS NULL AND alarm.severity <> 'critical'
           AND alarm.told_at + make_interval(secs => alarm_rule.escalate_after_s) <= %(at)s
           AND alarm.acknowledged_at IS NULL AND alarm.snoozed_until IS NULL AND NOT alarm.muted
           AND alarm.parent_id IS NULL AND alarm.cleared_at IS NULL AND alarm.withdrawn_at IS NULL
        RETURNING alarm.alarm_id
        """,
        at,
    )


def clear_passed(connection: Connection, at: datetime) -> list[int]:
    """Clear what the platform said of itself and says no more, and incidents that somebody has looked at."""
    return _ids(
        connection,
        """
        UPDATE alarm SET until = greatest(since, %(at)s), cleared_at = %(at)s
          FROM unnest(%(names)s::text[], %(silent_s)s::float8[]) AS passing (name, silent_s)
         WHERE alarm.rule_id IS NULL AND alarm.cleared_at IS NULL AND alarm.withdrawn_at IS NULL
           AND ((alarm.name = passing.name
                 AND NOT EXISTS (SELECT FROM event
                                  WHERE event.name = 'alarm.' || alarm.name AND event.subject = alarm.subject
                                    AND event.happened_at > %(at)s - make_interval(secs => passing.silent_s)))
                OR (alarm.name = ANY(%(incidents)s)
                    AND (alarm.acknowledged_at IS NOT NULL OR alarm.raised_at <= %(kept_since)s)))
        RETURNING alarm.alarm_id
        """,
        at,
        names=list(PASSING),
        silent_s=[after.total_seconds() for after in PASSING.values()],
        incidents=list(INCIDENTS),
        kept_since=at - INCIDENT_KEPT,
    )


def read_untold(connection: Connection, silences_before: datetime) -> list[int]:
    """Return the alarms that last and that others are to hear of: not muted, of no group, not found late.

    The silence of a sensor waits until it was raised before an instant: its gateway may be the reason.
    """
    rows = connection.execute(
        """
        SELECT alarm_id FROM alarm
         WHERE told_at IS NULL AND cleared_at IS NULL AND withdrawn_at IS NULL AND NOT muted AND NOT found_late
           AND parent_id IS NULL
           AND (name <> 'silence' OR rule_id IS NULL OR series_id IS NOT NULL OR raised_at <= %s)
         ORDER BY alarm_id LIMIT %s
        """,
        (silences_before, TOLD_AT_ONCE),
    )
    return [alarm_id for (alarm_id,) in rows]


# All channels at once: a sensor that is silent, by its most talkative channel, and a channel whose node is not. Only
# what a rule listens to that knows nothing of it yet: who is silent and listened to by none must not fill the turn.
_FALLEN_SILENT = """
    WITH rule AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(rules)s) AS one (
               rule_id integer, factor float8, metric text, kind text, commune_insee char(5), site_id integer,
               sensor_id integer)
    ), channel AS (
        SELECT latest.series_id, series.sensor_id, series.metric, sensor.kind, site.commune_insee, site.site_id,
               latest.observed_at, greatest(latest.observed_at, latest.received_at) AS heard_at,
               coalesce(learnt.after_us / 1e6, 3 * coalesce(sensor.interval_s, due.step_s))::float8 AS usual_s
          FROM latest JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
          JOIN unnest(%(metrics)s::text[], %(steps_s)s::float8[]) AS due (metric, step_s) USING (metric)
          LEFT JOIN unnest(%(learnt)s::bigint[], %(after_us)s::bigint[]) AS learnt (series_id, after_us)
                 ON learnt.series_id = latest.series_id
         WHERE sensor.retired_at IS NULL
           AND (%(heard)s::text[] IS NULL OR site.commune_insee = ANY(%(heard)s::text[]))
    ), node AS (
        SELECT sensor_id, max(observed_at) AS observed_at, max(heard_at) AS heard_at, min(usual_s) AS usual_s,
               count(*) AS channels
          FROM channel GROUP BY sensor_id
    ), silent AS (
        SELECT channel.*, false AS is_alone, node.channels, node.usual_s AS due_s,
               extract(epoch FROM %(at)s - node.heard_at)::float8 AS silent_s
          FROM channel JOIN node USING (sensor_id)
         WHERE channel.observed_at = node.observed_at
           AND node.heard_at <= %(at)s - make_interval(secs => least(node.usual_s * %(factor)s, %(longest_s)s))
         UNION ALL
        SELECT channel.*, true, node.channels, channel.usual_s,
               extract(epoch FROM node.observed_at - channel.observed_at)::float8
          FROM channel JOIN node USING (sensor_id)
         WHERE channel.observed_at
               < node.observed_at - make_interval(secs => least(channel.usual_s * %(factor)s, %(longest_s)s))
    )
    SELECT string_agg(int4send(series_id), ''), string_agg(timestamptz_send(observed_at), '')
      FROM (
            SELECT DISTINCT silent.series_id, silent.observed_at
              FROM silent JOIN rule
                ON (rule.metric IS NULL OR (rule.metric = silent.metric AND (is_alone OR channels = 1)))
               AND (rule.kind IS NULL OR rule.kind = silent.kind)
               AND (rule.commune_insee IS NULL OR rule.commune_insee = silent.commune_insee)
               AND (rule.site_id IS NULL OR rule.site_id = silent.site_id)
               AND (rule.sensor_id IS NULL OR rule.sensor_id = silent.sensor_id)
               AND silent_s >= least(due_s * rule.factor, %(longest_s)s)
             WHERE NOT EXISTS (
                   SELECT FROM alarm
                    WHERE alarm.sensor_id = silent.sensor_id AND alarm.rule_id = rule.rule_id
                      AND alarm.cleared_at IS NULL AND alarm.withdrawn_at IS NULL
                      AND alarm.series_id IS NOT DISTINCT FROM CASE WHEN silent.is_alone THEN silent.series_id END)
             ORDER BY silent.series_id LIMIT %(limit)s) AS first
"""


@dataclass(frozen=True, slots=True)
class Usual:
    """After how long channels are silent.

    Parameters
    ----------
    learnt, after_us
        Series with a rhythm of their own, ascending, and theirs in microseconds.
    longest_s
        Nobody is silent only after longer than this, whatever a rule's factor.
    """

    learnt: Ints
    after_us: Ints
    longest_s: float


@dataclass(frozen=True, slots=True)
class Listening:
    """Who listens for silence.

    Parameters
    ----------
    rules
        Rules of silence with their factors: where each looks, and for how many times what is usual.
    heard
        Communes (INSEE codes) of which something could be heard; None for all.
    limit
        Channels that are found at once at most.
    """

    rules: Sequence[tuple[Rule, float]]
    heard: Sequence[str] | None
    limit: int

    def told(self) -> Jsonb:
        """Return the rules as the store asks for them."""
        return Jsonb([{"rule_id": rule.rule_id, "factor": factor, **asdict(rule.scope)} for rule, factor in self.rules])


def read_fallen_silent(connection: Connection, at: datetime, usual: Usual, listening: Listening) -> Ints:
    """Return the hours, by code, in which sensors or channels were last heard that are silent and not known to be.

    One whose messages come late is not silent for that: it is when nothing came for so long.
    """
    asked = {
        "at": at,
        "metrics": list(METRICS),
        "steps_s": [metric.step.total_seconds() for metric in METRICS.values()],
        "learnt": usual.learnt,
        "after_us": usual.after_us,
        "rules": listening.told(),
        "factor": min(factor for _, factor in listening.rules),
        "longest_s": usual.longest_s,
        "heard": None if listening.heard is None else list(listening.heard),
        "limit": listening.limit,
    }
    row = connection.execute(_FALLEN_SILENT, asked, binary=True, prepare=False).fetchone()
    assert row is not None, "an aggregate returns a row"
    return np.unique(codes_of(integers(row[0], 32), integers(row[1], 64)))


def _ids(connection: Connection, statement: LiteralString, at: datetime, **values: object) -> list[int]:
    rows = connection.execute(statement, {"at": at, **values})
    return sorted(alarm_id for (alarm_id,) in rows)
