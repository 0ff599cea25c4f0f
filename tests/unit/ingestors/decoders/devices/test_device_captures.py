"""Every device model against its captures: what the maker published, and boundaries made after its layout."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestors.decoders.devices import DEVICES
from ingestors.decoders.frame import Refusal

CAPTURES = Path(__file__).resolve().parents[4] / "captures" / "devices"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def captures() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in CAPTURES.glob("*.json")}


def frames() -> list[Any]:
    return [
        pytest.param(model, frame, id=f"{model}-{frame['name']}")
        for model, capture in sorted(captures().items())
        for frame in capture["frames"]
    ]


def instant(at: str | int) -> datetime:
    """Return the time of an expected reading: its own, or so many seconds before the frame's."""
    return datetime.fromisoformat(at) if isinstance(at, str) else AT - timedelta(seconds=at)


def test_every_device_has_its_captures_and_every_capture_its_device() -> None:
    assert set(captures()) == set(DEVICES)
    for model, capture in captures().items():
        assert capture["model"] == model
        assert capture["source"]
        assert capture["licence"]
        names = [frame["name"] for frame in capture["frames"]]
        assert {"normal", "boundary", "malformed"} <= set(names), model
        assert len(names) == len(set(names)), model


@pytest.mark.parametrize(("model", "frame"), frames())
def test_a_frame_of_a_device_gives_what_is_expected(model: str, frame: dict[str, Any]) -> None:
    decoded = DEVICES[model].decode(frame["f_port"], bytes.fromhex(frame["hex"]), AT)
    if isinstance(decoded, Refusal):
        assert ([], frame["refused"]) == (frame["readings"], [decoded.reason]), decoded.detail
        return
    expected = {(metric, instant(at[0] if at else 0)): value for metric, value, *at in frame["readings"]}
    assert {(one.metric.name, one.observed_at): one.value for one in decoded.observations} == pytest.approx(
        expected, rel=1e-4
    )
    assert len(decoded.observations) == len(expected)
    assert [refusal.reason for refusal in decoded.refusals] == frame["refused"]
