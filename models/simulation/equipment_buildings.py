"""What the town's buildings can shift, and under which contract: plain data, all of it invented for the demo.

The equipment stands beside the load that the simulated meters draw. Prices are round figures in the order of French
regulated contracts of late 2025; colours of Tempo days follow the contract's rules, not what was published.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice
from typing import Any

from models.features.calendar import is_holiday

_WEEK = [0, 1, 2, 3, 4]
_FIRST_SEASON, _LAST_SEASON = 2025, 2030
_RED_DAYS, _WHITE_DAYS = 22, 43
# The yearly course of the simulated weather, January first.
_OUTDOOR_C_BY_MONTH = [5, 6, 9, 13, 16, 19, 20, 19, 16, 13, 9, 6]


def _winter(season: int, first_month: int, weekdays: set[int], count: int) -> list[str]:
    """Return the first ``count`` such weekdays, holidays left out, from that month of a Tempo season on."""
    start = date(season + (first_month < 9), first_month, 1)  # a season starts in September
    days = (start + timedelta(days=shift) for shift in range(250))
    chosen = (day.isoformat() for day in days if day.weekday() in weekdays and not is_holiday(day))
    return list(islice(chosen, count))


def _days(first_month: int, weekdays: set[int], count: int) -> list[str]:
    seasons = range(_FIRST_SEASON, _LAST_SEASON + 1)
    return [day for season in seasons for day in _winter(season, first_month, weekdays, count)]


_TEMPO = {
    "starts_on": "2025-01-01",
    "off_peak": [["22:00", "06:00"]],
    "prices": {
        "blue": {"peak": 0.16, "off_peak": 0.13},
        "white": {"peak": 0.19, "off_peak": 0.15},
        "red": {"peak": 0.65, "off_peak": 0.16},
    },
    "red": _days(1, {1, 2}, _RED_DAYS),
    "white": _days(11, {0, 3}, _WHITE_DAYS),
    "published_until": f"{_LAST_SEASON + 1}-08-31",
}
# Off-peak hours move to the afternoon in steps until 2027: a contract has dated versions.
_TWO_PRICES = {"blue": {"peak": 0.22, "off_peak": 0.15}}
_NIGHT_HOURS = [
    {"starts_on": "2025-01-01", "off_peak": [["22:00", "06:00"]], "prices": _TWO_PRICES},
    {"starts_on": "2026-11-01", "off_peak": [["23:30", "05:30"], ["14:00", "16:00"]], "prices": _TWO_PRICES},
]


def _subject(insee: str, code: str, name: str, policy: dict[str, Any]) -> dict[str, Any]:
    meter = {"meter": f"sim-{insee}-{code}-meter-1"}
    return {
        "kind": "load_shifting",
        "code": f"{insee}:{code}",
        "commune_insee": insee,
        "name": name,
        "policy": {**meter, "answer_hours": 1, "peak_eur_per_kw": 0.05, **policy},
    }


def _cars(name: str, hours: tuple[str, str], energy_kwh: float, power_kw: float) -> dict[str, Any]:
    return {
        "code": "bornes",
        "name": name,
        "weekdays": _WEEK,
        "arrival": hours[0],
        "departure": hours[1],
        "energy_kwh": energy_kwh,
        "power_kw": power_kw,
    }


_TOWN_HALL = {
    "tariff": _NIGHT_HOURS,
    "subscribed_kw": 220,
    "battery": {
        "code": "batterie",
        "name": "Batterie du sous-sol",
        "energy_kwh": 90,
        "power_kw": 30,
        "efficiency_ratio": 0.9,
        "start_ratio": 0.4,
        "wear_eur_per_kwh": 0.02,
    },
    "hot_water": {
        "code": "ballon",
        "name": "Ballon d’eau chaude",
        "energy_kwh": 24,
        "power_kw": 9,
        "loss_per_h": 0.012,
        "low_kwh": 4,
        "start_ratio": 0.7,
        "demand_kwh": [0] * 7 + [1, 2, 2, 1.5, 1.5, 3, 3, 1.5, 1.5, 1.5, 2, 1] + [0] * 5,
    },
    "sessions": [_cars("Voitures de service", ("18:00", "07:30"), 110, 22)],
    "shed": {"weekdays": list(range(7)), "start": "18:00", "end": "20:00", "power_kw": 20},
}
_LIBRARY = {
    "tariff": _NIGHT_HOURS,
    "subscribed_kw": 130,
    "sessions": [],
    "zone": {
        "code": "salle-de-lecture",
        "name": "Salle de lecture",
        "loss_kw_per_k": 1.1,
        "capacity_kwh_per_k": 9,
        "gains_kw": 3,
        "power_kw": 14,
        "cop": 3.2,
        "cop_per_k": 0.06,
        "bands": [
            {"weekdays": [1, 2, 3, 4], "start": "10:00", "end": "19:00", "low_c": 19, "high_c": 22.5},
            {"weekdays": [5], "start": "10:00", "end": "18:00", "low_c": 19, "high_c": 22.5},
        ],
        "floor_c": 15,
        "ceiling_c": 32,
        "preheat_minutes": 120,
        "comfort_eur_per_kh": 2,
        "indoor_sensor": "sim-93051-mediatheque-du-mail-indoor-air-1",
        "outdoor_sensor": "sim-93051-station-parc-outdoor-air-1",
        "outdoor_c_by_month": _OUTDOOR_C_BY_MONTH,
    },
}
_POOL = {
    "tariff": [_TEMPO],
    "subscribed_kw": 330,
    "hot_water": {
        "code": "douches",
        "name": "Eau chaude des douches",
        "energy_kwh": 300,
        "power_kw": 60,
        "loss_per_h": 0.008,
        "low_kwh": 40,
        "start_ratio": 0.6,
        "demand_kwh": [0] * 7 + [8, 16, 22, 24, 26, 28, 24, 22, 24, 28, 34, 36, 30, 24, 12] + [0] * 2,
    },
}
_WORKSHOP = {
    "tariff": [_TEMPO],
    "subscribed_kw": 150,
    "sessions": [_cars("Camions-bennes électriques", ("17:00", "06:00"), 260, 60)],
    "shed": {"weekdays": _WEEK, "start": "18:00", "end": "20:00", "power_kw": 80},
}

SUBJECTS: tuple[dict[str, Any], ...] = (
    _subject("93051", "hotel-de-ville", "Hôtel de ville", _TOWN_HALL),
    _subject("93051", "mediatheque-du-mail", "Médiathèque du Mail", _LIBRARY),
    _subject("93005", "piscine", "Piscine municipale", _POOL),
    _subject("93048", "centre-technique", "Centre technique municipal", _WORKSHOP),
)
"""The buildings whose load is planned in the demo."""
