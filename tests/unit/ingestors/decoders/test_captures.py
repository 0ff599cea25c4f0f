from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestors.decoders import DECODERS
from ingestors.decoders.frame import Refusal
from ingestors.topics import Network

CAPTURES = Path(__file__).resolve().parents[3] / "captures"
EXPECTED = json.loads((CAPTURES / "expected.json").read_text())
RECEIVED_AT = datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)


def test_every_frame_has_its_expectation_and_every_network_a_normal_and_a_malformed_one() -> None:
    frames = {str(path.relative_to(CAPTURES)) for path in CAPTURES.glob("*/*.json") if path.parent.name != "devices"}
    assert frames == set(EXPECTED)
    folders = {"senml", "the_things_stack", "chirpstack"}
    assert {f"{folder}/{name}.json" for folder in folders for name in ("normal", "boundary", "malformed")} <= frames


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_frame_gives_what_is_expected(name: str) -> None:
    folder = name.split("/", maxsplit=1)[0]
    network = Network.NATIVE if folder == "senml" else Network(folder)
    decoded = DECODERS[network]((CAPTURES / name).read_bytes(), RECEIVED_AT)
    if isinstance(decoded, Refusal):
        assert EXPECTED[name] == {"readings": [], "refused": [decoded.reason]}
        return
    readings = [
        (one.metric.name, pytest.approx(one.value), one.observed_at.isoformat()) for one in decoded.observations
    ]
    assert [tuple(row) for row in EXPECTED[name]["readings"]] == readings
    assert EXPECTED[name]["refused"] == sorted(refusal.reason for refusal in decoded.refusals)
    assert decoded.sender in {None, "eui-0004a30b001c0530", "0101010101010101", "dev1"}
