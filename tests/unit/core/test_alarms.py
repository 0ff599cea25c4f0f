from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.alarms import FOLLOWED, Alarm, AlarmState, Condition
from core.events import Severity

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def alarm(name: str = "threshold", severity: Severity = Severity.WARNING) -> Alarm:
    return Alarm(1, 1, name, severity, "93051", 3, 12, 41, None, "sensor:a", AT, None, AT, AT)


@pytest.mark.parametrize("name", [*Condition, "sensor_flooded"])
def test_what_a_sensor_says_of_itself_is_followed_until_it_is_critical(name: str) -> None:
    assert alarm(name).asks is (name not in FOLLOWED)
    assert alarm(name, Severity.CRITICAL).asks
    assert not alarm(name, Severity.INFO).asks


@pytest.mark.parametrize(
    ("life", "state"),
    [
        ({}, AlarmState.RAISED),
        ({"acknowledged_at": AT}, AlarmState.ACKNOWLEDGED),
        ({"acknowledged_at": AT, "snoozed_until": AT + HOUR}, AlarmState.SNOOZED),
        ({"acknowledged_at": AT, "snoozed_until": AT}, AlarmState.ACKNOWLEDGED),
        ({"snoozed_until": AT + HOUR, "muted": True}, AlarmState.MUTED),
        ({"cleared_at": AT, "muted": True}, AlarmState.CLEARED),
        ({"cleared_at": AT, "withdrawn_at": AT}, AlarmState.WITHDRAWN),
    ],
)
def test_where_an_alarm_is_in_its_life(life: dict[str, Any], state: AlarmState) -> None:
    assert replace(alarm(), **life).state(AT) is state
