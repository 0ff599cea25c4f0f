"""A question's way to NGSI-LD in the tests, and the part of the core context that they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from entity_town import Standing

# The part of the core context (ETSI GS CIM 009 V1.9.1, annex B) that Vigie's entities use.
CORE_PART = {
    "@version": 1.1,
    "@protected": True,
    "ngsi-ld": "https://uri.etsi.org/ngsi-ld/",
    "geojson": "https://purl.org/geojson/vocab#",
    "id": "@id",
    "type": "@type",
    **{
        term: f"ngsi-ld:{term}"
        for term in ("Property", "Relationship", "GeoProperty", "location", "status", "unitCode")
    },
    "Point": "geojson:Point",
    "coordinates": {"@container": "@list", "@id": "geojson:coordinates"},
    "observedAt": {"@id": "ngsi-ld:observedAt", "@type": "ngsi-ld:DateTime"},
    "object": {"@id": "ngsi-ld:hasObject", "@type": "@id"},
    "value": "ngsi-ld:hasValue",
    "@vocab": "https://uri.etsi.org/ngsi-ld/default-context/",
}


@dataclass
class Broker:
    """NGSI-LD of a town that stands."""

    api: httpx.Client
    root: str
    standing: Standing

    def ask(self, path: str, **parameters: Any) -> httpx.Response:
        """Return what a question is answered."""
        return self.ask_with({}, path, **parameters)

    def ask_with(self, headers: dict[str, str], path: str, **parameters: Any) -> httpx.Response:
        """Return what a question with these headers is answered."""
        return self.api.get(f"{self.root}{path}", params=parameters, headers=headers)

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON of a good answer."""
        answer = self.ask(path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def urn(self, type_name: str, external_id: str) -> str:
        """Return the name of the entity of a sensor."""
        return f"urn:ngsi-ld:{type_name}:vigie:{self.standing.sensors[external_id]}"
