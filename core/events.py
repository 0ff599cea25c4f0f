"""Events: what happened that somebody outside must hear of, written with what it tells of.

Each is one JSON object, the same by webhook and over MQTT. An **alarm** is an event of one form, whatever raised it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from core.clock import format_instant
from core.decisions import DecisionState, Phrase, Value


class EventName(StrEnum):
    """What can happen. The word before the dot is its family; the topic of MQTT and the words of people follow it."""

    DECISION_PROPOSED = "decision.proposed"
    DECISION_EDITED = "decision.edited"
    DECISION_APPROVED = "decision.approved"
    DECISION_REFUSED = "decision.refused"
    ALARM_SENSOR_FLOODED = "alarm.sensor_flooded"
    """A sensor sends more than the flood gate lets through: the rest goes to quarantine."""
    ALARM_DECISION_IMPOSSIBLE = "alarm.decision_impossible"
    """Nothing can be proposed any more on a subject that is decided about."""
    ALARM_EXPORT_FAILED = "alarm.export_failed"
    """A scheduled export failed several times in a row."""
    ALARM_INTAKE_FAILED = "alarm.intake_failed"
    """A replay, back-fill or import was given up."""
    ALARM_BACKUP_OVERDUE = "alarm.backup_overdue"
    """The newest backup is older than two days."""
    ALARM_WEATHER_STALE = "alarm.weather_stale"
    """The newest forecast of the weather is older than a day, or none ever came, while a provider is set."""
    ALARM_FORECAST_DRIFT = "alarm.forecast_drift"
    """A model loses more, beside the naive forecast, than its held-out weeks promised, day after day."""
    ALARM_FORECAST_COVERAGE = "alarm.forecast_coverage"
    """The intervals of a metric's forecasts hold too rarely, or too often, over four weeks."""
    ALARM_WEBHOOK_GIVEN_UP = "alarm.webhook_given_up"
    """A webhook did not take an event for three days, or said that it is gone."""
    ALARM_LANE_SILENT = "alarm.lane_silent"
    """Nothing comes through a lane any more: what its sensors say is not known."""
    ALARM_MAIL_GIVEN_UP = "alarm.mail_given_up"
    """The mail server took no mail for a subscriber, or refused the address."""
    ALARM_RAISED = "alarm.raised"
    ALARM_ACKNOWLEDGED = "alarm.acknowledged"
    ALARM_ESCALATED = "alarm.escalated"
    ALARM_CLEARED = "alarm.cleared"
    ALARM_WITHDRAWN = "alarm.withdrawn"
    """What became of an alarm that a rule found, or people looked at."""
    WEBHOOK_TEST = "webhook.test"
    """Sent to one webhook, because a person asked for it."""


FAMILIES = ("decision", "alarm")
"""What can be listened to; ``alarm.*`` is all of a family."""
WANTED = frozenset(
    {
        *(name.value for name in EventName if name.value.partition(".")[0] in FAMILIES),
        *(f"{family}.*" for family in FAMILIES),
    }
)
"""What a webhook may name."""
EVENT_OF_STATE: Mapping[DecisionState, EventName] = {
    DecisionState.EDITED: EventName.DECISION_EDITED,
    DecisionState.APPROVED: EventName.DECISION_APPROVED,
    DecisionState.REFUSED: EventName.DECISION_REFUSED,
}
"""What a person's answer tells; that a decision was applied is known to whoever applied it."""


class Severity(StrEnum):
    """How soon a person should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Parameters
    ----------
    commune_insee
        Where; None where it is of the whole Métropole.
    told
        The JSON of its name.
    subject
        What it is about, its sort before a colon: ``sensor:a81758fffe03d1b2``, ``export:air-noisy``.
    decision_id
        Of the decision that it tells of, None where it tells of none.
    event_id
        Names it for ever, however often it is sent.
    """

    name: EventName
    happened_at: datetime
    commune_insee: str | None
    told: Mapping[str, Any]
    subject: str = ""
    decision_id: int | None = None
    event_id: UUID = field(default_factory=uuid4)

    def as_json(self) -> str:
        """Return what is sent: the form of the Standard Webhooks, with our id and place."""
        body = {
            "type": self.name,
            "timestamp": format_instant(self.happened_at),
            "id": str(self.event_id),
            "commune_insee": self.commune_insee,
            "data": dict(self.told),
        }
        return json.dumps(body, ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True, slots=True)
class PlatformAlarm:
    """Something that a person should look at.

    Parameters
    ----------
    since, until
        When it began, and when it ended; ``until`` is None while it lasts.
    subject
        What it is about, as of an `Event`.
    values
        What its sentence in the pages' catalogue is filled in with.
    """

    name: EventName
    severity: Severity
    since: datetime
    subject: str
    commune_insee: str | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    until: datetime | None = None
    decision_id: int | None = None

    @property
    def words(self) -> Phrase:
        """It in a sentence: ``alarm.<key>`` of the pages' catalogue, and its values."""
        return Phrase(self.name.partition(".")[2], self.values)

    def event(self, at: datetime) -> Event:
        """Return the event that tells of it."""
        told = {
            "severity": self.severity,
            "since": format_instant(self.since),
            "until": format_instant(self.until) if self.until else None,
            "subject": self.subject,
            "commune_insee": self.commune_insee,
            "words": {"key": self.words.key, "values": dict(self.values)},
        }
        return Event(self.name, at, self.commune_insee, told, self.subject, self.decision_id)


def is_wanted(name: str, wanted: Iterable[str]) -> bool:
    """Whether an event of this name is among what a webhook named."""
    return bool({name, f"{name.partition('.')[0]}.*"} & set(wanted))
