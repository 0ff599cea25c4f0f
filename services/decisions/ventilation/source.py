"""The CO2 that people breathed out, inferred from a room's readings, and the days that are like the coming one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import isnan

import numpy as np

from core.clock import PARIS, Window
from models.features.calendar import is_holiday, is_school_vacation
from services.decisions.ventilation.policy import Room, VentilationPolicy
from services.decisions.ventilation.situation import STEP, STEPS
from services.decisions.ventilation.zone import Floats

HISTORY = timedelta(days=28)
HISTORY_STEP = timedelta(minutes=10)
"""How finely the past is read: as often as rooms are measured, so that each reading keeps its time."""
DAYS_MAX = 20
_GAP_S_MAX = 45 * 60
_MARGIN = timedelta(minutes=30)
"""Read around the quarters: their first and last interval may reach beyond them."""
_COVERED_LEAST = 0.5
_STEP_S = STEP.total_seconds()
_DAY_S = 86_400.0


@lru_cache(maxsize=4096)
def _is_free(day: date, *, keeps_school_holidays: bool) -> bool:
    if is_holiday(day):
        return True
    vacation = is_school_vacation(day)
    # In years whose calendar is not published, only July and August are known to be free.
    closed = day.month in {7, 8} if isnan(vacation) else bool(vacation)
    return keeps_school_holidays and closed


def opens_on(policy: VentilationPolicy, day: date) -> bool:
    """Whether the site opens on this local date."""
    return day.weekday() in policy.open_weekdays and not _is_free(
        day, keeps_school_holidays=policy.keeps_school_holidays
    )


def is_open(policy: VentilationPolicy, instant: datetime) -> bool:
    """Whether the site is open at this instant: the usual ventilation runs."""
    local = instant.astimezone(PARIS)
    return opens_on(policy, local.date()) and policy.opens_h <= local.hour + local.minute / 60 < policy.closes_h


def comparable_quarters(policy: VentilationPolicy, instant: datetime) -> list[datetime]:
    """Return the same local quarter on the days of the last four weeks that are like its own, the newest first.

    Alike are days on which the site opens, and days on which it does not.
    """
    local = instant.astimezone(PARIS)
    alike = opens_on(policy, local.date())
    found: list[datetime] = []
    for back in range(1, HISTORY.days):
        day = local.date() - timedelta(days=back)
        if opens_on(policy, day) == alike and len(found) < DAYS_MAX:
            found.append(datetime.combine(day, local.timetz().replace(tzinfo=PARIS)).astimezone(UTC))
    return found


def spans_of(compared: list[list[datetime]]) -> list[Window]:
    """Return the stretches of time to read for the ``compared`` quarters, oldest first, with a margin on both sides."""
    spans: list[Window] = []
    for instant in sorted(instant for past in compared for instant in past):
        start, end = instant - _MARGIN, instant + STEP + _MARGIN
        if spans and start <= spans[-1].end:
            spans[-1] = Window(spans[-1].start, end)
        else:
            spans.append(Window(start, end))
    return spans


@dataclass(frozen=True, slots=True)
class CO2History:
    """A room's readings in time order: ``at_s`` since 1970, ``ppm``."""

    at_s: Floats
    ppm: Floats


def comparable_window(policy: VentilationPolicy, start: datetime) -> list[list[datetime]]:
    """Return `comparable_quarters` of each quarter of the window from ``start``."""
    return [comparable_quarters(policy, start + place * STEP) for place in range(STEPS)]


def past_sources(
    policy: VentilationPolicy, room: Room, history: CO2History, compared: list[list[datetime]]
) -> tuple[tuple[float, ...], ...]:
    """Return what was breathed out in the room in each of the ``compared`` quarters, m3/s, as they are grouped.

    The room is taken to have had its leaks, and its usual fan level in open hours. Windows that were opened by habit
    therefore show as a lower source, never below 0. A source above twice that of the full room is no people
    but a fault of the sensor, and is missing; so is a quarter of which less than half was observed.
    """
    if len(history.at_s) < 2:
        return ((),) * len(compared)
    asked = np.array([instant.timestamp() for past in compared for instant in past])
    found = _mean_sources(policy, room, history, asked)
    cuts = np.cumsum([len(past) for past in compared])[:-1]
    return tuple(tuple(float(f"{value:.4g}") for value in part if not isnan(value)) for part in np.split(found, cuts))


def _mean_sources(policy: VentilationPolicy, room: Room, history: CO2History, asked_s: Floats) -> Floats:
    """Return the mean source of each quarter that starts at ``asked_s``; NaN where under half of it was observed."""
    seconds = np.diff(history.at_s)
    flow = room.leak_m3_h + room.usual_m3_h * _open_mask(policy, history.at_s[:-1])
    source = room.zone(policy.outdoor_ppm).source(history.ppm, flow, seconds)
    told = (seconds <= _GAP_S_MAX) & (source <= 2 * room.full_source_m3_s)
    breathed = np.concatenate([[0.0], np.cumsum(np.where(told, np.maximum(source, 0.0) * seconds, 0.0))])
    observed = np.concatenate([[0.0], np.cumsum(np.where(told, seconds, 0.0))])

    def within(total: Floats) -> Floats:
        ends: Floats = np.interp(asked_s + _STEP_S, history.at_s, total) - np.interp(asked_s, history.at_s, total)
        return ends

    covered = within(observed)
    enough = covered >= _COVERED_LEAST * _STEP_S
    mean: Floats = np.where(enough, within(breathed) / np.where(enough, covered, 1.0), np.nan)
    return mean


def _open_mask(policy: VentilationPolicy, at_s: Floats) -> Floats:
    """Return 1 where the site was open, else 0."""
    days = np.arange(at_s[0] // _DAY_S, at_s[-1] // _DAY_S + 1)
    opened = np.concatenate([_open_quarters(policy, int(day)) for day in days])
    mask: Floats = opened[((at_s - days[0] * _DAY_S) // _STEP_S).astype(np.int64)]
    return mask


@lru_cache(maxsize=256)
def _open_quarters(policy: VentilationPolicy, day: int) -> Floats:
    """Return 1 or 0 for each quarter of a UTC day, counted since 1970."""
    starts = (datetime.fromtimestamp(day * _DAY_S + place * _STEP_S, tz=UTC) for place in range(96))
    return np.array([float(is_open(policy, start)) for start in starts])
