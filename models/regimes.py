"""Regimes: the kinds of hours in which people make, or do not make, what is measured.

Errors of a forecast differ between them more than between any two hours of one of them, and each holds rows enough
to be judged alone: nights, days on which people work, and the others.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from models.features.calendar import Calendar
from models.history import Indices

NIGHT_FROM_HOUR, NIGHT_UNTIL_HOUR = 22, 6
"""Local hours: the night of the index of noise, as France applies Directive 2002/49/EC."""


class Regime(IntEnum):
    """A kind of hours; the numbers are what scores are kept by."""

    NIGHT = 0
    """22:00 to 06:00, local time, of any day."""
    WORKING_DAY = 1
    """06:00 to 22:00 of a Monday to Friday that is no public holiday."""
    OTHER_DAY = 2
    """06:00 to 22:00 of a weekend or of a public holiday."""


def regimes(calendar: Calendar, index: Indices) -> Indices:
    """Return the `Regime` of each step, by its index in the calendar, as a number."""
    hour = calendar.hour[index]
    night = (hour >= NIGHT_FROM_HOUR) | (hour < NIGHT_UNTIL_HOUR)
    by_day = np.where(calendar.works[index] > 0, Regime.WORKING_DAY, Regime.OTHER_DAY)
    return np.where(night, Regime.NIGHT, by_day).astype(np.int64)
