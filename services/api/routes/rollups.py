"""What a series comes to by hour, local day, week and month."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field

from core.clock import now
from core.columns import instants_of, none_for_missing
from core.metrics import Nature, metric_named
from services.api.answers import Answer, History, Items, api_router, documented
from services.api.compact import CompactAnswer, CompactItems, compact_response
from services.api.parameters import WINDOW_MAX, AsOf, From, SeriesId, Until, window_of
from services.api.routes.sensors import series_named
from services.rollups import Asked, Grain, Periods, read_rollups

router = api_router("readings")

DAYS_WINDOW_MAX = timedelta(days=20 * 366)
"""Of days, weeks and months that are read as they were written; hours, and what is computed anew, 400 days."""
_DAY = {
    "start": "2026-03-28T23:00:00Z",
    "end": "2026-03-29T22:00:00Z",
    "day": "2026-03-29",
    "count": 92,
    "good": 92,
    "hours": 23,
    "hours_valid": 23,
    "hours_due": 23,
    "mean": 90_412.5,
    "low": 90_301.0,
    "high": 90_524.0,
    "last": 90_524.0,
    "increment": 223.0,
    "known_s": None,
}
_HEAD = {"series_id": 41, "metric": "electricity_kwh", "unit": "kWh", "nature": "index", "by": "day"}


class RollUpsQuery(Answer):
    """Which roll-ups of a series."""

    by: Grain = Field(description="Days, weeks (ISO 8601) and months are those of Europe/Paris.")
    start: From = None
    until: Until = None
    as_of: AsOf = None


class RollUpItem(Answer):
    """What a series comes to in `[start, end)`. Readings marked bad weigh nothing; null: nothing is known, never 0."""

    start: datetime
    end: datetime
    day: date | None = Field(description="The local day, or the first of the week or month; null for an hour.")
    count: int = Field(description="Readings.")
    good: int = Field(description="Readings of good quality.")
    hours: int = Field(description="Hours with a value: of an index or a count, whose increment is known.")
    hours_valid: int = Field(description="Hours of which 75 % was measured.")
    hours_due: int = Field(description="Whole hours since the first reading, and until now, in which some were due.")
    mean: float | None = Field(description="Mean of the hours, in `unit`; of a state, its share of the known time.")
    low: float | None
    high: float | None
    last: float | None
    increment: float | None = Field(
        description="Of an index, what it grew by in the hours that know it; of a count, its sum. Else null."
    )
    known_s: int | None = Field(description="Of a state, seconds in which it was known. Else null.")


class RollUps(Items[RollUpItem]):
    """The roll-ups of a series, oldest first; a period that nothing came of is absent."""

    model_config = documented({**_HEAD, "items": [_DAY], "next": None})

    series_id: int
    metric: str
    unit: str
    nature: Nature
    by: Grain


class _RollUp(CompactAnswer, frozen=True, gc=False):
    start: datetime
    end: datetime
    day: date | None
    count: int
    good: int
    hours: int
    hours_valid: int
    hours_due: int
    mean: float | None
    low: float | None
    high: float | None
    last: float | None
    increment: float | None
    known_s: int | None


class _RollUps(CompactItems, frozen=True, gc=False):
    series_id: int
    metric: str
    unit: str
    nature: Nature
    by: Grain


@router.get("/series/{series_id}/rollups", operation_id="read_rollups", response_model=RollUps)
def read_series_rollups(series_id: SeriesId, asked: Annotated[RollUpsQuery, Query()], store: History) -> Response:
    """Return what a series comes to by hour, local day, week or month, of every period that the window touches.

    Of hours, those that start in it. Hours, and whatever is asked as of an instant, over 400 days at most; days, weeks
    and months over 20 years. A level is averaged, a state is its share of the time in which it was known, an index and
    a count are summed. As of an instant, the figures are computed anew from the readings and calibrations known then.
    The period under way tells what came so far; a state in it as if its last reading held.
    """
    is_long = asked.by is not Grain.HOUR and asked.as_of is None
    window = window_of(asked.start, asked.until, longest=DAYS_WINDOW_MAX if is_long else WINDOW_MAX)
    metric = metric_named(series_named(store, series_id).metric)
    found = read_rollups(store, series_id, Asked(asked.by, window, asked.as_of), now())
    items = _items(found) if found else []
    return compact_response(_RollUps(items, None, series_id, metric.name, metric.unit, metric.nature, asked.by))


def _items(found: Periods) -> list[_RollUp]:
    counted = (found.count, found.good, found.hours, found.hours_valid, found.hours_due)
    measured = (found.mean, found.low, found.high, found.last, found.increment)
    return list(
        map(
            _RollUp,
            instants_of(found.starts),
            instants_of(found.ends),
            found.days,
            *(column.tolist() for column in counted),
            *map(none_for_missing, measured),
            [None if seconds is None else round(seconds) for seconds in none_for_missing(found.known_s)],
        )
    )
