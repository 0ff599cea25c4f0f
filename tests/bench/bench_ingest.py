"""Ingestion: durable messages a second against a subscriber that stores nothing, latency, a burst, and where time goes.

Mosquitto as broker, the embedded PostgreSQL or the server that VIGIE_TEST_SERVER names; publishers, yardstick and
``vigie ingest`` are processes of their own. Every ratio is of two figures of the same run, taken by turns.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fast_publisher import COMMUNES
from figures import Figure, at_least, below, tell
from ingest_place import (
    HERE,
    LANE,
    Ingest,
    Place,
    at,
    begin_session,
    broker,
    confirmed,
    database,
    forget_session,
    publishing,
    settled,
)
from ingest_stages import copy_rate, stages

from core.clock import now

READINGS_PER_MESSAGE = 3
LANES: dict[int, dict[str, tuple[str, ...]]] = {
    1: {"bench": COMMUNES},
    2: {"bench-one": COMMUNES[:2], "bench-two": COMMUNES[2:]},
}
"""By how many lanes: the communes of each."""
RATIO_TARGET = 0.6
P99_TARGET_S = 1.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is done."""

    drained: int
    rounds: int
    paced_s: int
    burst_s: int


FULL = Sizes(drained=60_000, rounds=3, paced_s=20, burst_s=30)
QUICK = Sizes(drained=10_000, rounds=2, paced_s=5, burst_s=3)


