"""The town's collection fleets: bins, trucks, garage, unloading site, calendar, as policies of rounds.

Plain data, made up like the town itself. Volumes and densities are of the usual order: street bins of 120 L at
0.1 kg/L, glass columns of 4 m³ at 0.3 kg/L, packaging columns of 4 m³ at 0.03 kg/L.
"""

from __future__ import annotations

from typing import Any

from models.simulation.bins import Bin, Stream
from models.simulation.town import MEMBERS, NOISY

_GARAGE = {"name": "Centre technique", "longitude": 2.5603, "latitude": 48.8329}
_UNLOADING = {
    "spot": {"name": "Quai de transfert", "longitude": 2.5806, "latitude": 48.8543},
    "opening": {"start": "05:30", "end": "19:00"},
    "service_s": 900,
}
# Litres, kg per litre, seconds at the stop, cost of one overflow (EUR).
_CONTAINERS = {
    Stream.STREET: (120, 0.1, 120, 18.0),
    Stream.GLASS: (4_000, 0.3, 480, 60.0),
    Stream.PACKAGING: (4_000, 0.03, 420, 60.0),
}
_LIGHT_TRUCK = {
    "capacity_l": 3_500,
    "capacity_kg": 900,
    "compaction": 1.5,
    "shift": {"start": "06:00", "end": "13:00"},
    "cost_per_km_eur": 0.9,
    "cost_per_h_eur": 42.0,
}
_HEAVY_TRUCK = {
    "capacity_l": 22_000,
    "capacity_kg": 8_500,
    "compaction": 1.0,
    "shift": {"start": "07:00", "end": "14:00"},
    "cost_per_km_eur": 1.6,
    "cost_per_h_eur": 68.0,
}
# Stream, code, name, hours to the next round that could go, trucks.
_FLEETS = (
    (
        Stream.STREET,
        "corbeilles",
        "Corbeilles de rue",
        24,
        (("Benne légère 1", _LIGHT_TRUCK), ("Benne légère 2", _LIGHT_TRUCK)),
    ),
    (
        Stream.PACKAGING,
        "emballages",
        "Colonnes d’emballages",
        48,
        (("Camion-grue", {**_HEAVY_TRUCK, "compaction": 3.0}),),
    ),
    (Stream.GLASS, "verre", "Colonnes à verre", 72, (("Camion-grue", _HEAVY_TRUCK),)),
)


def _subject(
    stream: Stream, code: str, name: str, opportunity_h: int, trucks: tuple[tuple[str, dict[str, Any]], ...]
) -> dict[str, Any]:
    bins = [member for member in MEMBERS if isinstance(member, Bin) and member.stream is stream]
    litres, density, service_s, cost_eur = _CONTAINERS[stream]
    calendar: dict[tuple[int, ...], list[str]] = {}
    for container in bins:
        calendar.setdefault(tuple(sorted(container.collection[0])), []).append(container.sensor.external_id)
    policy = {
        "bins": [
            {
                "sensor": container.sensor.external_id,
                "litres": litres,
                "kg_per_litre": density,
                "service_s": service_s,
                "overflow_cost_eur": cost_eur,
            }
            for container in bins
        ],
        "trucks": [{"code": f"{code}-{number}", "name": one, **truck} for number, (one, truck) in enumerate(trucks, 1)],
        "garage": _GARAGE,
        "unloading": _UNLOADING,
        "opportunity_h": opportunity_h,
        "fixed_days": [{"weekdays": list(days), "sensors": sensors} for days, sensors in calendar.items()],
    }
    return {"kind": "round", "code": f"{NOISY}:{code}", "commune_insee": NOISY, "name": name, "policy": policy}


SUBJECTS: tuple[dict[str, Any], ...] = tuple(_subject(*fleet) for fleet in _FLEETS)
