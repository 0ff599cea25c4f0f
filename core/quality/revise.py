"""Revising: what the touched hours of a metric's series come to, from their readings and those around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from core.columns import Ints, Mask
from core.metrics import Nature, metric_named
from core.quality.hours import Hours, roll_up
from core.quality.judge import judge, qualities
from core.quality.marks import codes_of, hours_moved, spread, within
from core.quality.rule import QualityRule
from core.quality.states import hold_us
from core.quality.traces import HOUR_US, Traces

ROLLED_FROM_HOURS = 9
"""How far around an hour the readings lie that its roll-up rests on: three hours for the bounds of an index, six more
to know a spike there. What a state holds comes from further."""
SPREAD_HOURS = 4
"""Roll-ups move up to two hours from a flag that moved, and rest on the flags up to two hours further."""


@dataclass(frozen=True, slots=True, order=True)
class Reach:
    """How far the readings of a series reach, in whole hours.

    Parameters
    ----------
    flags
        As far as one reading may move the flags of another.
    held
        As long as a reading of a state may hold; 0 for every other metric.
    """

    flags: int
    held: int = 0

    @classmethod
    def of(cls, rule: QualityRule, interval_us: int) -> Self:
        """Return the reach of a series of the rule's metric that speaks every ``interval_us`` microseconds."""
        flags = -(-rule.reach(interval_us) // HOUR_US)
        if metric_named(rule.metric).nature is not Nature.STATE:
            return cls(flags)
        return cls(flags, -(-int(hold_us(np.array([interval_us]))[0]) // HOUR_US))

    @property
    def context(self) -> int:
        """How many hours around a touched one are read.

        Flags move so far from a touched hour, and rest on readings as far again.
        """
        return max(2 * self.flags + max(SPREAD_HOURS, self.held), self.flags + SPREAD_HOURS + ROLLED_FROM_HOURS)


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
    empty
        Codes of the hours among these that come to nothing: neither a reading nor a state that holds.
    """

    flags: Ints
    quality: Ints
    moved: Mask
    hours: Hours
    empty: Ints


def revise(traces: Traces, stored_quality: Ints, rule: QualityRule, touched: Ints, reach: Reach) -> Revised:
    """Judge and roll up around touched hours, from traces that hold the reach's context around each.

    ``touched`` are their codes (`core.quality.marks`), ascending.
    """
    flags = judge(traces, rule)
    quality = qualities(traces, flags, rule)
    codes = codes_of(traces.series, traces.times)
    moved = within(codes, touched, reach.flags) & ((flags != traces.flags) | (quality != stored_quality))
    marks = np.union1d(touched, codes[moved])
    wanted = spread(marks, hours_moved(metric_named(rule.metric).nature, reach.held))
    around = within(codes, wanted, max(ROLLED_FROM_HOURS, reach.held))
    hours = roll_up(traces.taken(around), quality[around], rule)
    rolled = hours.codes
    return Revised(flags, quality, moved, hours.taken(np.isin(rolled, wanted)), np.setdiff1d(wanted, rolled))
