from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_up_histories import START, building_loads, history_of, loads_history

from core.errors import FutureLeak, ShortHistory
from core.forecasts import QUANTILES, Doubt
from models.artifacts import ArtifactUnreadable, dumps, loads
from models.boosting import PLENTY_HOURS, BoostingSettings, QuantileBoosters
from models.explain import explain
from models.features.rows import rows_of_origin
from models.features.table import FeatureFamily, feature_table
from models.forecaster import Fallback, Speaking, forecast, outlook
from models.history import Floats, History
from models.naive import naive_forecast
from models.scores import pinball
from models.train import TrainedModel, TrainingSettings, train

SMALL = TrainingSettings(
    boosting=BoostingSettings(trees=20, leaves=15, learning_rate=0.25, hours_per_leaf=30, threads=1), rows_max=4_000
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


def test_the_model_beats_the_naive_on_days_not_seen() -> None:
    whole = loads_history(4, 49)
    model = train(whole.until(whole.instant_of(35 * 24)), SMALL)
    lost = []
    for origin in range(35 * 24, 47 * 24, 24):
        ahead = outlook(whole.until(whole.instant_of(origin)), model)
        assert ahead.fallbacks == (None,) * 4
        truth = whole.values[:, origin : origin + 48].reshape(-1)
        lost.append([pinball(truth, said.quantiles.reshape(-1, 7)) for said in (ahead, ahead.naive)])
    ours, naive = np.mean(lost, axis=0)
    assert ours < 0.9 * naive


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
    model = replace(model, card={**model.card, "young": None})
    forecasts = forecast(patchy, model, history.as_of, model_id=4)
    assert [one.fallback for one in forecasts] == [Fallback.STALE_HISTORY, Fallback.SHORT_HISTORY, None]
    assert [one.model_id for one in forecasts] == [None, None, 4]
    naive = naive_forecast(patchy)
    for row in (0, 1):
        np.testing.assert_array_equal([step.quantiles for step in forecasts[row].steps], naive.quantiles[row])


def test_a_young_series_is_spoken_of_with_a_doubt(history: History, model: TrainedModel) -> None:
    values = history.values.copy()
    values[1, :-30] = np.nan
    assert model.speaks_of_young
    young = forecast(replace(history, values=values), model, history.as_of, model_id=4)[1]
    assert (young.fallback, young.model_id, young.doubts) == (None, 4, (Doubt.NEW_SERIES,))


def test_a_silenced_series_falls_back_and_shifts_move_the_others(history: History, model: TrainedModel) -> None:
    up = np.full(len(QUANTILES), 0.5)
    before = forecast(history, model, history.as_of, model_id=4)
    after = forecast(history, model, history.as_of, model_id=4, speaking=Speaking(frozenset({2}), {3: up}))
    assert [one.fallback for one in after] == [None, Fallback.WORSE_LATELY, None]
    assert [one.model_id for one in after] == [4, None, 4]
    assert after[0] == before[0]
    first, moved = np.array(before[2].steps[0].quantiles), np.array(after[2].steps[0].quantiles)
    np.testing.assert_allclose(moved, first + (first[5] - first[1]) / 2)


def test_the_mean_is_told_where_the_model_speaks(history: History, model: TrainedModel) -> None:
    for one in forecast(history, model, history.as_of, model_id=4):
        assert all(step.mean is not None and step.quantiles[0] < step.mean < step.quantiles[-1] for step in one.steps)
    for one in forecast(history, None, history.as_of):
        assert {step.mean for step in one.steps} == {None}


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


def test_what_features_add_sums_up_to_the_median_before_calibration(history: History, model: TrainedModel) -> None:
    table = feature_table(history, rows_of_origin(history, history.length))
    median = model.blend.predict_median(table, 1) * table.scale
    np.testing.assert_allclose(model.contributions(table).sum(axis=1), median, rtol=1e-5)


def test_the_card_tells_leads_regimes_series_families_and_settings(history: History, model: TrainedModel) -> None:
    card = json.loads(json.dumps(model.card))
    assert [one["lead_from_h"] for one in card["by_lead"]] == [0, 1, 3, 6, 12, 24]
    assert [one["regime"] for one in card["by_regime"]] == [0, 1, 2]
    assert [one["series_id"] for one in card["by_series"]] == list(history.series_ids)
    steps = {sum(one["steps"] for one in card[part]) for part in ("by_lead", "by_regime", "by_series")}
    assert steps == {card["validation"]["steps"]}
    assert set(card["families"]) == {family.value for family in FeatureFamily}
    assert sum(card["families"].values()) == pytest.approx(1)
    assert card["weather"] is False
    assert card["settings"]["boosting"]["seed"] == 1
    assert card["settings"]["held_out_max"] == 28 * 24


def walks(series: int, days: int) -> Floats:
    """Return values that go on from wherever they are, in no habit."""
    return 500 + np.cumsum(np.random.default_rng(4).normal(0, 3, (series, 24 * days)), axis=1)


def hours_ahead(values: Floats, hours: int) -> History:
    history = history_of(values)
    return replace(history, plan=replace(history.plan, horizon=timedelta(hours=hours)))


def test_a_walk_is_anchored_and_its_artifact_keeps_the_anchor() -> None:
    known = hours_ahead(walks(2, 60), 3)
    model = train(known, SMALL)
    assert model.card["anchor"] is not None
    table = feature_table(known, rows_of_origin(known, known.length))
    np.testing.assert_array_equal(loads(dumps(model)).predict(table), model.predict(table))


def test_a_walk_that_was_silent_for_a_month_is_not_learnt_from_where_nothing_was_known() -> None:
    silent = walks(1, 120)
    silent[:, 24 * 40 : 24 * 75] = np.nan
    model = train(hours_ahead(silent, 3), SMALL)
    assert model.blend.anchor is not None
    assert 0.9 < model.blend.anchor.usual < 1.1


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
        QuantileBoosters((), "")


def test_levels_are_forecast_on_a_grid_of_five_minutes() -> None:
    fives = np.repeat(building_loads(1, 28), 12, axis=1) * 10 + 400
    rooms = history_of(fives, "co2_ppm")
    assert rooms.start == START
    trained = train(rooms, SMALL)
    forecasts = forecast(rooms, trained, rooms.as_of, model_id=1)
    assert len(forecasts[0].steps) == 72
    assert forecasts[0].fallback == (Fallback.WORSE_THAN_NAIVE if trained.loses_to_naive else None)


def test_a_series_that_never_fell_below_zero_is_not_forecast_below_it() -> None:
    random = np.random.default_rng(1)
    spikes = np.where(random.random((2, 24 * 20)) < 0.2, 100.0, 1.0)
    spikes[1] -= 50.0
    known = history_of(spikes)
    never, once = forecast(known, None, known.as_of)
    assert min(min(step.quantiles) for step in never.steps) == 0
    assert min(min(step.quantiles) for step in once.steps) < 0


def test_trees_are_fewer_smaller_and_slower_on_few_hours() -> None:
    full = BoostingSettings()
    assert full.suited(PLENTY_HOURS) is full
    few = full.suited(PLENTY_HOURS - 1)
    assert (few.trees, few.leaves) == (80, 31)
    assert few.learning_rate == pytest.approx(0.07)
