"""Lanes: one process works, the others stand by and take over; heartbeats go the whole way."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from api_process import api_running
from conftest import Mosquitto
from ingesting import IngestProcess, adopt, count_stored, ingest_running, pack, publisher_to, sensor, wait_until

from core.clock import now, parse_instant
from core.store.lanes import claim_lane, read_lane_beats, write_heartbeats
from core.store.pool import connected
from ingestors.topics import uplink_topic

pytestmark = pytest.mark.integration


def test_a_lane_is_held_by_one_connection_until_it_ends(database_url: str) -> None:
    with connected(database_url) as first, connected(database_url) as second:
        assert claim_lane(first, "east")
        assert not claim_lane(second, "east")
        assert claim_lane(second, "west")
        first.close()
        wait_until(lambda: claim_lane(second, "east"), 5)


def test_a_process_that_stands_by_takes_over_from_a_killed_one(
    mosquitto: Mosquitto, database_url: str, tmp_path: Path
) -> None:
    adopt(database_url, [sensor(0)])
    (tmp_path / "spare").mkdir()
    spare = IngestProcess(mosquitto.url, database_url, tmp_path / "spare" / "ingest.log")
    with ingest_running(mosquitto.url, database_url, tmp_path) as working, publisher_to(mosquitto.url) as publisher:
        spare.launch()
        try:
            wait_until(lambda: "lane_held_elsewhere" in spare.log.read_text(), 30)
            publisher.publish(uplink_topic(sensor(0)), pack(0))
            wait_until(lambda: count_stored(database_url) == 2)
            working.end(signal.SIGKILL)
            publisher.publish(uplink_topic(sensor(0)), pack(1))
            wait_until(lambda: count_stored(database_url) == 4, 15)
            assert "lane_claimed" in spare.log.read_text()
            assert '"session_present": true' in spare.log.read_text()
        finally:
            spare.end(signal.SIGTERM)


_LOCKS = """
    SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
     WHERE locktype = 'advisory' AND datname = current_database() AND granted = %s
"""


@contextmanager
def robbed(database_url: str, lane: str) -> Iterator[None]:
    """Take a lane from the process that holds it, by ending its connection while another one waits for the lane."""
    with connected(database_url) as robber, connected(database_url) as admin:
        admin.autocommit = True
        wanted = (f"vigie.lane.{lane}",)
        waiting = threading.Thread(
            target=robber.execute, args=("SELECT pg_advisory_lock(hashtextextended(%s, 0))", wanted)
        )
        waiting.start()
        wait_until(lambda: admin.execute(_LOCKS, (False,)).fetchone() is not None, 10)
        holder = admin.execute(_LOCKS, (True,)).fetchone()
        assert holder is not None
        admin.execute("SELECT pg_terminate_backend(%s)", holder)
        waiting.join(10)
        assert not waiting.is_alive()
        yield


def test_a_process_that_lost_its_lane_to_another_leaves_the_broker(
    mosquitto: Mosquitto, database_url: str, tmp_path: Path
) -> None:
    adopt(database_url, [sensor(0)])
    with ingest_running(mosquitto.url, database_url, tmp_path) as ingest, publisher_to(mosquitto.url) as publisher:
        publisher.publish(uplink_topic(sensor(0)), pack(0))
        wait_until(lambda: count_stored(database_url) == 2)
        with robbed(database_url, "all"):
            wait_until(lambda: "lane_held_elsewhere" in ingest.log.read_text(), 15)
            publisher.publish(uplink_topic(sensor(0)), pack(1))
            assert publisher.drain(10) == 0
            time.sleep(2)
            # Whoever has the lane is given it: not this process, whose session it was.
            assert count_stored(database_url) == 2
            assert ingest.log.read_text().count("lane_claimed") == 1
        wait_until(lambda: count_stored(database_url) == 4, 15)
        assert ingest.log.read_text().count("lane_claimed") == 2
        assert ingest.process is not None
        assert ingest.process.poll() is None


def test_the_api_says_how_each_lane_does(database_url: str) -> None:
    present = now()
    with connected(database_url) as connection:
        for lane, age_s, took_s in (("east", 20, 0.25), ("north", 200, 1.0), ("south", 3_600, 1.0), ("west", 30, 11.0)):
            sent_at = present - timedelta(seconds=age_s)
            earlier = sent_at - timedelta(minutes=1)
            committed_at = sent_at + timedelta(seconds=took_s)
            write_heartbeats(connection, lane, [(earlier, earlier), (sent_at, sent_at)], committed_at)
    with api_running(database_url) as api:
        answer = api.get("/ingest")
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [(one["lane"], one["state"], one["latency_s"]) for one in items] == [
        ("east", "ok", 0.25),
        ("north", "late", 1.0),
        ("south", "silent", 1.0),
        ("west", "late", 11.0),
    ]
    assert parse_instant(items[0]["last_heartbeat_at"]) == present - timedelta(seconds=20)


def test_without_a_lane_the_api_has_none_to_tell(database_url: str) -> None:
    with api_running(database_url) as api:
        assert api.get("/ingest").json() == {"items": [], "next": None}


def test_a_heartbeat_goes_the_whole_way(mosquitto: Mosquitto, database_url: str, tmp_path: Path) -> None:
    with ingest_running(mosquitto.url, database_url, tmp_path), connected(database_url) as connection:
        connection.autocommit = True
        wait_until(lambda: len(read_lane_beats(connection)) == 1, 15)
        [beat] = read_lane_beats(connection)
    assert beat.lane == "all"
    assert 0 <= (beat.committed_at - beat.sent_at).total_seconds() < 15
    assert time.time() - beat.sent_at.timestamp() < 60
