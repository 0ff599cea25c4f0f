"""The forms of an entity, and what stays of it."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.ngsi_ld.forms import Form, feature, formed, projected

ENTITY: dict[str, Any] = {
    "id": "urn:ngsi-ld:AirQualityObserved:vigie:7",
    "type": "AirQualityObserved",
    "name": {"type": "Property", "value": "Salle 2"},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [2.5, 48.8]}},
    "refDevice": {"type": "Relationship", "object": "urn:ngsi-ld:Device:vigie:7"},
    "co2": {
        "type": "Property",
        "value": 812.0,
        "unitCode": "59",
        "observedAt": "2026-03-02T08:00:00Z",
        "quality": {"type": "Property", "value": "good"},
    },
    "createdAt": "2026-01-01T00:00:00Z",
}
NAMED = {key: ENTITY[key] for key in ("id", "type")}
POINT = {"type": "Point", "coordinates": [2.5, 48.8]}


def test_normalized_is_as_it_is() -> None:
    assert formed(ENTITY, Form.NORMALIZED) == ENTITY


def test_simplified_is_values_and_objects_alone() -> None:
    assert formed(ENTITY, Form.SIMPLIFIED) == {
        **NAMED,
        "name": "Salle 2",
        "location": POINT,
        "refDevice": "urn:ngsi-ld:Device:vigie:7",
        "co2": 812.0,
    }


def test_concise_keeps_what_a_value_is_worth() -> None:
    assert formed(ENTITY, Form.CONCISE) == {
        **NAMED,
        "name": "Salle 2",
        "location": POINT,
        "refDevice": {"object": "urn:ngsi-ld:Device:vigie:7"},
        "co2": {"value": 812.0, "unitCode": "59", "observedAt": "2026-03-02T08:00:00Z", "quality": "good"},
        "createdAt": "2026-01-01T00:00:00Z",
    }


@pytest.mark.parametrize("form", list(Form))
def test_a_feature_has_its_place_and_its_attributes(form: Form) -> None:
    told = feature(ENTITY, form)
    assert (told["id"], told["type"], told["geometry"]) == (ENTITY["id"], "Feature", POINT)
    assert told["properties"]["type"] == "AirQualityObserved"
    assert "id" not in told["properties"]
    assert feature({"type": "Device"}, form)["geometry"] is None


def test_members_are_picked_or_left_out() -> None:
    assert projected(ENTITY, frozenset({"id", "name"}), frozenset()).keys() == {"id", "name"}
    assert "co2" not in projected(ENTITY, None, frozenset({"co2"}))
    assert projected(ENTITY, frozenset({"id", "name"}), frozenset({"name"})).keys() == {"id"}
