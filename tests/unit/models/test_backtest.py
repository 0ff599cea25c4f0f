"""Folds are purged, forecasters see only their past, and what they said is judged on the same steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pytest
from made_up_histories import history_of, loads_history

from core.errors import ShortHistory
from core.forecasts import QUANTILES
from models.backtest import BacktestSettings, Forecaster, folds_of, run_fold, truth_of
from models.boosting import BoostingSettings
from models.contenders import FittedVigie, Vigie
from models.history import Floats, History
from models.train import TrainingSettings
from models.verdicts import Hearing, best_of
from models.yardsticks import YARDSTICKS, HouseNaive

WEEK = timedelta(days=7)
SMALL = TrainingSettings(boosting=BoostingSettings(trees=10, threads=1), rows_max=3_000)


@dataclass
class Watched:
    """A forecaster that keeps what it was shown, and says the same of everything."""

    name: str = "watched"
    shown: list[datetime] = field(default_factory=list)

    def fit(self, history: History) -> Watched:
        """Note when it learns."""
        self.shown.append(history.as_of)
        return self

    def quantiles(self, history: History) -> Floats:
        """Note when it speaks."""
        self.shown.append(history.as_of)
        return np.ones((len(history.series_ids), history.plan.steps, len(QUANTILES)))


def test_folds_leave_a_horizon_between_what_is_learnt_and_what_is_judged() -> None:
    history = loads_history(1, 42)
    folds = folds_of(history, BacktestSettings(2 * WEEK, timedelta(days=1), WEEK))
    assert [len(fold.origins) for fold in folds] == [7, 6]
    assert all(fold.origins[0] - fold.fitted_until == history.plan.steps for fold in folds)
    assert folds[-1].origins[-1] + history.plan.steps <= history.length


def test_a_forecaster_is_shown_only_what_was_known() -> None:
    history = loads_history(1, 42)
    watched = Watched()
    (fold,) = folds_of(history, BacktestSettings(WEEK, timedelta(days=1), WEEK))
    run_fold(history, watched, fold)
    assert watched.shown[0] == history.instant_of(fold.fitted_until)
    assert watched.shown[1:] == [history.instant_of(origin) for origin in fold.origins]


def test_the_past_can_be_told_by_another_than_the_history() -> None:
    history = loads_history(1, 42)
    late: list[datetime] = []

    def past(instant: datetime) -> History:
        late.append(instant)
        return history.until(instant)

    (fold,) = folds_of(history, BacktestSettings(WEEK, WEEK, WEEK))
    run_fold(history, Watched(), fold, past)
    assert late == [history.instant_of(fold.fitted_until), history.instant_of(fold.origins[0])]


@pytest.mark.parametrize("days", [2, 4])
def test_a_history_without_room_is_refused(days: int) -> None:
    with pytest.raises(ShortHistory):
        folds_of(loads_history(1, days), BacktestSettings(timedelta(days=3)))


def test_nothing_is_not_a_length() -> None:
    with pytest.raises(ValueError, match="longer than nothing"):
        BacktestSettings(every=timedelta(0))


def test_what_cannot_be_fitted_is_told_and_not_heard() -> None:
    history = loads_history(1, 9)
    folds = folds_of(history, BacktestSettings(timedelta(days=3), timedelta(days=1), WEEK))
    contenders: list[Forecaster] = [Vigie(SMALL), Watched()]
    said = [run_fold(history, one, fold) for fold in folds for one in contenders]
    hearing = Hearing.of(history, folds, said)
    assert list(hearing.unfit) == ["vigie"]
    assert [one.forecaster for one in hearing.verdicts()] == ["watched"]


def test_ours_runs_beside_the_rules_and_learns_from_what_came() -> None:
    history = loads_history(2, 49)
    (fold,) = folds_of(history, BacktestSettings(WEEK, timedelta(days=1), WEEK))
    fitted = Vigie(SMALL).fit(history.until(history.instant_of(fold.fitted_until)))
    assert isinstance(fitted, FittedVigie)
    said = [fitted.quantiles(history.until(history.instant_of(origin))) for origin in fold.origins]
    assert set(fitted.shifts) == set(history.series_ids)
    assert [issue.origin for issue in fitted.awaited] == list(fold.origins[-2:])
    assert all((np.diff(one, axis=2) >= 0).all() for one in said)


def test_a_late_truth_teaches_nothing_before_it_came() -> None:
    history = loads_history(1, 49)
    changed = history.values.copy()
    (fold,) = folds_of(history, BacktestSettings(WEEK, timedelta(days=1), WEEK))
    changed[:, fold.origins[2] :] *= 5
    other = history_of(changed)
    early, again = (run_fold(one, Vigie(SMALL), fold).quantiles[:3] for one in (history, other))
    np.testing.assert_array_equal(early, again)


def test_the_truth_is_what_came_after_each_origin() -> None:
    history = loads_history(2, 42)
    folds = folds_of(history, BacktestSettings(2 * WEEK, timedelta(days=1), WEEK))
    truth = truth_of(history, folds)
    origin = folds[1].origins[0]
    np.testing.assert_array_equal(truth[7], history.values[:, origin : origin + history.plan.steps])


def test_the_best_rule_is_the_one_of_least_loss() -> None:
    history = loads_history(2, 49)
    folds = folds_of(history, BacktestSettings(WEEK, timedelta(days=1), WEEK))
    contenders: list[Forecaster] = [*YARDSTICKS.values(), HouseNaive()]
    verdicts = Hearing.of(history, folds, [run_fold(history, one, folds[0]) for one in contenders]).verdicts()
    best = best_of(verdicts, list(YARDSTICKS))
    assert best is not None
    assert best.pinball == min(one.pinball for one in verdicts if one.forecaster != "naive")
    assert best.forecaster in {"last_week", "four_weeks"}
