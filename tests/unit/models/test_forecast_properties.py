"""What holds of every forecast, whatever the values, the order of the series, the unit and the clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_up_histories import building_loads, history_of, loads_history

from core.clock import PARIS
from core.forecasts import QUANTILES
from core.metrics import metric_named
from models.boosting import BoostingSettings
from models.forecaster import Speaking, forecast, outlook
from models.history import Floats, History, Surroundings
from models.train import TrainedModel, TrainingSettings, train

SMALL = TrainingSettings(
    boosting=BoostingSettings(trees=12, learning_rate=0.3, hours_per_leaf=30, threads=1), rows_max=3_000
)
HOUR = timedelta(hours=1)
MEDIAN = QUANTILES.index(0.5)
# Of metrics with a bound below, on both sides, and with a level of their own.
BOUNDED = ("no2_ugm3", "bikes_count", "occupied", "fill_ratio")


@cache
def taught(metric: str) -> TrainedModel:
    """Return a small model of a metric; it never leaves the naive the word."""
    steps_per_hour = HOUR // _step_of(metric)
    loads = np.repeat(building_loads(2, 30), steps_per_hour, axis=1)
    low, high = metric_named(metric).low, metric_named(metric).high
    model = train(history_of(np.clip(loads / 100 if high <= 1 else loads, low, high), metric), SMALL)
    return replace(model, card={**model.card, "validation": {**model.card["validation"], "skill": 0.5}})


def _step_of(metric: str) -> timedelta:
    plan = metric_named(metric).plan
    assert plan is not None, "it is forecast"
    return plan.step


@settings(max_examples=25, deadline=None)
@given(shares=arrays(np.float64, (2, 24 * 8), elements=st.floats(0, 1) | st.just(float("nan"))), data=st.data())
def test_quantiles_are_in_order_and_within_physical_bounds(shares: Floats, data: st.DataObject) -> None:
    metric = metric_named(data.draw(st.sampled_from(BOUNDED)))
    values = np.repeat(metric.low + shares * (metric.high - metric.low), HOUR // _step_of(metric.name), axis=1)
    history = history_of(values, metric.name)
    shifts = data.draw(arrays(np.float64, 7, elements=st.floats(-1.5, 1.5)))
    ahead = outlook(history, taught(metric.name), Speaking(shifts={1: shifts}))
    for quantiles in ahead.quantiles[np.isfinite(ahead.quantiles).all(axis=(1, 2))]:
        assert (np.diff(quantiles, axis=1) >= 0).all()
        assert quantiles.min() >= metric.low
        assert quantiles.max() <= metric.high
    mean = ahead.mean[np.isfinite(ahead.mean)]
    assert ((mean >= metric.low) & (mean <= metric.high)).all()


def around(series: int) -> Surroundings:
    sites = tuple("AABBC"[at % 5] for at in range(series))
    return Surroundings(sites, tuple("75113" if site < "C" else "93066" for site in sites))


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(range(5)))
def test_the_order_of_the_series_changes_no_forecast(order: list[int]) -> None:
    history = replace(loads_history(5, 30), around=around(5))
    straight, places = outlook(history, taught("power_kw")), around(5)
    turned = replace(
        history,
        series_ids=tuple(history.series_ids[row] for row in order),
        values=history.values[order],
        around=Surroundings(tuple(places.sites[row] for row in order), tuple(places.communes[row] for row in order)),
    )
    found = outlook(turned, taught("power_kw"))
    np.testing.assert_allclose(found.quantiles, straight.quantiles[order], rtol=1e-9)
    assert found.fallbacks == tuple(straight.fallbacks[row] for row in order)
    assert found.doubts == tuple(straight.doubts[row] for row in order)


def test_another_unit_gives_the_same_model_and_the_same_forecasts_in_that_unit() -> None:
    in_kw = loads_history(3, 30)
    # A power of two changes no digit of a float: what is learnt is the same to the last bit.
    other = history_of(in_kw.values * 32)
    ahead, ahead_other = (outlook(history, train(history, SMALL)) for history in (in_kw, other))
    assert ahead.fallbacks == (None,) * 3
    np.testing.assert_array_equal(ahead_other.quantiles, ahead.quantiles * 32)
    np.testing.assert_array_equal(ahead_other.mean, ahead.mean * 32)
    assert ahead_other.doubts == ahead.doubts


def test_a_thousand_times_the_values_are_a_thousand_times_the_forecasts() -> None:
    in_megawatts = history_of(loads_history(3, 30).values / 1_000)
    in_kilowatts = history_of(in_megawatts.values * 1_000)
    model = train(in_megawatts, SMALL)
    one, thousand = (outlook(history, model) for history in (in_megawatts, in_kilowatts))
    apart = np.abs(thousand.quantiles / (1_000 * one.quantiles) - 1)
    # Rounding may carry one value of thousands over the edge of a leaf.
    assert np.mean(apart > 1e-9) < 0.005


@pytest.mark.parametrize("level", [0.0, 3.7, 12_000.0])
def test_a_constant_series_gives_a_constant(level: float) -> None:
    history = history_of(np.full((2, 24 * 30), level))
    for model in (None, train(history, SMALL)):
        ahead = outlook(history, model)
        np.testing.assert_allclose(ahead.quantiles, level, rtol=1e-6)


def test_a_constant_series_among_others_is_told_at_its_constant() -> None:
    values = building_loads(4, 35)
    values[3] = 50.0
    history = history_of(values)
    medians = outlook(history, train(history, SMALL)).quantiles[3, :, MEDIAN]
    np.testing.assert_allclose(medians, 50.0, rtol=0.15)


def clockwork(start: datetime, days: int) -> History:
    """Return a load that follows the local clock to the hour, and nothing else."""
    local = [(start + k * HOUR).astimezone(PARIS) for k in range(days * 24)]
    pattern = np.array([10.0 if 8 <= at.hour < 18 else 2.0 for at in local])
    return history_of(np.vstack([pattern, 3 * pattern]), start=start)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(datetime(2026, 3, 29, tzinfo=PARIS), 23), (datetime(2026, 10, 25, tzinfo=PARIS), 25)],
)
def test_days_of_23_and_25_hours_have_the_right_leads_and_look_back_by_the_local_clock(
    day: datetime, hours: int
) -> None:
    origin = day.astimezone(UTC)
    history = clockwork(origin - timedelta(days=30), 30)
    assert history.as_of == origin
    issued = forecast(history, train(history, SMALL), origin)[0]
    at = [step.valid_at for step in issued.steps]
    assert at == [origin + lead * HOUR for lead in range(48)]
    assert sum(moment.astimezone(PARIS).date() == day.date() for moment in at) == hours
    for step in issued.steps:
        works = 8 <= step.valid_at.astimezone(PARIS).hour < 18
        assert abs(step.quantiles[MEDIAN] - (10 if works else 2)) < 1.5, step.valid_at
