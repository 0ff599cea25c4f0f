"""What a chart draws of a series: few points, over any window."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field

from core.clock import now
from core.columns import instants_of, none_for_missing
from core.metrics import metric_named
from services.api.answers import Answer, History, api_router, documented
from services.api.compact import CompactAnswer, compact_response
from services.api.flags import FlagName, flag_names
from services.api.parameters import WINDOW_MAX, AsOf, From, SeriesId, Until, window_of
from services.api.routes.sensors import series_named
from services.chart import Chart, ChartAsked, Source, read_chart

router = api_router("readings")

CHART_WINDOW_MAX = timedelta(days=20 * 366)
POINTS_MAX = 4_000
_DOUBTFUL = {"observed_at": "2026-03-02T08:10:00Z", "value": 2612.0, "quality": 2, "flags": ["spike"]}
_CHART = {
    "series_id": 41,
    "metric": "co2_ppm",
    "unit": "ppm",
    "source": "raw",
    "step_s": 900,
    "t": ["2026-03-02T08:00:00Z", "2026-03-02T08:15:00Z", "2026-03-02T08:30:00Z"],
    "mean": [790.5, 812.0, None],
    "low": [640.0, 798.0, None],
    "high": [905.0, 826.0, None],
    "last": [798.0, 826.0, None],
    "doubtful": [_DOUBTFUL],
    "doubtful_count": 1,
}


class ChartQuery(Answer):
    """Which chart of a series."""

    start: From = None
    until: Until = None
    points: int = Field(default=800, ge=10, le=POINTS_MAX, description="About as many as the chart has pixels across.")
    as_of: AsOf = None


class Doubtful(Answer):
    """A reading that is not of good quality."""

    observed_at: datetime
    value: float = Field(description="Calibrated, in `unit`.")
    quality: int = Field(description="1 suspect, 2 bad; a bad one is not in the curve.")
    flags: list[FlagName]


class ChartAnswer(Answer):
    """What a chart of a series draws: columns of one length, oldest first. Null in all: nothing is known from there on.

    `low` and `high` hold the extremes of everything a point stands for: the band between them is what the whole would
    cover on the screen.
    """

    model_config = documented(_CHART)

    series_id: int
    metric: str
    unit: str
    source: Source = Field(description="From readings, hourly or daily roll-ups.")
    step_s: int | None = Field(description="What a point stands for; null where each is a reading.")
    t: list[datetime]
    mean: list[float | None] = Field(description="In `unit`; of a state, its share of the time in which it was known.")
    low: list[float | None]
    high: list[float | None]
    last: list[float | None]
    doubtful: list[Doubtful] = Field(description="The newest 200 readings that are not good, of a chart from readings.")
    doubtful_count: int = Field(description="How many there are.")


class _Doubtful(CompactAnswer, frozen=True, gc=False):
    observed_at: datetime
    value: float
    quality: int
    flags: list[FlagName]


class _Chart(CompactAnswer, frozen=True, gc=False):
    series_id: int
    metric: str
    unit: str
    source: Source
    step_s: int | None
    t: list[datetime]
    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]
    last: list[float | None]
    doubtful: list[_Doubtful]
    doubtful_count: int


@router.get("/series/{series_id}/chart", operation_id="read_chart", response_model=ChartAnswer)
def read_series_chart(series_id: SeriesId, asked: Annotated[ChartQuery, Query()], store: History) -> Response:
    """Return what a chart of a series draws over `[from, until)`, 20 years at most: about so many points.

    From readings where they are few enough, else from hourly, else from daily roll-ups: `source` says which. Steps
    longer than a reading lie on readable lengths in UTC, days are of Europe/Paris. As of an instant, over 400 days at
    most, the chart is drawn from the readings and calibrations that were known then.
    """
    window = window_of(asked.start, asked.until, longest=CHART_WINDOW_MAX if asked.as_of is None else WINDOW_MAX)
    metric = metric_named(series_named(store, series_id).metric)
    chart = read_chart(store, series_id, ChartAsked(window, asked.points, asked.as_of), now())
    return compact_response(_answer(chart, series_id, metric.name, metric.unit))


def _answer(chart: Chart, series_id: int, metric: str, unit: str) -> _Chart:
    curve = chart.curve
    return _Chart(
        series_id=series_id,
        metric=metric,
        unit=unit,
        source=chart.source,
        step_s=None if chart.step is None else int(chart.step.total_seconds()),
        t=instants_of(curve.times),
        mean=none_for_missing(curve.mean),
        low=none_for_missing(curve.low),
        high=none_for_missing(curve.high),
        last=none_for_missing(curve.last),
        doubtful=[
            _Doubtful(one.observed_at, one.value, int(one.quality), flag_names(one.flags)) for one in chart.doubtful
        ],
        doubtful_count=chart.doubtful_count,
    )
