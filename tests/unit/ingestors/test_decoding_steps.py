from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decoding import Decoding, Figure, Registered, StepName
from core.places import Sensor, SensorKind, Site
from core.readings import Message
from ingestors.steps import decoding_of
from ingestors.validate import Limits

CAPTURES = Path(__file__).resolve().parents[2] / "captures"
AT = datetime(2026, 3, 2, 9, 0, 1, tzinfo=UTC)
LIMITS = Limits(262_144, 16_384, timedelta(minutes=5))
TOPICS = {
    "senml": "vigie/v1/93051/indoor_air/salle-2/up",
    "the_things_stack": "v3/ecoles@vigie/devices/eui-0004a30b001c0530/up",
    "chirpstack": "application/1/device/0101010101010101/event/up",
}


def sensor(topic: str, model: str | None = None) -> Registered:
    """Return the registry of the sensor that a topic is of."""
    name = topic.split("/")[4 if topic.startswith("vigie") else 3]
    return Registered(
        Sensor(name, SensorKind.INDOOR_AIR, "Salle 2", Site("93051", "ecole", "École"), model=model, sensor_id=1)
    )


def taken_apart(topic: str, payload: bytes, model: str | None = None) -> Decoding:
    return decoding_of(Message(topic, payload, AT, len(payload)), sensor(topic, model), LIMITS)


def names(decoding: Decoding) -> list[StepName]:
    return [step.name for step in decoding.steps]


@pytest.mark.parametrize("network", TOPICS)
def test_a_normal_message_goes_all_its_way(network: str) -> None:
    decoding = taken_apart(TOPICS[network], (CAPTURES / network / "normal.json").read_bytes())
    *_, decoder, validation = decoding.steps
    assert (decoder.name, validation.name) == (StepName.DECODER, StepName.VALIDATION)
    assert all(isinstance(value, Figure) for _, value in decoder.fields)
    assert len(decoder.fields) >= 1
    assert validation.said.key in {"decoding.validation.taken", "decoding.validation.partly"}
    assert decoding.instants


@pytest.mark.parametrize("network", TOPICS)
def test_a_malformed_message_ends_where_it_is_refused(network: str) -> None:
    decoding = taken_apart(TOPICS[network], (CAPTURES / network / "malformed.json").read_bytes())
    assert decoding.steps[-1].said.key.endswith(".refused")
    assert decoding.instants == ()


def test_the_bytes_of_a_device_are_shown_and_its_figures_as_they_were_sent() -> None:
    recorded = json.loads((CAPTURES / "devices" / "elsys-ers-co2.json").read_text(encoding="utf-8"))
    frame = next(one for one in recorded["frames"] if one["name"] == "boundary")
    payload = bytes.fromhex(frame["hex"])
    envelope: dict[str, Any] = {
        "deviceInfo": {"devEui": "0101010101010101"},
        "time": "2026-03-02T09:00:00Z",
        "devAddr": "01020304",
        "fPort": frame["f_port"],
        "data": base64.b64encode(payload).decode(),
        "rxInfo": [{"gatewayId": "aabb", "rssi": -97, "snr": 7.5}],
    }
    decoding = taken_apart(TOPICS["chirpstack"], json.dumps(envelope).encode(), "elsys-ers-co2")
    by_name = {step.name: step for step in decoding.steps}
    assert dict(by_name[StepName.BYTES].fields)["hex"] == payload.hex(" ")
    assert str(by_name[StepName.DECODER].said.values["decoder"]).startswith("elsys-ers-co2/")
    assert ("gateway", "aabb, -97 dBm, 7.5 dB") in by_name[StepName.ENVELOPE].fields
    figures = [value for _, value in by_name[StepName.DECODER].fields if isinstance(value, Figure)]
    assert any(one.sent is not None for one in figures)


def test_what_nobody_adopted_or_is_cut_is_said() -> None:
    payload = (CAPTURES / "senml" / "normal.json").read_bytes()
    unknown = decoding_of(Message(TOPICS["senml"], payload, AT, len(payload)), None, LIMITS)
    assert unknown.steps[-1].said.key == "decoding.validation.not_adopted"
    cut = decoding_of(Message(TOPICS["senml"], payload[:9], AT, len(payload)), sensor(TOPICS["senml"]), LIMITS)
    assert cut.steps[-1].said.key == "decoding.envelope.cut"
    assert taken_apart("else/4/u/4/x", b"").steps[0].said.key == "decoding.topic.unknown"


@given(payload=st.binary(max_size=400), topic=st.sampled_from([*TOPICS.values(), "x", "a/b"]))
def test_any_bytes_are_survived(payload: bytes, topic: str) -> None:
    message = Message(topic, payload, AT, len(payload))
    for registered in (None, sensor(TOPICS["senml"])):
        assert decoding_of(message, registered, LIMITS).steps[0].name is StepName.TOPIC


@given(
    uplink=st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["object", "data", "time", "fPort", "rxInfo", "txInfo", "gatewayId", "rssi", "location"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_envelope_is_survived(uplink: Any) -> None:
    inner = uplink if isinstance(uplink, dict) else {"rxInfo": uplink}
    event = {"deviceInfo": {"devEui": "0101010101010101"}, "time": "2026-03-02T09:00:00Z", **inner}
    assert taken_apart(TOPICS["chirpstack"], json.dumps(event).encode()).steps
