"""The plain rules: each repeats what it says it repeats, with quantiles of its own errors."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from made_up_histories import history_of

from core.forecasts import QUANTILES
from models.history import Floats, History
from models.yardsticks import YARDSTICKS, HouseNaive

MEDIAN = QUANTILES.index(0.5)


def weekly(weeks: int) -> Floats:
    """Return a load that is the same every week."""
    return np.tile(np.arange(168, dtype=float), weeks)[None]


def median_of(name: str, history: History) -> Floats:
    return YARDSTICKS[name].quantiles(history)[0, :, MEDIAN]


def test_last_week_and_four_weeks_repeat_a_weekly_load_without_error() -> None:
    history = history_of(weekly(9))
    for name in ("last_week", "four_weeks"):
        quantiles = YARDSTICKS[name].quantiles(history)
        np.testing.assert_allclose(quantiles[0], np.repeat(np.arange(48.0)[:, None], len(QUANTILES), axis=1))


def test_persistence_repeats_the_newest_value_that_is_known() -> None:
    values = np.full((1, 40 * 24), 5.0)
    values[0, -6:] = np.nan
    values[0, -7] = 8
    assert median_of("persistence", history_of(values)) == pytest.approx(np.full(48, 8.0))


def test_yesterday_is_the_newest_day_that_had_ended_at_the_origin() -> None:
    days = np.repeat(np.arange(40.0), 24)[None]
    said = YARDSTICKS["yesterday"].rule(history_of(days), 40 * 24)
    np.testing.assert_array_equal(said[0, [0, 23, 24, 47]], [39, 39, 39, 39])


def test_a_rule_knows_how_wrong_it_was() -> None:
    random = np.random.default_rng(3)
    history = history_of(100 + random.normal(0, 5, (1, 60 * 24)))
    quantiles = YARDSTICKS["last_week"].quantiles(history)
    width = quantiles[0, :, -1] - quantiles[0, :, 0]
    assert 18 < width.mean() < 30  # a difference of two, each 5 wide: p05 to p95 is 23
    assert (np.diff(quantiles, axis=2) >= 0).all()


@pytest.mark.parametrize("name", [*YARDSTICKS, "naive"])
def test_a_rule_sees_nothing_after_its_origin(name: str) -> None:
    random = np.random.default_rng(3)
    values = random.uniform(1, 9, (2, 50 * 24))
    later = values.copy()
    later[:, 45 * 24 :] *= 7
    rule = YARDSTICKS.get(name) or HouseNaive()
    at = history_of(values).start + timedelta(days=45)
    said, again = (rule.fit(one).quantiles(one.until(at)) for one in (history_of(values), history_of(later)))
    np.testing.assert_array_equal(said, again)
