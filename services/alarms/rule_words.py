"""A rule of alarms in words: what raises it, when it holds, where it comes from. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from core.alarms import Condition, Rule
from services.alarms.conditions.parameters import (
    Battery,
    Completeness,
    Rate,
    Silence,
    Stuck,
    Threshold,
    WillExceed,
    parse_expected,
)
from services.alarms.phrasing import Phrasing

Given: TypeAlias = Mapping[str, Any]
"""Parameters of a condition as a rule holds them."""


def rule_title(phrasing: Phrasing, rule: Rule) -> str:
    """Return what a rule is called: its own name, that of its preset, or what it looks for."""
    if rule.name:
        return rule.name
    if rule.preset is not None and phrasing.knows(f"preset.{rule.preset}"):
        return phrasing.said(f"preset.{rule.preset}")
    return phrasing.said(f"condition.{rule.condition}")


def rule_said(phrasing: Phrasing, rule: Rule) -> str:
    """Return what raises a rule as one phrase, without a full stop: ``CO₂ au moins à 1 500 ppm, pendant 10 min``."""
    return _SAID[rule.condition](phrasing, rule.scope.metric, rule.parameters)


def rule_sentences(phrasing: Phrasing, rule: Rule) -> list[str]:
    """Return a rule in sentences: what raises it, and its source where it has one."""
    phrase = rule_said(phrasing, rule)
    if rule.name or rule.preset is not None:
        told = [phrasing.said("rule.named", name=rule_title(phrasing, rule), rule=phrase)]
    else:
        told = [phrasing.said("rule.sentence", rule=phrase)]
    if rule.source:
        told.append(phrasing.said("rule.source", source=rule.source))
    return told


def _threshold(phrasing: Phrasing, metric: str | None, given: Given) -> str:
    asked = Threshold.model_validate(given)
    phrase = phrasing.said(
        f"rule.{'mean_' if asked.mean_minutes else ''}{asked.side}",
        metric=phrasing.metric(metric),
        limit=phrasing.amount(metric, asked.raised_at),
        mean=phrasing.span(asked.mean_minutes),
    )
    if asked.minutes:
        phrase = phrasing.said("rule.lasting", rule=phrase, span=phrasing.span(asked.minutes))
    if asked.hours:
        begin, end = (phrasing.local_hour(hour) for hour in asked.hours)
        phrase = phrasing.said("rule.hours", rule=phrase, begin=begin, end=end)
    if asked.weekdays:
        phrase = phrasing.said("rule.weekdays", rule=phrase, days=_days(phrasing, asked.weekdays))
    return phrase


def _rate(phrasing: Phrasing, metric: str | None, given: Given) -> str:
    asked = Rate.model_validate(given)
    return phrasing.said(
        "rule.rate",
        metric=phrasing.metric(metric),
        rate=phrasing.amount(metric, asked.per_minute),
        span=phrasing.span(asked.minutes),
    )


def _stuck(phrasing: Phrasing, metric: str | None, given: Given) -> str:
    asked = Stuck.model_validate(given)
    if asked.minutes is None:
        times = phrasing.words.number(asked.times_longest)
        return phrasing.said("rule.stuck_rule", metric=phrasing.metric(metric), times=times)
    return phrasing.said("rule.stuck", metric=phrasing.metric(metric), span=phrasing.span(asked.minutes))


def _silence(phrasing: Phrasing, _: str | None, given: Given) -> str:
    factor = Silence.model_validate(given).factor
    return phrasing.said("rule.silence" if factor == 1 else "rule.silence_times", times=phrasing.words.number(factor))


def _battery(phrasing: Phrasing, metric: str | None, given: Given) -> str:
    asked = Battery.model_validate(given)
    return phrasing.said("rule.battery", round(asked.days), empty=phrasing.amount(metric, asked.empty))


def _expected(phrasing: Phrasing, metric: str | None, given: Given) -> str:
    asked = parse_expected(given)
    if isinstance(asked, WillExceed):
        return phrasing.said(
            "rule.will_exceed",
            metric=phrasing.metric(metric),
            limit=phrasing.amount(metric, asked.will_exceed),
            span=phrasing.span(60 * asked.within_hours),
            chance=phrasing.words.share(asked.chance),
        )
    return phrasing.said(
        "rule.expected",
        metric=phrasing.metric(metric),
        margin=phrasing.words.share(asked.margin_ratio),
        span=phrasing.span(asked.minutes),
    )


def _completeness(phrasing: Phrasing, _: str | None, given: Given) -> str:
    asked = Completeness.model_validate(given)
    return phrasing.said("rule.completeness", asked.days, ratio=phrasing.words.share(asked.ratio))


_SAID: Mapping[Condition, Callable[[Phrasing, str | None, Given], str]] = {
    Condition.THRESHOLD: _threshold,
    Condition.RATE: _rate,
    Condition.STUCK: _stuck,
    Condition.SILENCE: _silence,
    Condition.BATTERY: _battery,
    Condition.EXPECTED: _expected,
    Condition.COMPLETENESS: _completeness,
}


def _days(phrasing: Phrasing, weekdays: Sequence[int]) -> str:
    days = sorted(set(weekdays))
    names = [phrasing.said(f"weekday.{day}") for day in days]
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return phrasing.said("rule.days_range", first=names[0], last=names[-1])
    return phrasing.said("rule.days_and").join(names)
