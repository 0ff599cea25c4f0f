from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_histories import building_loads, history_of, loads_history

from core.forecasts import Doubt
from models.history import Floats, History
from models.soundness import examine


def doubts_of(values: Floats, metric: str = "power_kw") -> list[set[Doubt]]:
    return [set(found) for found in examine(history_of(values, metric)).doubts]


def test_a_sound_history_is_left_as_it_is() -> None:
    history = loads_history(4, 60)
    examined = examine(history)
    assert examined.history is history
    assert examined.doubts == (frozenset(),) * 4


def test_a_sensor_that_is_stuck_is_told_and_not_believed() -> None:
    values = building_loads(2, 60)
    values[1, -20:] = values[1, -20]
    examined = examine(history_of(values))
    assert Doubt.STUCK in examined.doubts[1]
    assert np.isnan(examined.history.values[1, -20:]).all()
    np.testing.assert_array_equal(examined.history.values[0], values[0])
    assert examined.doubts[0] == frozenset()


def test_a_run_of_long_ago_is_left_out_but_not_told() -> None:
    values = building_loads(1, 60)
    values[0, 300:330] = values[0, 300]
    examined = examine(history_of(values))
    assert np.isnan(examined.history.values[0, 300:330]).all()
    assert examined.doubts == (frozenset(),)


def test_a_series_that_only_ever_said_one_thing_is_told_and_kept() -> None:
    values = np.vstack([building_loads(2, 30), np.full(30 * 24, 7.5)])
    examined = examine(history_of(values))
    assert Doubt.STUCK in examined.doubts[2]
    np.testing.assert_array_equal(examined.history.values[2], values[2])


@pytest.mark.parametrize(("metric", "value"), [("occupied", 0.0), ("fill_ratio", 1.0), ("power_kw", 0.0)])
def test_an_empty_bay_a_full_bin_and_the_sun_at_night_are_not_stuck(metric: str, value: float) -> None:
    steps = 24 * 40 * (4 if metric == "occupied" else 1)
    values = np.random.default_rng(1).uniform(0.1, 0.9, (2, steps))
    values[1, -steps // 4 :] = value
    assert all(Doubt.STUCK not in found for found in doubts_of(values, metric))


def test_zeros_of_a_load_far_above_zero_mean_that_nothing_was_measured() -> None:
    values = building_loads(2, 60)
    values[1, -40:-30] = 0.0
    examined = examine(history_of(values))
    assert np.isnan(examined.history.values[1, -40:-30]).all()
    assert Doubt.ZEROS_MISSING in examined.doubts[1]
    assert Doubt.ZEROS_MISSING not in examined.doubts[0]


def test_a_load_that_is_off_for_eight_days_is_off() -> None:
    values = building_loads(1, 60)
    values[0, -8 * 24 :] = 0.0
    examined = examine(history_of(values))
    assert (examined.history.values[0, -8 * 24 :] == 0).all()
    values[0, -8 * 24 : -7 * 24] = 30.0
    assert np.isnan(examine(history_of(values)).history.values[0, -7 * 24 :]).all()


def test_zeros_of_counts_of_switched_loads_and_of_the_sun_are_zeros() -> None:
    counts = np.round(building_loads(1, 60))
    counts[0, -40:-30] = 0
    switched = np.where(np.arange(60 * 24) % 24 < 3, 0.0, building_loads(1, 60))
    hours = np.arange(60 * 24) % 24
    sun = np.maximum(0, np.sin((hours - 6) / 12 * np.pi))[None, :] * building_loads(1, 60)
    boiler = building_loads(1, 60)
    boiler[0, -40:-30] = 0
    cases = ((counts, "bikes_count"), (switched, "power_kw"), (sun, "power_kw"), (boiler, "gas_power_kw"))
    for values, metric in cases:
        history = history_of(values, metric)
        np.testing.assert_array_equal(examine(history).history.values, values)


def test_what_a_meter_that_began_anew_gives_is_left_out_and_a_night_of_fireworks_is_not() -> None:
    values = building_loads(1, 60)
    values[0, -50] = -40_000.0
    values[0, -30:-28] = [1_800.0, 900.0]
    examined = examine(history_of(values[:, -35 * 24 :]))
    assert np.isnan(examined.history.values[0, [-50, -30, -29]]).all()
    assert np.isnan(examined.history.values).sum() == 3
    assert examined.doubts == (frozenset({Doubt.RESET}),)
    air = building_loads(1, 60)
    air[0, -50] = 2_000.0
    assert examine(history_of(air, "pm10_ugm3")).doubts == (frozenset(),)


def test_gaps_are_much_less_than_a_series_usually_says() -> None:
    values = building_loads(3, 40)
    values[0, -24:-11] = np.nan
    values[1, -24:-13] = np.nan
    values[2, np.arange(40 * 24) % 4 > 0] = np.nan
    assert [Doubt.GAPS in found for found in doubts_of(values)] == [True, False, False]


def test_a_series_is_new_for_two_weeks_and_one_without_a_word_is_not_even_that() -> None:
    values = building_loads(4, 40)
    values[0, : -14 * 24 + 1] = np.nan
    values[1, : -14 * 24] = np.nan
    values[2] = np.nan
    assert [Doubt.NEW_SERIES in found for found in doubts_of(values)] == [True, False, False, False]


def test_shifts_and_closures_are_told() -> None:
    values = building_loads(3, 88)
    values[1, -8 * 24 :] *= 1.7
    values[2, -3 * 24 :] *= 0.4
    found = doubts_of(values)
    assert found[0] == set()
    assert Doubt.LEVEL_SHIFT in found[1]
    assert found[2] == {Doubt.REGIME_CHANGE}


def test_what_is_found_does_not_hang_on_the_other_days_or_series_of_a_call() -> None:
    values = building_loads(4, 60)
    values[1, 700:730] = values[1, 700]
    values[2, 800] = 9_000.0
    history = history_of(values)
    order = [3, 1, 0, 2]
    turned = examine(replace(history, values=values[order]))
    straight = examine(history)
    np.testing.assert_array_equal(turned.history.values, straight.history.values[order])
    assert turned.doubts == tuple(straight.doubts[row] for row in order)


def test_what_comes_later_changes_nothing_of_what_was_found_before() -> None:
    values = building_loads(2, 60)
    values[1, 700:730] = values[1, 700]
    later = values.copy()
    later[:, 40 * 24 :] = np.random.default_rng(3).normal(5, 90, (2, 20 * 24))
    at = history_of(values).instant_of(40 * 24)
    one, other = (examine(history_of(some).until(at)) for some in (values, later))
    np.testing.assert_array_equal(one.history.values, other.history.values)
    assert one.doubts == other.doubts


@pytest.mark.parametrize("shape", [(0, 24 * 10), (3, 0), (2, 1), (2, 24 * 3)])
def test_nothing_or_next_to_nothing_is_examined_without_a_complaint(shape: tuple[int, int]) -> None:
    history: History = history_of(np.full(shape, np.nan))
    assert examine(history).doubts == (frozenset(),) * shape[0]
