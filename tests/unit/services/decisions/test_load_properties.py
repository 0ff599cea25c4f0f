"""Whatever building comes, its limits hold: judged by code that knows nothing of the solver."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from load_cases import ALL, BATTERY, CAR, NIGHT, NOW, START, WATER, ZONE, flat, policy, situation

from core.decisions import Soundness
from services.decisions.load_shifting.assets import STEPS
from services.decisions.load_shifting.balance import Plan, follow_plan, left_alone
from services.decisions.load_shifting.check import check_course
from services.decisions.load_shifting.day import day_of
from services.decisions.load_shifting.decider import decide
from services.decisions.load_shifting.formulation import Relief

ANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def buildings(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a policy with any of the assets, small or large, at any tariff."""
    some = {
        "battery": {**BATTERY, "power_kw": draw(st.floats(0.5, 80)), "start_ratio": draw(st.floats(0, 1))},
        "hot_water": {**WATER, "power_kw": draw(st.floats(0.5, 20)), "start_ratio": draw(st.floats(0, 1))},
        "sessions": [{**CAR, "energy_kwh": draw(st.floats(1, 200)), "power_kw": draw(st.floats(1, 50))}],
        "zone": {**ZONE, "power_kw": draw(st.floats(0.5, 20)), "loss_kw_per_k": draw(st.floats(0.1, 3))},
    }
    chosen = draw(st.sets(st.sampled_from(sorted(some))))
    return {
        **{name: some[name] for name in chosen},
        "tariff": draw(st.sampled_from([NIGHT, flat(0.2), flat(0.0), flat(-0.1)])),
        "subscribed_kw": draw(st.floats(5, 200)),
        "export_kw": draw(st.sampled_from([0, 10])),
        "sell_eur_per_kwh": draw(st.sampled_from([0, 0.05, 0.4])),
        "peak_eur_per_kw": draw(st.sampled_from([0, 0.1, 2])),
        "shed": {
            "weekdays": list(range(7)),
            "start": "18:00",
            "end": "20:00",
            "power_kw": draw(st.floats(0.5, 60)),
        },
    }


@ANY
@given(wanted=buildings(), base=st.floats(0, 80), outdoor=st.floats(-15, 35), indoor=st.floats(5, 30))
def test_every_limit_holds_or_is_named(wanted: dict[str, Any], base: float, outdoor: float, indoor: float) -> None:
    decision = decide(situation(base, outdoor_c=outdoor, indoor_c=indoor), policy(**wanted), NOW)
    assert decision.soundness is not Soundness.IMPOSSIBLE
    assert all(check.passed for check in decision.checks)
    if decision.soundness is Soundness.SOUND:
        assert not [reason.key for reason in decision.reasons if reason.key.startswith("limit")]


@ANY
@given(wanted=buildings(), base=st.floats(0, 60))
def test_a_plan_within_the_limits_never_costs_more_than_none(wanted: dict[str, Any], base: float) -> None:
    """Where nothing is comfort's and the day left alone holds every limit itself."""
    wanted = {name: value for name, value in wanted.items() if name not in {"zone", "shed"}}
    known, chosen = situation(base, spread=0.0), policy(**{**wanted, "subscribed_kw": 400, "switch_eur_per_kw": 0})
    decision = decide(known, chosen, NOW)
    if decision.soundness is Soundness.SOUND:
        assert decision.figures["saved_eur"] >= -0.001


def assert_check_fails(name: str, change: dict[str, Any]) -> None:
    known, wanted = situation(), policy(**ALL)
    day = day_of(known, wanted)
    alone = left_alone(day, wanted)
    course = follow_plan(day, wanted, replace(alone.plan, **change))
    relief = Relief(short_kwh=(0.0,) * len(day.stays))
    failed = [check.name for check in check_course(day, wanted, course, relief, None) if not check.passed]
    assert name in failed


def lone(place: int, kw: float) -> tuple[float, ...]:
    return tuple(kw if here == place else 0.0 for here in range(STEPS))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("battery", {"charge_kw": lone(3, 11.0)}),
        ("battery", {"charge_kw": lone(3, 5.0), "discharge_kw": lone(3, 5.0)}),
        ("battery", {"discharge_kw": (2.0,) * STEPS}),
        ("hot_water", {"water_kw": (0.0,) * STEPS}),
        ("hot_water", {"water_kw": (6.0,) * STEPS}),
        ("cars_ready", {"stays_kw": ((0.0,) * STEPS,)}),
        ("cars_ready", {"stays_kw": (lone(0, 5.0),)}),
        ("zone", {"zone_kw": (9.0,) * STEPS}),
        ("power_limit", {"charge_kw": lone(3, 60.0)}),
        ("balance", {"discharge_kw": lone(3, 60.0)}),
    ],
)
def test_the_checker_finds_a_broken_limit(name: str, change: dict[str, Any]) -> None:
    assert_check_fails(name, change)


def test_the_checker_recomputes_what_is_told() -> None:
    known, wanted = situation(), policy(**ALL)
    day = day_of(known, wanted)
    alone = left_alone(day, wanted)
    told = replace(alone, zone_c=tuple(c + 0.2 for c in alone.zone_c), grid_kw=tuple(kw + 1 for kw in alone.grid_kw))
    relief = Relief(short_kwh=(0.0,) * len(day.stays))
    failed = {check.name for check in check_course(day, wanted, told, relief, None) if not check.passed}
    assert failed == {"balance", "zone"} | ({"power_limit"} if max(told.grid_kw) + 2 > 60 else set())


def test_a_broken_promise_to_shed_is_found() -> None:
    event = {"start": START.isoformat(), "end": START.replace(hour=18).isoformat(), "power_kw": 5}
    wanted = policy(battery=BATTERY, shed=event)
    day = day_of(situation(), wanted)
    alone = follow_plan(day, wanted, Plan())
    checks = check_course(day, wanted, alone, Relief(), alone)
    assert [check.name for check in checks if not check.passed] == ["shed"]
