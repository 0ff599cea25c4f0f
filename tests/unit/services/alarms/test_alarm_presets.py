"""Presets: what they may say, and that the migration writes the same rows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.alarms import Condition
from core.metrics import METRICS, metric_named
from services.alarms.conditions import CONDITIONS
from services.alarms.conditions.parameters import Expected, WillExceed
from services.alarms.presets import PRESETS

ROOT = Path(__file__).resolve().parents[4]
MIGRATION = ROOT / "infra" / "migrations" / "0021.alarms.sql"
ROW = re.compile(
    r"^\s+\('(\w+)', (.+), (NULL|\d+), (true|false),\n\s+'(\{.*\})',\n\s+'(.*)', '(.*)'\),?$", re.MULTILINE
)


def test_every_condition_is_known_and_every_preset_is_one_that_it_takes() -> None:
    assert CONDITIONS.keys() == set(Condition)
    for rule in PRESETS:
        CONDITIONS[rule.condition].parse(rule.parameters)
        assert rule.scope.metric is None or rule.scope.metric in METRICS
    names = [rule.preset for rule in PRESETS]
    assert len(set(names)) == len(names)


def test_a_limit_that_a_text_asks_for_names_it_and_its_address() -> None:
    limits = [rule for rule in PRESETS if rule.scope.metric and metric_named(rule.scope.metric).family == "air"]
    assert len(limits) == 20
    assert all(rule.source and rule.source_url.startswith("https://") for rule in limits)


def test_guidelines_that_are_passed_every_other_day_are_off() -> None:
    off = {rule.preset for rule in PRESETS if not rule.enabled}
    assert {"no2_who_25", "pm25_who_15", "pm10_who_45", "o3_who_100"} <= off
    assert all(rule.severity == "info" for rule in PRESETS if not rule.enabled)


def test_the_migration_writes_the_same_rows() -> None:
    rows = ROW.findall(MIGRATION.read_text(encoding="utf-8"))
    written = [
        (preset, places.split(", "), escalate, enabled, json.loads(parameters), source, address)
        for preset, places, escalate, enabled, parameters, source, address in rows
    ]
    expected = [
        (
            rule.preset,
            [
                f"'{rule.condition}'",
                *(f"'{one}'" if one else "NULL" for one in (rule.scope.metric, rule.scope.kind)),
                f"'{rule.severity}'",
            ],
            str(rule.escalate_after_s or "NULL"),
            str(rule.enabled).lower(),
            dict(rule.parameters),
            rule.source,
            rule.source_url,
        )
        for rule in PRESETS
    ]
    assert written == expected


@pytest.mark.parametrize(
    ("condition", "parameters", "fault"),
    [
        (Condition.THRESHOLD, {"raise": 800, "clear": 900}, "lies beyond raise"),
        (Condition.THRESHOLD, {"side": "below", "raise": 5, "clear": 4}, "lies beyond raise"),
        (Condition.THRESHOLD, {"raise": 800, "clear": 700, "hours": [8, 8]}, "hours are empty"),
        (Condition.THRESHOLD, {"raise": 800, "clear": 700, "minutes": 30_000}, "less than or equal to 20160"),
        (Condition.THRESHOLD, {"raise": float("inf"), "clear": 1}, "finite"),
        (Condition.THRESHOLD, {"raise": 800, "clear": 700, "weekdays": [7]}, "less than or equal to 6"),
        (Condition.RATE, {"per_minute": 0, "minutes": 10}, "greater than 0"),
        (Condition.SILENCE, {"factor": 1, "minutes": 10}, "Extra inputs"),
        (Condition.BATTERY, {"days": 30}, "Field required"),
        (Condition.EXPECTED, {"will_exceed": 1, "chance": 1.5}, "less than or equal to 1"),
        (Condition.EXPECTED, {"level": "p10_p90"}, "p05_p95"),
        (Condition.COMPLETENESS, {"ratio": 0.75, "days": 0}, "greater than or equal to 1"),
        (Condition.STUCK, {"minutes": 0}, "greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    condition: Condition, parameters: dict[str, object], fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault):
        CONDITIONS[condition].parse(parameters)


def test_what_is_expected_has_two_forms() -> None:
    assert isinstance(CONDITIONS[Condition.EXPECTED].parse({"will_exceed": 0.98}), WillExceed)
    assert isinstance(CONDITIONS[Condition.EXPECTED].parse({"margin_ratio": 1}), Expected)


def test_the_document_of_figures_tells_its_command_and_every_rule_that_is_on() -> None:
    told = (ROOT / "docs" / "alarm-figures.md").read_text(encoding="utf-8")
    assert "./run bench alarms --write" in told
    for name in ("silence", "stuck", "power_unexpected", "completeness"):
        assert f"| `{name}` |" in told, name
