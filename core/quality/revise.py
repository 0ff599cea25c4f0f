"""Revising: what the touched hours of a metric's series come to, from their readings and those around them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from core.columns import Ints, Mask
from core.metrics import metric_named
from core.quality.hours import Hours, roll_up
from core.quality.judge import judge, qualities
from core.quality.marks import codes_of, hours_moved, spread, within
from core.quality.rule import QualityRule
from core.quality.traces import Traces

ROLLED_FROM_HOURS = 9
"""How far around an hour the readings lie that its roll-up rests on: three hours for the bounds of an index, six more
to know a spike there."""
SPREAD_HOURS = 4
"""Roll-ups move up to two hours from a flag that moved, and rest on the flags up to two hours further."""


def context_hours(reach: int) -> int:
    """Return how many hours around a touched one are read, of series whose readings move flags ``reach`` hours away.

    Flags move so far from a touched hour, and rest on readings as far again.
    """
    return max(2 * reach + SPREAD_HOURS, reach + SPREAD_HOURS + ROLLED_FROM_HOURS)


@dataclass(frozen=True, slots=True, eq=False)
class Revised:
    """What was found, one element per reading of the traces, and the roll-ups that may have moved.

    Parameters
    ----------
    flags, quality
        As they should be stored.
    moved
        Whether they are not what was stored.
    hours
        Roll-ups of the touched hours, of those whose flags moved, and of those that rest on them.
    """

    flags: Ints
    quality: Ints
    moved: Mask
    hours: Hours


def revise(traces: Traces, stored_quality: Ints, rule: QualityRule, touched: Ints, reach: int) -> Revised:
    """Judge and roll up around touched hours, from traces that hold `context_hours` around each.

    ``touched`` are their codes (`core.quality.marks`), ascending.
    """
    flags = judge(traces, rule)
    quality = qualities(traces, flags, rule)
    codes = codes_of(traces.series, traces.times)
    moved = within(codes, touched, reach) & ((flags != traces.flags) | (quality != stored_quality))
    marks = np.union1d(touched, codes[moved])
    wanted = spread(marks, hours_moved(metric_named(rule.metric).nature))
    around = within(codes, wanted, ROLLED_FROM_HOURS)
    hours = roll_up(traces.taken(around), quality[around], rule)
    asked = np.isin(codes_of(hours.series, hours.hours), wanted)
    return Revised(flags, quality, moved, Hours(*(getattr(hours, one.name)[asked] for one in fields(Hours))))
