"""The form of rules of alarms in requests and answers, and of a trial of one on the past."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from core.alarms import Condition, Rule, Scope
from core.events import Severity
from core.places import SensorKind
from services.alarms.conditions import CONDITIONS
from services.alarms.phrasing import Phrasing
from services.alarms.rule_words import rule_said, rule_title
from services.alarms.trying import DAYS_MAX, Trial
from services.api.answers import Answer, Items, documented
from services.api.parameters import ID_MAX, InseeCode, MetricName
from services.api.problems import BodyInvalid

_PARAMETERS = {"side": "above", "raise": 1_000, "clear": 900, "minutes": 20, "clear_minutes": 20}
RULE_BODY: dict[str, Any] = {
    "name": "CO₂ des crèches",
    "condition": "threshold",
    "metric": "co2_ppm",
    "kind": "indoor_air",
    "commune_insee": "93051",
    "site_id": None,
    "sensor_id": None,
    "parameters": _PARAMETERS,
    "severity": "warning",
    "escalate_after_s": None,
    "enabled": True,
}
_RULE = {
    "rule_id": 31,
    "preset": None,
    **RULE_BODY,
    "source": "",
    "source_url": "",
    "since": "2026-03-02T08:00:00Z",
    "made_by": "Nadia",
    "replaces": None,
    "title": "CO₂ des crèches",
    "said": "CO₂ au moins à 1 000 ppm, pendant 20 min",
}
_EXAMPLE = {
    "series_id": 41,
    "sensor_id": 12,
    "sensor": "Salle 12",
    "since": "2026-02-24T09:18:00Z",
    "until": "2026-02-24T10:02:00Z",
    "figures": {"value": 1320.0, "limit": 1000.0},
}
_TRIAL = {
    "from": "2026-02-02T08:00:00Z",
    "until": "2026-03-02T08:00:00Z",
    "series": 24,
    "series_left": 0,
    "sensors": 6,
    "alarms": 14,
    "per_sensor_month": 0.62,
    "examples": [_EXAMPLE],
}

RuleName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
SourceUrl = Annotated[str, StringConstraints(max_length=500, pattern=r"^(https://[!-~]+)?$")]
_Id = Annotated[int | None, Field(ge=1, le=ID_MAX, strict=True)]


class RuleBody(Answer):
    """A rule: what it looks for, where, how urgent that is. What a scope leaves null is anywhere."""

    model_config = documented(RULE_BODY)

    name: RuleName = ""
    condition: Condition
    metric: MetricName | None = Field(default=None, description="Null: every metric, of conditions that take any.")
    kind: SensorKind | None = None
    commune_insee: InseeCode | None = Field(default=None, description="Null: the whole Métropole.")
    site_id: _Id = None
    sensor_id: _Id = None
    parameters: dict[str, Any] = Field(description="Of the condition, in stored units; docs/alarms.md has them all.")
    severity: Severity = Severity.WARNING
    escalate_after_s: Annotated[
        int | None,
        Field(ge=60, le=2_592_000, strict=True, description="Not acknowledged for so long, it becomes more urgent."),
    ] = None
    enabled: bool = Field(default=True, strict=True)
    source: RuleName = Field(default="", description="Where its figures come from.")
    source_url: SourceUrl = ""

    def rule(self, made_by: str) -> Rule:
        """Return it as a rule that is not stored yet, its parameters whole.

        Raises
        ------
        BodyInvalid
            If the parameters are not of the condition, or it needs a metric.
        """
        try:
            parsed = CONDITIONS[self.condition].parse(self.parameters)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(["parameters", *(str(part) for part in first["loc"])])
            raise BodyInvalid(place, first["msg"]) from None
        if self.metric is None and self.condition in AMOUNTS:
            raise BodyInvalid("metric", f"{self.condition} is of one metric: its parameters are amounts of it")
        if (self.site_id is not None or self.sensor_id is not None) and self.commune_insee is None:
            raise BodyInvalid("commune_insee", "a site or a sensor stands in a commune: name it")
        scope = Scope(self.metric, self.kind, self.commune_insee, self.site_id, self.sensor_id)
        return Rule(
            0,
            self.condition,
            self.severity,
            parsed.model_dump(mode="json", by_alias=True),
            scope,
            name=self.name,
            escalate_after_s=self.escalate_after_s,
            enabled=self.enabled,
            source=self.source,
            source_url=self.source_url,
            made_by=made_by,
        )


AMOUNTS = frozenset({Condition.THRESHOLD, Condition.RATE, Condition.BATTERY})
"""Conditions whose parameters are amounts of a metric; `expected` too, where it names a value (`will_exceed`)."""


class RuleAnswer(Answer):
    """A rule as it holds; one that is edited ends, and another begins that replaces it."""

    model_config = documented(_RULE)

    rule_id: int
    preset: str | None = Field(description="Its name among those that come with Vigie.")
    name: str
    condition: Condition
    metric: str | None
    kind: SensorKind | None
    commune_insee: str | None = Field(description="Null: the whole Métropole.")
    site_id: int | None
    sensor_id: int | None
    parameters: dict[str, Any]
    severity: Severity
    escalate_after_s: int | None
    enabled: bool
    source: str
    source_url: str
    since: datetime | None = Field(description="When this version began.")
    made_by: str
    replaces: int | None = Field(description="The version before.")
    title: str = Field(description="What it is called.")
    said: str = Field(description="What raises it, in words.")


class Rules(Items[RuleAnswer]):
    """The rules that hold: those of the Métropole first, then those of communes."""

    model_config = documented({"items": [_RULE], "next": None})


class TrialBody(Answer):
    """A rule to be tried on the past."""

    model_config = documented({"rule": RULE_BODY, "days": 28})

    rule: RuleBody
    days: int = Field(default=28, ge=1, le=DAYS_MAX, strict=True, description="How far back.")


class TrialExample(Answer):
    """An alarm that there would have been."""

    series_id: int
    sensor_id: int
    sensor: str
    since: datetime
    until: datetime | None
    figures: dict[str, Any]


class TrialAnswer(Answer):
    """What a rule would have raised in the days before now, as it is judged today."""

    model_config = documented(_TRIAL)

    start: datetime = Field(alias="from")
    until: datetime
    series: int = Field(description="Series that were looked at.")
    series_left: int = Field(description="Series that it is of, too, and that were too many for one trial.")
    sensors: int = Field(description="Sensors that would have raised one.")
    alarms: int
    per_sensor_month: float | None = Field(description="Alarms for each sensor that was looked at and 30 days.")
    examples: list[TrialExample] = Field(description="The newest, 20 at most.")


def rule_answer(rule: Rule, phrasing: Phrasing) -> RuleAnswer:
    """Return a rule as it is answered."""
    scope = rule.scope
    return RuleAnswer(
        rule_id=rule.rule_id,
        preset=rule.preset,
        name=rule.name,
        condition=rule.condition,
        metric=scope.metric,
        kind=SensorKind(scope.kind) if scope.kind else None,
        commune_insee=scope.commune_insee,
        site_id=scope.site_id,
        sensor_id=scope.sensor_id,
        parameters=dict(rule.parameters),
        severity=rule.severity,
        escalate_after_s=rule.escalate_after_s,
        enabled=rule.enabled,
        source=rule.source,
        source_url=rule.source_url,
        since=rule.since,
        made_by=rule.made_by,
        replaces=rule.replaces,
        title=rule_title(phrasing, rule),
        said=rule_said(phrasing, rule),
    )


def trial_answer(trial: Trial) -> TrialAnswer:
    """Return what a trial found as it is answered."""
    examples = [TrialExample.model_validate(one, from_attributes=True) for one in trial.examples]
    return TrialAnswer.model_validate(
        {
            "from": trial.window.start,
            "until": trial.window.end,
            "series": trial.series,
            "series_left": trial.series_left,
            "sensors": trial.sensors,
            "alarms": trial.alarms,
            "per_sensor_month": trial.per_sensor_month,
            "examples": examples,
        }
    )
