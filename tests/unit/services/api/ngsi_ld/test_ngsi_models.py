"""What Vigie's entity types say against what the Smart Data Models say of themselves, from the golden excerpt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.api.ngsi_ld.contexts import attribute_iri, type_iri
from services.api.ngsi_ld.entity_types import ENTITY_TYPES, OWN_TERMS, EntityType
from services.api.ngsi_ld.routes.discovery import kind_of

GOLDEN = Path(__file__).resolve().parents[4] / "golden" / "smart_data_models.json"
# Asked for by the model, and nobody told Vigie.
UNKNOWN = {"ACMeasurement": {"phaseType"}, "Building": {"category"}}
# Of their subject, though not of their model.
ADDED = {("TrafficFlowObserved", "refDevice"), ("CrowdFlowObserved", "refDevice")}
# Lists of entities' names, which the generated excerpt takes for plain properties and their models' examples do not.
LISTS = {("ACMeasurement", "refDevice"), ("Device", "controlledAsset")}


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    models: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))["models"]
    return models


def test_every_type_is_a_model(models: dict[str, Any]) -> None:
    assert models.keys() == ENTITY_TYPES.keys()
    for name, entity_type in ENTITY_TYPES.items():
        assert models[name]["iri"] == type_iri(entity_type)


@pytest.mark.parametrize("entity_type", ENTITY_TYPES.values(), ids=lambda one: one.name)
def test_attributes_are_the_models_own_or_named_as_ours(entity_type: EntityType, models: dict[str, Any]) -> None:
    known = models[entity_type.name]["attributes"]
    for attribute in entity_type.attributes:
        if attribute in OWN_TERMS:
            assert attribute not in known, f"{attribute} is of the model, not ours"
            continue
        if (entity_type.name, attribute) in ADDED:
            assert attribute not in known
            continue
        assert known[attribute]["iri"] == attribute_iri(entity_type, attribute), attribute
        if (entity_type.name, attribute) not in LISTS:
            assert known[attribute]["kind"] == kind_of(attribute), attribute


@pytest.mark.parametrize("entity_type", ENTITY_TYPES.values(), ids=lambda one: one.name)
def test_what_a_model_requires_is_told_or_known_to_be_missing(entity_type: EntityType, models: dict[str, Any]) -> None:
    required = set(models[entity_type.name]["required"]) - {"id", "type"}
    assert required - set(entity_type.attributes) == UNKNOWN.get(entity_type.name, set())
