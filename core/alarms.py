"""Alarms: what a person should hear of, found on data time and lived on our time.

A **rule** says when; an **episode** is when its condition held on a series, a pure function of the readings; an
**alarm** is an episode with a life: raised, acknowledged, snoozed, assigned, escalated, cleared (`docs/alarms.md`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core.decisions import Value
from core.events import Severity

LATE_AFTER = timedelta(hours=1)
"""An episode that had ended so long before we knew of it is history: nobody is told."""
SEVERITIES = tuple(Severity)
"""From the least to the most urgent."""


class Condition(StrEnum):
    """What a rule looks for on a series."""

    THRESHOLD = "threshold"
    """Beyond a limit, with hysteresis, for so long."""
    RATE = "rate"
    """Moves faster than it should."""
    STUCK = "stuck"
    """The same value for too long to be true."""
    SILENCE = "silence"
    """Nothing heard for longer than its own rhythm makes usual."""
    BATTERY = "battery"
    """Will be empty soon, by the line through its last months."""
    EXPECTED = "expected"
    """Outside of what was forecast, or forecast to pass a limit."""
    COMPLETENESS = "completeness"
    """Days running with too few of the readings that were due."""


class AlarmState(StrEnum):
    """Where an alarm is in its life; the first that holds, from the end of it."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    MUTED = "muted"
    """Raised inside a maintenance window that lasts: nobody is told."""
    CLEARED = "cleared"
    WITHDRAWN = "withdrawn"
    """Late data showed that it never was."""


class ActOnAlarm(StrEnum):
    """What happened to an alarm: the first group by itself, the second by a person."""

    RAISED = "raised"
    ESCALATED = "escalated"
    CLEARED = "cleared"
    WITHDRAWN = "withdrawn"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    SNOOZED = "snoozed"
    UNSNOOZED = "unsnoozed"
    ASSIGNED = "assigned"
    COMMENTED = "commented"


FOLLOWED = frozenset({Condition.SILENCE, Condition.STUCK, Condition.BATTERY, Condition.COMPLETENESS})
"""What a sensor says of itself: somebody follows it, and is asked to come only when it is critical."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a rule looks; None is anywhere.

    Parameters
    ----------
    kind
        Sensor kind.
    """

    metric: str | None = None
    kind: str | None = None
    commune_insee: str | None = None
    site_id: int | None = None
    sensor_id: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """When something is an alarm: a row of ``alarm_rule``.

    Parameters
    ----------
    rule_id
        Names this version; one that is edited ends, and another begins that ``replaces`` it. 0: not stored (a trial).
    preset
        Its name among those that come with Vigie, None for a rule that people made.
    parameters
        Of its condition, in stored units (``services.alarms.conditions.parameters``).
    escalate_after_s
        Not acknowledged for so long, an alarm becomes one severity higher; None: never.
    source, source_url
        Where its figures come from: a decree, a directive, a guideline.
    since, until
        When this version holds; ``until`` is None while it does.
    """

    rule_id: int
    condition: Condition
    severity: Severity
    parameters: Mapping[str, Any]
    scope: Scope = Scope()
    preset: str | None = None
    name: str = ""
    escalate_after_s: int | None = None
    enabled: bool = True
    source: str = ""
    source_url: str = ""
    since: datetime | None = None
    until: datetime | None = None
    made_by: str = ""
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """When a condition held on a series, in data time.

    Parameters
    ----------
    since, until
        Half-open, in data time; ``until`` is None while it holds.
    confirmed_at
        The data time at which it had held for its minimum duration.
    figures
        What was seen, in stored units: ``value``, ``limit``, ``expected_low``, ``expected_high``, ``ends_at`` ...
    """

    since: datetime
    until: datetime | None
    confirmed_at: datetime
    figures: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An episode, or something of the platform, that a person should hear of: a row of ``alarm``.

    Parameters
    ----------
    rule_id
        Which rule raised it; None for what the platform says of itself.
    name
        The condition, or what the platform says: ``sensor_flooded``.
    site_id, sensor_id, series_id, gateway
        What it is about, as far as it is about one; where it stands.
    subject
        As of an event: ``sensor:a81758fffe03d1b2``.
    raised_at, cleared_at
        When we knew that it began, and that it was over.
    found_late
        It had ended long before we knew.
    snoozed_until
        Till then it waits; an instant that has passed says nothing any more.
    muted
        Raised inside a maintenance window: kept, told to nobody.
    parent_id
        The alarm that it belongs to: of its gateway or its site.
    told_at
        Since when others know of it; None while it is muted, waits for its group, or was found late.
    """

    alarm_id: int
    rule_id: int | None
    name: str
    severity: Severity
    commune_insee: str | None
    site_id: int | None
    sensor_id: int | None
    series_id: int | None
    gateway: str | None
    subject: str
    since: datetime
    until: datetime | None
    confirmed_at: datetime
    raised_at: datetime
    cleared_at: datetime | None = None
    found_late: bool = False
    withdrawn_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    assignee: str | None = None
    snoozed_until: datetime | None = None
    escalated_at: datetime | None = None
    muted: bool = False
    parent_id: int | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    told_at: datetime | None = None

    @property
    def asks(self) -> bool:
        """Whether it asks for a person, while nobody has taken it: urgent enough for what it is about."""
        if self.severity is Severity.WARNING:
            return self.name not in FOLLOWED
        return self.severity is Severity.CRITICAL

    def state(self, at: datetime) -> AlarmState:
        """Return where it is in its life at an instant of our time."""
        if self.withdrawn_at is not None:
            return AlarmState.WITHDRAWN
        if self.cleared_at is not None:
            return AlarmState.CLEARED
        if self.muted:
            return AlarmState.MUTED
        if self.snoozed_until is not None and self.snoozed_until > at:
            return AlarmState.SNOOZED
        return AlarmState.RAISED if self.acknowledged_at is None else AlarmState.ACKNOWLEDGED
