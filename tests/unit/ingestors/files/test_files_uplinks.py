from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.readings import Message
from ingestors.decoders import DECODERS
from ingestors.decoders.frame import Decoded
from ingestors.files.chunk import CHUNK_LINES, LINE_CHARACTERS_MAX, Chunk, Context, FileUnfit
from ingestors.files.uplinks import read_uplinks
from ingestors.topics import parse_topic

CAPTURES = Path(__file__).resolve().parents[3] / "captures"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
EARLIER = datetime(2026, 3, 2, 9, tzinfo=UTC)


def read(path: Path, content: bytes, **cursor: int) -> list[Chunk]:
    path.write_bytes(content)
    return list(read_uplinks(path, cursor, Context(lambda _: None, None, NOW)))


def only(path: Path, told: Any) -> Message:
    (chunk,) = read(path, json.dumps(told).encode())
    assert chunk.faults == []
    return chunk.entries[0].message


def why(path: Path, content: bytes) -> str:
    (chunk,) = read(path, content)
    assert chunk.entries == []
    return chunk.faults[0].why


def capture(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CAPTURES / name).read_bytes())
    return loaded


def test_a_recorded_message_is_itself_again(tmp_path: Path) -> None:
    told = {"topic": "vigie/v1/93066/bin/b1/up", "received_at": "2026-03-02T10:00:00+01:00", "properties": {"a": "b"}}
    as_json = only(tmp_path / "a", told | {"payload": [{"n": "co2"}]})
    as_base64 = only(tmp_path / "a", told | {"payload": "W3sibiI6ImNvMiJ9XQ=="})
    assert as_json == as_base64
    assert as_json == Message("vigie/v1/93066/bin/b1/up", b'[{"n":"co2"}]', EARLIER, 13, {"a": "b"})


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("name", ["the_things_stack/documented_storage.json", "chirpstack/normal.json"])
def test_an_exported_envelope_is_what_its_server_publishes(tmp_path: Path, name: str, *, wrapped: bool) -> None:
    envelope = capture(name)
    message = only(tmp_path / "a", {"result": envelope} if wrapped else envelope)
    address = parse_topic(message.topic)
    assert address is not None
    assert address.network == name.split("/", maxsplit=1)[0]
    decoded = DECODERS[address.network](message.payload, NOW)
    assert isinstance(decoded, Decoded)
    assert decoded.sender == address.external_id


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"{", "not JSON"),
        (b"\xff", "UTF-8"),
        (b"[]", "object"),
        (b'{"a": 1}', "neither"),
        (b'{"topic": 7}', "topic"),
        (b'{"topic": "a", "payload": {}}', "received_at"),
        (b'{"topic": "a", "payload": {}, "received_at": "2026-03-02T12:00:01Z"}', "to come"),
        (b'{"topic": "a", "payload": 7, "received_at": "2026-03-02T09:00:00Z"}', "base64"),
        (b'{"topic": "a", "payload": "?", "received_at": "2026-03-02T09:00:00Z"}', "base64"),
        (b'{"topic": "a", "payload": {}, "received_at": "2026-03-02T09:00:00Z", "properties": [1]}', "properties"),
        (b'{"end_device_ids": {"device_id": "d"}, "join_accept": {}}', "no uplink"),
        (b'{"end_device_ids": {"device_id": "d"}, "uplink_message": {}}', "application_id"),
        (b'{"deviceInfo": {"devEui": "01"}, "margin": 7}', "no uplink"),
        (b'{"deviceInfo": {"devEui": "01"}, "data": ""}', "applicationId"),
    ],
)
def test_what_is_no_uplink_is_a_fault(tmp_path: Path, content: bytes, word: str) -> None:
    assert word in why(tmp_path / "a", content)


def test_lines_are_numbered_blank_ones_too_and_go_on_behind_a_cursor(tmp_path: Path) -> None:
    line = json.dumps(capture("chirpstack/normal.json")).encode()
    content = b"\xef\xbb\xbf" + line + b"\n\n" + line + b"\nnone\n"
    (chunk,) = read(tmp_path / "a", content)
    assert [entry.line for entry in chunk.entries] == [1, 3]
    assert [fault.line for fault in chunk.faults] == [4]
    assert chunk.cursor == {"byte": len(content), "lines": 4}
    (rest,) = read(tmp_path / "a", content, byte=len(line) + 5, lines=2)
    assert [entry.line for entry in rest.entries] == [3]
    assert read(tmp_path / "a", content, **chunk.cursor) == []


def test_a_long_file_comes_in_pieces(tmp_path: Path) -> None:
    first, second = read(tmp_path / "a", b"{}\n" * (CHUNK_LINES + 1))
    assert (first.lines, second.lines) == (CHUNK_LINES, 1)
    fat = b'{"a":"' + b"x" * 1_000_000 + b'"}\n'
    assert [chunk.lines for chunk in read(tmp_path / "a", fat * 20)] == [17, 3]


def test_an_endless_line_is_another_thing(tmp_path: Path) -> None:
    with pytest.raises(FileUnfit):
        read(tmp_path / "a", b"x" * LINE_CHARACTERS_MAX)


names = st.sampled_from(
    ["topic", "payload", "received_at", "end_device_ids", "uplink_message", "deviceInfo", "data", "result", "device_id"]
)
told = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5) | st.integers(),
    lambda inner: st.dictionaries(names, inner, max_size=4) | st.lists(inner, max_size=2),
    max_leaves=12,
)


@given(told)
def test_any_json_gives_a_message_or_a_fault(tmp_path_factory: pytest.TempPathFactory, told: object) -> None:
    (chunk,) = read(tmp_path_factory.getbasetemp() / "any.ndjson", json.dumps(told).encode())
    assert len(chunk.entries) + len(chunk.faults) == 1
