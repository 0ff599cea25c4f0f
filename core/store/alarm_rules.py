"""Rules of alarms in the store: versions that never change, of which the one without an end holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from core.alarms import Condition, Rule, Scope
from core.errors import VigieError
from core.events import Severity
from core.store.pool import Connection

RULES_MAX = 1_000
"""Rules that hold at a time, in all communes together."""


class RuleEnded(VigieError):
    """The rule that was to be replaced holds no longer: somebody else has replaced or ended it meanwhile."""


def read_rules(connection: Connection, *, enabled_only: bool = False) -> list[Rule]:
    """Return the rules that hold, those of the Métropole first, then by id."""
    rows = connection.execute(
        """
        SELECT rule_id, condition, severity, parameters, metric, kind, commune_insee, site_id, sensor_id, preset, name,
               escalate_after_s, enabled, source, source_url, since, until, made_by, replaces
          FROM alarm_rule WHERE until IS NULL AND (enabled OR NOT %s)
         ORDER BY commune_insee NULLS FIRST, rule_id LIMIT %s
        """,
        (enabled_only, RULES_MAX),
    )
    return [_rule(row) for row in rows]


def read_rules_of(connection: Connection, rule_ids: Iterable[int]) -> dict[int, Rule]:
    """Return versions of rules by their ids, those that ended too."""
    rows = connection.execute(
        """
        SELECT rule_id, condition, severity, parameters, metric, kind, commune_insee, site_id, sensor_id, preset, name,
               escalate_after_s, enabled, source, source_url, since, until, made_by, replaces
          FROM alarm_rule WHERE rule_id = ANY(%s)
        """,
        (list(rule_ids),),
    )
    return {row[0]: _rule(row) for row in rows}


def read_rule(connection: Connection, rule_id: int) -> Rule | None:
    """Return a version of a rule, also one that ended; None where there is none."""
    return read_rules_of(connection, [rule_id]).get(rule_id)


def write_rule(connection: Connection, rule: Rule, at: datetime) -> Rule:
    """Write a rule that holds from ``at`` on, and end the version that it replaces; return it with its id.

    What was raised by the version before is cleared by the worker, and raised anew where the new one holds.

    Raises
    ------
    RuleEnded
        If the version before holds no longer: of two who edit it at once, one rule comes.
    """
    if rule.replaces is not None and not end_rule(connection, rule.replaces, at):
        raise RuleEnded(f"there is no rule {rule.replaces} that holds")
    scope = rule.scope
    row = connection.execute(
        """
        INSERT INTO alarm_rule (preset, name, condition, metric, kind, commune_insee, site_id, sensor_id, parameters,
                                severity, escalate_after_s, enabled, source, source_url, since, made_by, replaces)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING rule_id
        """,
        (
            rule.preset,
            rule.name,
            rule.condition,
            scope.metric,
            scope.kind,
            scope.commune_insee,
            scope.site_id,
            scope.sensor_id,
            Jsonb(dict(rule.parameters)),
            rule.severity,
            rule.escalate_after_s,
            rule.enabled,
            rule.source,
            rule.source_url,
            at,
            rule.made_by,
            rule.replaces,
        ),
    ).fetchone()
    assert row is not None, "an insert returns its row"
    return replace(rule, rule_id=int(row[0]), since=at, until=None)


def end_rule(connection: Connection, rule_id: int, at: datetime) -> bool:
    """End a rule; return whether it held until now and whoever asks may end it."""
    cursor = connection.execute(
        "UPDATE alarm_rule SET until = greatest(since, %s) WHERE rule_id = %s AND until IS NULL", (at, rule_id)
    )
    return cursor.rowcount == 1


def _rule(row: Sequence[Any]) -> Rule:
    rule_id, condition, severity, parameters, *scope, preset, name, escalate, enabled, source, url = row[:15]
    return Rule(
        rule_id,
        Condition(condition),
        Severity(severity),
        parameters,
        Scope(*scope),
        preset,
        name,
        escalate,
        enabled,
        source,
        url,
        *row[15:],
    )
