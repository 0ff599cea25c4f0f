"""Rhythms: after how long a series is silent, by how it spoke before."""

from __future__ import annotations

import numpy as np
import pytest

from core.quality.traces import DAY_US, HOUR_US, MINUTE_US
from services.alarms.rhythm import SILENT_AFTER_US_MAX, Rhythm, learn

TEN = 10 * MINUTE_US


def test_a_steady_series_is_silent_after_three_of_its_intervals() -> None:
    learnt = learn(np.arange(0, 7 * DAY_US, TEN), TEN)
    assert learnt is not None
    assert (learnt.interval_us, learnt.silent_after_us, learnt.gaps) == (TEN, 3 * TEN, 7 * 144 - 1)


def test_its_own_rhythm_counts_and_not_the_promised_one() -> None:
    hourly = np.arange(0, 28 * DAY_US, HOUR_US)
    learnt = learn(hourly, TEN)
    assert learnt is not None
    assert learnt.silent_after_us == 3 * HOUR_US
    # And never less than two of what was promised.
    assert learn(hourly, 5 * HOUR_US) is not None
    assert getattr(learn(hourly, 5 * HOUR_US), "silent_after_us", 0) == 10 * HOUR_US


def test_pauses_that_are_usual_are_waited_for_and_a_lone_outage_is_not() -> None:
    hourly = np.arange(0, 28 * DAY_US, HOUR_US)
    nightly = hourly[(hourly // HOUR_US) % 24 < 18]
    learnt = learn(nightly, HOUR_US)
    assert learnt is not None
    assert learnt.silent_after_us == pytest.approx(1.5 * 7 * HOUR_US)
    outage = hourly[(hourly < 10 * DAY_US) | (hourly > 12 * DAY_US)]
    learnt = learn(outage, HOUR_US)
    assert learnt is not None
    assert learnt.silent_after_us == 3 * HOUR_US


def test_the_young_and_the_rare_have_none_and_a_week_is_the_longest() -> None:
    assert learn(np.arange(0, DAY_US, TEN), TEN) is None
    assert learn(np.arange(0, 10 * DAY_US, DAY_US), DAY_US) is None
    assert learn(np.zeros(0, dtype=np.int64), TEN) is None
    rare = learn(np.arange(0, 80 * DAY_US, 5 * DAY_US), DAY_US)
    assert rare is not None
    assert rare.silent_after_us == SILENT_AFTER_US_MAX


def test_a_reading_is_waited_for_by_the_rhythm_that_was_known_when_it_came() -> None:
    rhythm = Rhythm(np.array([10, 20]) * DAY_US, np.array([HOUR_US, 4 * HOUR_US]))
    heard = np.array([5, 10, 19, 25]) * DAY_US
    assert rhythm.silent_after(heard, TEN).tolist() == [3 * TEN, HOUR_US, HOUR_US, 4 * HOUR_US]
    assert rhythm.silent_after(heard[-1:], TEN, 2).tolist() == [8 * HOUR_US]
    assert Rhythm.unknown().silent_after(heard[:1], TEN).tolist() == [3 * TEN]
