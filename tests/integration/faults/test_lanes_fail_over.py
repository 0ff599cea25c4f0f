"""Lanes: two processes on disjoint communes, and one that takes over from another that died or froze."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Mosquitto
from gateways import Gateway, Load, publishing
from ingesting import IngestProcess, ingest_running, wait_until
from reckoning import adopt_all, reckon, stored_messages, wait_for_messages, wait_until_written
from telling import tell

from core.clock import now

pytestmark = pytest.mark.integration

PER_S = 300


def load(first: int, seconds: int, commune: str = "93066") -> Load:
    """Return what one gateway of ten sensors in a commune sends in so many seconds."""
    steps = seconds * PER_S // 10
    return Load(first, 10, steps, PER_S, int(time.time()) - steps - 60, commune=commune)


def expect_whole(database_url: str, gateways: list[Gateway]) -> None:
    """Everything that the gateways published is stored, once."""
    loads = [gateway.load for gateway in gateways]
    assert sum(gateway.wait(120)["refused"] for gateway in gateways) == 0
    wait_for_messages(database_url, sum(one.messages for one in loads), 20)
    reckoning = reckon(database_url, loads)
    assert reckoning.is_whole, reckoning


def test_one_lane_lives_on_when_the_other_dies(mosquitto: Mosquitto, database_url: str, tmp_path: Path) -> None:
    loads = [load(0, 7), load(100, 7, "93051")]
    adopt_all(database_url, loads)
    folders = [tmp_path / "saint-denis", tmp_path / "noisy"]
    settings = [
        {"VIGIE_LANE": folder.name, "VIGIE_COMMUNES": one.commune} for folder, one in zip(folders, loads, strict=True)
    ]
    for folder in folders:
        folder.mkdir()
    with (
        ingest_running(mosquitto.url, database_url, folders[0], settings[0]) as dying,
        ingest_running(mosquitto.url, database_url, folders[1], settings[1]) as living,
        publishing(mosquitto.port, loads) as gateways,
    ):
        wait_until(lambda: stored_messages(database_url) > 0)
        dying.end(signal.SIGKILL)
        for _ in range(3):
            wait_until_written(database_url, now(), lambda: True, 5)
        dying.launch()
        expect_whole(database_url, gateways)
        assert living.process is not None
        assert living.process.poll() is None
        assert "duplicate" not in living.log.read_text()


@pytest.fixture
def pair(mosquitto: Mosquitto, database_url: str, tmp_path: Path) -> Iterator[tuple[IngestProcess, IngestProcess]]:
    """One process that holds the lane, and one that stands by for it."""
    second_folder = tmp_path / "second"
    second_folder.mkdir()
    with ingest_running(mosquitto.url, database_url, tmp_path) as first:
        second = IngestProcess(mosquitto.url, database_url, second_folder / "ingest.log")
        second.launch()
        try:
            wait_until(lambda: "lane_held_elsewhere" in second.log.read_text())
            yield first, second
        finally:
            if second.process is not None:
                second.end(signal.SIGKILL)


def test_another_takes_over_from_one_that_is_killed(
    mosquitto: Mosquitto,
    database_url: str,
    pair: tuple[IngestProcess, IngestProcess],
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = pair
    sent = load(0, 6)
    adopt_all(database_url, [sent])
    with publishing(mosquitto.port, [sent]) as gateways:
        wait_until(lambda: stored_messages(database_url) > 0)
        assert "lane_claimed" not in second.log.read_text()
        first.end(signal.SIGKILL)
        killed_s = time.monotonic()
        wait_until_written(database_url, now(), lambda: gateways[0].publishes)
        took_s = time.monotonic() - killed_s
        first.launch()
        expect_whole(database_url, gateways)
    tell(capsys, "take-over of a lane", [f"first commit {took_s:.1f} s after the kill -9"])
    assert "lane_claimed" in second.log.read_text()


def test_one_that_freezes_keeps_its_lane_and_loses_nothing(
    mosquitto: Mosquitto, database_url: str, pair: tuple[IngestProcess, IngestProcess]
) -> None:
    first, second = pair
    sent = load(0, 6)
    adopt_all(database_url, [sent])
    with publishing(mosquitto.port, [sent]) as gateways:
        wait_until(lambda: stored_messages(database_url) > 0)
        assert first.process is not None
        first.process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        # The lane goes with the connection to the database, and a frozen process keeps its connections.
        assert "lane_claimed" not in second.log.read_text()
        first.process.send_signal(signal.SIGCONT)
        expect_whole(database_url, gateways)
