from __future__ import annotations

import numpy as np
from made_up_histories import building_loads, history_of

from models.history import Floats
from models.runs import Mask, known_share, previous_known, runs_of, stuck_steps

NAN = np.nan


def stuck(values: Floats, metric: str = "power_kw") -> Mask:
    history = history_of(values, metric)
    return stuck_steps(history, runs_of(values), np.zeros(values.shape, dtype=np.bool_))


def test_runs_go_on_over_gaps_and_count_known_steps_only() -> None:
    values = np.array([[1.0, 1.0, NAN, 1.0, 2.0], [2.0, NAN, NAN, 3.0, 3.0], [NAN, NAN, 5.0, NAN, 5.0]])
    runs = runs_of(values)
    np.testing.assert_array_equal(runs.steps, [[3, 3, 0, 3, 1], [1, 0, 0, 2, 2], [0, 0, 2, 0, 2]])
    assert len(set(runs.number[:, -1].tolist())) == 3


def test_a_mean_of_equal_readings_is_in_the_run_in_spite_of_its_last_bits() -> None:
    values = np.array([[0.3, 0.1 + 0.2, 0.3, 0.3000001]])
    np.testing.assert_array_equal(runs_of(values).steps, [[3, 3, 3, 1]])


def test_the_previous_known_value_skips_gaps() -> None:
    values = np.array([[NAN, 4.0, NAN, 6.0]])
    np.testing.assert_array_equal(previous_known(values), [[NAN, NAN, 4.0, 4.0]])


def test_the_smallest_step_of_a_sensor_is_found_and_a_constant_has_none() -> None:
    random = np.random.default_rng(1)
    rounded = np.round(random.normal(20, 2, 500) / 0.5) * 0.5
    found = runs_of(np.vstack([rounded, np.full(500, 3.0), np.full(500, NAN)])).finest
    np.testing.assert_allclose(found, [0.5, 0, 0])


def test_the_known_share_counts_from_the_first_value() -> None:
    shares = known_share(np.array([[NAN, NAN, 1.0, NAN], [1.0, 1.0, 1.0, 1.0], [NAN, NAN, NAN, NAN]]))
    np.testing.assert_array_equal(shares, [0.5, 1, 1])


def test_a_run_far_longer_than_the_series_ever_has_is_stuck_and_nothing_else_is() -> None:
    values = building_loads(3, 40)
    values[1, 500:524] = values[1, 500]
    found = stuck(values)
    assert found[1, 500:524].all()
    assert found.sum() == 24


def test_seven_hours_are_too_short_and_eight_are_not() -> None:
    for hours, expected in ((7, 0), (8, 8)):
        values = building_loads(1, 40)
        values[0, 500 : 500 + hours] = values[0, 500]
        assert stuck(values).sum() == expected


def test_nights_at_one_value_are_what_the_series_does_and_three_days_are_not() -> None:
    values = building_loads(1, 60)
    by_day = values[0].reshape(60, 24)
    by_day[:, :10] = 21.5
    by_day[:, 22:] = 21.5
    assert not stuck(values).any()
    by_day[40:43] = 21.5
    assert stuck(values)[0].reshape(60, 24)[40:43].all()


def test_coarse_values_repeat_by_chance() -> None:
    values = np.round(building_loads(1, 40))
    values[0, 500:530] = 3.0
    assert not stuck(values).any()
    values[0, 500:550] = 3.0
    assert stuck(values).sum() == 50


def test_a_series_that_only_ever_said_one_thing_is_left_alone() -> None:
    values = np.vstack([building_loads(2, 40), np.full(40 * 24, 7.5)])
    assert not stuck(values).any()


def test_a_series_of_few_days_is_judged_by_its_fellows() -> None:
    values = building_loads(3, 40)
    values[2, : -4 * 24] = NAN
    values[2, -20:] = values[2, -20]
    assert stuck(values)[2].sum() == 20
    assert not stuck(values[2:]).any()


def test_a_counter_that_counts_nobody_for_four_days_is_stuck() -> None:
    values = np.round(building_loads(1, 40) * 5)
    values[0].reshape(40, 24)[:, :6] = 0
    assert not stuck(values, "bikes_count").any()
    values[0, 480 : 480 + 96] = 0
    assert stuck(values, "bikes_count")[0, 480:576].all()


def test_a_sensor_that_speaks_less_often_than_the_grid_is_judged_by_its_hours() -> None:
    for hours, expected in ((7, 0), (8, 8)):
        hourly = building_loads(1, 30)
        hourly[0, 300 : 300 + hours] = hourly[0, 300]
        every = history_of(hourly, "co2_ppm").steps_per_hour
        assert every > 1
        sparse = np.full((1, hourly.shape[1] * every), NAN)
        sparse[:, ::every] = hourly
        assert stuck(sparse, "co2_ppm").sum() == expected
