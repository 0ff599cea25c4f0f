"""Battery: when it will be empty, by the line through its last months.

The line is Theil and Sen's: the median of the slopes between all pairs of days, which a few cold nights do not bend.
Its spread is Sen's rank interval (p10 to p90 of the slope), widened by how much a day resembles the one before it. A
battery that was replaced, seen as a jump up, begins anew. It is a line: cells of lithium stay flat for years and then
fall within weeks, so that it says little of what is far away; the alarm asks for what is near only.

Sources: Sen, P. K. (1968), Estimates of the regression coefficient based on Kendall's tau, JASA 63 (324), 1379-1389.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.alarms import Episode
from core.clock import format_instant
from core.columns import Floats, Ints, from_microseconds
from core.decisions import Value
from core.quality.days import day_start, days_of
from core.quality.traces import DAY_US
from core.readings import Quality
from services.alarms.conditions.parameters import Battery
from services.alarms.episodes import Signal, lookback_of, replay
from services.alarms.track import LINK_INTERVALS, State, Track

LINE_DAYS = 90
"""The line goes through the last three months."""
DAYS_MIN = 14
"""So many days are needed for a line,"""
SPAN_DAYS_MIN = 20
"""which span so many."""
LEVEL_DAYS = 14
"""Where the line stands is the median of the last two weeks."""
JUMP_DAYS = 3
"""A battery was replaced where three days lie above the three before them"""
JUMP_SHARE = 0.25
"""by so large a share of what lay between the highest day and empty."""
YEARS_MAX = 20
"""Nobody knows more of a battery than that it outlasts these: a line that ends later may as well be level."""
Z_P90 = 1.2816
"""Of the normal distribution."""
CLEAR_TIMES = 1.5
"""An alarm is over when the end is so many times as far away as it was raised for."""
CONFIRM_US = 2 * DAY_US
"""A day that says otherwise is no news: it must be said for three days running."""
LINK_US_MIN = 7 * DAY_US


@dataclass(frozen=True, slots=True)
class BatteryEnd:
    """When a battery meets what is called empty; in days, on the scale that it was asked on.

    Parameters
    ----------
    earliest, likely, latest
        p10, median and p90; ``latest`` is None where the line may as well be level: it does not fall, or ends more than
        `YEARS_MAX` on (means of equal values differ in their last bits).
    """

    earliest: float
    likely: float
    latest: float | None


def battery_end(days: Floats | Ints, values: Floats, empty: float) -> BatteryEnd | None:
    """Return when a battery will be empty, or None where no line says so.

    Parameters
    ----------
    days
        Numbers of days, ascending, each once; the last `LINE_DAYS` count.
    values
        One a day, the median for choice, in the metric's stored unit; without missing ones.
    empty
        In the same unit.

    Returns
    -------
    BatteryEnd | None
        None: fewer than `DAYS_MIN` days since the battery was replaced, or it does not fall.
    """
    recent = days > (days[-1] - LINE_DAYS if len(days) else 0)
    day, value = np.asarray(days[recent], dtype=np.float64), values[recent]
    first = _newest_jump(value, empty)
    day, value = day[first:], value[first:]
    if len(day) < DAYS_MIN or day[-1] - day[0] < SPAN_DAYS_MIN:
        return None
    steep, slope, shallow = _slopes(day, value)
    if slope >= 0:
        return None
    latest = _meets(day, value, shallow, empty) if shallow < 0 else np.inf
    known = latest <= day[-1] + YEARS_MAX * 365.25
    return BatteryEnd(_meets(day, value, steep, empty), _meets(day, value, slope, empty), latest if known else None)


def lookback_us(_: Battery, __: str, interval_us: int) -> int:
    """Return how far before an instant the readings begin that a replay from it needs, microseconds."""
    return lookback_of(CONFIRM_US, CONFIRM_US, _link_us(interval_us)) + (LINE_DAYS + 2) * DAY_US


def episodes(track: Track, parameters: Battery, state: State) -> list[Episode]:
    """Return when the end was near, from the end of one local day to that of another.

    The track ends where the clock stands: a day is judged when it is over.
    """
    day, value = daily(track.where(track.quality != int(Quality.BAD)))
    times = np.array([day_start(one + 1) for one in day.tolist()], dtype=np.int64)
    over = times <= track.end_us
    day, value, times = day[over], value[over], times[over]
    link_us = _link_us(track.interval_us)
    needed = times >= state.from_us - lookback_of(CONFIRM_US, CONFIRM_US, link_us)
    first = int(np.argmax(needed)) if needed.any() else len(times)
    ends = [_end(day[: i + 1], value[: i + 1], parameters.empty) for i in range(first, len(times))]
    left = np.array([np.inf if end is None else end.likely for end in ends]) - day[first:]
    holds, clears = left <= parameters.days, left > CLEAR_TIMES * parameters.days
    signal = Signal.of(times[first:], holds, clears, (CONFIRM_US, CONFIRM_US, link_us))
    return replay(signal, state, lambda at: _figures(ends[at], float(value[first + at]), parameters.empty))


def daily(track: Track) -> tuple[Ints, Floats]:
    """Return the local days in which there are readings, by number, and the median of each."""
    if not len(track):
        return track.observed, track.value
    days = days_of(track.observed)
    firsts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    medians = [float(np.median(part)) for part in np.split(track.value, firsts[1:])]
    return days[firsts], np.array(medians)


def _link_us(interval_us: int) -> int:
    return max(LINK_INTERVALS * interval_us, LINK_US_MIN)


def _end(day: Ints, value: Floats, empty: float) -> BatteryEnd | None:
    """Return the end that is sure enough to be told: by a line that does fall, or because it is there."""
    if value[-1] <= empty:
        return BatteryEnd(float(day[-1]), float(day[-1]), float(day[-1]))
    end = battery_end(day, value, empty)
    return None if end is None or end.latest is None else end


def _figures(end: BatteryEnd | None, value: float, empty: float) -> Mapping[str, Value]:
    assert end is not None, "no episode is confirmed without an end"
    latest = end.likely if end.latest is None else end.latest
    ends = {"earliest_at": end.earliest, "ends_at": end.likely, "latest_at": latest}
    said = {name: format_instant(from_microseconds(round(at * DAY_US))) for name, at in ends.items()}
    return {"value": value, "limit": empty, **said}


def _newest_jump(value: Floats, empty: float) -> int:
    """Return the position at which the newest battery begins, 0 where none was replaced."""
    if len(value) < 2 * JUMP_DAYS:
        return 0
    medians = np.median(np.lib.stride_tricks.sliding_window_view(value, JUMP_DAYS), axis=1)
    rises = medians[JUMP_DAYS:] - medians[:-JUMP_DAYS]
    jumps = np.flatnonzero(rises > JUMP_SHARE * max(float(value.max()) - empty, 0.0))
    if not len(jumps):
        return 0
    # Around a jump several windows rise: it is where neighbours differ most.
    newest = int(jumps[-1])
    around = np.diff(value[newest : newest + 2 * JUMP_DAYS])
    return newest + int(np.argmax(around)) + 1


def _slopes(day: Floats, value: Floats) -> tuple[float, float, float]:
    """Return p10, median and p90 of the slope, a day."""
    first, second = np.triu_indices(len(day), 1)
    slopes = np.sort((value[second] - value[first]) / (day[second] - day[first]))
    count = len(day)
    half = Z_P90 * np.sqrt(count * (count - 1) * (2 * count + 5) / 18 * _resemblance(day, value, slopes)) / 2
    middle = len(slopes) / 2
    low, high = int(max(middle - half, 0)), int(min(middle + half, len(slopes) - 1))
    return float(slopes[low]), float(np.median(slopes)), float(slopes[high])


def _resemblance(day: Floats, value: Floats, slopes: Floats) -> float:
    """Return by how much the variance grows because a day resembles the one before it: (1 + r) / (1 - r)."""
    left = value - np.median(slopes) * day
    left -= left.mean()
    power = float((left**2).sum())
    alike = float((left[1:] * left[:-1]).sum()) / power if power > 0 else 0.0
    alike = min(max(alike, 0.0), 0.95)
    return (1 + alike) / (1 - alike)


def _meets(day: Floats, value: Floats, slope: float, empty: float) -> float:
    """Return the day at which a line of this slope meets empty, not before the last day."""
    lately = day > day[-1] - LEVEL_DAYS
    level = float(np.median(value[lately] - slope * (day[lately] - day[-1])))
    return float(day[-1]) + max(level - empty, 0.0) / -slope
