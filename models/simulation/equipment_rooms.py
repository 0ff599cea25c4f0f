"""The town's ventilated sites: what brings air to each room of `models.simulation.town`, as plain policies.

Volumes and people are those of the simulated rooms. Leaks and fans are their air changes times their volume; the fan's
other levels, and five air changes per hour through open windows, are made up.
"""

from __future__ import annotations

from typing import Any

_PARK_STATION = "sim-93051-station-parc-outdoor-air-1"
_SCHOOL = {"opens_h": 7.5, "closes_h": 17.5, "open_weekdays": [0, 1, 3, 4], "keeps_school_holidays": True}
_LIBRARY = {"opens_h": 9.0, "closes_h": 20.0, "open_weekdays": [1, 2, 3, 4, 5], "keeps_school_holidays": False}


def _site(place: tuple[str, str, str], hours: dict[str, Any], rooms: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Return a subject: ``place`` is its commune, code and name."""
    insee, code, name = place
    sensors = [f"sim-{insee}-{code}-indoor-air-{number}" for number in range(1, len(rooms) + 1)]
    numbered = [{**room, "sensor": sensor} for room, sensor in zip(rooms, sensors, strict=True)]
    policy = {**hours, "station": _PARK_STATION, "rooms": numbered}
    return {"kind": "ventilation", "code": f"{insee}:{code}", "commune_insee": insee, "name": name, "policy": policy}


def _room(code: str, name: str, volume_m3: int, people_max: int, **rest: Any) -> dict[str, Any]:
    return {"code": code, "name": name, "volume_m3": volume_m3, "people_max": people_max, **rest}


def _fan(usual_m3_h: int, high_m3_h: int) -> dict[str, Any]:
    return {"levels_m3_h": [0, usual_m3_h, (usual_m3_h + high_m3_h) // 2, high_m3_h], "usual_m3_h": usual_m3_h}


SUBJECTS: tuple[dict[str, Any], ...] = (
    _site(
        ("93051", "ecole-des-coteaux", "École élémentaire des Coteaux"),
        _SCHOOL,
        (
            _room("cp", "Classe de CP", 185, 25, leak_m3_h=65, airing_m3_h=925, **_fan(296, 500)),
            _room("ce2", "Classe de CE2", 170, 27, leak_m3_h=85, airing_m3_h=850),
            _room("cm2", "Classe de CM2", 190, 28, leak_m3_h=76, airing_m3_h=950, **_fan(152, 304)),
        ),
    ),
    _site(
        ("93005", "ecole-des-tilleuls", "École élémentaire des Tilleuls"),
        _SCHOOL,
        (
            _room("cp", "Classe de CP", 160, 23, leak_m3_h=72, airing_m3_h=800),
            _room("ce1", "Classe de CE1", 175, 26, leak_m3_h=52, airing_m3_h=875, **_fan(210, 420)),
            _room("cm1", "Classe de CM1", 200, 30, leak_m3_h=70, airing_m3_h=1000, **_fan(480, 720)),
        ),
    ),
    _site(
        ("93051", "mediatheque-du-mail", "Médiathèque du Mail"),
        _LIBRARY,
        (_room("lecture", "Salle de lecture", 620, 50, leak_m3_h=186, breath_ml_s=4.5, **_fan(620, 1240)),),
    ),
)
