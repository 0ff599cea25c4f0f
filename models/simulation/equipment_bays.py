"""The simulated town's delivery bays and their rules: one subject a commune, made up as the rest of the town is."""

from __future__ import annotations

from typing import Any

# commune, its name, bays: site code, name, longest stay, regulated hours, market days
_COMMUNES: tuple[tuple[str, str, tuple[tuple[str, str, int, float, float, tuple[int, ...]], ...]], ...] = (
    (
        "93048",
        "Montreuil",
        (
            ("livraison-mairie", "Place de la mairie", 30, 7.0, 20.0, ()),
            ("livraison-marche", "Rue du marché", 30, 7.0, 20.0, (4, 7)),
        ),
    ),
    (
        "94080",
        "Vincennes",
        (
            ("livraison-chateau", "Avenue du château", 20, 7.0, 20.0, ()),
            ("livraison-centre", "Rue du centre", 30, 7.0, 20.0, ()),
        ),
    ),
    (
        "92012",
        "Boulogne-Billancourt",
        (
            ("livraison-grand-place", "Grand-Place", 20, 7.0, 19.5, ()),
            ("livraison-boulevard", "Boulevard", 30, 7.0, 19.5, ()),
        ),
    ),
    (
        "92044",
        "Levallois-Perret",
        (
            ("livraison-hotel-de-ville", "Hôtel de ville", 20, 7.0, 20.0, ()),
            ("livraison-halle", "Halle", 30, 6.0, 20.0, (3, 6)),
        ),
    ),
    (
        "93066",
        "Saint-Denis",
        (
            ("livraison-basilique", "Parvis", 30, 7.0, 20.0, ()),
            ("livraison-gare", "Gare", 20, 7.0, 20.0, ()),
        ),
    ),
)

SUBJECTS: tuple[dict[str, Any], ...] = tuple(
    {
        "kind": "bay",
        "code": f"{insee}:livraisons",
        "commune_insee": insee,
        "name": f"Aires de livraison, {commune}",
        "policy": {
            "bays": [
                {
                    "code": site,
                    "name": name,
                    "sensors": [f"sim-{insee}-{site}-bay-1"],
                    "max_stay_min": max_stay_min,
                    "regulated_from_hour": opening,
                    "regulated_until_hour": closing,
                    "regulated_days": [1, 2, 3, 4, 5, 6],
                    "market_days": list(market_days),
                }
                for site, name, max_stay_min, opening, closing, market_days in bays
            ],
        },
    }
    for insee, commune, bays in _COMMUNES
)
"""Subjects that the demo declares; their sensors are the town's own."""
