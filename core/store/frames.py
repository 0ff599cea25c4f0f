"""The frame ledger: each LoRaWAN frame heard, once, whatever its path."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from psycopg.errors import LockNotAvailable

from core.clock import EPOCH
from core.readings import Arrival, Frame
from core.store.chunks import LOCK_MS_MAX, compressed_until, lock_chunk, read_chunks
from core.store.pool import Connection

DUPLICATE_WITHIN = timedelta(hours=1)
"""Copies of one frame are heard within this of each other: a slow gateway hands its copy in seconds or minutes late,
and the network then gives it another time and another identity. A device activated by personalisation that restarts
counts from zero in the session it had: it comes to a counter again much later than this."""
AHEAD_MAX = timedelta(days=1)
"""A frame further ahead of its reception has no time that could be its own."""

# Writers of one sensor come one after the other, so that neither misses the frame that the other is about to write.
_LOCK = """
    SELECT sensor_id FROM sensor WHERE sensor_id = ANY(%(sensor_ids)s) ORDER BY sensor_id FOR NO KEY UPDATE
"""
# A frame is known by one that was heard near it, in the ledger or before it in the batch. A replayed message may be
# the very one, refused then, whose frame is in the ledger: only a frame heard at another instant is a copy of it.
# ``earliest`` and ``latest`` say no more than the join; constants let TimescaleDB leave out the other chunks.
_WRITE = """
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(%(positions)b::integer[], %(sensor_ids)b::integer[], %(sessions)b::text[],
                             %(f_cnts)b::bigint[], %(observed_ats)b::timestamptz[])
                   AS frames (position, sensor_id, session, f_cnt, observed_at)
    ), fresh AS MATERIALIZED (
        SELECT * FROM given
         WHERE NOT EXISTS (
            SELECT FROM frame
             WHERE frame.sensor_id = given.sensor_id AND frame.session = given.session AND frame.f_cnt = given.f_cnt
               AND frame.observed_at BETWEEN given.observed_at - %(within)s AND given.observed_at + %(within)s
               AND frame.observed_at BETWEEN %(earliest)s::timestamptz AND %(latest)s::timestamptz
               AND (NOT %(own_aside)s OR frame.observed_at <> given.observed_at))
    ), first AS (
        SELECT * FROM fresh
         WHERE NOT EXISTS (
            SELECT FROM fresh AS before
             WHERE before.sensor_id = fresh.sensor_id AND before.session = fresh.session
               AND before.f_cnt = fresh.f_cnt AND before.position < fresh.position
               AND before.observed_at BETWEEN fresh.observed_at - %(within)s AND fresh.observed_at + %(within)s)
    ), written AS (
        INSERT INTO frame (sensor_id, session, f_cnt, observed_at, received_at, arrival)
        SELECT sensor_id, session, f_cnt, observed_at, %(received_at)s, %(arrival)s FROM first
        ON CONFLICT DO NOTHING
    )
    SELECT position FROM given EXCEPT SELECT position FROM first
"""


_TELL_OLD = """
    WITH old AS (
        SELECT count(*) AS frames FROM frame
         WHERE observed_at >= %(start)s::timestamptz AND observed_at < %(end)s::timestamptz
    ), told AS (
        INSERT INTO pruned (day, what, reason, bound, messages, bytes)
        SELECT %(day)s, 'frame', '', 'age', frames, 0 FROM old WHERE frames > 0
        ON CONFLICT (day, what, reason, bound, external_id) DO UPDATE
           SET messages = pruned.messages + excluded.messages
    )
    SELECT frames FROM old
