"""Nothing that was not known at the origin moves a forecast, to the last bit: readings and weather of later alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pytest
from made_up_histories import START, building_loads, history_of

from core.weather import VARIABLES, WeatherIssue
from models.boosting import BoostingSettings
from models.features.rows import Rows
from models.features.table import feature_table
from models.forecaster import forecast, outlook
from models.history import Floats, History, Surroundings
from models.soundness import examine
from models.train import TrainedModel, TrainingSettings, train
from models.weather import Weather

SMALL = TrainingSettings(
    boosting=BoostingSettings(trees=12, learning_rate=0.3, hours_per_leaf=30, threads=1), rows_max=3_000
)
DAYS, KNOWN_DAYS = 40, 32
ORIGIN = START + timedelta(days=KNOWN_DAYS)
COMMUNES = ("75113", "93066")


def issues(days: int, seed: int = 1) -> list[WeatherIssue]:
    """Return a forecast of the weather for each commune and day, received two hours after it was issued."""
    random = np.random.default_rng(seed)
    return [
        WeatherIssue(
            commune,
            "simulated",
            START + timedelta(days=day),
            START + timedelta(days=day, hours=2),
            START + timedelta(days=day),
            random.normal(10, 5, (96, len(VARIABLES))),
        )
        for day in range(days)
        for commune in COMMUNES
    ]


def town(values: Floats, weather: list[WeatherIssue]) -> History:
    around = Surroundings(("A", "A", "B", "C"), (COMMUNES[0],) * 3 + COMMUNES[1:], Weather.of(weather))
    return replace(history_of(values), around=around)


def loads() -> Floats:
    return building_loads(4, DAYS)


def shuffled(values: Floats) -> Floats:
    return np.random.default_rng(5).permuted(values, axis=1)


def silent(values: Floats) -> Floats:
    return np.full(values.shape, np.nan)


def huge(values: Floats) -> Floats:
    return values * 1_000 + 7


def stuck(values: Floats) -> Floats:
    return np.broadcast_to(values[:, :1], values.shape)


def turned(values: Floats) -> Floats:
    return values[::-1]


@pytest.fixture(scope="module")
def truth() -> History:
    return town(loads(), issues(DAYS))


@pytest.fixture(scope="module")
def model(truth: History) -> TrainedModel:
    return train(truth.until(ORIGIN), SMALL)


def after(origin_day: int, otherwise: Callable[[Floats], Floats]) -> Floats:
    values = loads()
    values[:, origin_day * 24 :] = otherwise(values[:, origin_day * 24 :])
    return values


@pytest.mark.parametrize("otherwise", [shuffled, silent, huge, stuck, turned])
def test_readings_of_after_the_origin_change_no_forecast(
    truth: History, model: TrainedModel, otherwise: Callable[[Floats], Floats]
) -> None:
    other = town(after(KNOWN_DAYS, otherwise), issues(DAYS))
    assert forecast(other, model, ORIGIN, model_id=1) == forecast(truth, model, ORIGIN, model_id=1)


def test_the_running_step_is_not_known_either(truth: History, model: TrainedModel) -> None:
    inside = ORIGIN + timedelta(minutes=40)
    other = town(after(KNOWN_DAYS, huge), issues(DAYS))
    assert forecast(other, model, inside) == forecast(truth, model, inside)


def test_weather_received_after_the_origin_changes_no_forecast(truth: History, model: TrainedModel) -> None:
    known = [issue for issue in issues(DAYS) if issue.received_at <= ORIGIN]
    later = [issue for issue in issues(DAYS, seed=9) if issue.received_at > ORIGIN]
    assert later
    without, otherwise = town(loads(), known), town(loads(), known + later)
    said = forecast(truth, model, ORIGIN, model_id=1)
    assert forecast(without, model, ORIGIN, model_id=1) == said
    assert forecast(otherwise, model, ORIGIN, model_id=1) == said


def test_weather_known_before_the_origin_does_change_it(truth: History, model: TrainedModel) -> None:
    """Else the test above shows nothing."""
    if not model.card["weather"]:
        pytest.fail("the small model has learnt nothing of the weather: this test is blind")
    other = town(loads(), issues(DAYS, seed=9))
    assert forecast(other, model, ORIGIN) != forecast(truth, model, ORIGIN)


def test_a_model_learns_nothing_of_what_came_after_its_training(model: TrainedModel) -> None:
    known = [issue for issue in issues(DAYS) if issue.received_at <= ORIGIN]
    later = [issue for issue in issues(DAYS, seed=9) if issue.received_at > ORIGIN]
    again = train(town(after(KNOWN_DAYS, huge), known + later).until(ORIGIN), SMALL)
    assert again.boosters.texts == model.boosters.texts
    np.testing.assert_array_equal(again.calibration.shifts, model.calibration.shifts)


def test_a_row_of_training_knows_no_more_than_a_row_that_is_issued(truth: History) -> None:
    """The features of an origin in the middle of the history are those of a history that ends there."""
    origin = 25 * 24
    leads = np.arange(truth.plan.steps)
    for series in range(4):
        rows = Rows.at(np.full(len(leads), series), np.full(len(leads), origin), leads)
        within, at_its_end = feature_table(truth, rows), feature_table(truth.until(truth.instant_of(origin)), rows)
        np.testing.assert_array_equal(within.matrix, at_its_end.matrix)
        np.testing.assert_array_equal(within.scale, at_its_end.scale)


@dataclass(frozen=True)
class Arrivals:
    """Readings with when each came."""

    values: Floats
    came_at: Floats

    def as_of(self, hour: int) -> History:
        """Return what was known at this hour."""
        known = np.where(self.came_at[:, :hour] <= hour, self.values[:, :hour], np.nan)
        return town(known, issues(hour // 24))


def test_a_late_week_changes_nothing_as_of_before_and_something_as_of_after(model: TrainedModel) -> None:
    values = loads()
    came_at = np.tile(np.arange(values.shape[1]) + 1.0, (4, 1))
    late = slice((KNOWN_DAYS - 9) * 24, (KNOWN_DAYS - 2) * 24)
    came_at[1, late] = (KNOWN_DAYS + 2) * 24
    never_came = values.copy()
    never_came[1, late] = np.nan
    arrived = Arrivals(values, came_at)
    before, replayed = Arrivals(never_came, came_at).as_of(KNOWN_DAYS * 24), arrived.as_of(KNOWN_DAYS * 24)
    assert forecast(replayed, model, ORIGIN, model_id=1) == forecast(before, model, ORIGIN, model_id=1)
    assert examine(replayed).doubts == examine(before).doubts
    later = (KNOWN_DAYS + 3) * 24
    with_it, without = arrived.as_of(later), Arrivals(never_came, came_at).as_of(later)
    assert (outlook(with_it, model).quantiles[1] != outlook(without, model).quantiles[1]).any()
