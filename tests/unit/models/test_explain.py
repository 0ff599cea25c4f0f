"""Contributions that sum to the median, and what colder weather does to a load that heats."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from made_up_histories import START, history_of

from core.forecasts import QUANTILES
from core.weather import VARIABLES, WeatherIssue
from models.boosting import BoostingSettings
from models.explain import ModelSilent, NoWeather, colder, explain, quantiles_of
from models.features.table import FeatureFamily
from models.forecaster import Speaking, outlook
from models.history import Floats, History, Surroundings
from models.train import TrainedModel, TrainingSettings, train
from models.weather import Weather

SMALL = TrainingSettings(
    boosting=BoostingSettings(trees=40, learning_rate=0.15, hours_per_leaf=30, threads=1), rows_max=8_000
)
DAYS, COMMUNE = 40, "93051"
HOUR = timedelta(hours=1)
P50 = QUANTILES.index(0.5)


def temperatures(hours: int) -> Floats:
    """Return a winter that changes from day to day by several degrees."""
    random = np.random.default_rng(7)
    days = np.repeat(random.normal(5, 4, hours // 24 + 1), 24)[:hours]
    outside: Floats = days + 3 * np.sin((np.arange(hours) % 24 - 9) / 24 * 2 * np.pi)
    return outside


def heated() -> History:
    """Return loads of three buildings that heat by the cold outside, with forecasts of the weather each six hours."""
    hours, ahead = DAYS * 24, 60
    outside = temperatures(hours + ahead)
    random = np.random.default_rng(3)
    need = 20 + 3 * np.maximum(16 - outside[:hours], 0)
    loads = need * (1 + random.normal(0, 0.02, (3, hours))) * np.array([[1.0], [2.0], [4.0]])
    issues = []
    for start in range(0, hours + 1, 6):
        values = np.full((ahead, len(VARIABLES)), np.nan)
        values[:, VARIABLES.index("temperature_c")] = outside[start : start + ahead]
        at = START + start * HOUR
        issues.append(WeatherIssue(COMMUNE, "file", at, at, at, values))
    around = Surroundings(("s1", "s2", "s3"), (COMMUNE,) * 3, Weather.of(issues))
    return replace(history_of(loads), around=around)


@pytest.fixture(scope="module")
def history() -> History:
    return heated()


@pytest.fixture(scope="module")
def model(history: History) -> TrainedModel:
    return train(history, SMALL)


@pytest.mark.parametrize("lead", [0, 11, 47])
def test_the_pushes_add_up_to_the_median_that_is_issued(history: History, model: TrainedModel, lead: int) -> None:
    told = explain(history, model, 2, lead)
    assert set(told.pushes) == set(FeatureFamily)
    assert told.start + sum(told.pushes.values()) + told.rest == pytest.approx(told.median)
    assert told.median == outlook(history, model).quantiles[1, lead, P50]
    strengths = [abs(push) for push in told.pushes.values()]
    assert strengths == sorted(strengths, reverse=True)


def test_an_explanation_of_what_was_issued_puts_the_difference_into_the_rest(
    history: History, model: TrainedModel
) -> None:
    told = explain(history, model, 2, 11)
    other = told.told_of(told.median + 5)
    assert other.start + sum(other.pushes.values()) + other.rest == pytest.approx(told.median + 5)
    assert other.usual == told.usual


def test_what_scores_taught_is_in_the_rest(history: History, model: TrainedModel) -> None:
    speaking = Speaking(shifts={2: np.full(len(QUANTILES), 0.5)})
    plain, moved = explain(history, model, 2, 11), explain(history, model, 2, 11, speaking)
    assert moved.median > plain.median
    assert moved.pushes == plain.pushes
    assert moved.rest - plain.rest == pytest.approx(moved.median - plain.median)


@pytest.mark.parametrize("lead", [-1, 48])
def test_no_step_beyond_the_plan_is_explained(history: History, model: TrainedModel, lead: int) -> None:
    with pytest.raises(ValueError, match="not in the 48 steps"):
        explain(history, model, 2, lead)


def test_where_the_naive_stands_in_there_is_nothing_to_explain(history: History, model: TrainedModel) -> None:
    with pytest.raises(ModelSilent, match="worse_lately"):
        explain(history, model, 2, 0, Speaking(silenced=frozenset({2})))


def test_a_load_that_heats_rises_when_it_is_colder_and_the_more_the_colder(
    history: History, model: TrainedModel
) -> None:
    assert model.card["weather"]
    medians = [float(colder(history, model, 3, degrees)[:, P50].mean()) for degrees in (-5.0, 0.0, 5.0)]
    assert medians[1] == pytest.approx(float(quantiles_of(history, model, 3)[:, P50].mean()))
    assert medians[0] < medians[1] < medians[2]
    # Three kW a degree and four buildings' worth; the model may say less than physics, but not next to nothing.
    assert medians[2] - medians[1] > 0.2 * 5 * 3 * 4


def test_without_weather_there_is_no_what_if(history: History, model: TrainedModel) -> None:
    assert history.around is not None
    unseen = replace(history, around=replace(history.around, weather=None))
    with pytest.raises(NoWeather):
        colder(unseen, model, 3, 5.0)
    blind = replace(model, card={**model.card, "weather": False})
    with pytest.raises(NoWeather):
        colder(history, blind, 3, 5.0)


def test_the_same_window_seed_and_settings_make_the_same_boosters_to_the_last_bit(
    history: History, model: TrainedModel
) -> None:
    few = replace(SMALL, boosting=replace(SMALL.boosting, trees=8))
    one, other = train(history, few), train(history, few)
    assert one.boosters.texts == other.boosters.texts
    assert one.boosters.mean_text == other.boosters.mean_text
    assert np.array_equal(one.calibration.shifts, other.calibration.shifts)
    another_seed = train(history, replace(few, boosting=replace(few.boosting, seed=2)))
    assert another_seed.boosters.texts != one.boosters.texts
    assert one.boosters.texts != model.boosters.texts
