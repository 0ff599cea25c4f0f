"""An alarm in words: its title, its detail and why. Pages, e-mails, files and calls say the same. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.alarms import Alarm, Condition
from core.clock import parse_instant
from core.decisions import Phrase
from core.store.alarms import KeptAlarm
from services.alarms.phrasing import Phrasing, sentence
from services.alarms.rule_words import rule_sentences
from services.alarms.why_words import clearing, measured
from services.words import Catalogue

SUREST = 0.95
"""The highest chance that the quantiles of a forecast can tell."""


@dataclass(frozen=True, slots=True)
class AlarmSaid:
    """What is said of an alarm.

    Parameters
    ----------
    title
        What, and where: ``CO₂ élevé, salle 12``.
    detail
        One line beside it: the site, and the figure that tells.
    why
        Sentences: the rule and its source, what was measured, what it takes to clear.
    """

    title: str
    detail: str
    why: str


def said_of(words: Catalogue, kept: KeptAlarm, at: datetime) -> AlarmSaid:
    """Return what is said of an alarm at an instant, in the language of these words."""
    phrasing = Phrasing(words, at)
    if kept.alarm.name not in set(Condition):
        return _platform(phrasing, kept)
    return AlarmSaid(_title(phrasing, kept), _detail(phrasing, kept), _why(phrasing, kept))


def _platform(phrasing: Phrasing, kept: KeptAlarm) -> AlarmSaid:
    """Return what the platform says of itself: the sentence of its event."""
    alarm = kept.alarm
    title = phrasing.words.said(Phrase(f"alarm.{alarm.name}", dict(alarm.figures)))
    detail = phrasing.said("lines").join(filter(None, (_site(kept), _sensor(kept))))
    return AlarmSaid(title, detail, " ".join([phrasing.said("why.platform"), *_course(phrasing, alarm)]))


def _title(phrasing: Phrasing, kept: KeptAlarm) -> str:
    alarm = kept.alarm
    if _is_group(alarm):
        of = "gateway" if alarm.gateway else "site"
        return phrasing.said(f"group.{of}", kept.members, gateway=_gateway(kept), site=_site(kept))
    where = _sensor(kept) or _site(kept) or _gateway(kept) or alarm.subject
    return phrasing.said("title", what=_what(phrasing, kept), where=where)


def _what(phrasing: Phrasing, kept: KeptAlarm) -> str:
    """Return what is the matter, in two or three words."""
    alarm, metric = kept.alarm, kept.metric
    if alarm.name == Condition.THRESHOLD:
        way = "low" if kept.rule is not None and kept.rule.parameters.get("side") == "below" else "high"
        key = f"{way}.{metric}"
        return phrasing.said(key if phrasing.knows(key) else f"{way}.other", metric=phrasing.metric(metric))
    if alarm.name == Condition.SILENCE:
        return phrasing.said("what.silence_sensor" if alarm.series_id is None else "what.silence_series")
    if alarm.name == Condition.EXPECTED:
        away, own = _away(alarm), f"will.{metric}"
        return phrasing.said(own if away == "will_exceed" and phrasing.knows(own) else f"what.{away}")
    return phrasing.said(f"what.{alarm.name}")


def _away(alarm: Alarm) -> str:
    """Return how a measured value stands to what was expected, or that a limit will be passed."""
    figures = alarm.figures
    if figures.get("chance") is not None:
        return "will_exceed"
    value, low = figures.get("value"), figures.get("expected_low")
    return "expected_low" if value is not None and low is not None and value < low else "expected_high"


def _detail(phrasing: Phrasing, kept: KeptAlarm) -> str:
    if _is_group(kept.alarm):
        return phrasing.said(f"group.{'gateway' if kept.alarm.gateway else 'site'}_detail")
    told = _DETAILS[Condition(kept.alarm.name)](phrasing, kept)
    # A bin bears the name of its site: its title says it already.
    site = "" if _site(kept) == _sensor(kept) else _site(kept)
    return phrasing.said("lines").join(filter(None, (site, told))) if site else sentence(told)


def _threshold(phrasing: Phrasing, kept: KeptAlarm) -> str:
    figures, metric = kept.alarm.figures, kept.metric
    if expected := _expected_range(phrasing, kept):
        return expected
    value, limit = figures.get("value"), figures.get("limit")
    if value is None or limit is None:
        return "" if value is None else phrasing.amount(metric, value)
    asked: Mapping[str, Any] = kept.rule.parameters if kept.rule is not None else {}
    mean = asked.get("mean_minutes") or 0
    return phrasing.said(
        "detail.mean_limit" if mean else "detail.limit",
        value=phrasing.amount(metric, value),
        limit=phrasing.amount(metric, limit),
        span=phrasing.span(mean),
    )


def _expected_range(phrasing: Phrasing, kept: KeptAlarm) -> str:
    low, high = (kept.alarm.figures.get(f"expected_{end}") for end in ("low", "high"))
    if low is None or high is None:
        return ""
    first, last = phrasing.amount(kept.metric, low), phrasing.amount(kept.metric, high)
    # The unit is said once: 900 à 1 250 ppm.
    number, _, unit = first.rpartition("\N{NO-BREAK SPACE}")
    first = number if unit and last.endswith(f"\N{NO-BREAK SPACE}{unit}") else first
    return phrasing.said("detail.expected", low=first, high=last)


def _rate(phrasing: Phrasing, kept: KeptAlarm) -> str:
    change = kept.alarm.figures.get("value")
    if change is None:
        return phrasing.metric(kept.metric)
    signed = f"{'+' if change > 0 else chr(0x2212)}{phrasing.amount(kept.metric, abs(change))}"
    return phrasing.said("detail.rate", metric=phrasing.metric(kept.metric), change=signed)


def _stuck(phrasing: Phrasing, kept: KeptAlarm) -> str:
    alarm = kept.alarm
    lasted = (alarm.until or phrasing.at) - alarm.since
    key = "detail.stuck" if alarm.until is None else "detail.stuck_until"
    return phrasing.said(key, metric=phrasing.metric(kept.metric), span=phrasing.span(lasted / timedelta(minutes=1)))


def _silence(phrasing: Phrasing, kept: KeptAlarm) -> str:
    alarm = kept.alarm
    last = parse_instant(alarm.figures["last_at"]) if alarm.figures.get("last_at") else alarm.since
    moment = phrasing.moment(last)
    if alarm.series_id is not None:
        return phrasing.said("detail.silent_series", metric=phrasing.metric(kept.metric), moment=moment)
    interval_s = alarm.figures.get("interval_s")
    if interval_s is None:
        return phrasing.said("detail.silent_since", moment=moment)
    return phrasing.said("detail.silent", moment=moment, span=phrasing.span(interval_s / 60))


def _battery(phrasing: Phrasing, kept: KeptAlarm) -> str:
    figures = kept.alarm.figures
    if figures.get("ends_at") is None:
        value, limit = figures.get("value"), figures.get("limit")
        if value is None or limit is None:
            return ""
        now, empty = phrasing.amount(kept.metric, value), phrasing.amount(kept.metric, limit)
        return phrasing.said("detail.battery_now", value=now, limit=empty)
    likely = parse_instant(figures["ends_at"])
    early, late = (parse_instant(figures.get(f"ends_at_{end}") or figures["ends_at"]) for end in ("earliest", "latest"))
    if likely <= phrasing.at:
        return phrasing.said("detail.battery_empty")
    first, last = phrasing.days_between(early, late)
    return phrasing.said("detail.battery", likely=phrasing.day(likely), early=first, late=last)


def _expected(phrasing: Phrasing, kept: KeptAlarm) -> str:
    figures, metric = kept.alarm.figures, kept.metric
    if _away(kept.alarm) != "will_exceed":
        return _expected_range(phrasing, kept)
    return phrasing.said(
        # No quantile above p95 was forecast: what it says is a least.
        "detail.will_exceed_surely" if figures["chance"] >= SUREST else "detail.will_exceed",
        metric=phrasing.metric(metric),
        chance=phrasing.words.share(figures["chance"]),
        limit=phrasing.amount(metric, figures["limit"]),
        span=phrasing.span(60 * figures["within_hours"]),
    )


def _completeness(phrasing: Phrasing, kept: KeptAlarm) -> str:
    ratio = kept.alarm.figures.get("value")
    if ratio is None:
        return ""
    day = phrasing.day(kept.alarm.since)
    return phrasing.said("detail.completeness", ratio=phrasing.words.share(ratio), day=day)


_DETAILS: Mapping[Condition, Callable[[Phrasing, KeptAlarm], str]] = {
    Condition.THRESHOLD: _threshold,
    Condition.RATE: _rate,
    Condition.STUCK: _stuck,
    Condition.SILENCE: _silence,
    Condition.BATTERY: _battery,
    Condition.EXPECTED: _expected,
    Condition.COMPLETENESS: _completeness,
}


def _why(phrasing: Phrasing, kept: KeptAlarm) -> str:
    """Return the rule and its source, what was measured, how it went, and what it takes to clear."""
    alarm, rule = kept.alarm, kept.rule
    told = rule_sentences(phrasing, rule) if rule is not None else []
    told[1:1] = measured(phrasing, alarm, kept.metric)
    told += _course(phrasing, alarm)
    if alarm.cleared_at is None and alarm.withdrawn_at is None:
        told += clearing(phrasing, alarm, kept.metric, rule, is_group=_is_group(alarm))
    return " ".join(told)


def _course(phrasing: Phrasing, alarm: Alarm) -> list[str]:
    """Return how an alarm went on our time, as far as that is not plain."""
    if alarm.withdrawn_at is not None:
        return [phrasing.said("why.withdrawn")]
    told = []
    if alarm.found_late:
        told.append(phrasing.said("why.found_late"))
    if alarm.figures.get("ended"):
        told.append(phrasing.said(f"why.ended_{alarm.figures['ended']}"))
    if alarm.muted:
        told.append(phrasing.said("why.muted"))
    if alarm.escalated_at is not None:
        told.append(phrasing.said("why.escalated", moment=phrasing.moment(alarm.escalated_at)))
    return told


def _is_group(alarm: Alarm) -> bool:
    """Whether it is of several sensors: of a gateway, or of a site."""
    return alarm.name == Condition.SILENCE and alarm.sensor_id is None and alarm.series_id is None


def _site(kept: KeptAlarm) -> str:
    return kept.site.name if kept.site is not None else ""


def _sensor(kept: KeptAlarm) -> str:
    return kept.sensor.name if kept.sensor is not None else ""


def _gateway(kept: KeptAlarm) -> str:
    """Return what people call its gateway; its identifier where nobody named it."""
    return kept.gateway_name or kept.alarm.gateway or ""
