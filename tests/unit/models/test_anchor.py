from __future__ import annotations

import json

import numpy as np
import pytest

from models.anchor import INPUTS, SHRINKAGES, Anchor
from models.features.table import FEATURE_NAMES, FeatureTable
from models.history import Floats

PLACE = {name: at for at, name in enumerate(FEATURE_NAMES)}


def table_of(rows: int, seed: int = 1, lead_h: float = 2.0) -> FeatureTable:
    """Return a table whose every feature is noise around 1, half a unit wide."""
    matrix = np.random.default_rng(seed).normal(1.0, 0.5, (rows, len(FEATURE_NAMES))).astype(np.float32)
    some = np.zeros(rows, dtype=np.int64)
    return FeatureTable(matrix, np.ones(rows), np.zeros(rows), np.full(rows, lead_h), some, some)


def straight(table: FeatureTable) -> Floats:
    """Return a target that is a straight line through what was known."""
    newest, habit, change = (
        table.matrix[:, PLACE[name]].astype(np.float64) for name in ("newest", "similar_mean", "week_error_3h")
    )
    return 0.7 * newest + 0.3 * habit + 0.2 * change


def test_a_straight_line_is_found_and_holds_on_rows_not_seen() -> None:
    table, unseen = table_of(2_000), table_of(500, seed=2)
    anchor = Anchor.fit(table, straight(table), SHRINKAGES[0])
    np.testing.assert_allclose(anchor.of(unseen), straight(unseen), atol=0.02)


def test_the_more_it_is_shrunk_the_nearer_it_stays_to_habit_and_newest_value() -> None:
    table = table_of(2_000)
    change = INPUTS.index("week_error_3h")
    weights = [Anchor.fit(table, straight(table), shrinkage).weights[5, change] for shrinkage in SHRINKAGES]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] == pytest.approx(0.2, abs=0.01)
    assert weights[-1] < 0.06


def test_with_few_rows_it_is_the_habit() -> None:
    table = table_of(50)
    anchor = Anchor.fit(table, straight(table), SHRINKAGES[0])
    np.testing.assert_allclose(anchor.of(table), table.matrix[:, PLACE["similar_mean"]], atol=1e-6)


def test_a_series_of_which_nothing_is_known_is_anchored_at_what_is_usual() -> None:
    table = table_of(2_000)
    anchor = Anchor.fit(table, straight(table), SHRINKAGES[1])
    nothing = table_of(3)
    nothing.matrix[:] = np.nan
    assert np.isfinite(anchor.of(nothing)).all()
    np.testing.assert_allclose(anchor.of(nothing), np.mean(straight(table)), atol=0.1)


def test_it_hardly_leaves_the_range_of_what_the_row_knows() -> None:
    table = table_of(2_000)
    anchor = Anchor.fit(table, straight(table), SHRINKAGES[0])
    wild = table_of(1)
    wild.matrix[:] = 1.0
    wild.matrix[:, PLACE["week_error_3h"]] = 1e6
    assert anchor.of(wild) == pytest.approx(1.0)


def test_contributions_add_up() -> None:
    table = table_of(2_000)
    anchor = Anchor.fit(table, straight(table), SHRINKAGES[0])
    told = anchor.contributions(table)
    np.testing.assert_allclose(told.sum(axis=1), anchor.of(table), atol=1e-6)
    assert (np.abs(told[:, PLACE["weekday"]]) == 0).all()


def test_it_is_the_same_after_a_way_through_json() -> None:
    table = table_of(2_000)
    anchor = Anchor.fit(table, straight(table), SHRINKAGES[0])
    again = Anchor.from_json(json.loads(json.dumps(anchor.as_json())))
    np.testing.assert_array_equal(again.of(table), anchor.of(table))
