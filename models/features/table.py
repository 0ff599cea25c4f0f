"""The feature table: one row per (series, origin, lead), every value known at the row's origin.

Values are divided by the series' own recent mean level, so that one model serves a kiosk and a town hall; shares and
states (bounded by 1) are left as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from core.errors import FutureLeak
from core.weather import HOUR
from models.features.calendar import Calendar, calendar_of
from models.features.inflow import LEVELS, RISES, flowing, inflow_columns, reach_of
from models.features.lags import (
    ERROR_HOURS,
    LAG_DAYS,
    LEVEL_HOURS,
    NEIGHBOUR_DAYS,
    RECENT_STEPS,
    level_columns,
    slot_columns,
)
from models.features.neighbours import NEIGHBOUR_COLUMNS, neighbour_columns
from models.features.outside import WEATHER_COLUMNS, weather_columns
from models.features.past import Columns, Past
from models.features.rows import Mask, Rows
from models.history import Floats, History, Indices
from models.regimes import regimes


class FeatureFamily(StrEnum):
    """What a feature is about, in the few words an explanation uses."""

    HABIT = "habit"
    """The same hour of earlier days."""
    WEATHER = "weather"
    CALENDAR = "calendar"
    RECENT = "recent"
    """The last hours, and how they differ from those of last week."""
    NEIGHBOURS = "neighbours"
    """What the series of the same site, or of the same commune, did."""
    LEAD = "lead"
    """How far ahead the step lies."""
    AGE = "age"
    """How old the newest value is, and how long the series has been known."""


FEATURES: dict[str, FeatureFamily] = {
    "lead_h": FeatureFamily.LEAD,
    "local_hour": FeatureFamily.CALENDAR,
    "weekday": FeatureFamily.CALENDAR,
    "works": FeatureFamily.CALENDAR,
    "holiday": FeatureFamily.CALENDAR,
    "day_after_holiday": FeatureFamily.CALENDAR,
    "day_before_holiday": FeatureFamily.CALENDAR,
    "school_vacation": FeatureFamily.CALENDAR,
    **{f"slot_d{days}": FeatureFamily.HABIT for days in LAG_DAYS},
    **{f"slot_d{days}_hour_{side}": FeatureFamily.HABIT for days in NEIGHBOUR_DAYS for side in ("before", "after")},
    "slot_week_mean": FeatureFamily.HABIT,
    "slot_week_deviation": FeatureFamily.HABIT,
    "slot_week_low": FeatureFamily.HABIT,
    "slot_week_high": FeatureFamily.HABIT,
    "slot_weekday_mean": FeatureFamily.HABIT,
    "similar_mean": FeatureFamily.HABIT,
    "similar_deviation": FeatureFamily.HABIT,
    "similar_newest": FeatureFamily.HABIT,
    **{f"level_{hours}h": FeatureFamily.RECENT for hours in LEVEL_HOURS},
    **{f"week_error_{hours}h": FeatureFamily.RECENT for hours in ERROR_HOURS},
    "level_week_ratio": FeatureFamily.RECENT,
    "newest": FeatureFamily.RECENT,
    **{f"recent_{steps}": FeatureFamily.RECENT for steps in RECENT_STEPS},
    "recent_slope": FeatureFamily.RECENT,
    "newest_same_hour_change": FeatureFamily.RECENT,
    "newest_week_change": FeatureFamily.RECENT,
    "newest_age_h": FeatureFamily.AGE,
    "age_days": FeatureFamily.AGE,
    **dict.fromkeys(RISES, FeatureFamily.HABIT),
    **dict.fromkeys(LEVELS, FeatureFamily.RECENT),
    **dict.fromkeys(WEATHER_COLUMNS, FeatureFamily.WEATHER),
    **dict.fromkeys(NEIGHBOUR_COLUMNS, FeatureFamily.NEIGHBOURS),
}
"""Every feature, in the order of the matrix's columns, with its family."""
FEATURE_NAMES: tuple[str, ...] = tuple(FEATURES)


STALE_AFTER = timedelta(hours=12)
"""A series whose newest value is older gets the naive: training pretends to miss a few hours, never half a day."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """Features of many rows.

    Parameters
    ----------
    matrix
        Shape (rows, features), columns as in `FEATURE_NAMES`; NaN where nothing was known.
    scale
        Per row, in the metric's unit: what outcomes are divided by, and predictions are multiplied by.
    base
        Per row, in the metric's unit: what predictions are added to; 0 but for what adds up (`models.features.inflow`).
    lead_h
        Per row, hours from the origin to the start of the step.
    regime
        Per row, the kind of hour of the step, as `models.regimes` numbers them.
    series_ids
        Per row, whose it is.
    """

    matrix: npt.NDArray[np.float32]
    scale: Floats
    base: Floats
    lead_h: Floats
    regime: Indices
    series_ids: Indices

    def scaled(self, values: Floats) -> Floats:
        """Return values of the rows, in the metric's unit, as models learn them."""
        return (values - self.base) / self.scale

    def in_unit(self, scaled: Floats) -> Floats:
        """Return what models say of the rows, shape (rows, anything), in the metric's unit."""
        return scaled * self.scale[:, None] + self.base[:, None]

    def fresh(self) -> Mask:
        """Return which rows know a value that is at most `STALE_AFTER` old: of others the model is never asked."""
        return np.asarray(self.matrix[:, FEATURE_NAMES.index("newest_age_h")] <= STALE_AFTER / HOUR)

    def where(self, chosen: Mask) -> FeatureTable:
        """Return the chosen rows, by mask."""
        return FeatureTable(
            self.matrix[chosen],
            self.scale[chosen],
            self.base[chosen],
            self.lead_h[chosen],
            self.regime[chosen],
            self.series_ids[chosen],
        )


def feature_table(history: History, rows: Rows) -> FeatureTable:
    """Compute the features of ``rows``.

    Raises
    ------
    FutureLeak
        If an origin lies after the history's ``as_of``.
    """
    if len(rows) and int(rows.origin.max()) > history.length:
        raise FutureLeak(f"an origin lies beyond {history.as_of.isoformat()}")
    calendar = calendar_of(history.start, history.plan.step, history.length + history.plan.steps)
    flow = flowing(history)
    past = Past(flow, rows)
    reach = reach_of(history, rows, past.scale)
    lead_h = rows.lead / history.steps_per_hour
    columns: Columns = {
        "lead_h": lead_h,
        **_calendar_columns(calendar, rows),
        **slot_columns(flow, rows, calendar, past),
        **level_columns(flow, rows, past),
        **inflow_columns(history, rows, reach),
        **weather_columns(history, rows),
        **neighbour_columns(flow, rows, calendar),
    }
    matrix = np.empty((len(rows), len(FEATURE_NAMES)), dtype=np.float32)
    for at, name in enumerate(FEATURE_NAMES):
        matrix[:, at] = columns[name]
    series_ids = np.array(history.series_ids, dtype=np.int64)[rows.series]
    regime = regimes(calendar, rows.target)
    return FeatureTable(matrix, reach.scale, reach.base, lead_h, regime, series_ids)


def _calendar_columns(calendar: Calendar, rows: Rows) -> Columns:
    return {
        "local_hour": calendar.hour[rows.target],
        "weekday": calendar.weekday[rows.target],
        "works": calendar.works[rows.target],
        "holiday": calendar.holiday[rows.target],
        "day_after_holiday": calendar.day_after_holiday[rows.target],
        "day_before_holiday": calendar.day_before_holiday[rows.target],
        "school_vacation": calendar.school_vacation[rows.target],
    }
