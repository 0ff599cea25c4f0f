"""What was refused and what was kept aside, in the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.clock import Window
from core.readings import Aside, Message, Reason, Rejection
from core.store.pool import Connection


def _digest(*parts: bytes) -> bytes:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.digest()


def write_rejections(connection: Connection, rejections: Sequence[Rejection]) -> None:
    """Keep refused messages; one that comes again and is refused for the same reason is kept once, and counted."""
    if not rejections:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO rejection (received_at, reason, detail, topic, payload, size_bytes, properties, external_id,
                                   commune_insee, decoder, last_received_at, digest)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (digest) DO UPDATE
               SET times = rejection.times + 1,
                   last_received_at = greatest(rejection.last_received_at, excluded.last_received_at)
            """,
            [
                (
                    r.message.received_at,
                    r.reason,
                    r.detail,
                    r.message.topic,
                    r.message.payload,
                    r.message.size_bytes,
                    json.dumps(r.message.properties),
                    r.external_id,
                    r.commune_insee,
                    r.decoder,
                    r.message.received_at,
                    _digest(r.message.topic.encode(), r.message.payload, r.reason.encode(), r.detail.encode()),
                )
                for r in rejections
            ],
        )


def write_asides(connection: Connection, asides: Sequence[Aside]) -> None:
    """Keep whole messages of sensors that nobody adopted; delivered again, kept once."""
    if not asides:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO aside (received_at, external_id, network, topic, payload, properties, digest)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (digest) DO NOTHING
            """,
            [
                (
                    a.message.received_at,
                    a.external_id,
                    a.network,
                    a.message.topic,
                    a.message.payload,
                    json.dumps(a.message.properties),
                    _digest(a.message.topic.encode(), a.message.payload),
                )
                for a in asides
            ],
        )


def take_adopted_asides(connection: Connection, limit: int) -> list[Message]:
    """Take out, oldest first, up to ``limit`` messages kept aside for sensors that are now adopted.

    The caller writes their readings in the same transaction; two processes never take the same message.
    """
    rows = connection.execute(
        """
        DELETE FROM aside WHERE aside_id IN (
            SELECT aside_id FROM aside JOIN sensor USING (external_id)
             ORDER BY aside_id LIMIT %s FOR UPDATE OF aside SKIP LOCKED
        ) RETURNING aside_id, topic, payload, received_at, properties
        """,
        (limit,),
    )
    return [
        Message(topic, bytes(payload), received_at, len(payload), properties)
        for _, topic, payload, received_at, properties in sorted(rows)
    ]


@dataclass(frozen=True, slots=True)
class UnknownSensor:
    """A sensor that publishes and that nobody adopted: how much is kept aside for it."""

    external_id: str
    network: str
    topic: str
    messages: int
    first_received_at: datetime
    last_received_at: datetime


def read_unknown_sensors(connection: Connection, *, limit: int = 1_000) -> list[UnknownSensor]:
    """Return the sensors that messages are kept aside for, the most recent first."""
    rows = connection.execute(
        """
        SELECT external_id, min(network), min(topic), count(*), min(received_at), max(received_at)
          FROM aside GROUP BY external_id ORDER BY max(received_at) DESC, external_id LIMIT %s
        """,
        (limit,),
    )
    return [UnknownSensor(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class KeptRejection:
    """A rejection as it is kept."""

    rejection_id: int
    rejection: Rejection


def read_rejections(
    connection: Connection,
    *,
    reason: Reason | None = None,
    commune: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[KeptRejection]:
    """Return rejections, the newest first, before the id ``before``: a page at a time."""
    rows = connection.execute(
        """
        SELECT rejection_id, received_at, reason, detail, topic, payload, size_bytes, properties, external_id,
               commune_insee
          FROM rejection
         WHERE (%(reason)s::text IS NULL OR reason = %(reason)s)
           AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
           AND (%(before)s::bigint IS NULL OR rejection_id < %(before)s)
         ORDER BY rejection_id DESC LIMIT %(limit)s
        """,
        {"reason": reason, "commune": commune, "before": before, "limit": limit},
    )
    return [_kept(row) for row in rows]


def _kept(row: tuple) -> KeptRejection:  # type: ignore[type-arg] # as wide as the SELECT above
    (
        rejection_id,
        received_at,
        reason,
        detail,
        topic,
        payload,
        size_bytes,
        properties,
        external_id,
        commune,
    ) = row
    message = Message(topic, bytes(payload), received_at, size_bytes, properties)
    return KeptRejection(rejection_id, Rejection(message, Reason(reason), detail, external_id, commune))


def count_rejections(connection: Connection, window: Window, *, commune: str | None = None) -> dict[Reason, int]:
    """Return how many messages were refused in ``window`` (by ``received_at``), by reason."""
    rows = connection.execute(
        """
        SELECT reason, count(*) FROM rejection
         WHERE received_at >= %(start)s AND received_at < %(end)s
           AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
         GROUP BY reason ORDER BY count(*) DESC
        """,
        {"start": window.start, "end": window.end, "commune": commune},
    )
    return {Reason(reason): count for reason, count in rows}
