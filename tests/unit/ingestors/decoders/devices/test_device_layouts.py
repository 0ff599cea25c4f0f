from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from core.places import SensorKind
from core.readings import Reason
from ingestors.decoders.devices.device import (
    Device,
    Field,
    Found,
    Layout,
    Malformed,
    Octets,
    before,
    since_1970,
)
from ingestors.decoders.fields import observe
from ingestors.decoders.frame import Decoded, Refusal
from ingestors.decoders.lorawan import PAYLOAD_BYTES_MAX

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
FULL = bytes(PAYLOAD_BYTES_MAX)


def device(read: Callable[[int, bytes, datetime], Found]) -> Device:
    return Device("maker-thing", "Maker", "Thing", (SensorKind.BIN,), read, 1)


def told(layout: Layout, piece: str) -> list[tuple[str, float, datetime]]:
    return [
        (one.metric.name, one.value, one.observed_at)
        for one in layout.read(bytes.fromhex(piece), AT)
        if not isinstance(one, Refusal)
    ]


def test_a_layout_scales_and_converts() -> None:
    layout = Layout(">hxB", (Field("temperature_c", "Cel", 0.1, -10), Field("humidity_ratio", "%RH")))
    assert layout.size == 4
    assert told(layout, "00c8 ff 32") == [("temperature_c", 10.0, AT), ("humidity_ratio", 0.5, AT)]


def test_a_timed_layout_has_its_own_instant() -> None:
    layout = Layout("<IH", (Field("distance_mm", "mm"),), timed=True)
    assert told(layout, "8043a569 0a00") == [("distance_mm", 10, datetime(2026, 3, 2, 8, tzinfo=UTC))]


def test_octets_end_where_the_frame_ends() -> None:
    octets = Octets(b"\x01\x02\x03")
    assert (octets.byte(), octets.take(2), octets.left) == (1, b"\x02\x03", 0)
    with pytest.raises(Malformed, match="1 bytes too early"):
        octets.byte()


def test_the_first_of_two_values_for_one_instant_counts() -> None:
    def read(f_port: int, payload: bytes, observed_at: datetime) -> Found:
        yield from (observe("distance_mm", value, "mm", observed_at) for value in (f_port, len(payload)))

    decoded = device(read).decode(7, b"\0", AT)
    assert isinstance(decoded, Decoded)
    assert [one.value for one in decoded.observations] == [7]


def test_what_is_not_a_number_is_refused_by_name() -> None:
    def read(_: int, __: bytes, observed_at: datetime) -> Found:
        yield observe("distance_mm", float("nan"), "mm", observed_at)
        yield observe("battery_v", 3, "V", observed_at)

    decoded = device(read).decode(1, b"", AT)
    assert isinstance(decoded, Decoded)
    assert [one.metric.name for one in decoded.observations] == ["battery_v"]
    assert [refusal.reason for refusal in decoded.refusals] == [Reason.MALFORMED]


def refusal_of(read: Callable[[int, bytes, datetime], Found], payload: bytes = b"") -> Refusal:
    refused = device(read).decode(1, payload, AT)
    assert isinstance(refused, Refusal)
    return refused


def test_a_frame_that_breaks_off_is_refused_whole() -> None:
    def read(_: int, payload: bytes, observed_at: datetime) -> Found:
        yield observe("distance_mm", 1, "mm", observed_at)
        Octets(payload).byte()

    assert refusal_of(read).reason is Reason.MALFORMED
    assert isinstance(device(read).decode(1, b"\0", AT), Decoded)


def test_a_frame_without_a_reading_says_so() -> None:
    def read(_: int, __: bytes, ___: datetime) -> Found:
        yield from ()

    assert refusal_of(read).reason is Reason.NO_READING


@pytest.mark.parametrize(("payload", "reason"), [(FULL, Reason.NO_READING), (FULL + b"\0", Reason.TOO_LARGE)])
def test_a_payload_is_no_longer_than_a_frame(payload: bytes, reason: Reason) -> None:
    def read(_: int, __: bytes, ___: datetime) -> Found:
        yield from ()

    assert refusal_of(read, payload).reason is reason


def test_a_reader_that_never_ends_is_stopped() -> None:
    def read(_: int, __: bytes, ___: datetime) -> Found:
        position = 0
        while True:
            position += 1
            yield Field("distance_mm", "mm").measured(1, since_1970(position))

    assert refusal_of(read).reason is Reason.MALFORMED


def test_an_instant_before_all_instants_is_malformed() -> None:
    assert before(AT, 3_600) == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert since_1970(0) == datetime(1970, 1, 1, tzinfo=UTC)
    with pytest.raises(Malformed):
        before(datetime(1, 1, 1, tzinfo=UTC), 1)
