"""The form of alarms in answers: what is the matter, where, since when, in words, and what people did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from core.alarms import ActOnAlarm, AlarmState
from core.clock import format_instant, parse_instant
from core.events import Severity
from core.metrics import METRICS
from core.places import SensorKind
from core.store.alarms import AlarmAct, AlarmCounts, KeptAlarm, Place, place_of
from services.alarms.words import said_of
from services.api.answers import Answer, Items, documented
from services.api.parameters import ID_MAX, LONG_ID_MAX, Instant
from services.words import Catalogue

ALARM_EXAMPLE: dict[str, Any] = {
    "alarm_id": 812,
    "name": "threshold",
    "rule_id": 2,
    "state": "raised",
    "severity": "warning",
    "asks": True,
    "commune_insee": "93051",
    "site": {"site_id": 3, "code": "ecole-des-tilleuls", "name": "École des Tilleuls"},
    "sensor": {
        "sensor_id": 12,
        "external_id": "a81758fffe03d1b2",
        "name": "Salle 12",
        "kind": "indoor_air",
        "origin": "field",
    },
    "series_id": 41,
    "metric": "co2_ppm",
    "gateway": None,
    "since": "2026-03-02T09:18:00Z",
    "until": None,
    "raised_at": "2026-03-02T09:28:04Z",
    "cleared_at": None,
    "found_late": False,
    "acknowledged_at": None,
    "acknowledged_by": None,
    "assignee": None,
    "snoozed_until": None,
    "escalated_at": None,
    "members": 0,
    "parent_id": None,
    "figures": {"value": 1840.0, "limit": 1500.0},
    "unit": "ppm",
    "title": "CO₂ élevé, Salle 12",
    "detail": "École des Tilleuls · 1 840 ppm, limite 1 500 ppm",
    "why": "Règle : CO₂ au moins à 1 500 ppm, pendant 10 min. Commencé à 10 h 18.",
}
_ACT = {"at": "2026-03-02T09:31:10Z", "by": "Nadia", "what": "acknowledged", "said": "j’y vais", "until": None}
_COUNTS = {
    "raised": 3,
    "acknowledged": 1,
    "snoozed": 0,
    "muted": 1,
    "by_severity": {"info": 0, "warning": 2, "critical": 1},
    "raised_since_9h": 2,
    "cleared_since_9h": 4,
    "since": "2026-03-02T08:00:00Z",
    "sensors_alarming": 3,
}


class Asked(StrEnum):
    """Which alarms: those that last, or all."""

    OPEN = "open"
    ALL = "all"


class Act(StrEnum):
    """What a person does with an alarm."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    SNOOZE = "snooze"
    UNSNOOZE = "unsnooze"
    ASSIGN = "assign"
    COMMENT = "comment"


DONE = {
    Act.ACKNOWLEDGE: ActOnAlarm.ACKNOWLEDGED,
    Act.UNACKNOWLEDGE: ActOnAlarm.UNACKNOWLEDGED,
    Act.SNOOZE: ActOnAlarm.SNOOZED,
    Act.UNSNOOZE: ActOnAlarm.UNSNOOZED,
    Act.ASSIGN: ActOnAlarm.ASSIGNED,
    Act.COMMENT: ActOnAlarm.COMMENTED,
}
"""What each act is called once it is done."""


class AlarmSiteAnswer(Answer):
    """The site that an alarm is about."""

    site_id: int
    code: str
    name: str


class AlarmSensorAnswer(Answer):
    """The sensor that an alarm is about."""

    sensor_id: int
    external_id: str
    name: str
    kind: SensorKind
    origin: str = Field(description="`simulated` and `replayed` readings are said to be so wherever they are shown.")


class AlarmTold(Answer):
    """An alarm: `since` and `until` are of the data, the other instants are ours."""

    alarm_id: int
    name: str = Field(description="The condition of its rule, or what the platform says: `sensor_flooded`.")
    rule_id: int | None = Field(description="The rule, in the version that raised it; null: of the platform, a group.")
    state: AlarmState
    severity: Severity
    asks: bool = Field(description="Whether it asks for a person while nobody has taken it; else it is followed.")
    commune_insee: str | None
    site: AlarmSiteAnswer | None
    sensor: AlarmSensorAnswer | None
    series_id: int | None
    metric: str | None
    gateway: str | None
    since: datetime = Field(description="When it began, by the readings.")
    until: datetime | None = Field(description="When it ended, by the readings; null while it lasts.")
    raised_at: datetime = Field(description="When we knew.")
    cleared_at: datetime | None = Field(description="When we knew that it was over.")
    found_late: bool = Field(description="Over long before we knew: nobody was told.")
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    assignee: str | None
    snoozed_until: datetime | None
    escalated_at: datetime | None = Field(description="When it became more urgent because nobody acknowledged it.")
    parent_id: int | None = Field(description="The alarm that it belongs to.")
    figures: dict[str, Any] = Field(description="What was seen, in stored units: `value`, `limit`, `expected_low` ...")
    unit: str | None = Field(description="Of the metric; null where there is none.")
    title: str = Field(description="What, and where.")
    detail: str = Field(description="One line beside it.")
    why: str = Field(description="The rule and its source, what was measured, what it takes to clear.")


class AlarmAnswer(AlarmTold):
    """An alarm: `since` and `until` are of the data, the other instants are ours."""

    model_config = documented(ALARM_EXAMPLE)

    members: int = Field(description="Alarms that belong to it: of the silent sensors of a gateway or site.")


