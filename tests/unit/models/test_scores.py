from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.forecasts import QUANTILES
from core.metrics import ForecastPlan
from core.scores import FIRST_DAY
from models.naive import NaiveForecast
from models.scores import (
    Grid,
    Outcome,
    Speech,
    coverage,
    coverage_90,
    figures,
    outcome,
    pinball,
    skill,
    step_sums,
)

HOUR = timedelta(hours=1)
PLAN = ForecastPlan(HOUR, 48 * HOUR, HOUR)
FAN = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)


def test_pinball_is_the_mean_over_levels_by_hand() -> None:
    truth, quantiles = np.array([4.5]), np.array([FAN])
    by_hand = [(level if fan <= 4.5 else level - 1) * (4.5 - fan) for level, fan in zip(QUANTILES, FAN, strict=True)]
    assert pinball(truth, quantiles) == pytest.approx(np.mean(by_hand))


def test_coverage_counts_both_bounds_in() -> None:
    quantiles = np.array([FAN] * 4)
    assert coverage(np.array([2.0, 6.0, 1.99, 6.01]), quantiles) == 0.5


def test_skill_is_the_share_saved() -> None:
    assert skill(3.0, 4.0) == 0.25
    assert skill(5.0, 4.0) == -0.25
    assert skill(0.0, 0.0) is None


def test_the_outer_levels_cover_with_both_bounds_in() -> None:
    assert coverage_90(np.array([1.0, 7.0, 0.9, 7.1]), np.array([FAN] * 4)) == 0.5


def judged_of(truth: list[list[float]], naive: list[list[float]]) -> Outcome:
    fans = np.broadcast_to(np.array(FAN), (*np.shape(truth), 7))
    points = np.array(naive)
    return outcome(np.array(truth), fans, NaiveForecast(points, np.repeat(points[..., None], 7, axis=-1)))


def test_an_outcome_leaves_missing_what_did_not_come_and_what_nobody_said() -> None:
    judged = judged_of([[4.0, np.nan, 4.0]], [[5.0, 5.0, np.nan]])
    assert judged.came.tolist() == [[True, False, True]]
    assert judged.beside.tolist() == [[True, False, False]]
    assert judged.absolute_error[0, 0] == 0
    assert judged.absolute_error_naive[0, 0] == 1
    assert judged.pinball_naive[0, 0] == pytest.approx(0.5)
    assert not judged.within_80[0, 1]
    assert not judged.below[0, 1].any()


def test_an_outcome_is_the_figures_of_its_rows() -> None:
    truth, naive = [[4.0, 5.5], [6.5, 0.0]], [[4.0, 7.0], [3.0, 1.0]]
    judged = judged_of(truth, naive)
    flat, points = np.array(truth).reshape(-1), np.array(naive).reshape(-1)
    alike = figures(flat, np.array([FAN] * 4), points, np.repeat(points[:, None], 7, axis=1))
    assert judged.pinball.mean() == pytest.approx(alike.pinball)
    assert judged.pinball_naive.mean() == pytest.approx(alike.pinball_naive)
    assert judged.within_80.mean() == alike.coverage
    assert judged.within_90.mean() == alike.coverage_90
    assert judged.absolute_error_naive.mean() == alike.absolute_error_naive


@pytest.mark.parametrize(
    ("origin", "days"),
    [
        # 23:00 UTC is the local midnight before 9 January.
        (datetime(2026, 1, 8, 22, tzinfo=UTC), [8] * 1 + [9] * 24 + [10] * 23),
        # The clocks go forward in the night to 29 March: 23 hours.
        (datetime(2026, 3, 28, 22, tzinfo=UTC), [28] * 1 + [29] * 23 + [30] * 24),
        # And back in the night to 25 October: 25 hours.
        (datetime(2026, 10, 24, 21, tzinfo=UTC), [24] * 1 + [25] * 25 + [26] * 22),
    ],
)
def test_a_grid_knows_local_days(origin: datetime, days: list[int]) -> None:
    grid = Grid.of(origin, PLAN)
    assert [(FIRST_DAY + timedelta(days=day)).day for day in grid.day.tolist()] == days


def test_a_grid_knows_buckets_and_regimes() -> None:
    grid = Grid.of(datetime(2026, 1, 9, 4, tzinfo=UTC), PLAN)
    assert grid.lead_from_h.tolist() == [0, 1, 1, 3, 3, 3, *[6] * 6, *[12] * 12, *[24] * 24]
    # From Friday, 05:00 in Paris: the night's last hour, a working day, a night, a Saturday.
    assert grid.regime.tolist() == [0] * 1 + [1] * 16 + [0] * 8 + [2] * 16 + [0] * 7


def test_steps_become_sums_of_one_each() -> None:
    judged = judged_of([[4.0, np.nan, 8.0]], [[5.0, 5.0, 5.0]])
    grid = Grid(np.array([1, 1, 2]), np.array([0, 0, 1]), np.array([0, 1, 2]))
    counted = np.ones((1, 3), dtype=np.bool_)
    sums = step_sums(judged, np.array([7]), Speech(np.array([9]), issued=False), grid, counted)
    assert (sums.series_id.tolist(), sums.model_id.tolist(), sums.issued.tolist()) == ([7, 7], [9, 9], [False, False])
    assert (sums.day.tolist(), sums.lead_from_h.tolist(), sums.regime.tolist()) == ([1, 2], [0, 1], [0, 2])
    assert (sums.steps.tolist(), sums.within_90.tolist()) == ([1, 1], [1, 0])
    assert sums.below.tolist() == [[0, 0, 0, 0, 1, 1, 1], [0] * 7]
    assert len(step_sums(judged, np.array([7]), Speech(np.array([9]), issued=True), grid, ~counted)) == 0


def test_figures_set_the_naive_beside() -> None:
    truth = np.array([4.0, 5.0])
    judged = figures(truth, np.array([FAN, FAN]), np.array([4.0, 7.0]), np.array([FAN, np.array(FAN) + 10]))
    assert judged.steps == 2
    assert judged.absolute_error == 0.5
    assert judged.absolute_error_naive == 1.0
    assert judged.coverage_naive == 0.5
    assert judged.skill is not None
    assert judged.skill > 0
