from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import FutureLeak
from core.metrics import metric_named
from models.features.rows import Rows, rows_of_origin
from models.features.table import FEATURE_NAMES, feature_table
from models.history import Floats, History

START = datetime(2026, 3, 9, tzinfo=UTC)
HOURS = 24 * 24


def history_of(values: Floats, metric: str = "power_kw") -> History:
    row = metric_named(metric)
    assert row.plan is not None
    return History(row, row.plan, tuple(range(len(values))), START, START + values.shape[1] * row.plan.step, values)


def noise(seed: int = 0) -> Floats:
    values = np.random.default_rng(seed).gamma(4.0, 5.0, (2, HOURS))
    values[0, 100:130] = np.nan
    return values


def column(history: History, rows: Rows, name: str) -> Floats:
    return feature_table(history, rows).matrix[:, FEATURE_NAMES.index(name)].astype(np.float64)


@settings(max_examples=40, deadline=None)
@given(
    origin=st.integers(min_value=1, max_value=HOURS),
    late=st.integers(min_value=0, max_value=6),
    seed=st.integers(min_value=1, max_value=1_000),
)
def test_no_reading_at_or_after_what_was_known_changes_any_feature(origin: int, late: int, seed: int) -> None:
    values = noise()
    known = max(origin - late, 0)
    changed = values.copy()
    changed[:, known:] = noise(seed)[:, known:]
    whole = rows_of_origin(history_of(values), origin)
    rows = Rows.at(whole.series, whole.origin, whole.lead, np.full(len(whole), known))
    before, after = feature_table(history_of(values), rows), feature_table(history_of(changed), rows)
    np.testing.assert_array_equal(before.matrix, after.matrix)
    np.testing.assert_array_equal(before.scale, after.scale)


def test_a_known_reading_does_change_features() -> None:
    values = noise()
    changed = values.copy()
    changed[1, 299] += 50
    rows = rows_of_origin(history_of(values), 300)
    assert (feature_table(history_of(values), rows).matrix != feature_table(history_of(changed), rows).matrix).any()


def test_features_are_the_same_from_a_longer_history_and_from_what_was_known() -> None:
    history = history_of(noise())
    rows = rows_of_origin(history, 400)
    known = history.until(history.instant_of(400))
    np.testing.assert_array_equal(feature_table(history, rows).matrix, feature_table(known, rows).matrix)


def test_an_origin_after_as_of_raises() -> None:
    history = history_of(noise())
    rows = rows_of_origin(history, HOURS + 1)
    with pytest.raises(FutureLeak):
        feature_table(history, rows)


def test_rows_cannot_know_beyond_their_origin() -> None:
    one = np.array([5])
    with pytest.raises(FutureLeak):
        Rows.at(np.array([0]), one, one, one + 1)


