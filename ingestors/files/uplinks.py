"""Uplinks as lines of JSON: messages that somebody recorded, or envelopes as network servers export them.

::

    {"topic": "v3/...", "payload": {...} or "base64", "received_at": "2026-03-02T09:00:00Z", "properties": {...}?}
    {"end_device_ids": {...}, "received_at": ..., "uplink_message": {...}}      The Things Stack; in {"result": ...} too
    {"deviceInfo": {...}, "time": ..., "fCnt": 7, "data": ...}                 ChirpStack, an ``up`` event
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Any

from core.readings import Message
from ingestors.decoders.frame import Refusal, member, parse_json, parse_time
from ingestors.files.chunk import CHUNK_LINES, LINE_CHARACTERS_MAX, Chunk, Context, Entry, Fault, FileUnfit

CHUNK_BYTES_MAX = 2**24
_UP_EVENT = {"data", "object", "fPort", "rxInfo"}


class _LineUnfit(ValueError):
    """A line is no uplink; its text says why."""


def read_uplinks(path: Path, cursor: Mapping[str, Any], context: Context) -> Iterator[Chunk]:
    """Yield the pieces of a file of uplinks behind a cursor, at most 16 MiB in memory at once.

    Raises
    ------
    FileUnfit
        If a line is longer than any message.
    """
    with path.open("rb") as file:
        file.seek(int(cursor.get("byte", 0)))
        number = int(cursor.get("lines", 0))
        while lines := _some(file):
            entries: list[Entry] = []
            faults: list[Fault] = []
            for line in lines:
                number += 1
                try:
                    entries += [Entry(number, message) for message in _messages(line, context.received_at)]
                except _LineUnfit as unfit:
                    faults.append(Fault(number, str(unfit)))
            yield Chunk(entries, faults, len(lines), {"byte": file.tell(), "lines": number})


def _some(file: BufferedReader) -> list[bytes]:
    lines: list[bytes] = []
    size = 0
    while len(lines) < CHUNK_LINES and size < CHUNK_BYTES_MAX and (line := file.readline(LINE_CHARACTERS_MAX)):
        if len(line) == LINE_CHARACTERS_MAX:
            raise FileUnfit(f"a line is longer than {LINE_CHARACTERS_MAX} bytes")
        lines.append(line)
        size += len(line)
    return lines


def _messages(line: bytes, received_at: datetime) -> list[Message]:
    """Return the message of a line, none of a blank one."""
    if not line.strip():
        return []
    told = parse_json(line.removeprefix(b"\xef\xbb\xbf"))
    if isinstance(told, Refusal):
        raise _LineUnfit(told.detail)
    if not isinstance(told, dict):
        raise _LineUnfit("no JSON object")
    told = member(told, "result") or told
    if "topic" in told:
        return [_recorded(told, received_at)]
    if "end_device_ids" in told:
        return [_of_the_things_stack(told, received_at)]
    if "deviceInfo" in told:
        return [_of_chirpstack(told, received_at)]
    raise _LineUnfit("neither a recorded message nor an envelope of The Things Stack or ChirpStack")


def _recorded(told: dict[str, Any], now: datetime) -> Message:
    topic, content, properties = told["topic"], told.get("payload"), told.get("properties") or {}
    received_at = parse_time(told.get("received_at"))
    if not isinstance(topic, str) or not topic:
        raise _LineUnfit("topic is no text")
    if received_at is None or received_at > now:
        raise _LineUnfit("received_at is missing, no instant with an offset, or to come")
    if not isinstance(properties, dict) or not all(isinstance(value, str) for value in properties.values()):
        raise _LineUnfit("properties are not texts by name")
    if isinstance(content, str):
        try:
            payload = base64.b64decode(content, validate=True)
        except ValueError:
            raise _LineUnfit("payload is neither JSON nor base64") from None
    elif isinstance(content, dict | list):
        payload = _bytes(content)
    else:
        raise _LineUnfit("payload is neither JSON nor base64")
    return Message(topic, payload, received_at, len(payload), properties)


def _of_the_things_stack(told: dict[str, Any], now: datetime) -> Message:
    if "uplink_message" not in told:
        raise _LineUnfit("an event that is no uplink")
    ids = member(told, "end_device_ids")
    return _envelope(
        f"v3/{_name(member(ids, 'application_ids'), 'application_id')}/devices/{_name(ids, 'device_id')}/up", told, now
    )


def _of_chirpstack(told: dict[str, Any], now: datetime) -> Message:
    if not _UP_EVENT & told.keys():
        raise _LineUnfit("an event that is no uplink")
    device = member(told, "deviceInfo")
    return _envelope(
        f"application/{_name(device, 'applicationId')}/device/{_name(device, 'devEui')}/event/up", told, now
    )


def _envelope(topic: str, told: dict[str, Any], now: datetime) -> Message:
    payload = _bytes(told)
    return Message(topic, payload, now, len(payload))


def _name(holder: dict[str, Any], name: str) -> str:
    found = holder.get(name)
    if not isinstance(found, str) or not found:
        raise _LineUnfit(f"an envelope without its {name}")
    return found


def _bytes(content: dict[str, Any] | list[Any]) -> bytes:
    # Lone surrogates, which JSON can escape, are no UTF-8: escaped again they stay what they are.
    return json.dumps(content, separators=(",", ":")).encode()