"""


def write_frames(
    connection: Connection, frames: Sequence[Frame], received_at: datetime, arrival: Arrival
) -> frozenset[int]:
    """Enter frames in the ledger, in the caller's transaction, and say which were known already.

    A frame is known when its sensor, session and counter were heard within `DUPLICATE_WITHIN` of it: in the ledger,
    or before it in ``frames``. Call it before anything else of the batch is written: it holds the frames' sensors
    until the commit. A frame without a session, or at a time before 2000 or a day ahead, has no identity: it is not
    entered, and never known.

    Returns
    -------
    frozenset of int
        Positions in ``frames`` of those known: their messages are duplicates. Of a replayed message, a frame heard
        at the same instant is its own, and does not make it one.
    """
    latest = received_at + AHEAD_MAX
    entered = [
        (position, frame)
        for position, frame in enumerate(frames)
        if frame.session and EPOCH <= frame.observed_at <= latest
    ]
    if not entered:
        return frozenset()
    sensor_ids = [frame.sensor_id for _, frame in entered]
    observed_ats = [frame.observed_at for _, frame in entered]
    connection.execute(_LOCK, {"sensor_ids": sorted(set(sensor_ids))})
    known = connection.execute(
        _WRITE,
        {
            "positions": [position for position, _ in entered],
            "sensor_ids": sensor_ids,
            "sessions": [frame.session for _, frame in entered],
            "f_cnts": [frame.f_cnt for _, frame in entered],
            "observed_ats": observed_ats,
            "within": DUPLICATE_WITHIN,
            "earliest": min(observed_ats) - DUPLICATE_WITHIN,
            "latest": max(observed_ats) + DUPLICATE_WITHIN,
            "own_aside": arrival is Arrival.REPLAYED,
            "received_at": received_at,
            "arrival": arrival,
        },
    )
    return frozenset(position for (position,) in known)


def prune_old_frames(connection: Connection, before: datetime, day: date, limit: int) -> int:
    """Let go of up to ``limit`` frames observed before an instant, count them in ``pruned``; return how many.

    A chunk that is all older goes at once, however many it holds. Of a compressed one nothing goes before: to delete
    its oldest rows would take all of it apart.
    """
    return _drop_old_frames(connection, before, day) or _delete_old_frames(connection, before, day, limit)


def _drop_old_frames(connection: Connection, before: datetime, day: date) -> int:
    chunks = read_chunks(connection, "frame", before)
    if not chunks:
        return 0
    try:
        with connection.transaction():
            lock_chunk(connection, chunks[0], LOCK_MS_MAX)
            told = connection.execute(_TELL_OLD, {"day": day} | chunks[0].bounds, prepare=False).fetchone()
            connection.execute("SELECT drop_frames(%(start)s::timestamptz, %(end)s::timestamptz)", chunks[0].bounds)
    except LockNotAvailable:
        return 0
    return 0 if told is None else int(told[0])


def _delete_old_frames(connection: Connection, before: datetime, day: date, limit: int) -> int:
    gone = connection.execute(
        """
        WITH old AS MATERIALIZED (
            SELECT oldest.sensor_id, oldest.session, oldest.f_cnt, oldest.observed_at
              FROM sensor CROSS JOIN LATERAL (
                   SELECT * FROM frame WHERE frame.sensor_id = sensor.sensor_id AND frame.observed_at < %(before)s
                      AND frame.observed_at >= %(since)s
                    ORDER BY frame.observed_at LIMIT %(limit)s) AS oldest
             LIMIT %(limit)s
        ), gone AS (
            DELETE FROM frame USING old
             WHERE frame.observed_at >= %(since)s AND frame.observed_at < %(before)s
               AND frame.sensor_id = old.sensor_id AND frame.session = old.session
               AND frame.f_cnt = old.f_cnt AND frame.observed_at = old.observed_at
            RETURNING 1
        ), told AS (
            INSERT INTO pruned (day, what, reason, bound, messages, bytes)
            SELECT %(day)s, 'frame', '', 'age', count(*), 0 FROM gone HAVING count(*) > 0
            ON CONFLICT (day, what, reason, bound, external_id) DO UPDATE
               SET messages = pruned.messages + excluded.messages
        )
        SELECT count(*) FROM gone
        """,
        {"since": compressed_until(connection, "frame"), "before": before, "day": day, "limit": limit},
        prepare=False,
    ).fetchone()
    assert gone is not None, "an aggregate returns its row"
    return int(gone[0])
