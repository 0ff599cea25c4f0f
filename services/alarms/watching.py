"""Which rules look at which series: rules with their checked parameters, by where they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import ValidationError

from core.alarms import Condition, Episode, Rule
from core.store.episodes import Watched
from services.alarms.conditions import AT_ONCE, CONDITIONS, Kind
from services.alarms.conditions.parameters import WillExceed
from services.alarms.track import State, Track

log = structlog.get_logger(__name__)

DAILY = frozenset({Condition.BATTERY, Condition.COMPLETENESS})
"""Conditions on local days that are over: they are looked at once a night."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A rule, ready to look."""

    rule: Rule
    kind: Kind
    parameters: Any

    @property
    def is_hourly(self) -> bool:
        """Whether it is asked every hour rather than at once."""
        return self.kind.every > AT_ONCE

    @property
    def asks_issues(self) -> bool:
        """Whether it looks at forecasts as they are issued."""
        return isinstance(self.parameters, WillExceed)

    def looks_at(self, one: Watched) -> bool:
        """Whether a series lies in its scope."""
        scope = self.rule.scope
        return (
            scope.metric in {None, one.metric}
            and scope.kind in {None, one.kind}
            and scope.commune_insee in {None, one.commune_insee}
            and scope.site_id in {None, one.site_id}
            and scope.sensor_id in {None, one.sensor_id}
        )

    def lookback_us(self, metric: str, interval_us: int) -> int:
        """Return how far before a touched hour its readings begin, microseconds."""
        return self.kind.lookback_us(self.parameters, metric, interval_us)

    def episodes(self, one: Watched, track: Track, state: State) -> list[Episode] | None:
        """Return when its condition held on a series; None, and told in the log, where it stumbled over the readings.

        What is known of that series stays then as it is.
        """
        try:
            return self.kind.episodes(track, self.parameters, state)
        except Exception:
            # One odd series must not hold back the alarms of all others, turn after turn.
            log.exception("alarm_condition_failed", rule_id=self.rule.rule_id, series_id=one.series_id)
            return None


def watches_of(rules: Sequence[Rule]) -> list[Watch]:
    """Return rules ready to look; one whose parameters its condition does not know is left out, and told."""
    found = []
    for rule in rules:
        kind = CONDITIONS[rule.condition]
        try:
            found.append(Watch(rule, kind, kind.parse(rule.parameters)))
        except ValidationError as error:
            log.error("alarm_rule_unreadable", rule_id=rule.rule_id, faults=error.error_count())  # noqa: TRY400 - told
    return found
