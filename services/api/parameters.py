"""What a request may ask: instants, durations, places and metrics, each checked before anything is read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from core.clock import EPOCH, Window, now, parse_instant
from core.metrics import METRICS, metric_named
from core.places import communes, current_commune
from services.api.problems import ParameterInvalid

LATEST_INSTANT = datetime(2100, 1, 1, tzinfo=UTC)
WINDOW_MAX = timedelta(days=400)
DEFAULT_WINDOW = timedelta(hours=24)
STEP_MIN = timedelta(minutes=1)
STEP_MAX = timedelta(days=1)
ITEMS_MAX = 20_000
ID_MAX = 2**31 - 1
LONG_ID_MAX = 2**53 - 1
"""Ids of rejections and live events are wider, and still exact in JavaScript."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DURATION = re.compile(r"P(?:(\d{1,4})D)?(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?")


def _instant(value: Any) -> datetime:
    try:
        instant = parse_instant(str(value))
    except OverflowError as error:
        raise ValueError(f"{value} is out of the calendar") from error
    if not EPOCH <= instant < LATEST_INSTANT:
        raise ValueError(f"{value} is not between the years 2000 and 2099")
    return instant


def parse_duration(value: Any) -> timedelta:
    """Parse an ISO 8601 duration of days, hours, minutes and whole seconds: ``PT15M``.

    Raises
    ------
    ValueError
        If it is none, or is zero.
    """
    found = _DURATION.fullmatch(str(value))
    days, hours, minutes, seconds = (int(part or 0) for part in (found.groups() if found else (0, 0, 0, 0)))
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not duration:
        raise ValueError(f"{value!r} is not an ISO 8601 duration such as PT15M")
    return duration


def _day(value: Any) -> date:
    # Pydantic takes numbers, too, as seconds since 1970.
    if not _DAY.fullmatch(str(value)):
        raise ValueError(f"{value!r} is not a day such as 2026-03-02")
    return date.fromisoformat(str(value))


def _whole_number(value: Any) -> Any:
    # Pydantic takes true for 1, and "7" for 7.
    if isinstance(value, bool | str):
        raise ValueError("a whole number was expected")  # noqa: TRY004 - of the value that was asked, as Pydantic wants
    return value


def _step(value: Any) -> timedelta:
    step = parse_duration(value)
    if not STEP_MIN <= step <= STEP_MAX:
        raise ValueError("a step lasts from PT1M to P1D")
    return step


def _present_commune(insee: str) -> str:
    if insee not in communes():
        raise ValueError(f"{insee!r} is the INSEE code of no commune of the Métropole du Grand Paris")
    return current_commune(insee).insee


def _known_metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"no metric is named {name!r}")
    return metric_named(name).name


Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 with an offset, of the years 2000 to 2099."""
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A day of the calendar, ``2026-03-02``."""
Step = Annotated[timedelta, BeforeValidator(_step), WithJsonSchema({"type": "string", "format": "duration"})]
InseeCode = Annotated[
    str,
    AfterValidator(_present_commune),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{5}$"}),
]
"""A commune of the Métropole; a merged one means the one it joined."""
MetricName = Annotated[str, AfterValidator(_known_metric), WithJsonSchema({"type": "string", "enum": sorted(METRICS)})]

WholeNumber = BeforeValidator(_whole_number)
"""What a field of a body says that is a whole number, and nothing that could be read as one."""

CommuneFilter = Annotated[
    InseeCode | None, Query(description="INSEE code; only this commune.", openapi_examples={"": {"value": "93051"}})
]
CommuneNeeded = Annotated[InseeCode, Query(description="INSEE code.", openapi_examples={"": {"value": "93051"}})]
SensorId = Annotated[int, Path(ge=1, le=ID_MAX)]
SeriesId = Annotated[int, Path(ge=1, le=ID_MAX)]
Language = Annotated[Literal["fr", "en"], Field(description="The language of the sentences.")]
After = Annotated[int, Query(ge=0, le=ID_MAX, description="The `next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Items on a page at most.")]
From = Annotated[
    Instant | None, Field(alias="from", description="Start of the window, included. Default: 24 h before `until`.")
]
Until = Annotated[Instant | None, Field(description="End of the window, excluded. Default: now.")]
AsOf = Annotated[Instant | None, Field(description="Only what was known at this instant. Default: all.")]


def window_of(
    start: datetime | None, until: datetime | None, name: str = "from", longest: timedelta = WINDOW_MAX
) -> Window:
    """Return the window that a request asks for: the last 24 h where it says nothing; ``name`` is its start's.

    Raises
    ------
    ParameterInvalid
        If it ends before it starts or is longer than ``longest``.
    """
    end = until or now()
    begin = start or end - DEFAULT_WINDOW
    if end < begin:
        raise ParameterInvalid(name, f"the window starts ({begin.isoformat()}) after it ends ({end.isoformat()})")
    if end - begin > longest:
        raise ParameterInvalid(name, f"the window is longer than {longest.days} days")
    return Window(begin, end)
