from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_up_histories import START, building_loads, history_of, loads_history

from core.errors import FutureLeak, ShortHistory
from core.forecasts import QUANTILES
from models.artifacts import ArtifactUnreadable, dumps, loads
from models.backtest import BacktestSettings, backtest, origins_of, table_of
from models.boosting import BoostingSettings, QuantileBoosters
from models.explain import explain
from models.features.rows import rows_of_origin
from models.features.table import feature_table
from models.forecaster import Fallback, forecast
from models.history import Floats, History
from models.naive import naive_forecast
from models.train import TrainedModel, TrainingSettings, train

SMALL = TrainingSettings(
    boosting=BoostingSettings(trees=40, learning_rate=0.15, hours_per_leaf=30, threads=1), rows_max=6_000
)


@pytest.fixture(scope="module")
def history() -> History:
    return loads_history()


@pytest.fixture(scope="module")
def model(history: History) -> TrainedModel:
    return train(history, SMALL)


def test_the_model_speaks_for_every_series_over_the_whole_plan(history: History, model: TrainedModel) -> None:
    forecasts = forecast(history, model, history.as_of, model_id=4)
    assert [one.series_id for one in forecasts] == [1, 2, 3]
    for row, one in enumerate(forecasts):
        assert (one.model_id, one.fallback) == (4, None)
        assert [step.valid_at for step in one.steps] == [history.as_of + k * timedelta(hours=1) for k in range(48)]
        assert one.history_until == history.as_of - timedelta(hours=1)
        assert one.steps[0].naive == history.values[row, -168]


def test_the_model_beats_the_naive_and_holds_its_promise_on_days_not_seen() -> None:
    result = backtest(loads_history(4, 56), BacktestSettings(test_length=timedelta(days=14), training=SMALL))
    assert result.figures.skill is not None
    assert result.figures.skill > 0.1
    assert 0.68 < result.figures.coverage < 0.92
    assert result.fallback_share == 0
    assert (result.origins, result.trainings) == (13, 1)
    assert "power_kw" in table_of([result]).splitlines()[1]


def test_an_instant_inside_a_step_forecasts_the_running_step_first(history: History, model: TrainedModel) -> None:
    inside = history.as_of - timedelta(minutes=20)
    issued = forecast(history, model, inside)[0]
    assert issued.issued_at == inside
    assert issued.steps[0].valid_at == history.as_of - timedelta(hours=1)
    assert issued.history_until == history.as_of - timedelta(hours=2)


def test_an_instant_beyond_the_history_raises(history: History, model: TrainedModel) -> None:
    with pytest.raises(FutureLeak):
        forecast(history, model, history.as_of + timedelta(hours=1))


def test_each_fallback_is_recorded_and_is_the_naive(history: History, model: TrainedModel) -> None:
    values = history.values.copy()
    values[0, -13:] = np.nan
    values[1, :-100] = np.nan
    patchy = replace(history, values=values)
    forecasts = forecast(patchy, model, history.as_of, model_id=4)
    assert [one.fallback for one in forecasts] == [Fallback.STALE_HISTORY, Fallback.SHORT_HISTORY, None]
    assert [one.model_id for one in forecasts] == [None, None, 4]
    naive = naive_forecast(patchy)
    for row in (0, 1):
        np.testing.assert_array_equal([step.quantiles for step in forecasts[row].steps], naive.quantiles[row])


def test_a_silence_of_twelve_hours_is_not_stale_yet(history: History, model: TrainedModel) -> None:
    values = history.values.copy()
    values[0, -11:] = np.nan
    assert forecast(replace(history, values=values), model, history.as_of)[0].fallback is None


def test_without_a_model_or_with_another_one_the_naive_stands_in(history: History, model: TrainedModel) -> None:
    assert {one.fallback for one in forecast(history, None, history.as_of)} == {Fallback.NO_MODEL}
    other = replace(model, features=model.features[1:])
    assert {one.fallback for one in forecast(history, other, history.as_of)} == {Fallback.OTHER_MODEL}


def test_a_model_that_lost_to_the_naive_leaves_it_the_word(history: History, model: TrainedModel) -> None:
    loser = replace(model, card={**model.card, "validation": {**model.card["validation"], "skill": -0.01}})
    forecasts = forecast(history, loser, history.as_of, model_id=4)
    assert {(one.fallback, one.model_id) for one in forecasts} == {(Fallback.WORSE_THAN_NAIVE, None)}


def test_a_series_with_nothing_at_all_gets_no_forecast(history: History, model: TrainedModel) -> None:
    values = history.values.copy()
    values[1] = np.nan
    assert [one.series_id for one in forecast(replace(history, values=values), model, history.as_of)] == [1, 3]


@settings(max_examples=25, deadline=None)
@given(values=arrays(np.float64, (2, 24 * 8), elements=st.floats(-50_000, 50_000) | st.just(float("nan"))))
def test_quantiles_never_cross_and_stay_within_bounds_whatever_comes(model: TrainedModel, values: Floats) -> None:
    wild = history_of(values)
    for one in forecast(wild, model, wild.as_of):
        quantiles = np.array([step.quantiles for step in one.steps])
        assert (np.diff(quantiles, axis=1) >= 0).all()
        assert np.abs(quantiles).max() <= 50_000


