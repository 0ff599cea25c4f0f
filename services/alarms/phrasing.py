"""Figures, spans and moments as sentences about alarms write them, in either language. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import PARIS
from core.metrics import METRICS, Nature
from services.words import Catalogue

_DAY_MIN, _HOUR_MIN = 1_440, 60
_HOURS_TOLD_MIN = 48 * 60
"""Up to two days a span is told in hours."""


@dataclass(frozen=True, slots=True)
class Phrasing:
    """Writes what sentences are filled in with.

    Parameters
    ----------
    words
        The catalogue of one language.
    at
        When it is said: a day is named where it is another one.
    """

    words: Catalogue
    at: datetime

    def said(self, key: str, n: int = 1, **values: str) -> str:
        """Return the words of ``alarm_said.<key>``."""
        return self.words.text(f"alarm_said.{key}", n, **{"n_said": self.words.number(n)} | values)

    def knows(self, key: str) -> bool:
        """Whether there are words for ``alarm_said.<key>``."""
        return self.words.knows(f"alarm_said.{key}")

    def metric(self, name: str | None) -> str:
        """Return what people call a metric; None is any."""
        return self.said("rule.any_metric") if name is None else self.words.text(f"metric.{name}")

    def amount(self, metric: str | None, value: float) -> str:
        """Return a value in its stored unit as people read it: shares in percent, a state by its word."""
        known = METRICS.get(metric or "")
        if known is None:
            return self.words.number(value)
        if known.nature is Nature.STATE and value in {0, 1}:
            return self.words.text(f"value.{known.name}_{int(value)}")
        if known.high <= 1:
            return self.words.share(value)
        unit = self.words.text(f"unit.{known.name}") if known.nature is Nature.COUNT else known.unit
        return f"{self.words.number(value)}\N{NO-BREAK SPACE}{unit}".strip()

    def span(self, minutes: float) -> str:
        """Return how long something lasts: in minutes, in hours up to two days, else in whole days."""
        whole = max(round(minutes), 1)
        if whole < _HOUR_MIN:
            return self.words.text("span.minutes", whole)
        if whole < _HOURS_TOLD_MIN:
            hours, rest = divmod(whole, _HOUR_MIN)
            told = self.words.text("span.hours", hours)
            return f"{told}\N{NO-BREAK SPACE}{rest:02}" if rest else told
        days = round(whole / _DAY_MIN)
        return self.words.text("span.days", days)

    def clock(self, instant: datetime) -> str:
        """Return the local hour of an instant, as prose writes it."""
        local = instant.astimezone(PARIS)
        return self.local_hour(local.hour, local.minute)

    def local_hour(self, hour: int, minute: int = 0) -> str:
        """Return an hour of the local clock, as prose writes it."""
        key = "clock" if minute else "clock_full"
        said = str(hour) if self.words.language == "fr" else f"{hour:02}"
        return self.said(f"moment.{key}", h=said, m=f"{minute:02}")

    def moment(self, instant: datetime) -> str:
        """Return when something was or will be: its hour, with the day where that is another one."""
        away = (instant.astimezone(PARIS).date() - self.at.astimezone(PARIS).date()).days
        named = {0: "hour", -1: "yesterday", 1: "tomorrow"}.get(away)
        if named is not None:
            return self.said(f"moment.{named}", hour=self.clock(instant))
        return self.said("moment.day", day=self.day(instant), hour=self.clock(instant))

    def day(self, instant: datetime) -> str:
        """Return the local day of an instant, with the year where that is not within half a year."""
        local = instant.astimezone(PARIS)
        month = self.words.text(f"calendar.month.{local.month}")
        number = self.said("moment.first") if local.day == 1 else str(local.day)
        if abs(instant - self.at) < timedelta(days=183):
            return self.said("moment.day_month", day=number, month=month)
        return self.said("moment.day_month_year", day=number, month=month, year=str(local.year))

    def days_between(self, early: datetime, late: datetime) -> tuple[str, str]:
        """Return two days as a range writes them: the month of the first only where it is another."""
        first, last = early.astimezone(PARIS), late.astimezone(PARIS)
        if self.words.language == "fr" and (first.year, first.month) == (last.year, last.month):
            return str(first.day), str(last.day)
        return self.day(early), self.day(late)


def sentence(text: str) -> str:
    """Return a text with a capital at its beginning."""
    return text[:1].upper() + text[1:]
