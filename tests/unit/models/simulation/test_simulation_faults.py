from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from models.simulation.days import DAY_S, HOUR_S, SeededDay
from models.simulation.faults import RECALIBRATION_DAYS, RENEWAL_DAYS, Fault, FaultKind, with_faults
from models.simulation.rooms import Room
from models.simulation.town import FAULTS, MEMBERS
from models.simulation.traces import Trace

DAY = SeededDay(1, date(2026, 3, 10).toordinal())
ROOM = next(member for member in MEMBERS if isinstance(member, Room))
CLEAN = ROOM.traces(DAY)[0]


def fault(kind: FaultKind, size: float, chance: float = 1.0) -> Fault:
    return Fault(ROOM.sensor.external_id, kind, chance, size)


def faulty(kind: FaultKind, size: float) -> Trace:
    return with_faults(CLEAN, [fault(kind, size)], DAY)


def rows(trace: Trace) -> list[tuple[int, float]]:
    return list(zip(trace.observed_s.tolist(), trace.values.tolist(), strict=True))


def test_gap_loses_one_span_and_nothing_else() -> None:
    gap = faulty(FaultKind.GAP, 4.0)
    lost = sorted(set(rows(CLEAN)) - set(rows(gap)))
    assert set(rows(gap)) <= set(rows(CLEAN))
    assert 0.3 * 4 * HOUR_S <= lost[-1][0] - lost[0][0] + 600 <= 4 * HOUR_S + 1200
    assert [second for second, _ in lost] == list(range(lost[0][0], lost[-1][0] + 1, 600))


def test_stuck_repeats_one_value_within_its_span() -> None:
    start_s, end_s = fault(FaultKind.STUCK, 6.0).span(DAY) or (0, 0)
    stuck = faulty(FaultKind.STUCK, 6.0)
    inside = (stuck.observed_s >= start_s) & (stuck.observed_s < end_s)
    assert inside.sum() > 5
    assert set(stuck.values[inside].tolist()) == {CLEAN.values[inside][0]}
    assert np.array_equal(stuck.values[~inside], CLEAN.values[~inside])


def test_drift_grows_day_by_day_until_the_next_calibration() -> None:
    drift = fault(FaultKind.DRIFT, 0.002)
    calibrated = SeededDay(1, DAY.ordinal - DAY.ordinal % RECALIBRATION_DAYS)
    last = SeededDay(1, calibrated.ordinal + RECALIBRATION_DAYS - 1)
    assert np.array_equal(with_faults(CLEAN, [drift], calibrated).values, CLEAN.values)
    assert with_faults(CLEAN, [drift], last).values.mean() == pytest.approx(1.118 * CLEAN.values.mean(), rel=0.002)


def test_drain_falls_day_by_day_until_the_cell_is_renewed_and_touches_nothing_else() -> None:
    drain = fault(FaultKind.DRAIN, 0.03)
    cell = replace(CLEAN, metric="battery_v", values=np.full_like(CLEAN.values, 3.6))
    renewed = DAY.ordinal - DAY.ordinal % RENEWAL_DAYS
    fell = [with_faults(cell, [drain], SeededDay(1, renewed + day)).values[0] for day in (0, 1, RENEWAL_DAYS - 1)]
    assert fell == pytest.approx([3.6, 3.57, 3.6 - 0.03 * (RENEWAL_DAYS - 1)])
    assert rows(faulty(FaultKind.DRAIN, 0.03)) == rows(CLEAN)


def test_drift_stays_within_the_bounds_of_the_metric() -> None:
    full = replace(CLEAN, metric="fill_ratio", values=np.full_like(CLEAN.values, 0.99))
    assert with_faults(full, [fault(FaultKind.DRIFT, 0.02)], DAY).values.max() <= 1.0


def test_late_readings_come_when_the_network_is_back_and_never_before_they_are_observed() -> None:
    start_s, end_s = fault(FaultKind.LATE, 6.0).span(DAY) or (0, 0)
    late = faulty(FaultKind.LATE, 6.0)
    held = late.delay_s > 0
    assert rows(late) == rows(CLEAN)
    assert np.array_equal(held, (late.observed_s >= start_s) & (late.observed_s < end_s))
    assert late.delay_s.min() >= 0
    sent_s = (late.observed_s + late.delay_s)[held]
    assert sent_s.min() > end_s
    assert np.all(np.diff(sent_s) == 1)
    assert late.delay_s.max() < DAY_S


def test_duplicates_repeat_value_and_instant_a_little_later() -> None:
    twice = faulty(FaultKind.DUPLICATE, 0.2)
    count = len(CLEAN.values)
    repeated = len(twice.values) - count
    assert 0.05 * count < repeated < 0.4 * count
    assert rows(twice)[:count] == rows(CLEAN)
    assert set(rows(twice)[count:]) <= set(rows(CLEAN))
    assert twice.delay_s[count:].min() >= 5
    assert twice.delay_s[count:].max() <= 120


def test_faults_strike_the_metrics_of_a_sensor_together() -> None:
    co2, temperature, humidity = (
        with_faults(trace, [fault(FaultKind.GAP, 3.0), fault(FaultKind.DUPLICATE, 0.2)], DAY)
        for trace in ROOM.traces(DAY)
    )
    assert np.array_equal(co2.observed_s, temperature.observed_s)
    assert np.array_equal(co2.delay_s, humidity.delay_s)


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.DRIFT])
def test_a_fault_that_never_happens_changes_nothing(kind: FaultKind) -> None:
    assert rows(with_faults(CLEAN, [fault(kind, 1.0, chance=0.0)], DAY)) == rows(CLEAN)


@pytest.mark.parametrize(("chance", "size"), [(1.1, 1.0), (-0.1, 1.0), (0.5, 0.0), (0.5, 24.1)])
def test_a_fault_out_of_its_bounds_is_refused(chance: float, size: float) -> None:
    with pytest.raises(ValueError, match="gap of"):
        fault(FaultKind.GAP, size, chance)


def test_the_table_of_faults_names_sensors_of_the_town_and_every_kind() -> None:
    assert {row.external_id for row in FAULTS} <= {member.sensor.external_id for member in MEMBERS}
    assert {row.kind for row in FAULTS} == set(FaultKind)
