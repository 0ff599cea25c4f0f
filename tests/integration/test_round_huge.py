"""Fifteen hundred bins and eight trucks: a sound answer within the time that a decision may take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic

import numpy as np
import pytest

from services.decisions.life import DECIDE_S_MAX
from services.decisions.rounds.decide import decide
from services.decisions.rounds.policy import Container, LocalHours, RoundPolicy, Spot, Truck, UnloadingSite
from services.decisions.rounds.situation import BinState, Inflow, RoundSituation

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
BINS, TRUCKS = 1_500, 8


def test_fifteen_hundred_bins_are_decided_on_in_bounded_time() -> None:
    draw = np.random.default_rng(7)
    shift = LocalHours("06:00", "13:00")
    policy = RoundPolicy(
        tuple(Container(f"bin-{n}", 660, 0.08, 90, 40.0) for n in range(BINS)),
        tuple(Truck(f"truck-{n}", f"Benne {n}", 16_000, 6_000, 4, shift, 1.3, 55) for n in range(TRUCKS)),
        Spot("Dépôt", 2.56, 48.85),
        UnloadingSite(Spot("Quai", 2.62, 48.87), LocalHours("05:00", "19:00"), 900),
    )
    states = tuple(
        BinState(
            f"bin-{n}",
            f"Bac {n}",
            2.45 + 0.2 * float(draw.random()),
            48.78 + 0.12 * float(draw.random()),
            n,
            float(draw.random()),
            NOW - timedelta(minutes=30),
            fallback="no_model",
            inflow=Inflow(0.002 + 0.02 * float(draw.random()), 1e-4),
        )
        for n in range(BINS)
    )
    began_s = monotonic()
    made = decide(RoundSituation("93051:bacs", "93051", NOW, states), policy, NOW)
    assert monotonic() - began_s < DECIDE_S_MAX
    assert all(check.passed for check in made.checks)
    assert len(made.picture["stops"]) + len(made.picture["left_out"]) == BINS
    assert made.figures["bins"] > 400
    assert made.figures["overflows_avoided"] > 300
