from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics import METRICS, Metric
from core.readings import Reason
from ingestors.decoders import DECODERS
from ingestors.decoders.frame import Decoded, Decoder, Refusal
from ingestors.decoders.senml import decode_senml, format_pack

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from(
    [
        "bn",
        "bt",
        "bu",
        "bv",
        "n",
        "u",
        "v",
        "vb",
        "vs",
        "t",
        "uplink_message",
        "end_device_ids",
        "device_id",
        "time",
        "deviceInfo",
        "devEui",
        "object",
        "received_at",
        "decoded_payload",
        "rx_metadata",
        "rxInfo",
        "settings",
        "normalized_payload",
        "co2",
        "last_battery_percentage",
        "rssi",
    ]
)
envelopes = st.recursive(
    json_values,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(field_names, inner, max_size=6),
    max_leaves=25,
)


def check(decoder: Decoder, payload: bytes) -> None:
    decoded = decoder(payload, AT)
    assert isinstance(decoded, Decoded | Refusal)
    if isinstance(decoded, Decoded):
        assert decoded.observations or decoded.refusals or decoded.uplink
        for one in decoded.observations:
            assert not math.isnan(one.value)
            assert one.observed_at.tzinfo is UTC


@pytest.mark.parametrize("decoder", DECODERS.values())
@given(payload=st.binary(max_size=200))
def test_any_bytes(decoder: Decoder, payload: bytes) -> None:
    check(decoder, payload)


@pytest.mark.parametrize("decoder", DECODERS.values())
@given(envelope=envelopes)
def test_any_json_with_the_fields_of_an_envelope(decoder: Decoder, envelope: object) -> None:
    check(decoder, json.dumps(envelope).encode())


@pytest.mark.parametrize("decoder", DECODERS.values())
@pytest.mark.parametrize("payload", [b"[" * 200_000, b'{"a":' * 200_000, b"[" + b"9" * 5_000 + b"]", b"\xff", b""])
def test_a_hostile_payload_is_malformed(decoder: Decoder, payload: bytes) -> None:
    refusal = decoder(payload, AT)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.MALFORMED


values = st.dictionaries(
    st.sampled_from(sorted(METRICS.values(), key=lambda metric: metric.name)), st.floats(0, 1), min_size=1, max_size=8
)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as hypothesis wants them


@given(values, instants)
def test_what_we_publish_is_what_we_decode(sent: dict[Metric, float], at: datetime) -> None:
    decoded = decode_senml(format_pack(at, sent.items()), AT)
    assert isinstance(decoded, Decoded)
    assert not decoded.refusals
    assert {one.metric: one.value for one in decoded.observations} == sent
    assert {one.observed_at for one in decoded.observations} == {at}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ('{"n":"co2","u":"ppm","v":1e999}', Reason.MALFORMED),
        ('{"n":"co2","u":"ppm","v":true}', Reason.MALFORMED),
        ('{"n":"co2","u":"ppm","v":1,"bver":11}', Reason.MALFORMED),
        ('{"n":"co2","u":"ppm","v":1,"must_":1}', Reason.MALFORMED),
        ('{"n":"co2","u":"ppm","v":1,"bt":"x"}', Reason.MALFORMED),
        ('{"bn":"room"}', Reason.NO_READING),
        ("7", Reason.MALFORMED),
    ],
)
def test_a_pack_that_breaks_the_rfc_is_refused_whole(record: str, reason: Reason) -> None:
    refusal = decode_senml(f'[{{"bt":1772442000,"n":"co2","u":"ppm","v":500}},{record}]'.encode(), AT)
    if reason is Reason.NO_READING:
        refusal = decode_senml(f"[{record}]".encode(), AT)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason


def test_a_relative_time_counts_from_the_reception() -> None:
    decoded = decode_senml(b'[{"n":"co2","u":"ppm","v":500,"t":-60}]', AT)
    assert isinstance(decoded, Decoded)
    assert decoded.observations[0].observed_at == datetime(2026, 3, 2, 8, 59, tzinfo=UTC)


def test_a_pack_may_be_long_but_not_longer() -> None:
    record = '{"n":"co2","u":"ppm","v":500}'
    assert isinstance(decode_senml(f"[{','.join([record] * 1_000)}]".encode(), AT), Decoded)
    assert isinstance(decode_senml(f"[{','.join([record] * 1_001)}]".encode(), AT), Refusal)
