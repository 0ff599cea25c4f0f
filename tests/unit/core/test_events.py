"""Events: one form for all, words for each, and what a webhook may name."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.events import WANTED, Event, EventName, PlatformAlarm, Severity

NOW = datetime(2026, 3, 16, 9, 20, tzinfo=UTC)
WORDS = Path(__file__).resolve().parents[3] / "dashboards" / "words"


def test_an_alarm_has_one_form() -> None:
    alarm = PlatformAlarm(EventName.ALARM_SENSOR_FLOODED, Severity.WARNING, NOW, "sensor:bin-1", "93051", {"n": 3})
    event = alarm.event(NOW)
    told = json.loads(event.as_json())
    assert list(told) == ["type", "timestamp", "id", "commune_insee", "data"]
    assert told["id"] == str(event.event_id)
    assert told["data"] == {
        "severity": "warning",
        "since": "2026-03-16T09:20:00Z",
        "until": None,
        "subject": "sensor:bin-1",
        "commune_insee": "93051",
        "words": {"key": "sensor_flooded", "values": {"n": 3}},
    }


def test_a_number_that_is_none_is_not_sent() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Event(EventName.DECISION_PROPOSED, NOW, None, {"figure": float("nan")}).as_json()


def test_what_can_be_listened_to_is_every_event_but_the_test() -> None:
    names = {name.value for name in EventName} - {EventName.WEBHOOK_TEST.value}
    assert names | {"decision.*", "alarm.*"} == WANTED


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("name", [name for name in EventName if name.startswith("alarm.")])
def test_every_alarm_has_its_words(language: str, name: EventName) -> None:
    words = json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))["alarm"]
    assert re.search(r"\w", json.dumps(words[name.partition(".")[2]]))
