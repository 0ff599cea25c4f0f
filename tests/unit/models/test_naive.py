from __future__ import annotations

import numpy as np
from made_up_histories import building_loads, history_of

from core.forecasts import QUANTILES
from models.naive import naive_forecast, quantiles_of


def test_it_repeats_last_week_exactly() -> None:
    loads = building_loads(2, 21)
    naive = naive_forecast(history_of(loads))
    np.testing.assert_array_equal(naive.point, loads[:, -168 : -168 + 48])


def test_a_hole_last_week_is_filled_with_the_newest_known_day() -> None:
    loads = building_loads(1, 21)
    loads[0, -168 : -168 + 48] = np.nan
    naive = naive_forecast(history_of(loads))
    np.testing.assert_array_equal(naive.point[0, :24], loads[0, -24:])
    np.testing.assert_array_equal(naive.point[0, 24:], loads[0, -24:])


def test_without_any_day_before_it_is_the_last_value_that_spreads_with_time() -> None:
    walk = np.cumsum(np.random.default_rng(3).normal(0, 1.0, (1, 20)), axis=1) + 50
    naive = naive_forecast(history_of(walk))
    assert (naive.point == walk[0, -1]).all()
    width = naive.quantiles[0, :, -1] - naive.quantiles[0, :, 0]
    assert width[8] > width[0] > 0


def test_a_season_that_repeats_exactly_has_no_spread() -> None:
    week = np.arange(168.0) + 1
    naive = naive_forecast(history_of(np.tile(week, 4)[None, :]))
    assert (naive.quantiles == naive.point[..., None]).all()


def test_nothing_known_says_nothing() -> None:
    naive = naive_forecast(history_of(np.full((1, 400), np.nan)))
    assert np.isnan(naive.point).all()
    assert np.isnan(naive.quantiles).all()


def test_one_lone_reading_says_nothing_rather_than_something_sure() -> None:
    loads = np.full((1, 400), np.nan)
    loads[0, -1] = 7.0
    assert np.isnan(naive_forecast(history_of(loads)).quantiles).all()


def test_quantiles_are_ordered_and_within_bounds() -> None:
    loads = np.random.default_rng(5).exponential(0.3, (3, 600)).clip(0, 1)
    loads[1, 100:500] = np.nan
    quantiles = naive_forecast(history_of(loads, "fill_ratio")).quantiles
    assert (np.diff(quantiles, axis=2) >= 0).all()
    assert quantiles.min() >= 0
    assert quantiles.max() <= 1


def test_its_own_errors_cover_what_they_promise() -> None:
    loads = building_loads(6, 70, seed=4)
    inside = []
    for end in range(loads.shape[1] - 20 * 24, loads.shape[1] - 48, 24):
        quantiles = naive_forecast(history_of(loads[:, :end])).quantiles
        truth = loads[:, end : end + 48]
        inside.append((quantiles[..., 1] <= truth) & (truth <= quantiles[..., 5]))
    assert 0.72 < np.mean(inside) < 0.88


def test_quantiles_of_samples_with_holes_are_those_of_numpy() -> None:
    samples = np.random.default_rng(7).normal(size=(4, 30))
    samples[2, 5:] = np.nan
    samples[3, 10:25] = np.nan
    expected = np.nanquantile(samples, QUANTILES, axis=1).T
    np.testing.assert_allclose(quantiles_of(samples, 1), expected)
    assert np.isnan(quantiles_of(samples, 6)[2]).all()


def test_a_room_that_speaks_every_ten_minutes_is_told_to_five() -> None:
    ppm = np.repeat(building_loads(2, 21), 12, axis=1) * 10 + 400
    ppm[0, 1::2] = np.nan
    ppm[1, ::2] = np.nan
    naive = naive_forecast(history_of(ppm, "co2_ppm"))
    assert np.isfinite(naive.point).all()
    assert np.isfinite(naive.quantiles).all()
