"""P(full) of a bin: from its fan, from recent inflow, and what an emptying and silence do to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from round_cases import NOW, fan, policy, state

from services.decisions.rounds.inflow import recent_inflow
from services.decisions.rounds.opening import next_opening
from services.decisions.rounds.overflow import FAN_FRESH, Outlook, Source, outlook
from services.decisions.rounds.situation import BinState, Inflow

OPENING = next_opening(policy(), NOW)
"""The round starts 14 hours from now, the next one 24 hours later."""


def of(one: BinState, full_ratio: float = 0.95) -> Outlook:
    return outlook(one, OPENING, full_ratio, NOW)


def modelled(start: float, per_h: float, **changes: object) -> BinState:
    return state(0, start, fan=fan(start, per_h), fallback=None, **changes)


def test_the_fan_speaks_where_it_is_fresh() -> None:
    assert of(modelled(0.5, 0.01)).source is Source.FORECAST
    old = fan(0.5, 0.01, issued_at=NOW - FAN_FRESH - timedelta(minutes=1))
    assert of(state(0, 0.5, fan=old, fallback=None)).source is Source.INFLOW


def test_the_level_at_the_start_is_the_fans() -> None:
    found = of(modelled(0.2, 0.02))
    assert found.fill_ratio == pytest.approx(0.2 + 0.02 * 14, abs=0.02)
    assert found.fill_ratio < found.fill_ratio_high < found.fill_ratio + 0.1


def test_a_bin_that_was_emptied_since_its_forecast_is_not_thought_full() -> None:
    pace = Inflow(0.015, 0.0002)
    before = fan(0.8, 0.015, issued_at=NOW - timedelta(hours=2))
    emptied = of(state(0, 0.05, fan=before, fallback=None, inflow=pace))
    assert emptied == of(state(0, 0.05, inflow=pace))
    assert emptied.source is Source.INFLOW
    assert emptied.full_left < 0.05
    scattered = of(state(0, 0.7, fan=before, fallback=None, inflow=pace))
    assert (scattered.source, scattered.full_left) == (Source.FORECAST, 1.0)


def test_fuller_bins_and_faster_bins_are_likelier_full() -> None:
    by_level = [of(state(0, level)).full_left for level in (0.2, 0.4, 0.55, 0.7, 0.94)]
    by_pace = [of(state(0, 0.4, inflow=Inflow(pace, 0.0002))).full_left for pace in (0.0, 0.01, 0.015, 0.03)]
    for chances in (by_level, by_pace):
        assert chances == sorted(chances)
        assert chances[0] < 0.05
        assert chances[-1] > 0.95


def test_p_full_is_calibrated_on_the_inflow_it_assumes() -> None:
    """Simulated 20,000 times with its own mean and variance, a bin is full as often as was said."""
    draw = np.random.default_rng(3)
    hours = (OPENING.next_at - (NOW - timedelta(minutes=30))).total_seconds() / 3600
    levels = 0.5 + np.maximum(draw.normal(0.011 * hours, np.sqrt(0.0004 * hours), 20_000), 0)
    said = of(state(0, 0.5, inflow=Inflow(0.011, 0.0004))).full_left
    assert said == pytest.approx(float((levels >= 0.95).mean()), abs=0.02)


def test_a_silent_sensor_makes_its_bin_fuller_and_less_sure() -> None:
    fresh, silent = (of(state(0, 0.4, observed_at=NOW - timedelta(hours=hours))) for hours in (1, 40))
    assert silent.source is Source.SILENT
    assert silent.full_left > fresh.full_left
    assert silent.fill_ratio_high - silent.fill_ratio > fresh.fill_ratio_high - fresh.fill_ratio


def test_a_bin_that_fills_again_anyway_is_worth_less() -> None:
    slow, fast = (of(state(0, 0.9, inflow=Inflow(pace, 0.0002))) for pace in (0.01, 0.045))
    assert slow.full_left == fast.full_left == 1
    assert slow.avoided > 0.99
    assert fast.avoided < 0.1


@pytest.mark.parametrize("gone", ["level", "inflow"])
def test_nothing_is_claimed_of_what_is_not_known(gone: str) -> None:
    known = state(0, 0.9)
    found = of(replace(known, level=None, observed_at=None) if gone == "level" else replace(known, inflow=None))
    assert (found.source, found.full_left, found.fill_ratio_high) == (Source.UNKNOWN, 0.0, 1.0)


def hourly(levels: list[float]) -> list[tuple[object, float]]:
    return [(NOW - timedelta(hours=len(levels) - number), level) for number, level in enumerate(levels)]


def test_inflow_is_found_between_collections_under_the_sensors_scatter() -> None:
    scatter = np.random.default_rng(1).normal(0, 0.015, 24 * 12)
    levels = [min(1.0, 0.018 * (number % 48) + float(scatter[number])) for number in range(24 * 12)]
    found = recent_inflow(hourly(levels))  # type: ignore[arg-type] # instants, as above
    assert found is not None
    assert found.ratio_per_h == pytest.approx(0.018, rel=0.03)
    assert found.variance_per_h < 0.0005


def test_full_hours_tell_nothing_of_the_inflow() -> None:
    levels = [min(1.0, 0.03 * (number % 60)) for number in range(24 * 12)]
    found = recent_inflow(hourly(levels))  # type: ignore[arg-type] # instants, as above
    assert found is not None
    assert found.ratio_per_h == pytest.approx(0.03, rel=0.02)


def test_two_days_are_the_least_that_inflow_is_learnt_from() -> None:
    assert recent_inflow(hourly([0.01 * number for number in range(40)])) is None  # type: ignore[arg-type]
    assert recent_inflow(hourly([0.01 * number for number in range(80)])) is not None  # type: ignore[arg-type]
