"""The communes side by side, for whoever sees more than one."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.clock import now
from core.places import communes
from services.api.answers import Answer, Items, Store, api_router, documented
from services.metropole import summarise

router = api_router("places")

_COMMUNE = {
    "insee": "93051",
    "name": "Noisy-le-Grand",
    "sensors": 412,
    "alarming": 3,
    "watch": 6,
    "silent": 11,
    "suspect": 3,
    "normal": 389,
    "stale_since": None,
    "received_10min": 1284,
    "refused_today": 7,
}


class MetropoleCommune(Answer):
    """A commune by the sensors in service that the pass sees, each counted once, in its worst state."""

    model_config = documented(_COMMUNE)

    insee: str = Field(description="INSEE code.")
    name: str
    sensors: int = Field(description="Sensors in service.")
    alarming: int = Field(description="Of them, those with an alarm that waits for a person.")
    watch: int = Field(description="Outside of what was expected.")
    silent: int = Field(description="Nothing came for too long, or ever.")
    suspect: int = Field(description="The newest reading is doubtful.")
    normal: int
    stale_since: datetime | None = Field(
        description="When its newest reading was observed, where none of its sensors speaks any more; else null."
    )
    received_10min: int = Field(description="Readings stored in the last ten whole minutes.")
    refused_today: int = Field(description="Messages refused since midnight in Paris.")


class MetropoleCommunes(Items[MetropoleCommune]):
    """The communes in which the pass sees a sensor, by name."""

    model_config = documented({"items": [_COMMUNE], "next": None})


@router.get("/metropole", operation_id="read_metropole")
def read_metropole(store: Store) -> MetropoleCommunes:
    """Return how the sensors of each commune are, in one answer: what the map of all communes shows."""
    found = [
        MetropoleCommune(
            insee=one.commune_insee,
            name=communes()[one.commune_insee].name,
            sensors=one.sensors,
            alarming=one.alarming,
            watch=one.watch,
            silent=one.silent,
            suspect=one.suspect,
            normal=one.normal,
            stale_since=one.stale_since,
            received_10min=one.received_10min,
            refused_today=one.refused_today,
        )
        for one in summarise(store, now())
    ]
    return MetropoleCommunes(items=sorted(found, key=lambda one: one.name))
