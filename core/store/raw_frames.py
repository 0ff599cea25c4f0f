"""The last messages of each sensor as they came, and how many came a second time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from core.readings import AsCame, Message, RawFrame
from core.store.pool import Connection

DUPLICATES_KEPT = timedelta(days=90)
_NO_PROPERTIES = Jsonb({})

# In order of their key: two ingest processes that write the same sensors wait for each other in one order.
_WRITE = """
    INSERT INTO raw_frame (sensor_id, slot, number, received_at, observed_at, topic, payload, size_bytes, properties,
                           outcome)
    SELECT * FROM unnest(%(sensor_ids)b::integer[], %(slots)b::smallint[], %(numbers)b::bigint[],
                         %(received_ats)b::timestamptz[], %(observed_ats)b::timestamptz[], %(topics)b::text[],
                         %(payloads)b::bytea[], %(sizes)b::integer[], %(properties)b::jsonb[], %(outcomes)b::text[])
    ON CONFLICT (sensor_id, slot) DO UPDATE
       SET number = excluded.number, received_at = excluded.received_at, observed_at = excluded.observed_at,
           topic = excluded.topic, payload = excluded.payload, size_bytes = excluded.size_bytes,
           properties = excluded.properties, outcome = excluded.outcome
"""
_WRITE_DUPLICATES = """
    INSERT INTO duplicate_day (sensor_id, day, messages, last_at)
    SELECT sensor_id, (%(at)s::timestamptz AT TIME ZONE 'UTC')::date, messages, %(at)s::timestamptz
      FROM unnest(%(sensor_ids)s::integer[], %(messages)s::integer[]) AS one (sensor_id, messages)
     ORDER BY sensor_id
    ON CONFLICT (sensor_id, day) DO UPDATE
       SET messages = duplicate_day.messages + excluded.messages,
           last_at = greatest(duplicate_day.last_at, excluded.last_at)
"""


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A message of a sensor as it is kept: its slot names it until a newer one takes its place."""

    slot: int
    frame: RawFrame


def write_as_came(connection: Connection, came: AsCame, kept: int, at: datetime) -> None:
    """Keep a batch's newest messages of each sensor, ``kept`` of them at most, and count those that came again.

    In the caller's transaction. A message takes the slot of the oldest one of its sensor.
    """
    if came.frames and kept:
        _write_frames(connection, sorted(came.frames, key=lambda one: (one.sensor_id, one.number % kept)), kept)
    if came.duplicates:
        asked = {"at": at, "sensor_ids": list(came.duplicates), "messages": list(came.duplicates.values())}
        connection.execute(_WRITE_DUPLICATES, asked)


def _write_frames(connection: Connection, frames: Sequence[RawFrame], kept: int) -> None:
    messages = [one.message for one in frames]
    connection.execute(
        _WRITE,
        {
            "sensor_ids": [one.sensor_id for one in frames],
            "slots": [one.number % kept for one in frames],
            "numbers": [one.number for one in frames],
            "received_ats": [one.received_at for one in messages],
            "observed_ats": [one.observed_at for one in frames],
            "topics": [one.topic for one in messages],
            "payloads": [one.payload for one in messages],
            "sizes": [one.size_bytes for one in messages],
            "properties": [_NO_PROPERTIES if not one.properties else Jsonb(one.properties) for one in messages],
            "outcomes": [one.outcome for one in frames],
        },
    )


def read_newest_numbers(connection: Connection, sensor_ids: Sequence[int]) -> dict[int, int]:
    """Return the number of the newest message that is kept of each of these sensors; of no other sensor any."""
    return dict(
        connection.execute(
            "SELECT sensor_id, max(number) FROM raw_frame WHERE sensor_id = ANY(%s) GROUP BY sensor_id",
            (list(sensor_ids),),
        ).fetchall()
    )


_READ = """
    SELECT slot, number, received_at, observed_at, topic, payload, size_bytes, properties, outcome FROM raw_frame
     WHERE sensor_id = %(sensor_id)s AND (%(slot)s::integer IS NULL OR slot = %(slot)s)
     ORDER BY received_at DESC, number DESC
"""


def read_raw_frames(connection: Connection, sensor_id: int) -> list[KeptFrame]:
    """Return the last messages of a sensor, the newest first."""
    return _read(connection, sensor_id, None)


def read_raw_frame(connection: Connection, sensor_id: int, slot: int) -> KeptFrame | None:
    """Return the message that is in a slot of a sensor, or None."""
    return next(iter(_read(connection, sensor_id, slot)), None)


def _read(connection: Connection, sensor_id: int, slot: int | None) -> list[KeptFrame]:
    rows = connection.execute(_READ, {"sensor_id": sensor_id, "slot": slot}).fetchall()
    return [_kept(sensor_id, *row) for row in rows]


def _kept(sensor_id: int, slot: int, *row: Any) -> KeptFrame:
    number, received_at, observed_at, topic, payload, size_bytes, properties, outcome = row
    message = Message(topic, bytes(payload), received_at, size_bytes, properties)
    return KeptFrame(slot, RawFrame(sensor_id, message, observed_at, outcome, number))


def read_duplicates(connection: Connection, sensor_id: int, since: date) -> tuple[int, datetime | None]:
    """Return how many messages of a sensor came a second time from a day (UTC) on, and when the last one did."""
    row = connection.execute(
        "SELECT coalesce(sum(messages), 0)::bigint, max(last_at) FROM duplicate_day WHERE sensor_id = %s AND day >= %s",
        (sensor_id, since),
    ).fetchone()
    assert row is not None, "an aggregate returns its row"
    return int(row[0]), row[1]


def prune_as_came(connection: Connection, now: datetime, kept: int, limit: int) -> int:
    """Let go of up to ``limit`` messages whose slot is none any more; return how many. Old counts go, too."""
    connection.execute("DELETE FROM duplicate_day WHERE day < %s", ((now - DUPLICATES_KEPT).date(),))
    return connection.execute(
        """
        DELETE FROM raw_frame WHERE (sensor_id, slot) IN (
            SELECT sensor_id, slot FROM raw_frame WHERE slot >= %s ORDER BY sensor_id, slot LIMIT %s)
        """,
        (kept, limit),
    ).rowcount
