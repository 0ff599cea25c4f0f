"""Small buildings that a hand can follow: a flat base load, one tariff, the assets a test asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from core.decisions import Input
from services.decisions.load_shifting.assets import STEPS
from services.decisions.load_shifting.policy import Policy, parse_policy
from services.decisions.load_shifting.situation import Situation

# A Tuesday in winter: 17:15 in Paris.
START = datetime(2026, 11, 24, 16, 15, tzinfo=UTC)
NOW = START - timedelta(minutes=5)

BATTERY = {
    "code": "battery",
    "name": "Batterie",
    "energy_kwh": 20,
    "power_kw": 10,
    "efficiency_ratio": 0.9,
    "start_ratio": 0.5,
    "wear_eur_per_kwh": 0.01,
}
WATER = {
    "code": "water",
    "name": "Ballon",
    "energy_kwh": 20,
    "power_kw": 6,
    "loss_per_h": 0.01,
    "low_kwh": 2,
    "start_ratio": 0.5,
    "demand_kwh": [0] * 7 + [1] * 12 + [0] * 5,
}
CAR = {
    "code": "car",
    "name": "Voiture",
    "weekdays": [0, 1, 2, 3, 4],
    "arrival": "18:00",
    "departure": "07:30",
    "energy_kwh": 30,
    "power_kw": 11,
}
ZONE = {
    "code": "zone",
    "name": "Bureaux",
    "loss_kw_per_k": 0.8,
    "capacity_kwh_per_k": 6,
    "gains_kw": 1,
    "power_kw": 8,
    "cop": 3,
    "cop_per_k": 0.05,
    "bands": [{"weekdays": [0, 1, 2, 3, 4], "start": "08:00", "end": "18:00", "low_c": 19, "high_c": 22}],
    "floor_c": 14,
    "ceiling_c": 28,
    "comfort_eur_per_kh": 2,
}
NIGHT = [
    {
        "starts_on": "2026-01-01",
        "off_peak": [["22:00", "06:00"]],
        "prices": {"blue": {"peak": 0.22, "off_peak": 0.14}},
    }
]
ALL = {"battery": BATTERY, "hot_water": WATER, "sessions": [CAR], "zone": ZONE}


def flat(price: float) -> list[dict[str, Any]]:
    return [{"starts_on": "2026-01-01", "off_peak": [], "prices": {"blue": {"peak": price, "off_peak": price}}}]


def policy(**changed: Any) -> Policy:
    return parse_policy({"meter": "meter-1", "tariff": NIGHT, "subscribed_kw": 60, **changed})


def situation(
    base_kw: float = 20.0,
    *,
    start: datetime = START,
    spread: float = 0.1,
    outdoor_c: float = 4.0,
    indoor_c: float = 18.0,
) -> Situation:
    load = (base_kw * (1 - spread), base_kw, base_kw * (1 + spread))
    known = (Input("load_forecast", start - timedelta(minutes=20), 7),)
    return Situation("93051:mairie", "93051", start, (load,) * STEPS, (outdoor_c,) * STEPS, indoor_c, known)
