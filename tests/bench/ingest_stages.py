"""Where a message's time goes on its way through the batch path: each stage by itself, on batches of 5,000 messages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
from fast_publisher import START_S, payload_of, topic_of

from core.columns import Columns
from core.readings import Arrival, Batch, Message
from core.store import batches, staging
from core.store.pool import connected
from ingestors.adopted import AdoptedSensors
from ingestors.batch import BatchWriter, account_of
from ingestors.pipeline import examine
from ingestors.sift import sift
from ingestors.validate import Limits

BATCHES = 8
BATCH_MESSAGES = 5_000
LIMITS = Limits(262_144, 16_384, timedelta(seconds=300), past_max=timedelta(days=10_000))
FIRST = 10_000_000
"""Beyond the messages of the other measures: all of these are new."""


def messages_of(batch: int) -> list[Message]:
    """Return a batch of messages that nobody published yet."""
    received_at = datetime.now(UTC)
    found = []
    for number in range(FIRST + batch * BATCH_MESSAGES, FIRST + (batch + 1) * BATCH_MESSAGES):
        payload = payload_of(number, START_S + number // 1_000 * 60 % 40_000_000)
        found.append(Message(topic_of(number), payload, received_at, len(payload), packet_id=number % 65_535 + 1))
    return found


def copy_rate(url: str) -> float:
    """Return readings a second of a COPY of prepared rows into a plain table with the readings' key."""
    rows = 30_000
    count = np.arange(rows)
    zeros = np.zeros(rows, np.int64)
    columns = Columns(count % 6_000, count // 6_000 * 60_000_000, count / 7, zeros, zeros, count)
    packed, _ = staging.rows_of(columns)
    with connected(url) as connection:
        connection.execute(staging.STAGE.replace("TEMPORARY", "").replace("staging", "copied").split(" ON COMMIT")[0])
        connection.execute("ALTER TABLE copied ADD PRIMARY KEY (series_id, observed_at)")
        connection.commit()
        began_s = time.perf_counter()
        for _ in range(5):
            with connection.cursor() as cursor, cursor.copy(staging.COPY.replace("staging", "copied")) as copy:
                copy.write(staging.binary_of(packed))
            connection.commit()
            packed["observed_at"] += 3_600_000_000
        rate = 5 * rows / (time.perf_counter() - began_s)
        connection.execute("DROP TABLE copied")
    return rate


def stages(url: str) -> dict[str, float]:
    """Return microseconds a message of each stage: the median batch."""
    spent: dict[str, list[float]] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began_s = time.perf_counter()
        yield
        spent.setdefault(name, []).append((time.perf_counter() - began_s) / BATCH_MESSAGES * 1e6)

    with connected(url) as connection:
        connection.autocommit = True
        adopted = AdoptedSensors()
        adopted.refresh(connection)
        writer = BatchWriter(connection, adopted, LIMITS)
        for number in range(BATCHES):
            messages = messages_of(number)
            at = datetime.now(UTC)
            with timed("examine"):
                examined = [examine(one, adopted, LIMITS) for one in messages]
            with timed("sift"):
                sifted = sift(examined, LIMITS, Arrival.LIVE)
            with timed("columns"):
                batch = writer._batch(examined, sifted, set(), Batch(at))  # noqa: SLF001 - a stage by itself
            with timed("pack_and_copy"), connection.transaction():
                staging.stage(connection, Columns.of(batch.readings))
            with timed("write_and_commit"):
                outcome = batches.write_batch(connection, batch)
            with timed("account"):
                account_of(examined, sifted, outcome, set())
    return {name: float(np.median(found)) for name, found in spent.items()}
