from __future__ import annotations

import numpy as np

from models.features.table import FEATURE_NAMES, FeatureTable
from models.history import Floats
from models.local import FEWEST_HOURS, Lesson, LocalCorrections

HOUR = FEATURE_NAMES.index("local_hour")


def lesson(ids: list[int], rows: int = 1_500, seed: int = 1) -> Lesson:
    """Return a lesson of which the pooled model says 0, and series 1 is 1 above it in the morning."""
    random = np.random.default_rng(seed)
    count = rows * len(ids)
    matrix = random.normal(0, 1, (count, len(FEATURE_NAMES))).astype(np.float32)
    matrix[:, HOUR] = random.integers(0, 24, count)
    series_ids = np.repeat(ids, rows)
    target = 0.1 * random.normal(size=count) + ((matrix[:, HOUR] < 12) & (series_ids == 1))
    whole = np.zeros(count, dtype=np.int64)
    table = FeatureTable(matrix, np.ones(count), np.zeros(count), np.ones(count), whole, series_ids)
    return Lesson(table, target, float(count))


def nothing(lesson: Lesson) -> Floats:
    return np.zeros(len(lesson.target))


def test_what_is_missed_time_after_time_is_learnt_and_weighed_by_what_it_saves() -> None:
    learnt, held_out = lesson([1, 2]), lesson([1, 2], seed=2)
    tried = LocalCorrections.fit(learnt, nothing(learnt), None, seed=1)
    assert tried.weights == {1: 1.0, 2: 1.0}
    local = tried.weighed(held_out, nothing(held_out))
    assert local.weights == {1: 1.0}
    added = local.of(held_out.table)
    morning = held_out.table.matrix[:, HOUR] < 12
    first = held_out.table.series_ids == 1
    assert (added[first & morning] > 0.6).all()
    assert np.abs(added[first & ~morning]).mean() < 0.05
    assert (added[~first] == 0).all()


def test_a_series_that_is_not_known_well_enough_gets_none() -> None:
    short = lesson([1], rows=FEWEST_HOURS - 1)
    assert LocalCorrections.fit(short, nothing(short), None, seed=1).weights == {}
    enough = lesson([1], rows=FEWEST_HOURS)
    assert LocalCorrections.fit(enough, nothing(enough), None, seed=1).weights == {1: 1.0}


def test_only_the_series_that_were_given_weight_are_fitted_again() -> None:
    learnt = lesson([1, 2])
    local = LocalCorrections.fit(learnt, nothing(learnt), {1: 0.5}, seed=1)
    assert local.weights == {1: 0.5}
    whole = LocalCorrections.fit(learnt, nothing(learnt), {1: 1.0}, seed=1)
    np.testing.assert_allclose(local.of(learnt.table), whole.of(learnt.table) / 2)


def test_contributions_add_up_to_what_is_added() -> None:
    learnt = lesson([1, 2])
    local = LocalCorrections.fit(learnt, nothing(learnt), {1: 0.5}, seed=1)
    np.testing.assert_allclose(local.contributions(learnt.table).sum(axis=1), local.of(learnt.table), atol=1e-9)


def test_held_out_weeks_that_say_nothing_of_a_series_leave_it_without() -> None:
    learnt, other = lesson([1]), lesson([3])
    tried = LocalCorrections.fit(learnt, nothing(learnt), None, seed=1)
    assert tried.weighed(other, nothing(other)).weights == {}
