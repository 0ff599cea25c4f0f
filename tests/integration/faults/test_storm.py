"""Kills at random, in the middle of the traffic of outside publishers: nothing lost, nothing doubled.

The whole storm of the issue (200,000 messages, 50 kills of ingest, 10 of the broker, 10 of PostgreSQL) runs with
VIGIE_FAULTS=full, in five minutes; otherwise a smaller one.
"""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import Mosquitto
from gateways import Gateway, Load, publishing
from ingesting import IngestProcess, ingest_running, wait_until
from killable_postgres import KillablePostgres, postgres_running
from reckoning import adopt_all, reckon, stored_messages, wait_for_messages, wait_until_written
from telling import tell

from core.clock import now

pytestmark = pytest.mark.integration

FULL = os.environ.get("VIGIE_FAULTS") == "full"
SEED = 20260302
GATEWAYS = 4
SENSORS = 10
STEPS = 5_000 if FULL else 300
PER_S = 170 if FULL else 150
KILLS = {"ingest": 50, "broker": 10, "database": 10} if FULL else {"ingest": 3, "broker": 1, "database": 1}
PAUSE_S_MAX = 3 if FULL else 1
"""Between a recovery and the next kill: at random up to this."""


@dataclass
class Storm:
    """The processes of one storm, how each is killed and started again, and what that took."""

    ingest: IngestProcess
    broker: Mosquitto
    postgres: KillablePostgres
    database_url: str
    gateways: list[Gateway]
    recoveries_s: dict[str, list[float]] = field(default_factory=lambda: {what: [] for what in KILLS})

    @property
    def lasts(self) -> bool:
        """Whether the gateways still have something to send."""
        return any(gateway.publishes for gateway in self.gateways)

    def strike(self, what: str) -> None:
        """Kill one of them, start it again, and wait until messages pass again."""
        lines = self.connections
        killed_s = time.monotonic()
        if what == "ingest":
            self.ingest.end(signal.SIGKILL)
            self.ingest.launch()
        elif what == "broker":
            self.broker.kill()
            self.broker.start()
        else:
            self.postgres.kill()
            self.postgres.start()
        revived_at = now()
        if what == "broker":
            wait_until(lambda: self.connections > lines)
        wait_until_written(self.database_url, revived_at, lambda: self.lasts)
        self.recoveries_s[what].append(time.monotonic() - killed_s)

    @property
    def connections(self) -> int:
        """How often ingest has connected to the broker so far."""
        return self.ingest.log.read_text().count("broker_connected")

    @property
    def toll(self) -> list[str]:
        """What the kills of each kind took, as a table."""
        rows = [f"{'fault':<10}{'kills':>6}{'median s':>10}{'longest s':>10}"]
        for what, taken in self.recoveries_s.items():
            middle = sorted(taken)[len(taken) // 2]
            rows.append(f"{what:<10}{len(taken):>6}{middle:>10.2f}{max(taken):>10.2f}")
        return rows


def test_a_storm_of_kills_loses_and_doubles_nothing(
    mosquitto: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start_s = int(time.time()) - STEPS - 60
    loads = [Load(SENSORS * turn, SENSORS, STEPS, PER_S, start_s, 5 - 2 * (turn % 2)) for turn in range(GATEWAYS)]
    chance = random.Random(SEED)  # noqa: S311 - the same storm at each run
    further = [what for what, times in KILLS.items() for _ in range(times - 1)]
    chance.shuffle(further)
    in_the_middle = []
    with postgres_running(tmp_path) as postgres:
        database_url = postgres.migrated("storm")
        adopt_all(database_url, loads)
        with ingest_running(mosquitto.url, database_url, tmp_path) as ingest, publishing(mosquitto.port, loads) as sent:
            storm = Storm(ingest, mosquitto, postgres, database_url, sent)
            wait_until(lambda: stored_messages(database_url) > 0)
            for what in (*KILLS, *further):
                time.sleep(chance.uniform(0, PAUSE_S_MAX))
                storm.strike(what)
                if not storm.lasts:
                    # The machine is slow, and the traffic over: what follows would be no storm.
                    break
                in_the_middle.append(what)
            told = [gateway.wait(120) for gateway in sent]
            published = sum(load.messages for load in loads)
            stored = wait_for_messages(database_url, published, 20)
        reckoning = reckon(database_url, loads)
    tell(capsys, "a storm of kills", [*storm.toll, f"messages published {published}, stored {stored}", str(reckoning)])
    assert set(in_the_middle) == set(KILLS), "a kind of kill came after the last message"
    assert sum(one["refused"] for one in told) == 0
    assert reckoning.is_whole, reckoning
