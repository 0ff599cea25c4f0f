from __future__ import annotations

import math

import numpy as np
import pytest

from models.drift import ALARM_OVER, DAY_MAX, SLACK, drifting_since, excess, worse_by

TWICE = math.log(2)


def test_what_is_lost_beyond_the_promise_by_hand() -> None:
    assert excess(8.0, 10.0, 0.8) == 0
    assert excess(16.0, 10.0, 0.8) == pytest.approx(TWICE)
    assert excess(0.0, 10.0, 0.8) is excess(8.0, 0.0, 0.8) is excess(8.0, 10.0, 0.0) is None


def test_keeping_the_promise_raises_nothing_for_a_year() -> None:
    days = np.random.default_rng(3).normal(0, 0.35, 365)
    assert all(drifting_since(days[:day].tolist()) is None for day in range(366))


def test_losses_that_double_are_told_after_a_week_and_from_their_first_day() -> None:
    days = [*[0.0] * 30, *[TWICE] * 10]
    assert drifting_since(days[:36]) is None
    assert drifting_since(days[:37]) == 30
    assert worse_by(days[30:]) == pytest.approx(1.0)


def test_no_single_day_raises_an_alarm() -> None:
    assert drifting_since([0.0] * 5 + [50.0] * 3) is None
    assert drifting_since([0.0] * 5 + [50.0] * 4) == 5
    assert 4 * (DAY_MAX - SLACK) > ALARM_OVER >= 3 * (DAY_MAX - SLACK)


def test_the_alarm_ends_when_the_sum_is_back_at_nothing_and_begins_anew() -> None:
    drifted = [TWICE] * 8
    assert drifting_since([*drifted, *[0.0] * 10]) == 0
    assert drifting_since([*drifted, *[0.0] * 11]) is None
    assert drifting_since([*drifted, *[0.0] * 11, *drifted]) == 19


def test_however_long_it_drifted_the_alarm_ends_in_time() -> None:
    assert drifting_since([1.0] * 300 + [0.0] * 17) is None


def test_nothing_scored_is_no_drift() -> None:
    assert drifting_since([]) is None
