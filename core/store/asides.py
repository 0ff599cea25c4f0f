"""Messages kept aside in the store: those of sensors that nobody adopted yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.readings import Aside, Message
from core.store.digests import aside_digest
from core.store.pool import Connection


def write_asides(connection: Connection, asides: Sequence[Aside]) -> None:
    """Keep whole messages of sensors that nobody adopted; delivered again, kept once."""
    if not asides:
        return
    # Ids follow the order of arrival, rows are written in the order of their digests: as for rejections.
    connection.execute(
        """
        INSERT INTO aside (aside_id, received_at, external_id, network, topic, payload, properties, digest)
        OVERRIDING SYSTEM VALUE
        SELECT aside_id, received_at, external_id, network, topic, payload, properties::jsonb, digest
          FROM (SELECT nextval(pg_get_serial_sequence('aside', 'aside_id')) AS aside_id, *
                  FROM unnest(%b::timestamptz[], %b::text[], %b::text[], %b::text[], %b::bytea[], %b::text[],
                              %b::bytea[])
                    AS given (received_at, external_id, network, topic, payload, properties, digest)) AS numbered
         ORDER BY digest
        ON CONFLICT (digest) DO NOTHING
        """,
        (
            [a.message.received_at for a in asides],
            [a.external_id for a in asides],
            [a.network for a in asides],
            [a.message.topic for a in asides],
            [a.message.payload for a in asides],
            [json.dumps(a.message.properties) for a in asides],
            [aside_digest(a) for a in asides],
        ),
    )


def take_adopted_asides(connection: Connection, limit: int) -> list[Message]:
    """Take out, oldest first, up to ``limit`` messages kept aside for sensors that are now adopted.

    The caller writes their readings in the same transaction; two processes never take the same message.
    """
    adopted = [
        external_id
        for (external_id,) in connection.execute(
            """
            SELECT external_id FROM kept
             WHERE what = 'aside' AND messages > 0
               AND (EXISTS (SELECT FROM sensor WHERE sensor.external_id = kept.external_id)
                    OR EXISTS (SELECT FROM former_device WHERE former_device.external_id = kept.external_id))
            """
        )
    ]
    if not adopted:
        return []
    rows = connection.execute(
        """
        DELETE FROM aside WHERE aside_id IN (
            SELECT aside_id FROM aside WHERE external_id = ANY(%s) ORDER BY aside_id LIMIT %s FOR UPDATE SKIP LOCKED
        ) RETURNING aside_id, topic, payload, received_at, properties
        """,
        (adopted, limit),
    )
    return [
        Message(topic, bytes(payload), received_at, len(payload), properties)
        for _, topic, payload, received_at, properties in sorted(rows, key=lambda row: row[0])
    ]


SHOWN_BYTES_MAX = 16_384
"""A first message that is longer says nothing of what its sensor is."""


@dataclass(frozen=True, slots=True)
class UnknownSensor:
    """A sensor that publishes and that nobody adopted: how much is kept aside for it, and the first of it.

    Parameters
    ----------
    topic, payload
        Of the first message; the payload is empty where it is over 16 KiB.
    """

    external_id: str
    network: str
    topic: str
    messages: int
    first_received_at: datetime
    last_received_at: datetime
    payload: bytes = b""


def read_unknown_sensors(connection: Connection, *, limit: int = 1_000) -> list[UnknownSensor]:
    """Return the sensors that messages are kept aside for, the most recent first; none that is adopted by now."""
    rows = connection.execute(
        """
        SELECT kept.external_id, first.network, first.topic, kept.messages, first.received_at, last.received_at,
               CASE WHEN octet_length(first.payload) <= %s THEN first.payload ELSE '' END
          FROM kept
         CROSS JOIN LATERAL (SELECT network, topic, received_at, payload FROM aside
                              WHERE aside.external_id = kept.external_id ORDER BY aside_id LIMIT 1) AS first
         CROSS JOIN LATERAL (SELECT received_at FROM aside
                              WHERE aside.external_id = kept.external_id ORDER BY aside_id DESC LIMIT 1) AS last
         WHERE kept.what = 'aside'
           AND NOT EXISTS (SELECT FROM sensor WHERE sensor.external_id = kept.external_id)
           AND NOT EXISTS (SELECT FROM former_device WHERE former_device.external_id = kept.external_id)
         ORDER BY last.received_at DESC, kept.external_id LIMIT %s
        """,
        (SHOWN_BYTES_MAX, limit),
    )
    return [UnknownSensor(*row) for row in rows]