def test_an_artifact_predicts_the_same_to_the_last_bit(history: History, model: TrainedModel) -> None:
    again = loads(dumps(model))
    table = feature_table(history, rows_of_origin(history, history.length))
    np.testing.assert_array_equal(again.predict(table), model.predict(table))
    assert (again.metric, again.step, again.features, again.card) == (
        model.metric,
        model.step,
        model.features,
        model.card,
    )
    assert (again.history_start, again.history_end) == (model.history_start, model.history_end)


@pytest.mark.parametrize("damage", [b"", b"not compressed", None])
def test_a_damaged_artifact_is_refused(model: TrainedModel, damage: bytes | None) -> None:
    with pytest.raises(ArtifactUnreadable):
        loads(dumps(model)[:-20] if damage is None else damage)


def test_training_twice_gives_the_same_model(history: History, model: TrainedModel) -> None:
    again = train(history, SMALL)
    assert again.boosters.texts == model.boosters.texts
    np.testing.assert_array_equal(again.calibration.shifts, model.calibration.shifts)


def test_the_card_tells_validation_and_gains(model: TrainedModel) -> None:
    validation = model.card["validation"]
    assert validation["steps"] > 0
    assert validation["skill"] == pytest.approx(1 - validation["pinball"] / validation["pinball_naive"])
    assert sum(model.card["gains"].values()) == pytest.approx(1)


@pytest.mark.parametrize("days", [3, 9])
def test_a_short_history_is_refused(days: int) -> None:
    with pytest.raises(ShortHistory):
        train(loads_history(days=days), SMALL)


def test_series_that_fell_silent_leave_nothing_to_hold_out() -> None:
    loads = building_loads(2, 40)
    loads[:, 28 * 24 :] = np.nan
    with pytest.raises(ShortHistory, match="nothing is known"):
        train(history_of(loads), SMALL)


@pytest.mark.parametrize("series", [0, 2])
def test_a_history_without_series_or_of_holes_is_refused(series: int) -> None:
    with pytest.raises(ShortHistory):
        train(history_of(np.full((series, 24 * 35), np.nan)), SMALL)


def test_without_series_there_are_no_forecasts(model: TrainedModel) -> None:
    nobody = history_of(np.empty((0, 24 * 35)))
    assert forecast(nobody, model, nobody.as_of) == []


def test_a_backtest_without_room_is_refused(history: History) -> None:
    with pytest.raises(ShortHistory):
        origins_of(history, BacktestSettings(test_length=timedelta(days=35)))
    with pytest.raises(ShortHistory):
        origins_of(history, BacktestSettings(test_length=timedelta(days=1)))


def test_an_explanation_adds_up_to_the_median(history: History, model: TrainedModel) -> None:
    told = explain(history, model, 2, 10)
    assert told.start + sum(told.pushes.values()) + told.rest == pytest.approx(told.median)
    median = forecast(history, model, history.as_of)[1].steps[10].quantiles[QUANTILES.index(0.5)]
    assert told.median == pytest.approx(median)
    with pytest.raises(ValueError, match="lead 48"):
        explain(history, model, 2, 48)


@pytest.mark.parametrize(
    "wrong",
    [{"trees": 0}, {"trees": 2_001}, {"leaves": 1}, {"learning_rate": 0}, {"threads": 0}, {"hours_per_leaf": 0}],
)
def test_settings_of_trees_out_of_bounds_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"trees|leaves|learning rate|threads"):
        BoostingSettings(**wrong)


@pytest.mark.parametrize("wrong", [{"rows_max": 999}, {"late_share": 1.5}, {"late_hours_max": 0}, {"rows_per_step": 0}])
def test_settings_of_training_out_of_bounds_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"rows_max|late|rows_per_step"):
        TrainingSettings(**wrong)  # type: ignore[arg-type] # one wrong value at a time


def test_boosters_come_one_per_level() -> None:
    with pytest.raises(ValueError, match="7 expected"):
        QuantileBoosters(())


def test_levels_are_forecast_on_a_grid_of_quarter_hours() -> None:
    quarters = np.repeat(building_loads(1, 28), 4, axis=1) * 10 + 400
    rooms = history_of(quarters, "co2_ppm")
    assert rooms.start == START
    trained = train(rooms, SMALL)
    forecasts = forecast(rooms, trained, rooms.as_of, model_id=1)
    assert len(forecasts[0].steps) == 96
    assert forecasts[0].fallback == (Fallback.WORSE_THAN_NAIVE if trained.loses_to_naive else None)


def test_a_series_that_never_fell_below_zero_is_not_forecast_below_it() -> None:
    random = np.random.default_rng(1)
    spikes = np.where(random.random((2, 24 * 20)) < 0.2, 100.0, 1.0)
    spikes[1] -= 50.0
    known = history_of(spikes)
    never, once = forecast(known, None, known.as_of)
    assert min(min(step.quantiles) for step in never.steps) == 0
    assert min(min(step.quantiles) for step in once.steps) < 0
