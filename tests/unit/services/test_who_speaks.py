from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.metrics import metric_named
from core.scores import Duel
from core.store.scores import IssuedSteps, Passed
from models.history import History
from services.hindsight import as_issued, is_tried, laid_out, truth_of
from services.scoring import changes_of

AT = datetime(2026, 3, 16, 9, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def duel(gain: float, days: int = 14, steps: int = 500, lost: float = 1.0) -> Duel:
    return Duel(days, round(days * lost), 1, steps, 100 * (1 - gain), 100.0, 450)


@pytest.mark.parametrize(
    ("seen", "silenced", "told"),
    [
        (duel(-0.11, lost=11 / 14), set(), [False]),
        (duel(-0.11, lost=10 / 14), set(), []),
        (duel(-0.09), set(), []),
        (duel(0.3), set(), []),
        (duel(-0.3), {4}, []),
        (duel(-0.01, lost=0.5), {4}, []),
        (duel(-0.01, lost=6 / 14), {4}, [True]),
        (duel(0.01), {4}, [True]),
    ],
)
def test_a_model_is_silenced_and_heard_again_by_a_margin(seen: Duel, silenced: set[int], told: list[bool]) -> None:
    changes = changes_of({4: seen}, frozenset(silenced), AT)
    assert [(one.series_id, one.since, one.model_speaks) for one in changes] == [(4, AT, speaks) for speaks in told]


@pytest.mark.parametrize("few", [duel(-0.5, days=6), duel(-0.5, steps=199), replace(duel(-0.5), pinball_other=0.0)])
def test_too_little_silences_nobody(few: Duel) -> None:
    assert changes_of({4: few}, frozenset(), AT) == []


def test_one_issue_in_four_is_tried_at_all_hours() -> None:
    issues = [AT + at * HOUR for at in range(24 * 90)]
    tried = [at for at in issues if is_tried(at)]
    assert 0.2 < len(tried) / len(issues) < 0.3
    assert {at.hour for at in tried} == set(range(24))
    assert [at for at in issues if is_tried(at)] == tried


def test_an_issue_is_laid_out_from_the_step_that_holds_it() -> None:
    plan = metric_named("power_kw").plan
    assert plan is not None
    minute = 60_000_000
    steps = IssuedSteps(
        np.array([3, 3, 8]),
        np.array([-minute, 59 * minute, -minute]),
        np.arange(21.0).reshape(3, 7),
        np.array([1.0, np.nan, 2.0]),
    )
    quantiles, naive = laid_out(steps, np.array([3, 5, 8]), plan, AT)
    assert quantiles.shape == (3, plan.steps, 7)
    assert quantiles[0, :2, 0].tolist() == [0, 7]
    assert quantiles[2, 0, 6] == 20
    assert np.isnan(quantiles[1]).all()
    assert naive[2, 0] == 2
    assert np.isnan(naive[0, 1])


def test_a_forecast_keeps_the_grid_it_was_issued_on() -> None:
    passed = Passed(3, "93051", AT, timedelta(minutes=15), 8, None, "no_model")
    plan = as_issued(metric_named("power_kw"), passed).plan
    assert plan is not None
    assert (plan.step, plan.horizon, plan.steps) == (timedelta(minutes=15), 2 * HOUR, 8)


def test_what_cumulates_is_judged_as_if_nobody_had_emptied_it() -> None:
    metric = metric_named("fill_ratio")
    assert metric.plan is not None
    start = AT.replace(minute=0) - 3 * HOUR
    levels = np.full((1, 3 + metric.plan.steps), np.nan)
    levels[0, :8] = [0.2, 0.3, np.nan, 0.4, 0.5, 0.1, np.nan, 0.2]
    came = History(metric, metric.plan, (3,), start, start + levels.shape[1] * HOUR, levels)
    truth = truth_of(came, AT)
    assert truth.shape == (1, metric.plan.steps)
    assert truth[0, :2] == pytest.approx([0.4, 0.5])
    assert truth[0, 2] >= 0.5
    assert np.isnan(truth[0, 3])
    assert truth[0, 4] == pytest.approx(truth[0, 2] + 0.1)
