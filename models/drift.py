"""Drift: whether a model loses more, beside the naive forecast, than its held-out weeks promised, day after day.

A one-sided cumulative sum (Page 1954) of the daily logarithm of (its loss / the naive's) over what was promised: season
and weather make both lose more, and are no fault of the model. On Cambridge electricity (five stretches of 90 days in
2019 to 2021, each with a model left as it was, groups of 1, 3, 8 and all 24 buildings) it raised 1.4, 1.3, 0.6 and 0
alarms a year and group; losses that double are told after a week, losses half as high again after two to four.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

SLACK = 0.3
"""A day counts against the model as far as it loses more than a third beyond the promise."""
DAY_MAX = 1.0
"""No single day counts for more, good or bad: so no alarm before the fourth day."""
ALARM_OVER = 2.5
"""The sum that raises the alarm. It ends when the sum is back at 0."""
SUM_MAX = 2 * ALARM_OVER
"""The sum goes no higher, so that the alarm ends two weeks after the model does well again."""


def excess(loss: float, loss_naive: float, promised: float) -> float | None:
    """Return how much more than promised was lost on a day, as a logarithm: 0.7 is twice as much; None without losses.

    Parameters
    ----------
    loss, loss_naive
        Sums of a day, of the model and of the naive on the same steps.
    promised
        Their ratio on the held-out weeks.
    """
    return log(loss / loss_naive / promised) if min(loss, loss_naive, promised) > 0 else None


def drifting_since(excesses: Sequence[float]) -> int | None:
    """Return the day from which on a model drifts, as an index; None where its last day is not one of an alarm.

    Parameters
    ----------
    excesses
        One a scored day, the earliest first.
    """
    height, rising, alarmed = 0.0, 0, False
    for day, value in enumerate(excesses):
        if height == 0:
            rising = day
        height = min(max(height + min(max(value, -DAY_MAX), DAY_MAX) - SLACK, 0.0), SUM_MAX)
        alarmed = height > ALARM_OVER or (alarmed and height > 0)
    return rising if alarmed else None


def worse_by(excesses: Sequence[float]) -> float:
    """Return how much more than promised was lost over some days: 0.5 is half as much again."""
    return exp(sum(excesses) / len(excesses)) - 1