def drain_bare(port: int, messages: int, first: int, by: str) -> float:
    """Return messages a second of a subscriber that stores nothing."""
    begin_session(f"bare-{by}", port)
    assert confirmed(publishing(port, first, messages)) == messages
    done = subprocess.run(
        [sys.executable, str(HERE / "bare_subscriber.py"), str(port), str(messages), by],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    forget_session(f"bare-{by}", port)
    return float(done.stdout.split()[0])


@dataclass(frozen=True, slots=True)
class Drained:
    """What came of draining a session into the store."""

    per_s: float
    processor_us: float


def wait_settled(ingests: Sequence[Ingest], messages: int) -> None:
    """Wait until so many messages are settled."""
    deadline = time.monotonic() + 300
    while sum(one.settled() for one in ingests) < messages:
        assert time.monotonic() < deadline, "ingest settles what comes"
        time.sleep(0.25)


def drain_durably(place: Place, first: int, messages: int, lanes: int) -> Drained:
    """Return durable messages a second: from the connection to the last commit."""
    for lane, communes in LANES[lanes].items():
        begin_session(f"vigie-ingest-{lane}", place.port, communes)
    assert confirmed(publishing(place.port, first, messages)) == messages
    ingests = [Ingest(place, lane, communes) for lane, communes in LANES[lanes].items()]
    for one in ingests:
        one.wait_for("lane_claimed")
    used_s = sum(one.processor_s() for one in ingests)
    wait_settled(ingests, messages)
    used_s = sum(one.processor_s() for one in ingests) - used_s
    began, ended = (
        min(at(one.told("broker_connected")[0]) for one in ingests),
        max(at(one.told("batch_written")[-1]) for one in ingests),
    )
    for one in ingests:
        one.end()
    for lane in LANES[lanes]:
        forget_session(f"vigie-ingest-{lane}", place.port)
    return Drained(messages / (ended - began).total_seconds(), used_s / messages * 1e6)


def count_readings(url: str) -> int:
    """Return how many readings are stored."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM reading").fetchone()
        assert row is not None, "an aggregate returns a row"
        return int(row[0])


def latency(ingest: Ingest, port: int, seconds: int) -> tuple[float, float]:
    """Return p50 and p99 of the time from publishing to the commit, at 1,000 messages a second."""
    before = len(ingest.told("batch_written"))
    messages = 1_000 * seconds
    began = now()
    assert confirmed(publishing(port, 0, messages, 1_000)) == messages
    wait_settled([ingest], sum(settled(line) for line in ingest.told("batch_written")[:before]) + messages)
    # One lane writes its batches one after the other: the k-th instant of reception is of the k-th line of the log,
    # which is written after the commit.
    commits = [at(line) for line in ingest.told("batch_written")[before:] if line.get("readings_stored")]
    with psycopg.connect(ingest.url) as connection:
        rows = connection.execute(
            """
            SELECT array_agg(extract(epoch FROM observed_at)::float8) FROM reading
             WHERE received_at >= %s GROUP BY received_at ORDER BY received_at
            """,
            (began,),
        ).fetchall()
    lags = np.concatenate(
        [commit.timestamp() - np.array(observed) for commit, (observed,) in zip(commits, rows, strict=True)]
    )
    return float(np.percentile(lags, 50)), float(np.percentile(lags, 99))


def burst(ingest: Ingest, port: int, seconds: int) -> list[Figure]:
    """Publish 10,000 messages a second from two processes; nothing may be lost."""
    messages = 10_000 * seconds
    before, settled_before = count_readings(ingest.url), ingest.settled()
    began_s = time.monotonic()
    publishers = [publishing(port, half * messages, messages // 2, 5_000) for half in range(2)]
    published = sum(confirmed(one) for one in publishers)
    published_s = time.monotonic() - began_s
    wait_settled([ingest], settled_before + published)
    caught_up_s = time.monotonic() - began_s - published_s
    lost = published * READINGS_PER_MESSAGE - (count_readings(ingest.url) - before)
    return [
        Figure("burst_published", published / published_s, "messages/s", "higher", 10_000, published_s <= seconds + 1),
        Figure("burst_readings_lost", lost, "readings", "lower", 0, lost == 0),
        Figure("burst_caught_up_after", caught_up_s, "s", "lower"),
        Figure("ingest_memory_most", ingest.memory_mib(), "MiB", "lower"),
    ]


def drained(place: Place, sizes: Sizes, say: Callable[[str], None], *, peer: bool) -> tuple[list[Figure], float]:
    """Drain by turns, bare and durably; return the figures, and messages a second of one lane."""
    bare: dict[str, list[float]] = {by: [] for by in (("paho", "gmqtt") if peer else ("paho",))}
    durable: dict[int, list[Drained]] = {lanes: [] for lanes in LANES}
    for number in range(sizes.rounds):
        first = number * len(LANES) * sizes.drained
        for by, found in bare.items():
            found.append(drain_bare(place.port, sizes.drained, first, by))
        for lanes, kept in durable.items():
            kept.append(drain_durably(place, first + (lanes - 1) * sizes.drained, sizes.drained, lanes))
        told = ", ".join(f"bare {by} {found[-1]:,.0f}" for by, found in bare.items())
        told += ", ".join(f", {lanes} lanes {kept[-1].per_s:,.0f}" for lanes, kept in durable.items())
        say(f"round {number + 1}: {told} messages/s")
    per_s = {lanes: statistics.median(one.per_s for one in kept) for lanes, kept in durable.items()}
    rates = {by: statistics.median(found) for by, found in bare.items()}
    processor_us = statistics.median(one.processor_us for one in durable[1])
    # Of each round by itself: what disturbed the machine disturbed both.
    ratio = {
        lanes: statistics.median(one.per_s / rate for one, rate in zip(kept, bare["paho"], strict=True))
        for lanes, kept in durable.items()
    }
    figures = [
        Figure("durable", per_s[1], "messages/s", "higher"),
        Figure("durable_by_two_lanes", per_s[2], "messages/s", "higher"),
        Figure("durable_processor_time", processor_us, "µs/message", "lower"),
        *(Figure(f"bare_{by}", rate, "messages/s", "higher") for by, rate in rates.items()),
        at_least("durable_to_bare_paho", ratio[1], "ratio", RATIO_TARGET),
        Figure("two_lanes_to_bare_paho", ratio[2], "ratio", "higher"),
    ]
    if peer:
        figures.append(Figure("durable_to_bare_gmqtt", per_s[1] / rates["gmqtt"], "ratio", "higher"))
    return figures, per_s[1]


def run(sizes: Sizes, say: Callable[[str], None], *, peer: bool) -> list[Figure]:
    """Measure everything on one broker and one database."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(database(folder))
        port = stack.enter_context(broker(folder))
        place = Place(port, url, folder)
        figures, per_s = drained(place, sizes, say, peer=peer)
        copied = copy_rate(url)
        figures += [
            Figure("copy", copied, "readings/s", "higher"),
            Figure("durable_to_copy", per_s * READINGS_PER_MESSAGE / copied, "ratio", "higher"),
        ]
        say("stages")
        figures += [Figure(f"stage_{name}", value, "µs/message", "lower") for name, value in stages(url).items()]
        begin_session(f"vigie-ingest-{LANE}", port)
        ingest = Ingest(place)
        ingest.wait_for("broker_connected")
        say("latency at 1,000 messages/s")
        p50, p99 = latency(ingest, port, sizes.paced_s)
        figures += [
            Figure("latency_p50", p50, "s", "lower"),
            below("latency_p99", p99, "s", P99_TARGET_S),
        ]
        say("burst of 10,000 messages/s")
        figures += burst(ingest, port, sizes.burst_s)
        ingest.end()
        return figures


def main() -> None:
    """Run the bench and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: for a look, not for a figure")
    parser.add_argument("--json", action="store_true", help="print nothing but one line of JSON")
    arguments = parser.parse_args()
    say = (lambda _: None) if arguments.json else (lambda text: print(f"  {text}", flush=True))
    figures = run(QUICK if arguments.quick else FULL, say, peer=importlib.util.find_spec("gmqtt") is not None)
    tell("ingest", figures, as_json_only=arguments.json)


if __name__ == "__main__":
    main()
