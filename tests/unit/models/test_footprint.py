"""Energy and CO2e of a computation, against figures worked out by hand."""

from __future__ import annotations

import pytest

from models.footprint import Machine, footprint

MACHINE = Machine(core_w=12, memory_gb=4, memory_w_per_gb=0.3725, pue=1.67, co2e_g_per_kwh=51.28)


def test_an_hour_of_one_core_is_what_green_algorithms_gives() -> None:
    took = footprint(MACHINE, 3_600, 3_600)
    assert took.energy_kwh == pytest.approx((12 + 4 * 0.3725) * 1.67 / 1000)
    assert took.co2e_g == pytest.approx(1.1552, abs=1e-4)


def test_two_cores_for_half_an_hour_draw_as_much_and_keep_the_memory_half_as_long() -> None:
    one, two = footprint(MACHINE, 3_600, 3_600), footprint(MACHINE, 3_600, 1_800)
    assert one.energy_kwh - two.energy_kwh == pytest.approx(0.5 * 4 * 0.3725 * 1.67 / 1000)


def test_nothing_takes_nothing_and_time_does_not_run_back() -> None:
    assert footprint(MACHINE, 0, 0).energy_kwh == 0
    with pytest.raises(ValueError, match="not negative"):
        footprint(MACHINE, -1, 1)
