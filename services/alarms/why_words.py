"""What was measured, and what it takes for an alarm to clear, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.alarms import Alarm, Condition, Rule
from services.alarms.conditions.parameters import Threshold
from services.alarms.phrasing import Phrasing

_CLEARS: Mapping[Condition, str] = {
    Condition.RATE: "calm",
    Condition.STUCK: "moves",
    Condition.SILENCE: "speaks",
    Condition.BATTERY: "battery",
    Condition.EXPECTED: "expected",
    Condition.COMPLETENESS: "completeness",
}


def measured(phrasing: Phrasing, alarm: Alarm, metric: str | None) -> list[str]:
    """Return when it was seen, and the figures that tell."""
    since = phrasing.moment(alarm.since)
    if alarm.until is None:
        told = [phrasing.said("why.held", moment=since)]
    else:
        told = [phrasing.said("why.held_until", since=since, until=phrasing.moment(alarm.until))]
    value = alarm.figures.get("value")
    if value is not None and alarm.name != Condition.COMPLETENESS:
        told.append(phrasing.said("why.measured", value=phrasing.amount(metric, value)))
    if alarm.figures.get("silent_after_s") is not None:
        told.append(phrasing.said("why.rhythm", span=phrasing.span(alarm.figures["silent_after_s"] / 60)))
    channels = alarm.figures.get("channels")
    if isinstance(channels, list) and channels:
        names = phrasing.said("rule.days_and").join(phrasing.metric(name) for name in channels)
        told.append(phrasing.said("why.channels", metrics=names))
    return told


def clearing(phrasing: Phrasing, alarm: Alarm, metric: str | None, rule: Rule | None, *, is_group: bool) -> list[str]:
    """Return what it takes for an alarm to clear."""
    if is_group:
        return [phrasing.said("why.clears_group")]
    if alarm.name == Condition.THRESHOLD:
        return [] if rule is None else [_threshold(phrasing, metric, rule.parameters)]
    if alarm.name == Condition.EXPECTED and alarm.figures.get("chance") is not None:
        return []
    return [phrasing.said(f"why.clears_{_CLEARS[Condition(alarm.name)]}")]


def _threshold(phrasing: Phrasing, metric: str | None, given: Mapping[str, Any]) -> str:
    asked = Threshold.model_validate(given)
    side = "above" if asked.side == "below" else "below"
    clear = phrasing.amount(metric, asked.cleared_at)
    if not asked.clear_minutes:
        return phrasing.said(f"why.clears_{side}_at_once", clear=clear)
    return phrasing.said(f"why.clears_{side}", clear=clear, span=phrasing.span(asked.clear_minutes))
