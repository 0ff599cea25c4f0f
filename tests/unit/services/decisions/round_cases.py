"""Small fleets and situations that tests of rounds share, and the writer of their golden decision."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.decision_json import format_decision
from services.decisions.rounds.decide import decide
from services.decisions.rounds.policy import RoundPolicy, parse_policy
from services.decisions.rounds.situation import BinState, Fan, Inflow, RoundSituation, situation_json

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "round.json"
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
"""A Tuesday, 16:00 in Paris; the next shift starts on Wednesday at 06:00."""
PLACES = ((2.552, 48.848), (2.549, 48.843), (2.547, 48.841), (2.555, 48.846), (2.569, 48.839), (2.563, 48.838))


def policy_body(bins: int = 6, **changes: Any) -> dict[str, Any]:
    """Return a policy's JSON: bins of 660 L, one truck, every other bin on the Wednesday calendar."""
    body: dict[str, Any] = {
        "bins": [
            {"sensor": f"bin-{n}", "litres": 660, "kg_per_litre": 0.1, "service_s": 120, "overflow_cost_eur": 40}
            for n in range(bins)
        ],
        "trucks": [truck_body()],
        "garage": {"name": "Dépôt", "longitude": 2.560, "latitude": 48.833},
        "unloading": {
            "spot": {"name": "Quai", "longitude": 2.581, "latitude": 48.854},
            "opening": {"start": "05:30", "end": "19:00"},
            "service_s": 900,
        },
        "fixed_days": [{"weekdays": [2], "sensors": [f"bin-{n}" for n in range(0, bins, 2)]}],
    }
    return {**body, **changes}


def truck_body(**changes: Any) -> dict[str, Any]:
    """Return a truck's JSON."""
    body: dict[str, Any] = {
        "code": "truck-1",
        "name": "Benne 1",
        "capacity_l": 8_000,
        "capacity_kg": 3_000,
        "compaction": 2.0,
        "shift": {"start": "06:00", "end": "13:00"},
        "cost_per_km_eur": 1.0,
        "cost_per_h_eur": 45.0,
    }
    return {**body, **changes}


def policy(bins: int = 6, **changes: Any) -> RoundPolicy:
    """Return the policy of `policy_body`."""
    return parse_policy(policy_body(bins, **changes))


def state(number: int, level: float | None, **changes: Any) -> BinState:
    """Return a bin that was read half an hour ago and takes in 1 % an hour."""
    longitude, latitude = PLACES[number % len(PLACES)]
    known: dict[str, Any] = {
        "sensor": f"bin-{number}",
        "name": f"Bac {number}",
        "longitude": longitude,
        "latitude": latitude,
        "series_id": number + 1,
        "level": level,
        "observed_at": None if level is None else NOW - timedelta(minutes=30),
        "fallback": "no_forecast",
        "inflow": None if level is None else Inflow(0.01, 0.0002),
    }
    return BinState(**{**known, **changes})


def situation(*levels: float | None) -> RoundSituation:
    """Return bins with these last levels; None is a bin nothing is known of."""
    return RoundSituation(
        "93051:bacs", "93051", NOW, tuple(state(number, level) for number, level in enumerate(levels))
    )


def fan(start: float, per_h: float, *, issued_at: datetime = NOW) -> Fan:
    """Return a fan of 24 hours that rises evenly, a tenth wide."""
    steps = []
    for hour in range(24):
        middle = start + per_h * hour
        steps.append(tuple(middle + shift for shift in (-0.05, -0.04, -0.02, 0.0, 0.02, 0.04, 0.05)))
    hour_ = timedelta(hours=1)
    return Fan(issued_at, hour_, tuple(issued_at + number * hour_ for number in range(24)), tuple(steps))


def golden_situation() -> RoundSituation:
    """Return one bin of each sort: full, likely, unlikely, forecast by a model, silent, unknown on its day."""
    return RoundSituation(
        "93051:bacs",
        "93051",
        NOW,
        (
            state(0, 0.93),
            state(1, 0.60),
            state(2, 0.10),
            state(3, 0.55, fan=fan(0.55, 0.012), fallback=None),
            state(4, None),
            state(5, 0.50, observed_at=NOW - timedelta(hours=30)),
        ),
    )


def golden_body() -> dict[str, Any]:
    """Return the golden file's content, made anew. Run this module to write it."""
    made = decide(golden_situation(), policy(), NOW)
    return {"situation": situation_json(golden_situation()), "policy": policy_body(), "decision": format_decision(made)}


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(golden_body(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
