from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.forecasts import QUANTILES
from models.calibration import DOUBTED_DAYS, LEAD_BUCKETS_H, Calibration
from models.history import Floats
from models.scores import coverage

NORMAL = np.array([-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645])


def heteroscedastic(rows: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Return quantiles half as wide as they should be, truth, and lead times; spread differs tenfold over rows."""
    random = np.random.default_rng(seed)
    spread = random.uniform(0.1, 1.0, rows)
    truth = 5 + spread * random.normal(size=rows)
    return 5 + 0.5 * spread[:, None] * NORMAL, truth, random.uniform(0, 48, rows)


def test_narrow_quantiles_are_widened_until_they_hold_on_data_not_seen() -> None:
    quantiles, truth, lead_h = heteroscedastic(6_000, 1)
    unseen, unseen_truth, unseen_lead_h = heteroscedastic(6_000, 2)
    calibration = Calibration.fit(quantiles, truth, lead_h, days=28)
    assert coverage(unseen_truth, unseen) < 0.55
    calibrated = calibration.apply(unseen, unseen_lead_h)
    assert 0.77 < coverage(unseen_truth, calibrated) < 0.83
    for at, level in enumerate(QUANTILES):
        assert abs(np.mean(unseen_truth <= calibrated[:, at]) - level) < 0.03


def test_a_wide_row_moves_further_than_a_narrow_one() -> None:
    calibration = Calibration.fit(*heteroscedastic(6_000, 1), days=28)
    rows = 5 + np.array([[0.1], [1.0]]) * NORMAL
    moved = calibration.apply(rows, np.array([30.0, 30.0]))[:, -1] - rows[:, -1]
    assert moved[1] > 5 * moved[0] > 0


def test_one_odd_week_widens_but_bends_only_by_half() -> None:
    quantiles, truth, lead_h = heteroscedastic(6_000, 3)
    off = truth + 2 * (quantiles[:, 5] - quantiles[:, 1])
    week = Calibration.fit(quantiles, off, lead_h, days=DOUBTED_DAYS).shifts
    forever = Calibration.fit(quantiles, off, lead_h, days=1e9).shifts
    np.testing.assert_allclose(week[:, 3], forever[:, 3] / 2, rtol=1e-6)
    np.testing.assert_allclose(np.diff(week, axis=1), np.diff(forever, axis=1), atol=1e-9)


def test_too_few_rows_change_nothing_and_a_thin_bucket_takes_the_shift_of_all() -> None:
    quantiles, truth, lead_h = heteroscedastic(50, 4)
    assert (Calibration.fit(quantiles, truth, lead_h, days=28).shifts == 0).all()
    quantiles, truth, _ = heteroscedastic(2_000, 4)
    shifts = Calibration.fit(quantiles, truth, np.full(2_000, 30.0), days=28).shifts
    assert shifts.shape == (len(LEAD_BUCKETS_H), len(QUANTILES))
    assert (shifts == shifts[-1]).all()
    assert shifts[-1, -1] > 0


@settings(max_examples=60, deadline=None)
@given(
    quantiles=arrays(np.float64, (5, 7), elements=st.floats(-1e6, 1e6)),
    shifts=arrays(np.float64, (len(LEAD_BUCKETS_H), 7), elements=st.floats(-10, 10)),
)
def test_quantiles_never_cross(quantiles: Floats, shifts: Floats) -> None:
    calibrated = Calibration(shifts).apply(np.sort(quantiles, axis=1), np.array([0.0, 1.0, 5.0, 12.0, 47.0]))
    assert (np.diff(calibrated, axis=1) >= 0).all()
