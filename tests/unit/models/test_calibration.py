from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.forecasts import QUANTILES
from models.calibration import DOUBTED_DAYS, FEWEST_ROWS, LEAD_BUCKETS_H, Calibration
from models.history import Floats, Indices
from models.regimes import Regime
from models.scores import coverage

NORMAL = np.array([-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645])


@dataclass(frozen=True)
class Rows:
    """Forecasts of many steps and what came."""

    quantiles: Floats
    truth: Floats
    lead_h: Floats
    regime: Indices

    def fitted(self, days: float) -> Calibration:
        """Return what these rows calibrate to."""
        return Calibration.fit(self.quantiles, self.truth, self.lead_h, self.regime, days)

    def coverage_when(self, calibration: Calibration, regime: Regime) -> float:
        """Return how often p10-p90 holds in a regime."""
        calibrated = calibration.apply(self.quantiles, self.lead_h, self.regime)
        here = self.regime == regime
        return coverage(self.truth[here], calibrated[here])


def heteroscedastic(rows: int, seed: int, night: float = 1.0) -> Rows:
    """Return quantiles half as wide as they should be; spread differs tenfold over rows.

    At night the truth strays ``night`` times as far.
    """
    random = np.random.default_rng(seed)
    spread = random.uniform(0.1, 1.0, rows)
    regime = random.integers(0, len(Regime), rows)
    truth = 5 + np.where(regime == Regime.NIGHT, night, 1.0) * spread * random.normal(size=rows)
    return Rows(5 + 0.5 * spread[:, None] * NORMAL, truth, random.uniform(0, 48, rows), regime)


def test_narrow_quantiles_are_widened_until_they_hold_on_data_not_seen() -> None:
    calibration = heteroscedastic(9_000, 1).fitted(days=28)
    unseen = heteroscedastic(9_000, 2)
    assert coverage(unseen.truth, unseen.quantiles) < 0.55
    calibrated = calibration.apply(unseen.quantiles, unseen.lead_h, unseen.regime)
    assert 0.77 < coverage(unseen.truth, calibrated) < 0.83
    for at, level in enumerate(QUANTILES):
        assert abs(np.mean(unseen.truth <= calibrated[:, at]) - level) < 0.03


def test_a_regime_holds_for_itself_as_far_as_it_was_seen_on_days_enough() -> None:
    rows, unseen = (heteroscedastic(9_000, seed, night=0.2) for seed in (1, 2))
    of_years, of_weeks = rows.fitted(days=3_000), rows.fitted(days=28)
    for regime in Regime:
        assert 0.75 < unseen.coverage_when(of_years, regime) < 0.85
    assert unseen.coverage_when(of_weeks, Regime.NIGHT) > 0.9
    wide, narrow = (some.shifts[4, Regime.NIGHT, -1] for some in (of_weeks, of_years))
    assert wide > narrow


def test_a_wide_row_moves_further_than_a_narrow_one() -> None:
    calibration = heteroscedastic(6_000, 1).fitted(days=28)
    rows = 5 + np.array([[0.1], [1.0]]) * NORMAL
    moved = calibration.apply(rows, np.array([30.0, 30.0]), np.array([1, 1]))[:, -1] - rows[:, -1]
    assert moved[1] > 5 * moved[0] > 0


def test_odd_weeks_widen_but_hardly_bend() -> None:
    rows = heteroscedastic(6_000, 3)
    off = rows.truth + 2 * (rows.quantiles[:, 5] - rows.quantiles[:, 1])
    lead_h, nights = np.full(len(off), 30.0), np.zeros(len(off), dtype=np.int64)
    season = Calibration.fit(rows.quantiles, off, lead_h, nights, DOUBTED_DAYS).shifts
    forever = Calibration.fit(rows.quantiles, off, lead_h, nights, 1e9).shifts
    np.testing.assert_allclose(season[:, 0, 3], forever[:, 0, 3] / 2, rtol=1e-6)
    np.testing.assert_allclose(np.diff(season, axis=2), np.diff(forever, axis=2), atol=1e-9)


def test_days_of_a_regime_are_believed_by_how_often_it_comes() -> None:
    rows = heteroscedastic(7_000, 3)
    weekend = np.arange(7_000) % 7 >= 5
    odd = np.where(weekend, 3.0, 1.0) * (rows.truth - 5) + 5
    regime = np.where(weekend, Regime.OTHER_DAY, Regime.WORKING_DAY)
    lead_h = np.full(7_000, 30.0)
    believed = []
    for kind in (Regime.WORKING_DAY, Regime.OTHER_DAY):
        of_all = Calibration.fit(rows.quantiles, odd, lead_h, regime, 1e-9).shifts[5, kind, -1]
        of_regime = Calibration.fit(rows.quantiles, odd, lead_h, regime, 1e9).shifts[5, kind, -1]
        seen = Calibration.fit(rows.quantiles, odd, lead_h, regime, 28.0).shifts[5, kind, -1]
        believed.append((seen - of_all) / (of_regime - of_all))
    np.testing.assert_allclose(believed, [20 / (20 + DOUBTED_DAYS), 8 / (8 + DOUBTED_DAYS)], rtol=0.05)


def test_too_few_rows_change_nothing() -> None:
    assert (heteroscedastic(FEWEST_ROWS - 1, 4).fitted(days=28).shifts == 0).all()
    assert (heteroscedastic(FEWEST_ROWS, 4).fitted(days=28).shifts != 0).any()


def test_a_thin_regime_takes_the_shift_of_its_bucket_and_a_thin_bucket_that_of_all() -> None:
    rows = heteroscedastic(2_000, 4)
    lead_h = np.where(np.arange(2_000) < 500, 2.0, 30.0)
    regime = np.where(np.arange(2_000) % 500 < FEWEST_ROWS - 1, Regime.NIGHT, Regime.WORKING_DAY)
    shifts = Calibration.fit(rows.quantiles, rows.truth, lead_h, regime, days=28).shifts
    assert shifts.shape == (len(LEAD_BUCKETS_H), len(Regime), len(QUANTILES))
    empty = shifts[0]
    assert (empty == empty[0]).all()
    assert (shifts[3] == empty).all()
    early = shifts[LEAD_BUCKETS_H.index(1)]
    assert (early[Regime.NIGHT] == early[Regime.OTHER_DAY]).all()
    assert (early[Regime.NIGHT] != early[Regime.WORKING_DAY]).any()
    assert (early[Regime.NIGHT] != empty[Regime.NIGHT]).any()
    late = shifts[LEAD_BUCKETS_H.index(24)]
    assert (late[Regime.NIGHT] != late[Regime.OTHER_DAY]).any()


@settings(max_examples=60, deadline=None)
@given(
    quantiles=arrays(np.float64, (5, 7), elements=st.floats(-1e6, 1e6)),
    shifts=arrays(np.float64, (len(LEAD_BUCKETS_H), len(Regime), 7), elements=st.floats(-10, 10)),
)
def test_quantiles_never_cross(quantiles: Floats, shifts: Floats) -> None:
    lead_h, regime = np.array([0.0, 1.0, 5.0, 12.0, 167.0]), np.array([0, 1, 2, 0, 1])
    calibrated = Calibration(shifts).apply(np.sort(quantiles, axis=1), lead_h, regime)
    assert (np.diff(calibrated, axis=1) >= 0).all()
