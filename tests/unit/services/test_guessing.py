"""What an unknown sensor may be: by our own topics, by what networks call it, by what it measures."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.places import SensorKind
from core.sensor_life import DeviceModel
from services.guessing import Guess, guess

MODELS = [
    DeviceModel("milesight-am307", "Milesight", "AM307", (SensorKind.INDOOR_AIR,)),
    DeviceModel("milesight-em500-udl", "Milesight", "EM500-UDL", (SensorKind.BIN,)),
    DeviceModel("milesight-em500-co2", "Milesight", "EM500-CO2", (SensorKind.OUTDOOR_AIR, SensorKind.INDOOR_AIR)),
    DeviceModel("elsys-ers-co2", "Elsys", "ERS CO2", (SensorKind.INDOOR_AIR,)),
]
TOPIC = "application/1/device/24e124707c481005/event/up"


def chirpstack(profile: str, name: str = "Salle 12", **decoded: Any) -> bytes:
    info = {"deviceProfileName": profile, "deviceName": name}
    return json.dumps({"deviceInfo": info, "object": decoded}).encode()


def things(**version: str) -> bytes:
    return json.dumps({"uplink_message": {"version_ids": version}}).encode()


@pytest.mark.parametrize(
    ("payload", "model", "kind"),
    [
        (chirpstack("Milesight AM307 (868)"), "milesight-am307", SensorKind.INDOOR_AIR),
        (chirpstack("em500 udl"), "milesight-em500-udl", SensorKind.BIN),
        (chirpstack("EM500"), None, None),
        (chirpstack("Profil de la ville", name="AM307-0012"), "milesight-am307", SensorKind.INDOOR_AIR),
        (chirpstack("AM307 ou ERS-CO2"), None, None),
        (chirpstack("EM500-CO2", co2=612, pm10=3), "milesight-em500-co2", SensorKind.OUTDOOR_AIR),
        (chirpstack("EM500-CO2", temperature=12), "milesight-em500-co2", None),
        (things(brand_id="elsys", model_id="ers-co2"), "elsys-ers-co2", SensorKind.INDOOR_AIR),
        (chirpstack("Niveau", fill_level=0.4, battery=3.6), None, SensorKind.BIN),
        (chirpstack("Divers", activePower=12), None, SensorKind.METER),
        (chirpstack("Divers", temperature=12), None, None),
    ],
)
def test_a_model_and_a_kind_are_told_by_the_network(payload: bytes, model: str | None, kind: SensorKind | None) -> None:
    found = guess(TOPIC, payload, MODELS)
    assert (found.model, found.kind) == (model, kind)


def test_what_the_network_calls_it_is_proposed_as_its_name() -> None:
    assert guess(TOPIC, chirpstack("AM307"), MODELS) == Guess(
        kind=SensorKind.INDOOR_AIR, model="milesight-am307", name="Salle 12", told_by="AM307"
    )


def test_our_own_topics_name_the_kind_and_the_commune() -> None:
    found = guess("vigie/v1/93051/bin/colonne-41", b"[]", MODELS)
    assert (found.kind, found.commune_insee) == (SensorKind.BIN, "93051")
    assert guess("vigie/v1/93051/toaster/x", b"[]", MODELS).kind is None


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode()))
def test_any_bytes_are_survived(payload: bytes) -> None:
    assert guess(TOPIC, payload, MODELS).model is None