class Alarms(Items[AlarmAnswer]):
    """Alarms: those that last by urgency, all by when they were raised; `next` is given as `cursor`."""

    model_config = documented({"items": [ALARM_EXAMPLE], "next": None})


class AlarmActAnswer(Answer):
    """What happened to an alarm."""

    at: datetime
    by: str = Field(description="Who; `vigie` where it followed from the readings and the clock.")
    what: ActOnAlarm
    said: str = Field(description="What they noted; of an assignment, to whom.")
    until: datetime | None = Field(description="Of a snooze: until when.")


class AlarmWithActs(AlarmTold):
    """An alarm with all that happened to it, and what belongs to it."""

    model_config = documented({**ALARM_EXAMPLE, "acts": [_ACT], "members": []})

    acts: list[AlarmActAnswer] = Field(description="The oldest first.")
    members: list[AlarmAnswer] = Field(description="The alarms that belong to it, 1,000 at most.")


class AlarmCountsAnswer(Answer):
    """How many alarms last, by state, and what moved since nine in the morning."""

    model_config = documented(_COUNTS)

    raised: int
    acknowledged: int
    snoozed: int
    muted: int
    by_severity: dict[Severity, int] = Field(description="Of those that nobody has looked at.")
    raised_since_9h: int
    cleared_since_9h: int
    since: datetime = Field(description="The last nine o’clock of Paris.")
    sensors_alarming: int = Field(description="Sensors with an alarm that `asks` and nobody has looked at.")


Said = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000, pattern=r"^[^\x00-\x09\x0b-\x1f]*$")]
AssigneeName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class ActBody(Answer):
    """What to do with an alarm; done twice, it is done once."""

    model_config = documented(
        {"what": "acknowledge", "said": "j’y vais"},
        {"what": "snooze", "until": "2026-03-02T16:00:00Z", "said": "travaux"},
    )

    what: Act
    until: Instant | None = Field(default=None, description="Of `snooze`: until when, 30 days ahead at most.")
    assignee: AssigneeName | None = Field(default=None, description="Of `assign`: to whom; null takes it back.")
    said: Said = Field(default="", description="A note; of `comment`, what it says.")


def alarm_answer(kept: KeptAlarm, words: Catalogue, at: datetime) -> AlarmAnswer:
    """Return an alarm as it is answered at an instant, in the language of these words."""
    return AlarmAnswer(**_fields(kept, words, at), members=kept.members)


def alarm_with_acts(
    kept: KeptAlarm, acts: Sequence[AlarmAct], members: Sequence[KeptAlarm], words: Catalogue, at: datetime
) -> AlarmWithActs:
    """Return an alarm with what happened to it and what belongs to it."""
    told = [AlarmActAnswer.model_validate(act, from_attributes=True) for act in acts]
    belonging = [alarm_answer(member, words, at) for member in members]
    return AlarmWithActs(**_fields(kept, words, at), acts=told, members=belonging)


def _fields(kept: KeptAlarm, words: Catalogue, at: datetime) -> dict[str, Any]:
    alarm = kept.alarm
    told = said_of(words, kept, at)
    same = {name: getattr(alarm, name) for name in AlarmTold.model_fields if name in type(alarm).__dataclass_fields__}
    return {
        **same,
        "asks": alarm.asks,
        "state": alarm.state(at),
        "site": AlarmSiteAnswer.model_validate(kept.site, from_attributes=True) if kept.site else None,
        "sensor": AlarmSensorAnswer.model_validate(kept.sensor, from_attributes=True) if kept.sensor else None,
        "metric": kept.metric,
        "figures": dict(alarm.figures),
        "unit": METRICS[kept.metric].unit if kept.metric in METRICS else None,
        "title": told.title,
        "detail": told.detail,
        "why": told.why,
    }


def counts_answer(counts: AlarmCounts, since: datetime) -> AlarmCountsAnswer:
    """Return how many there are as it is answered."""
    return AlarmCountsAnswer(
        raised=counts.raised,
        acknowledged=counts.acknowledged,
        snoozed=counts.snoozed,
        muted=counts.muted,
        by_severity=dict(counts.by_severity),
        raised_since_9h=counts.raised_since,
        cleared_since_9h=counts.cleared_since,
        since=since,
        sensors_alarming=counts.sensors_alarming,
    )


def cursor_of(kept: KeptAlarm, *, is_open: bool) -> str:
    """Return where the next page begins: after this alarm."""
    rank, instant, alarm_id = place_of(kept, is_open=is_open)
    return f"{rank}~{format_instant(instant)}~{alarm_id}"


def _place(text: str) -> str:
    parse_cursor(text)
    return text


def parse_cursor(text: str) -> Place:
    """Parse a cursor as it was told.

    Raises
    ------
    ValueError
        If it was not.
    """
    parts = text.split("~")
    if len(parts) != len(("rank", "instant", "alarm_id")) or not (parts[0].isdecimal() and parts[2].isdecimal()):
        raise ValueError("it is no cursor of a page before")
    rank, alarm_id = int(parts[0]), int(parts[2])
    if rank > ID_MAX or alarm_id > LONG_ID_MAX:
        raise ValueError("it is no cursor of a page before")
    return rank, parse_instant(parts[1]), alarm_id


Cursor = Annotated[
    str,
    StringConstraints(max_length=80, pattern=r"^[0-9]{1,10}~[0-9T:.Z+-]{1,40}~[0-9]{1,16}$"),
    AfterValidator(_place),
]
