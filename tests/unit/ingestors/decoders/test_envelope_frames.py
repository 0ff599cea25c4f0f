from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.readings import Reason
from ingestors.decoders.chirpstack import decode_chirpstack
from ingestors.decoders.frame import Decoded, Decoder, Refusal, Uplink
from ingestors.decoders.the_things_stack import decode_the_things_stack

CAPTURES = Path(__file__).resolve().parents[3] / "captures"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DECODERS: dict[str, Decoder] = {"the_things_stack": decode_the_things_stack, "chirpstack": decode_chirpstack}


def envelope(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CAPTURES / name).read_bytes())
    return loaded


def decoded(name: str, content: dict[str, Any]) -> Decoded | Refusal:
    return DECODERS[name.split("/", maxsplit=1)[0]](json.dumps(content).encode(), AT)


def uplink_of(name: str) -> Uplink:
    found = decoded(name, envelope(name))
    assert isinstance(found, Decoded)
    assert found.uplink is not None
    return found.uplink


@pytest.mark.parametrize(
    ("name", "session", "f_cnt", "f_port", "payload", "device"),
    [
        ("the_things_stack/normal.json", "AXA50pHUDeXuKnW5RiGmUg==", 7, 15, "56ef", None),
        ("the_things_stack/boundary.json", "AXA50pHUDeXuKnW5RiGmUg==", 0, 0, "56ef", None),
        ("the_things_stack/documented_storage.json", "AXPoziFRvbcEguvZQoCCZw==", 43, 10, "010a010a010a010a", None),
        ("the_things_stack/frame_boundary.json", "00BCB929", 2**32 - 1, 15, "56ef", "milesight-iot/am103"),
        ("chirpstack/normal.json", "00189440", 42, 1, "aa", None),
        ("chirpstack/boundary.json", "00189440", 0, 0, "aa", None),
        ("chirpstack/frame_boundary.json", "00189440", 2**32 - 1, 1, "aa", "milesight-iot/em310-udl"),
    ],
)
def test_an_envelope_tells_its_frame(
    name: str, session: str, f_cnt: int, f_port: int, payload: str, device: str | None
) -> None:
    uplink = uplink_of(name)
    found = (uplink.session, uplink.f_cnt, uplink.f_port, uplink.payload.hex(), uplink.device)
    assert found == (session, f_cnt, f_port, payload, device)


@pytest.mark.parametrize("name", ["the_things_stack/undecoded.json", "chirpstack/undecoded.json"])
def test_bytes_alone_are_left_to_a_device_decoder_with_the_signal_beside_them(name: str) -> None:
    found = decoded(name, envelope(name))
    assert isinstance(found, Decoded)
    assert not found.observations
    assert not found.refusals
    assert found.uplink is not None
    assert {one.metric.name for one in found.uplink.health} >= {"rssi_dbm", "snr_db"}
    assert found.uplink.observed_at == found.uplink.health[0].observed_at


@pytest.mark.parametrize("decoder", DECODERS)
def test_what_a_codec_found_goes_with_the_health_of_the_device(decoder: str) -> None:
    name = f"{decoder}/normal.json"
    found = decoded(name, envelope(name))
    assert isinstance(found, Decoded)
    assert found.uplink is not None
    assert {one.metric.name for one in found.uplink.health} <= {one.metric.name for one in found.observations}


BROKEN: list[tuple[str, object]] = [
    ("f_cnt", -1),
    ("f_cnt", 2**32),
    ("f_cnt", True),
    ("f_cnt", "7"),
    ("f_cnt", 7.0),
    ("f_port", 256),
    ("frm_payload", "Vu8"),
    ("frm_payload", "Vu8=\n"),
    ("frm_payload", 7),
    ("frm_payload", "A" * 344),
    ("session_key_id", "x" * 65),
    ("session_key_id", "a\0b"),
]
CHIRPSTACK_NAMES = {"f_cnt": "fCnt", "f_port": "fPort", "frm_payload": "data", "session_key_id": "devAddr"}


@pytest.mark.parametrize(("field", "value"), BROKEN)
def test_what_no_frame_can_be_is_malformed(field: str, value: object) -> None:
    stack, chirpstack = envelope("the_things_stack/normal.json"), envelope("chirpstack/normal.json")
    stack["uplink_message"][field] = value
    chirpstack[CHIRPSTACK_NAMES[field]] = value
    for found in (decoded("the_things_stack/", stack), decoded("chirpstack/", chirpstack)):
        assert isinstance(found, Refusal)
        assert found.reason is Reason.MALFORMED


def test_the_longest_frame_is_taken() -> None:
    content = envelope("the_things_stack/normal.json")
    content["uplink_message"]["frm_payload"] = "A" * 340
    found = decoded("the_things_stack/", content)
    assert isinstance(found, Decoded)
    assert found.uplink is not None
    assert len(found.uplink.payload) == 255


def test_a_frame_without_a_session_has_no_name_for_it() -> None:
    content = envelope("the_things_stack/normal.json")
    del content["uplink_message"]["session_key_id"], content["end_device_ids"]["dev_addr"]
    found = decoded("the_things_stack/", content)
    assert isinstance(found, Decoded)
    assert found.uplink is not None
    assert found.uplink.session == ""


@pytest.mark.parametrize("versions", [{"brand_id": "milesight-iot"}, {"brand_id": "", "model_id": "am103"}, []])
def test_half_a_model_is_none(versions: object) -> None:
    content = envelope("the_things_stack/normal.json")
    content["uplink_message"]["version_ids"] = versions
    found = decoded("the_things_stack/", content)
    assert isinstance(found, Decoded)
    assert found.uplink is not None
    assert found.uplink.device is None
