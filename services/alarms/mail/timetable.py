"""When a person wants to be told: hours of the week in local time, as instants. Pure.

A span is ``(weekday, from, to)``, Monday is 0, in the wall time of Europe/Paris: ``(0, "08:00", "18:30")``. One that
ends no later than it begins goes on into the next day, ``(4, "22:00", "06:00")``. Without spans it is always time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from core.clock import PARIS, Window

Span = tuple[int, str, str]

SPANS_MAX = 28
"""Four a day; a bound, and more than a week's duty needs."""
END_OF_DAY = "24:00"
_HOUR = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)
_WEEK_DAYS = 7


def check_spans(spans: Sequence[Span]) -> None:
    """Check spans as they came from outside.

    Raises
    ------
    ValueError
        If there are too many, a weekday is none, or a time is none; with one line that says which.
    """
    if len(spans) > SPANS_MAX:
        raise ValueError(f"{len(spans)} spans are too many, there may be {SPANS_MAX}")
    for weekday, begins, ends in spans:
        if not 0 <= weekday < _WEEK_DAYS:
            raise ValueError(f"{weekday} is no day of the week: Monday is 0, Sunday 6")
        if not _HOUR.fullmatch(begins):
            raise ValueError(f"{begins!r} is no time of day such as 08:00")
        if ends != END_OF_DAY and not _HOUR.fullmatch(ends):
            raise ValueError(f"{ends!r} is no time of day such as 18:30, nor {END_OF_DAY}")


def next_open(spans: Sequence[Span], at: datetime) -> datetime:
    """Return ``at`` where the person may be told then, or else the first instant after it when they may."""
    if not spans:
        return at
    windows = list(_windows(spans, at))
    if any(at in window for window in windows):
        return at
    return min(window.start for window in windows if window.start > at)


def _windows(spans: Sequence[Span], at: datetime) -> Iterator[Window]:
    """Yield the spans of the days around ``at``: of the day before, which may reach into it, up to two weeks on."""
    first = at.astimezone(PARIS).date() - timedelta(days=1)
    for offset in range(2 * _WEEK_DAYS + 2):
        day = first + timedelta(days=offset)
        for weekday, begins, ends in spans:
            if day.weekday() == weekday:
                start = _instant(day, begins, fold=0)
                # Where the clock strikes an hour twice, the span holds both.
                end = _instant(day + timedelta(days=ends <= begins), ends, fold=1)
                # An hour that the clock leaps over may leave nothing of a span.
                if start < end:
                    yield Window(start, end)


def _instant(day: date, text: str, *, fold: int) -> datetime:
    """Return when the clock of Paris shows this time; when it leaps over it, the instant that it leaps at."""
    if text == END_OF_DAY:
        return _instant(day + timedelta(days=1), "00:00", fold=fold)
    local = datetime.combine(day, time.fromisoformat(text), PARIS).replace(fold=0)
    instant = local.astimezone(UTC)
    if instant.astimezone(PARIS).replace(tzinfo=None) != local.replace(tzinfo=None):
        # Clocks leap on the hour.
        return instant.replace(minute=0)
    return local.replace(fold=fold).astimezone(UTC)
