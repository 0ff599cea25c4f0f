"""A sensor that loops at 620 messages a second goes to quarantine, and the other sensors feel nothing of it."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from conftest import Mosquitto, fresh_port
from gateways import Gateway, Load, name
from ingesting import ingest_running, wait_until
from killable_postgres import postgres_running
from reckoning import adopt_all, stored_messages
from telling import tell
from watching import counters, memory_watched

from core.clock import now
from core.intakes import Counts, Intake, IntakeKind, RejectionFilter
from core.readings import Reason
from core.store.intakes import ask_intake, read_intake
from core.store.pool import connected

pytestmark = pytest.mark.integration

FULL = os.environ.get("VIGIE_FAULTS") == "full"
OTHERS = 100
OTHERS_PER_S = 200
LOOPING = 900
LOOPING_PER_S = 620
ROUNDS = 2
ROUND_S = 150 if FULL else 3
BURST = 20_000 if FULL else 500
MEMORY_MIB_MAX = 96
# Of one sensor the quarantine would keep 20,000: here all of them, to be counted and replayed.
SETTINGS = {"VIGIE_FLOOD_SENSOR_BURST": str(BURST), "VIGIE_SENSOR_MESSAGES_MAX": "1000000"}

# From the instant that the sensor gave (it sends at once) to the commit that holds the reading, in milliseconds.
_LATENCIES = """
    SELECT extract(epoch FROM pg_xact_commit_timestamp(reading.xmin) - reading.observed_at) * 1000
      FROM reading JOIN series USING (series_id) JOIN sensor USING (sensor_id)
     WHERE sensor.external_id <> %s AND metric = 'co2_ppm' AND observed_at >= %s AND observed_at < %s
"""
_REPLAYED = "SELECT count(*) FROM rejection WHERE reason = 'flooded' AND settled_as = 'stored'"
_STORED_OF_OTHERS = """
    SELECT count(*) FROM reading JOIN series USING (series_id) JOIN sensor USING (sensor_id) WHERE external_id <> %s
"""
_QUARANTINE = "SELECT count(*), count(DISTINCT external_id), min(external_id) FROM rejection WHERE reason = 'flooded'"


def stored_of_others(database_url: str) -> int:
    """Return how many readings of the sensors that do not loop are stored."""
    with connected(database_url) as connection:
        return int(connection.execute(_STORED_OF_OTHERS, (name(LOOPING),)).fetchall()[0][0])


def latencies_ms(database_url: str, start: datetime, end: datetime) -> list[float]:
    """Return the others' latencies of what was observed in [start, end)."""
    with connected(database_url) as connection:
        return [float(row[0]) for row in connection.execute(_LATENCIES, (name(LOOPING), start, end))]


def replay_the_quarantine(database_url: str) -> Intake:
    """Ask the running ingest process for it, as the page does; return the intake once it ended."""
    with connected(database_url) as connection:
        arguments = RejectionFilter(Reason.FLOODED).arguments()
        asked = ask_intake(connection, IntakeKind.REPLAY, "Camille", arguments, now())

    def as_it_is() -> Intake:
        with connected(database_url) as connection:
            found = read_intake(connection, asked.intake_id)
        assert found is not None
        return found

    wait_until(lambda: as_it_is().ended_at is not None, 180)
    return as_it_is()


def test_the_others_feel_nothing_of_a_looping_sensor(
    mosquitto: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = ROUNDS * 2 * ROUND_S + 2
    others = Load(0, OTHERS, seconds * OTHERS_PER_S // OTHERS, OTHERS_PER_S)
    steps = ROUND_S * LOOPING_PER_S
    # Each of its messages observed at another instant: all of them can be replayed.
    start_s = int(time.time()) - ROUNDS * steps - 60
    rounds = [Load(LOOPING, 1, steps, LOOPING_PER_S, start_s + turn * steps) for turn in range(ROUNDS)]
    looped = ROUNDS * steps
    metrics_port = fresh_port()
    settings = SETTINGS | {"VIGIE_METRICS_PORT": str(metrics_port)}
    alone: list[float] = []
    beside: list[float] = []
    with postgres_running(tmp_path) as postgres:
        database_url = postgres.migrated("looping")
        adopt_all(database_url, [others, rounds[0]])
        with ingest_running(mosquitto.url, database_url, tmp_path, settings) as ingest:
            assert ingest.process is not None
            gateway = Gateway(mosquitto.port, others)
            wait_until(lambda: stored_messages(database_url) > 0)
            time.sleep(1)
            with memory_watched(ingest.process.pid) as memory:
                for looping in rounds:
                    start = now()
                    time.sleep(ROUND_S)
                    alone += latencies_ms(database_url, start, middle := now())
                    Gateway(mosquitto.port, looping).wait(ROUND_S + 60)
                    beside += latencies_ms(database_url, middle, now())
            assert gateway.wait(60)["refused"] == 0
            sent = others.messages + looped
            wait_until(lambda: counters(metrics_port)["vigie_ingest_messages_total"] >= sent)
            with connected(database_url) as connection:
                quarantined, sensors, flooding = connection.execute(_QUARANTINE).fetchall()[0]
            # Heartbeats count among the messages: what was received may be a moment from its commit.
            wait_until(lambda: stored_of_others(database_url) >= 3 * others.messages)
            stored = stored_of_others(database_url)
            replay_s = time.monotonic()
            replayed = replay_the_quarantine(database_url)
            replay_s = time.monotonic() - replay_s
        with connected(database_url) as connection:
            settled = connection.execute(_REPLAYED).fetchall()[0][0]
            stored_at_last = stored_messages(database_url)
    rows = [
        f"{what:<24} p50 {np.percentile(those, 50):6.1f} ms   p99 {np.percentile(those, 99):6.1f} ms   of {len(those)}"
        for what, those in (("the others alone", alone), ("beside a looping sensor", beside))
    ]
    ratio = float(np.percentile(beside, 99) / np.percentile(alone, 99))
    rows.append(f"p99 with over without: {ratio:.2f}; quarantined {quarantined} of {looped}")
    rows.append(f"the quarantine replayed in {replay_s:.1f} s: {replayed.counts.stored} stored")
    rows.append(f"resident memory of ingest: {memory}")
    tell(capsys, f"a sensor that loops at {LOOPING_PER_S} messages/s, twice for {ROUND_S} s", rows)
    assert stored == 3 * others.messages
    assert (sensors, flooding) == (1, name(LOOPING))
    assert quarantined > looped - BURST - 3 * seconds
    assert replayed.counts == Counts(messages=quarantined, stored=quarantined)
    assert (settled, stored_at_last) == (quarantined, sent)
    assert memory.growth < MEMORY_MIB_MAX