def test_the_same_slot_follows_local_time_across_the_change_of_clocks() -> None:
    # The clocks went forward on 29 March 2026: 08:00 local is 07:00 UTC before and 06:00 UTC after.
    hour_of_day = np.tile(np.arange(24.0), HOURS // 24)[None, :] + 1
    history = history_of(hour_of_day)
    origin = history.index_of(datetime(2026, 3, 30, tzinfo=UTC))
    lead = 6
    one = np.array([origin])
    rows = Rows.at(np.array([0]), one, np.array([lead]), one)
    scale = feature_table(history, rows).scale[0]
    assert column(history, rows, "slot_d7")[0] * scale == pytest.approx(8.0)
    assert column(history, rows, "slot_d1")[0] * scale == pytest.approx(7.0)


def test_a_slot_that_is_not_known_yet_is_missing() -> None:
    history = history_of(noise())
    rows = rows_of_origin(history, 500).where(np.arange(96) < 48)
    slots = column(history, rows, "slot_d1")
    assert np.isfinite(slots[:24]).all()
    assert np.isnan(slots[24:]).all()


def test_levels_and_age_are_those_of_the_newest_values() -> None:
    values = np.full((1, HOURS), 10.0)
    values[0, 297:300] = [30.0, 60.0, np.nan]
    history = history_of(values)
    rows = rows_of_origin(history, 300)
    scale = feature_table(history, rows).scale[0]
    assert column(history, rows, "newest")[0] * scale == pytest.approx(60.0)
    assert column(history, rows, "newest_age_h")[0] == 2
    assert column(history, rows, "level_3h")[0] * scale == pytest.approx(45.0)
    assert np.isnan(column(history, rows, "level_1h")[0])


def test_days_of_the_same_kind_leave_the_weekend_out() -> None:
    days = np.arange(HOURS) // 24
    values = np.where(days % 7 < 5, 100.0, 20.0)[None, :]
    history = history_of(values)
    monday = history.index_of(datetime(2026, 3, 23, tzinfo=UTC))
    rows = rows_of_origin(history, monday)
    scale = feature_table(history, rows).scale[0]
    assert column(history, rows, "similar_newest")[8] * scale == pytest.approx(100.0)
    assert column(history, rows, "slot_d1")[8] * scale == pytest.approx(20.0)


@pytest.mark.parametrize(("metric", "scaled"), [("occupied", False), ("power_kw", True)])
def test_only_what_is_not_a_share_is_scaled(metric: str, *, scaled: bool) -> None:
    history = history_of(np.full((1, 24 * 4 * 8), 0.5), metric)
    scale = feature_table(history, rows_of_origin(history, 24 * 8)).scale
    assert (scale == (0.5 if scaled else 1.0)).all()


def test_a_series_of_zeros_is_not_divided_by_zero() -> None:
    history = history_of(np.zeros((1, HOURS)))
    table = feature_table(history, rows_of_origin(history, 300))
    assert (table.scale == 1).all()
    assert not np.isinf(table.matrix).any()


def test_leads_are_in_hours_on_any_grid() -> None:
    history = history_of(np.full((1, 24 * 4 * 8), 0.5), "occupied")
    table = feature_table(history, rows_of_origin(history, 96))
    assert table.lead_h[:5].tolist() == [0, 0.25, 0.5, 0.75, 1.0]
    assert history.instant_of(1) - history.start == timedelta(minutes=15)


def test_a_row_that_pretends_to_be_young_sees_nothing_of_before() -> None:
    values = noise()
    changed = values.copy()
    changed[:, :250] = noise(9)[:, :250]
    rows = rows_of_origin(history_of(values), 300)
    young = replace(rows, first=np.full(len(rows), 250))
    before, after = feature_table(history_of(values), young), feature_table(history_of(changed), young)
    np.testing.assert_array_equal(before.matrix, after.matrix)
    np.testing.assert_array_equal(before.scale, after.scale)
    assert column(history_of(values), young, "age_days")[0] == pytest.approx(50 / 24)


def test_a_value_stands_for_half_an_hour_on_a_finer_grid_and_no_longer() -> None:
    values = np.full((1, 12 * 24 * 9), np.nan)
    values[0, ::12] = 500.0
    history = history_of(values, "co2_ppm")
    rows = rows_of_origin(history, 12 * 24 * 8)
    slots = np.isfinite(column(history, rows, "slot_d1"))
    np.testing.assert_array_equal(slots, np.arange(72) % 12 < 6)


def test_a_model_is_asked_of_fresh_rows_only() -> None:
    values = noise()
    values[0, 288:300] = np.nan
    values[1, 287:300] = np.nan
    history = history_of(values)
    fresh = feature_table(history, rows_of_origin(history, 299)).fresh()
    assert fresh.reshape(2, 48).all(axis=1).tolist() == [True, False]
    fresh = feature_table(history, rows_of_origin(history, 300)).fresh()
    assert fresh.reshape(2, 48).all(axis=1).tolist() == [False, False]
