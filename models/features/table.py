"""The feature table: one row per (series, origin, lead), every value known at the row's origin.

Values are divided by the series' own recent mean level, so that one model serves a kiosk and a town hall; shares and
states (bounded by 1) are left as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from core.errors import FutureLeak
from models.features.calendar import Calendar, calendar_of
from models.features.lags import LAG_DAYS, LEVEL_HOURS, NEIGHBOUR_DAYS, Columns, level_columns, scale_of, slot_columns
from models.features.rows import Rows
from models.history import Floats, History


class FeatureFamily(StrEnum):
    """What a feature is about, in the few words an explanation uses."""

    LEAD = "lead"
    CALENDAR = "calendar"
    SAME_HOUR = "same_hour"
    SIMILAR_DAYS = "similar_days"
    LEVEL = "level"
    TREND = "trend"
    AGE = "age"


FEATURES: dict[str, FeatureFamily] = {
    "lead_h": FeatureFamily.LEAD,
    "local_hour": FeatureFamily.CALENDAR,
    "weekday": FeatureFamily.CALENDAR,
    "works": FeatureFamily.CALENDAR,
    "holiday": FeatureFamily.CALENDAR,
    "day_after_holiday": FeatureFamily.CALENDAR,
    "day_before_holiday": FeatureFamily.CALENDAR,
    "school_vacation": FeatureFamily.CALENDAR,
    **{f"slot_d{days}": FeatureFamily.SAME_HOUR for days in LAG_DAYS},
    **{f"slot_d{days}_hour_{side}": FeatureFamily.SAME_HOUR for days in NEIGHBOUR_DAYS for side in ("before", "after")},
    "slot_week_mean": FeatureFamily.SAME_HOUR,
    "slot_week_deviation": FeatureFamily.SAME_HOUR,
    "slot_week_low": FeatureFamily.SAME_HOUR,
    "slot_week_high": FeatureFamily.SAME_HOUR,
    "slot_weekday_mean": FeatureFamily.SAME_HOUR,
    "similar_mean": FeatureFamily.SIMILAR_DAYS,
    "similar_deviation": FeatureFamily.SIMILAR_DAYS,
    "similar_newest": FeatureFamily.SIMILAR_DAYS,
    **{f"level_{hours}h": FeatureFamily.LEVEL for hours in LEVEL_HOURS},
    "level_week_ratio": FeatureFamily.TREND,
    "newest": FeatureFamily.LEVEL,
    "newest_same_hour_change": FeatureFamily.TREND,
    "newest_week_change": FeatureFamily.TREND,
    "newest_age_h": FeatureFamily.AGE,
}
"""Every feature, in the order of the matrix's columns, with its family."""
FEATURE_NAMES: tuple[str, ...] = tuple(FEATURES)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """Features of many rows.

    Parameters
    ----------
    matrix
        Shape (rows, features), columns as in `FEATURE_NAMES`; NaN where nothing was known.
    scale
        Per row, in the metric's unit: what values were divided by, and predictions are multiplied by.
    lead_h
        Per row, hours from the origin to the start of the step.
    """

    matrix: npt.NDArray[np.float32]
    scale: Floats
    lead_h: Floats


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
    scale = scale_of(history, rows)
    lead_h = rows.lead / history.steps_per_hour
    columns: Columns = {
        "lead_h": lead_h,
        **_calendar_columns(calendar, rows),
        **slot_columns(history, rows, calendar, scale),
        **level_columns(history, rows, scale),
    }
    matrix = np.column_stack([columns[name].astype(np.float32) for name in FEATURE_NAMES])
    return FeatureTable(matrix, scale, lead_h)


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
