"""The bench's data sets are what its protocol says: series, grids, stretches, and the weather given to all."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
from forecast_folds import CAMBRIDGE, DATA, DATASETS, before

from models.backtest import BacktestSettings, folds_of
from models.peers.frame import known_weather

pytestmark = pytest.mark.real_data
SERIES = {
    "cambridge": 15,
    "paris13_no2": 1,
    "paris13_o3": 1,
    "ratp_co2": 1,
    "robod_co2": 2,
    "montpellier": 14,
    "paris_bicycles": 40,
}


@pytest.fixture(autouse=True)
def _real_files() -> None:
    if not DATA.is_dir():
        pytest.skip(f"no real data in {DATA}: set VIGIE_REAL_DATA_DIR")


@pytest.mark.parametrize("name", DATASETS)
def test_every_stretch_has_its_series_and_its_origins(name: str) -> None:
    dataset = DATASETS[name]
    whole = dataset.read()
    assert len(whole.series_ids) == SERIES[name]
    for test in dataset.tests:
        history = before(whole, test)
        length = history.as_of - test.start
        (fold,) = folds_of(history, BacktestSettings(length, dataset.plan.every, length))
        assert history.instant_of(fold.origins[0]) == test.start
        assert history.instant_of(fold.origins[-1]) <= test.end - timedelta(hours=2)
        assert np.isfinite(history.values[:, fold.origins[0] :]).mean() > 0.3


def test_cambridge_is_given_the_weather_of_the_day_ahead_at_midnight() -> None:
    history = CAMBRIDGE.read()
    known = history.until(CAMBRIDGE.tests[0].start)
    told = known_weather(known, known.length - 24, known.length + 24)
    assert sorted(told) == ["humidity_ratio", "irradiance_wm2", "temperature_c"]
    assert np.isfinite(told["temperature_c"]).all()
    assert 0 <= told["humidity_ratio"].min() <= told["humidity_ratio"].max() <= 1
