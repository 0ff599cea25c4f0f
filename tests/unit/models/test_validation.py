from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from made_up_histories import building_loads, history_of

from core.errors import ShortHistory
from models.history import History
from models.validation import held_out

HOUR = timedelta(hours=1)


def weeks(horizon_h: int = 48, series: int = 2) -> History:
    history = history_of(building_loads(series, 42))
    return replace(history, plan=replace(history.plan, horizon=horizon_h * HOUR))


@pytest.mark.parametrize(("horizon_h", "apart"), [(48, 7), (6, 7), (2, 5), (1, 1)])
def test_origins_fall_on_every_hour_of_the_day(horizon_h: int, apart: int) -> None:
    held = held_out(weeks(horizon_h), 28 * 24)
    origins = np.unique(held.rows.origin)
    assert set(np.diff(origins)) == {apart}
    assert len(np.unique(origins % 24)) == 24
    assert held.rows.target.max() < 42 * 24


def test_many_series_have_fewer_origins_but_of_every_hour_they_can() -> None:
    loads = np.repeat(building_loads(2, 42), 60, axis=0)
    origins = np.unique(held_out(history_of(loads), 28 * 24).rows.origin)
    assert len(origins) * 48 * 120 <= 120_000
    assert len(np.unique(origins % 24)) == len(origins)


def test_rows_of_which_nothing_fresh_was_known_are_not_held_against_the_model() -> None:
    history = weeks()
    history.values[0, 30 * 24 : 33 * 24] = np.nan
    held = held_out(history, 28 * 24)
    of_first = held.rows.origin[held.rows.series == 0]
    assert not ((of_first > 30 * 24 + 12) & (of_first <= 33 * 24)).any()
    assert np.isfinite(held.truth).all()


def test_held_out_weeks_without_anything_known_are_refused() -> None:
    history = weeks()
    history.values[:, 28 * 24 :] = np.nan
    with pytest.raises(ShortHistory, match="nothing is known"):
        held_out(history, 28 * 24)
