"""Judging: which flags the readings of a metric carry, and what quality follows from them.

Flags depend on values and data times alone, each on what was observed within the rule's `reach`: whatever the order
of arrival, the same readings carry the same flags in the end.
"""

from __future__ import annotations

import numpy as np

from core.columns import Ints, Mask
from core.metrics import Nature, metric_named
from core.quality.indexes import judge_index
from core.quality.rule import QualityRule
from core.quality.traces import DAY_US, MINUTE_US, NEVER, Traces
from core.readings import ARRIVAL_FLAGS, Flag, Quality


def judge(traces: Traces, rule: QualityRule) -> Ints:
    """Return the flags of each reading: those of its arrival as they are, the others from the readings themselves.

    The flags of a reading are final when the traces hold all that was observed within the rule's reach of it.
    """
    nature = metric_named(rule.metric).nature
    flags = traces.flags & int(ARRIVAL_FLAGS)
    if nature is Nature.INDEX:
        flags |= judge_index(traces, rule)
    else:
        spikes = find_spikes(traces, rule)
        flags |= int(Flag.SPIKE) * spikes
        flags |= int(Flag.STEP) * (find_steps(traces, rule, spikes) & ~spikes)
        flags |= int(Flag.STUCK) * find_stuck(traces, rule)
    flags |= int(Flag.BOUNDS) * ((traces.values < rule.low) | (traces.values > rule.high))
    return flags | int(Flag.UNCALIBRATED) * find_uncalibrated(traces, rule)


def qualities(traces: Traces, flags: Ints, rule: QualityRule) -> Ints:
    """Return the quality (`core.readings.Quality`) that flags mean by the rule's severities.

    A value that its calibration makes physically impossible is bad.
    """
    metric = metric_named(rule.metric)
    quality = np.zeros(len(traces), dtype=np.int64)
    for flag in Flag:
        carried = (flags & int(flag)) != 0
        quality[carried] = np.maximum(quality[carried], int(rule.severity_of(flag)))
    quality[(traces.values < metric.low) | (traces.values > metric.high)] = int(Quality.BAD)
    return quality


def find_spikes(traces: Traces, rule: QualityRule) -> Mask:
    """Return which readings leave both neighbours, on one side, while these agree with each other."""
    spikes = np.zeros(len(traces), dtype=np.bool_)
    if rule.spike is None or len(traces) < 3:
        return spikes
    middle = np.arange(1, len(traces) - 1)
    value = traces.values[middle]
    # A change of calibration is no jump: neighbours are compared under the calibration of the reading itself.
    before, after = traces.calibrated_as(middle - 1, middle), traces.calibrated_as(middle + 1, middle)
    rise, fall = value - before, value - after
    lone = (np.abs(rise) > rule.allowed(rule.spike, value, before)) & (
        np.abs(fall) > rule.allowed(rule.spike, value, after)
    )
    agree = np.abs(after - before) < np.minimum(np.abs(rise), np.abs(fall)) / 2
    spikes[middle] = lone & agree & (rise * fall > 0) & traces.follows[middle] & traces.follows[middle + 1]
    return spikes


def find_steps(traces: Traces, rule: QualityRule, spikes: Mask) -> Mask:
    """Return which readings jump from the one before, faster than the metric can move.

    A spike is passed over: what comes after it is compared with what came before it.
    """
    steps = np.zeros(len(traces), dtype=np.bool_)
    if rule.step is None:
        return steps
    here = np.flatnonzero(traces.follows)
    passed = spikes[here - 1] & traces.follows[here - 1]
    compared = here - 1 - passed
    minutes = (traces.times[here] - traces.times[compared]) / MINUTE_US
    value, former = traces.values[here], traces.calibrated_as(compared, here)
    steps[here] = np.abs(value - former) > rule.allowed(rule.step + rule.fastest_per_minute * minutes, value, former)
    return steps


def find_stuck(traces: Traces, rule: QualityRule) -> Mask:
    """Return which readings are of a run of equal values that lasts longer than the metric ever rests."""
    if rule.stuck_hours is None or not len(traces):
        return np.zeros(len(traces), dtype=np.bool_)
    equal = np.zeros(len(traces), dtype=np.bool_)
    equal[1:] = np.abs(np.diff(traces.raw)) <= rule.tolerance
    goes_on = equal & traces.follows & ~rule.rests_at(traces.raw)
    run = np.cumsum(~goes_on) - 1
    starts = np.flatnonzero(~goes_on)
    ends = np.append(starts[1:], len(traces)) - 1
    lasted = (traces.times[ends] - traces.times[starts])[run]
    stuck: Mask = lasted >= rule.stuck_after(traces.interval)
    return stuck


def find_uncalibrated(traces: Traces, rule: QualityRule) -> Mask:
    """Return which readings were observed too long after their series' last calibration, or its adoption."""
    if rule.calibration_days_max is None:
        return np.zeros(len(traces), dtype=np.bool_)
    age = traces.times - traces.calibrated_at
    expired: Mask = (traces.calibrated_at != NEVER) & (age > rule.calibration_days_max * DAY_US)
    return expired
