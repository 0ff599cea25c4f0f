"""Whether outdoor air is fit to be let in, quarter by quarter.

The steps are those of the French ATMO index (arrêté of 10 July 2020): *good* up to 40 µg/m³ of NO2 and 10 µg/m³ of
PM2.5, *degraded* above 90 and 20. PM2.5 is judged by its hourly value as if it were the day's mean, which is careful.
"""

from __future__ import annotations

from enum import StrEnum

from services.decisions.ventilation.situation import STEPS, Situation

GOOD_UGM3 = {"no2_ugm3": 40.0, "pm25_ugm3": 10.0}
DEGRADED_UGM3 = {"no2_ugm3": 90.0, "pm25_ugm3": 20.0}


class Advice(StrEnum):
    """What the outdoor air advises."""

    YES = "yes"
    SHORT = "short"
    """Air, but no longer than needed."""
    NO = "no"
    """Only where CO2 leaves no choice."""
    UNKNOWN = "unknown"


WEIGHT = {Advice.YES: 1.0, Advice.SHORT: 2.0, Advice.NO: 4.0, Advice.UNKNOWN: 1.0}
"""How much dearer air is then taken to be: airings move to better hours where they can."""


def advice(situation: Situation) -> tuple[Advice, ...]:
    """Return the advice for each quarter of the window: the worst of its pollutants."""
    columns = {metric: situation.outdoor_values(metric) for metric in GOOD_UGM3}
    return tuple(_judge({metric: values[quarter] for metric, values in columns.items()}) for quarter in range(STEPS))


def _judge(values: dict[str, float | None]) -> Advice:
    known = {metric: value for metric, value in values.items() if value is not None}
    if not known:
        return Advice.UNKNOWN
    if any(value > DEGRADED_UGM3[metric] for metric, value in known.items()):
        return Advice.NO
    if any(value > GOOD_UGM3[metric] for metric, value in known.items()):
        return Advice.SHORT
    return Advice.YES
