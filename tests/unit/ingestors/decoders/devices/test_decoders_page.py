"""What docs/decoders.md shows works as it stands."""

from __future__ import annotations

import json
import re
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.places import SensorKind
from ingestors.decoders.devices.device import Device
from ingestors.decoders.frame import Decoded

ROOT = Path(__file__).resolve().parents[5]
PAGE = (ROOT / "docs" / "decoders.md").read_text(encoding="utf-8")
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def shown(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def readings(device: Device, f_port: int, payload: str) -> list[list[Any]]:
    decoded = device.decode(f_port, bytes.fromhex(payload), AT)
    return [[one.metric.name, one.value] for one in decoded.observations] if isinstance(decoded, Decoded) else []


def test_the_decoder_on_the_page_decodes_the_frame_it_draws() -> None:
    whole, _, _ = shown("python")
    names: dict[str, Any] = {}
    exec(whole, names)  # noqa: S102 - our own page
    assert readings(names["THING"], 1, "00EB 0E10") == [["temperature_c", 23.5], ["battery_v", 3.6]]


def test_the_reader_on_the_page_is_that_of_its_file() -> None:
    _, excerpt, _ = shown("python")
    file = ROOT / "ingestors" / "decoders" / "devices" / "dragino.py"
    assert textwrap.indent(excerpt, "    ") in file.read_text(encoding="utf-8")


def test_what_the_page_names_is_there_to_be_imported() -> None:
    _, _, imports = shown("python")
    names: dict[str, Any] = {}
    exec(imports, names)  # noqa: S102 - our own page
    table = PAGE.split(imports)[1].split("\nThe rules:")[0]
    imported = set(names) - {"__builtins__"}
    explained = {name for name in imported if re.search(rf"`[^`]*\b{name}\b[^`]*`", table)}
    assert imported - explained == {"NOTHING", "Found", "Reader"}
    assert all(kind.name in table for kind in SensorKind)


def test_the_captures_on_the_page_are_those_of_their_file() -> None:
    (block,) = shown("json")
    file = ROOT / "tests" / "captures" / "devices" / f"{json.loads(block)['model']}.json"
    assert block == file.read_text(encoding="utf-8")
