"""Which alarms of the bench were right: checks that share no code with the conditions, written before any was tuned.

An alarm is **false** when nothing in the file bears it out:

- *stuck*: not one value for 24 hours on end, or fewer than half of the other sensors of the metric moved meanwhile (a
  single sensor: it repeats itself as often at other times);
- *silence*: fewer than three readings are missing, by the median interval of the series over the whole file, or the
  series pauses as long more than once a week;
- *threshold*: the raw values, nothing left out, averaged over the same minutes, do not stay beyond the limit until the
  alarm was confirmed; or the former one ended less than an hour before (told twice);
- *expected*: beside the four weeks before **and after**, the load does not leave the usual for its hours of the week
  by three robust standard deviations, in one direction;
- *completeness*: on one of the days, as many readings as the rule asks for are in the file.

A silence of all sensors of a data set at once is the poller's, not a sensor's: **platform**, told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from alarm_places import Line

from core.alarms import Condition, Episode, Rule
from core.columns import Floats, Ints, Mask, to_microseconds
from core.quality.traces import DAY_US, HOUR_US, MINUTE_US

WEEK_US = 7 * DAY_US
STILL_US = DAY_US
MOVED_SHARE = 0.5
MISSING_MIN = 3
WEEKS_AROUND = 4
SIGMAS = 3.0
SAME_SIGN_SHARE = 0.8
PLATFORM_SENSORS_MIN = 2


class Verdict(StrEnum):
    """What a check says of an alarm."""

    RIGHT = "right"
    FALSE = "false"
    PLATFORM = "platform"


def verdict(rule: Rule, line: Line, episode: Episode, others: Sequence[Line], former: Episode | None) -> Verdict:
    """Return what the file says of an alarm; ``others``: every series of the data set."""
    since = to_microseconds(episode.since)
    until = int(line.track.end_us) if episode.until is None else to_microseconds(episode.until)
    if rule.condition is Condition.STUCK:
        right = _stands_still(line, since, until, others)
    elif rule.condition is Condition.SILENCE:
        if _all_silent(line, since, until, others):
            return Verdict.PLATFORM
        right = _is_missing(line, since, until)
    elif rule.condition is Condition.THRESHOLD:
        told_twice = former is not None and former.until is not None and since - to_microseconds(former.until) < HOUR_US
        right = not told_twice and _stays_beyond(rule, line, since, to_microseconds(episode.confirmed_at))
    elif rule.condition is Condition.EXPECTED:
        right = _leaves_the_usual(line, since, until)
    else:
        right = _lacks_readings(rule, line, since, until)
    return Verdict.RIGHT if right else Verdict.FALSE


def _within(line: Line, since: int, until: int) -> Floats:
    first, last = np.searchsorted(line.track.observed, [since, until])
    return line.track.value[first:last]


def _stands_still(line: Line, since: int, until: int, others: Sequence[Line]) -> bool:
    own = _within(line, since, until)
    if until - since < STILL_US or len(np.unique(own)) != 1:
        return False
    fellows = [one for one in others if one.track.metric == line.track.metric and one is not line]
    heard = [values for one in fellows if len(values := _within(one, since, until)) >= 2]
    if not heard:
        repeats = np.diff(line.track.value) == 0
        return float(repeats.sum() - (len(own) - 1)) < 0.1 * len(repeats)
    return float(np.mean([len(np.unique(values)) > 1 for values in heard])) >= MOVED_SHARE


def _is_missing(line: Line, since: int, until: int) -> bool:
    gaps = np.diff(line.track.observed)
    if not len(gaps):
        return False
    usual = float(np.median(gaps))
    weeks = max(float(line.track.observed[-1] - line.track.observed[0]) / WEEK_US, 1.0)
    return (until - since) / usual - 1 >= MISSING_MIN and float((gaps >= until - since).sum()) <= weeks


def _all_silent(line: Line, since: int, until: int, others: Sequence[Line]) -> bool:
    if len({one.sensor for one in others}) < PLATFORM_SENSORS_MIN:
        return False
    margin = line.track.interval_us
    alive = [one for one in others if one.track.observed[0] < since and one.track.observed[-1] >= until]
    return bool(alive) and all(not len(_within(one, since + margin, until - margin)) for one in alive)


def _stays_beyond(rule: Rule, line: Line, since: int, confirmed: int) -> bool:
    mean_us = round(rule.parameters.get("mean_minutes", 0) * MINUTE_US)
    times, values = line.track.observed, line.track.value
    here = np.flatnonzero((times >= since) & (times <= confirmed))
    found = [_mean(times, values, int(place), mean_us) for place in here.tolist()]
    return min(found) >= float(rule.parameters["raise"])


def _mean(times: Ints, values: Floats, place: int, mean_us: int) -> float:
    if not mean_us:
        return float(values[place])
    inside: Mask = (times > times[place] - mean_us) & (times <= times[place])
    return float(values[inside].mean())


def _leaves_the_usual(line: Line, since: int, until: int) -> bool:
    times, values = line.track.observed, line.track.value
    here = np.flatnonzero((times >= since) & (times < until))
    away = [_sigmas(times, values, int(place)) for place in here.tolist()]
    known = np.array([one for one in away if np.isfinite(one)])
    if not len(known):
        return False
    middle = float(np.median(known))
    same = float(np.mean(np.sign(known) == np.sign(middle)))
    return abs(middle) >= SIGMAS and same >= SAME_SIGN_SHARE


def _sigmas(times: Ints, values: Floats, place: int) -> float:
    weeks = [week for week in range(-WEEKS_AROUND, WEEKS_AROUND + 1) if week]
    asked = times[place] + np.array(weeks) * WEEK_US
    found = np.searchsorted(times, asked)
    found = found[found < len(times)]
    around = values[found[np.isin(times[found], asked)]]
    if len(around) < WEEKS_AROUND:
        return float("nan")
    usual = float(np.median(around))
    spread = 1.4826 * float(np.median(np.abs(around - usual)))
    return (float(values[place]) - usual) / max(spread, 0.01 * abs(usual), 1e-6)


def _lacks_readings(rule: Rule, line: Line, since: int, until: int) -> bool:
    """Whether each day of the alarm lacks readings: days of 24 hours from its beginning on, which is midnight."""
    interval = line.track.interval_us
    starts = np.arange(since, until - DAY_US + HOUR_US, DAY_US)
    counts = [len(_within(line, int(start), int(start) + DAY_US)) for start in starts.tolist()]
    return bool(counts) and max(counts) < rule.parameters["ratio"] * DAY_US / interval
