"""What a person's act moves of an alarm, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.alarms import ActOnAlarm, Alarm
from core.events import Severity
from services.alarms.acting import SNOOZED_MAX, ActRefused, Done, acted

AT = datetime(2026, 11, 24, 9, 42, tzinfo=UTC)
ALARM = Alarm(1, 2, "threshold", Severity.WARNING, "93051", 3, 12, 41, None, "", AT, None, AT, AT)
ACKNOWLEDGED = replace(ALARM, acknowledged_at=AT, acknowledged_by="Nadia")
SNOOZED = replace(ALARM, snoozed_until=AT + timedelta(hours=1))


def done(what: ActOnAlarm, **more: object) -> Done:
    return Done(what, "Nadia", **more)  # type: ignore[arg-type] # what an act may carry


@pytest.mark.parametrize(
    ("alarm", "act", "after"),
    [
        (ALARM, done(ActOnAlarm.ACKNOWLEDGED), ACKNOWLEDGED),
        (ACKNOWLEDGED, done(ActOnAlarm.ACKNOWLEDGED), None),
        (ACKNOWLEDGED, done(ActOnAlarm.UNACKNOWLEDGED), ALARM),
        (ALARM, done(ActOnAlarm.UNACKNOWLEDGED), None),
        (ALARM, done(ActOnAlarm.SNOOZED, until=SNOOZED.snoozed_until), SNOOZED),
        (SNOOZED, done(ActOnAlarm.SNOOZED, until=SNOOZED.snoozed_until), None),
        (SNOOZED, done(ActOnAlarm.UNSNOOZED), ALARM),
        (replace(ALARM, snoozed_until=AT), done(ActOnAlarm.UNSNOOZED), None),
        (ALARM, done(ActOnAlarm.ASSIGNED, assignee="Ali"), replace(ALARM, assignee="Ali")),
        (replace(ALARM, assignee="Ali"), done(ActOnAlarm.ASSIGNED), ALARM),
        (ALARM, done(ActOnAlarm.COMMENTED, said="vu"), ALARM),
        (replace(ALARM, cleared_at=AT), done(ActOnAlarm.COMMENTED, said="vu"), replace(ALARM, cleared_at=AT)),
    ],
)
def test_an_act_moves_what_it_says_once(alarm: Alarm, act: Done, after: Alarm | None) -> None:
    assert acted(alarm, act, AT) == after


@pytest.mark.parametrize(
    ("alarm", "act", "field"),
    [
        (ALARM, done(ActOnAlarm.COMMENTED), "said"),
        (ALARM, done(ActOnAlarm.SNOOZED), "until"),
        (ALARM, done(ActOnAlarm.SNOOZED, until=AT), "until"),
        (ALARM, done(ActOnAlarm.SNOOZED, until=AT + SNOOZED_MAX + timedelta(seconds=1)), "until"),
        (replace(ALARM, cleared_at=AT), done(ActOnAlarm.ACKNOWLEDGED), None),
        (replace(ALARM, withdrawn_at=AT), done(ActOnAlarm.ASSIGNED, assignee="Ali"), None),
    ],
)
def test_what_it_does_not_take_is_refused_and_named(alarm: Alarm, act: Done, field: str | None) -> None:
    with pytest.raises(ActRefused) as refused:
        acted(alarm, act, AT)
    assert refused.value.field == field
