"""Nothing that arrives breaks a decoder: any bytes, and captures with bits flipped, cut, drawn out and spliced."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.metrics import METRICS
from ingestors.decoders import DECODERS
from ingestors.decoders.devices import DEVICES
from ingestors.decoders.devices.device import Device
from ingestors.decoders.frame import READINGS_MAX, Decoded, Decoder, Refusal
from ingestors.topics import Network

CAPTURES = Path(__file__).resolve().parents[3] / "captures"
FRAMES = [
    (capture["model"], frame["f_port"], bytes.fromhex(frame["hex"]))
    for path in sorted((CAPTURES / "devices").glob("*.json"))
    for capture in [json.loads(path.read_text(encoding="utf-8"))]
    for frame in capture["frames"]
]
ENVELOPES = [
    (DECODERS[Network.NATIVE if path.parent.name == "senml" else Network(path.parent.name)], path.read_bytes())
    for path in sorted(CAPTURES.glob("*/*.json"))
    if path.parent.name != "devices"
]

# All that a network server's clock may claim, the first and the last instant of the calendar included.
instants = st.datetimes(timezones=st.just(UTC))
devices = st.sampled_from(list(DEVICES.values()))


@st.composite
def mutated(draw: st.DrawFn, original: bytes) -> bytes:
    """A frame that something went wrong with: spliced, cut, drawn out, and bits flipped."""
    frame = bytearray(original)
    if draw(st.booleans()):
        at, length = draw(st.integers(0, len(frame))), draw(st.integers(0, len(frame)))
        frame[at:at] = frame[:length]
    frame = frame[: draw(st.integers(0, len(frame)))] if draw(st.booleans()) else frame
    frame += draw(st.binary(max_size=8))
    for place in draw(st.lists(st.integers(0, max(0, len(frame) * 8 - 1)), max_size=6)) if frame else []:
        frame[place // 8] ^= 1 << place % 8
    return bytes(frame)


def assert_sound(decoded: Decoded | Refusal) -> None:
    if isinstance(decoded, Refusal):
        assert decoded.detail
        return
    assert len(decoded.observations) + len(decoded.refusals) <= 2 * READINGS_MAX
    for one in decoded.observations:
        assert METRICS[one.metric.name] is one.metric
        assert math.isfinite(one.value)
        assert one.observed_at.tzinfo is UTC


def assert_device_survives(device: Device, f_port: int, payload: bytes, observed_at: datetime) -> None:
    decoded = device.decode(f_port, payload, observed_at)
    assert_sound(decoded)
    assert device.decode(f_port, payload, observed_at) == decoded
    if isinstance(decoded, Decoded):
        assert decoded.observations or decoded.refusals
        told = [(one.metric.name, one.observed_at) for one in decoded.observations]
        assert len(told) == len(set(told))


@given(device=devices, f_port=st.integers(0, 255), payload=st.binary(max_size=300), observed_at=instants)
def test_a_device_survives_any_bytes(device: Device, f_port: int, payload: bytes, observed_at: datetime) -> None:
    assert_device_survives(device, f_port, payload, observed_at)


@given(data=st.data(), observed_at=instants)
def test_a_device_survives_its_own_frames_gone_wrong(data: st.DataObject, observed_at: datetime) -> None:
    model, f_port, payload = data.draw(st.sampled_from(FRAMES))
    assert_device_survives(DEVICES[model], f_port, data.draw(mutated(payload)), observed_at)


@given(device=devices, frame=st.sampled_from(FRAMES), observed_at=instants)
def test_a_device_survives_the_frames_of_all_others(
    device: Device, frame: tuple[str, int, bytes], observed_at: datetime
) -> None:
    _, f_port, payload = frame
    assert_device_survives(device, f_port, payload, observed_at)


@given(data=st.data(), envelope=st.sampled_from(ENVELOPES), received_at=instants)
def test_an_envelope_survives_gone_wrong(
    data: st.DataObject, envelope: tuple[Decoder, bytes], received_at: datetime
) -> None:
    decoder, payload = envelope
    payload = data.draw(mutated(payload))
    decoded = decoder(payload, received_at)
    assert_sound(decoded)
    assert decoder(payload, received_at) == decoded
