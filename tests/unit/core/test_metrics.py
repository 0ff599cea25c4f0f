"""The table of metrics is whole: units in names, bounds in order, plans that divide."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from core.errors import UnknownMetric
from core.metrics import BY_QUANTITY, METRICS, Family, Metric, Nature, forecast_metrics, metric_named

UNIT_OF_NAME = {
    "ppm": "ppm", "ugm3": "µg/m³", "c": "°C", "ratio": "", "hpa": "hPa", "dba": "dB(A)", "mm": "mm", "kg": "kg",
    "deg": "°", "kw": "kW", "kwh": "kWh", "m3": "m³", "count": "", "total": "", "v": "V", "dbm": "dBm", "db": "dB",
}  # fmt: skip


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_the_name_ends_with_the_unit(metric: Metric) -> None:
    if metric.nature is Nature.STATE:
        assert metric.unit == ""
    else:
        assert UNIT_OF_NAME[metric.name.rsplit("_", 1)[1]] == metric.unit


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_bounds_admit_their_ends_and_nothing_beyond(metric: Metric) -> None:
    assert metric.admits(metric.low)
    assert metric.admits(metric.high)
    assert not metric.admits(math.nextafter(metric.low, -math.inf))
    assert not metric.admits(math.nextafter(metric.high, math.inf))
    assert not metric.admits(math.nan)
    assert not metric.admits(math.inf)


def test_names_and_quantities_are_unique() -> None:
    assert len(BY_QUANTITY) == len(METRICS)


def test_the_five_families_and_health_are_there() -> None:
    assert {metric.family for metric in METRICS.values()} == set(Family)


def test_plans_divide_their_horizon_into_whole_steps() -> None:
    planned = list(forecast_metrics())
    assert {metric.family for metric, _ in planned} >= {Family.AIR, Family.BIN, Family.BAY, Family.ENERGY}
    for metric, plan in planned:
        assert plan.horizon % plan.step == timedelta(), metric.name
        assert timedelta(days=1) % plan.step == timedelta(), metric.name
        assert plan.steps <= 200, metric.name


def test_power_is_forecast_48_hours_ahead() -> None:
    plan = metric_named("power_kw").plan
    assert plan is not None
    assert (plan.step, plan.horizon) == (timedelta(hours=1), timedelta(hours=48))


def test_an_unknown_metric_is_named_in_the_error() -> None:
    with pytest.raises(UnknownMetric, match="co2_ppb"):
        metric_named("co2_ppb")
