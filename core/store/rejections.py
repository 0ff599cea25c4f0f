"""What was refused, in the store: written, listed, grouped, counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from core.clock import Window
from core.intakes import RejectionFilter
from core.readings import Message, Reason, Rejection
from core.store.digests import rejection_digest
from core.store.pool import Connection

LISTED_BYTES_MAX = 4_096
"""How much of a payload a list shows; `read_rejection` gives all that is kept."""


def write_rejections(
    connection: Connection, rejections: Sequence[Rejection], *, replayed_at: datetime | None = None
) -> None:
    """Keep refused messages; one that comes again and is refused again for the same reason is kept once, and counted.

    Parameters
    ----------
    replayed_at
        When they were replayed; None when they came in. A replay says nothing of how often a message came.
    """
    if not rejections:
        return
    times = Counter(rejection_digest(one) for one in rejections)
    kept = list({rejection_digest(one): one for one in reversed(rejections)}.items())[::-1]
    # Ids follow the order of arrival; rows are written in the order of their digests, so that two processes lock them
    # in one order and never each other.
    connection.execute(
        """
        INSERT INTO rejection (rejection_id, received_at, reason, detail, topic, payload, size_bytes, properties,
                               external_id, commune_insee, decoder, times, last_received_at, digest)
        OVERRIDING SYSTEM VALUE
        SELECT rejection_id, received_at, reason, detail, topic, payload, size_bytes, properties::jsonb, external_id,
               commune_insee, decoder, times, last_received_at, digest
          FROM (SELECT nextval(pg_get_serial_sequence('rejection', 'rejection_id')) AS rejection_id, *
                  FROM unnest(%b::timestamptz[], %b::text[], %b::text[], %b::text[], %b::bytea[], %b::integer[],
                              %b::text[], %b::text[], %b::text[], %b::text[], %b::integer[], %b::timestamptz[],
                              %b::bytea[])
                    AS given (received_at, reason, detail, topic, payload, size_bytes, properties, external_id,
                              commune_insee, decoder, times, last_received_at, digest)) AS numbered
         ORDER BY digest
        ON CONFLICT (digest) DO UPDATE
           SET times = rejection.times + CASE WHEN %b::timestamptz IS NULL THEN excluded.times ELSE 0 END,
               last_received_at = greatest(rejection.last_received_at, excluded.last_received_at),
               decoder = excluded.decoder,
               replayed_at = coalesce(%b::timestamptz, rejection.replayed_at),
               settled_as = NULL
        """,
        (
            [one.message.received_at for _, one in kept],
            [one.reason.value for _, one in kept],
            [one.detail for _, one in kept],
            [one.message.topic for _, one in kept],
            [one.message.payload for _, one in kept],
            [one.message.size_bytes for _, one in kept],
            [json.dumps(one.message.properties) for _, one in kept],
            [one.external_id for _, one in kept],
            [one.commune_insee for _, one in kept],
            [one.decoder for _, one in kept],
            [times[digest] for digest, _ in kept],
            [one.message.received_at for _, one in kept],
            [digest for digest, _ in kept],
            replayed_at,
            replayed_at,
        ),
    )


@dataclass(frozen=True, slots=True)
class KeptRejection:
    """A rejection as it is kept.

    Parameters
    ----------
    replayable
        Whether a replay would take it: refused still, and kept whole. A conflict stays one.
    times
        How often the same message came and was refused for the same reason.
    replayed_at
        When it last went through the decoders again, None: never.
    settled_as
        What became of its message since: ``stored``, ``duplicate``, ``aside``, or ``rejected`` for another reason;
        None: it is refused still.
    """

    rejection_id: int
    rejection: Rejection
    replayable: bool
    times: int
    last_received_at: datetime
    replayed_at: datetime | None
    settled_as: Literal["stored", "duplicate", "aside", "rejected"] | None


def read_rejections(
    connection: Connection,
    wanted: RejectionFilter | None = None,
    *,
    settled: bool | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[KeptRejection]:
    """Return rejections, the newest first, before the id ``before``: a page at a time, long payloads cut.

    ``settled`` is whether something became of their messages since; None is all of them.
    """
    rows = connection.execute(
        """
        SELECT rejection_id, received_at, reason, detail, topic, substring(payload for %(bytes)s), size_bytes,
               properties, external_id, commune_insee, decoder,
               settled_as IS NULL AND reason <> 'conflict' AND octet_length(payload) = size_bytes,
               times, last_received_at, replayed_at, settled_as
          FROM rejection
         WHERE (%(reason)s::text IS NULL OR reason = %(reason)s)
           AND (%(external_id)s::text IS NULL OR coalesce(external_id, '') = %(external_id)s)
           AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s::char(5))
           AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
           AND (%(until)s::timestamptz IS NULL OR received_at < %(until)s)
           AND (%(rejection_id)s::bigint IS NULL OR rejection_id = %(rejection_id)s)
           AND (%(settled)s::boolean IS NULL OR (settled_as IS NOT NULL) = %(settled)s)
           AND (%(before)s::bigint IS NULL OR rejection_id < %(before)s)
         ORDER BY rejection_id DESC LIMIT %(limit)s
        """,
        _words(wanted or RejectionFilter())
        | {"settled": settled, "before": before, "limit": limit, "bytes": LISTED_BYTES_MAX},
    )
    return [_kept(row) for row in rows]


def read_rejection(connection: Connection, rejection_id: int) -> KeptRejection | None:
    """Return one rejection with all that is kept of its payload, or None."""
    row = connection.execute(
        """
        SELECT rejection_id, received_at, reason, detail, topic, payload, size_bytes, properties, external_id,
               commune_insee, decoder,
               settled_as IS NULL AND reason <> 'conflict' AND octet_length(payload) = size_bytes,
               times, last_received_at, replayed_at, settled_as
          FROM rejection WHERE rejection_id = %s
        """,
        (rejection_id,),
    ).fetchone()
    return None if row is None else _kept(row)


def _words(wanted: RejectionFilter) -> dict[str, Any]:
    return {
        "reason": wanted.reason,
        "external_id": wanted.external_id,
        "commune": wanted.commune,
        "since": wanted.since,
        "until": wanted.until,
        "rejection_id": wanted.rejection_id,
    }


def _kept(row: tuple[Any, ...]) -> KeptRejection:
    rejection_id, received_at, reason, detail, topic, payload, size_bytes, properties, *rest = row
    external_id, commune, decoder, *life = rest
    message = Message(topic, bytes(payload), received_at, size_bytes, properties)
    refused = Rejection(message, Reason(reason), detail, external_id, commune, decoder)
    return KeptRejection(rejection_id, refused, *life)


@dataclass(frozen=True, slots=True)
class RejectionGroup:
    """The rejections of one sensor for one reason.

    Parameters
    ----------
    external_id
        None where the messages did not say whose they are; ``sensor_id`` is None unless it is adopted.
    rejections, times
        How many are kept, and how often they came.
    replayable
        How many of them a replay would take; ``settled`` how many are refused no longer.
    """

    reason: Reason
    external_id: str | None
    commune: str | None
    sensor_id: int | None
    rejections: int
    times: int
    first_received_at: datetime
    last_received_at: datetime
    replayable: int
    settled: int


def read_groups(
    connection: Connection, *, commune: str | None = None, since: datetime | None = None, limit: int = 1_000
) -> list[RejectionGroup]:
    """Return rejections grouped by reason, sensor and commune, those with the most first."""
    rows = connection.execute(
        """
        WITH grouped AS (
            SELECT reason, external_id, commune_insee, count(*) AS rejections, sum(times) AS times,
                   min(received_at) AS first_received_at, max(last_received_at) AS last_received_at,
                   count(*) FILTER (WHERE settled_as IS NULL AND reason <> 'conflict'
                                      AND octet_length(payload) = size_bytes) AS replayable,
                   count(settled_as) AS settled
              FROM rejection
             WHERE (%(commune)s::text IS NULL OR commune_insee = %(commune)s::char(5))
               AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
             GROUP BY reason, external_id, commune_insee
             ORDER BY rejections DESC, reason, external_id, commune_insee LIMIT %(limit)s
        )
        SELECT reason, external_id, commune_insee, coalesce(sensor.sensor_id, former_device.sensor_id), rejections,
               times, first_received_at, grouped.last_received_at, replayable, settled
          FROM grouped LEFT JOIN sensor USING (external_id) LEFT JOIN former_device USING (external_id)
         ORDER BY rejections DESC, reason, external_id, commune_insee
        """,
        {"commune": commune, "since": since, "limit": limit},
    )
    return [RejectionGroup(Reason(reason), *rest) for reason, *rest in rows]


def count_rejections(connection: Connection, window: Window, *, commune: str | None = None) -> dict[Reason, int]:
    """Return how many messages were refused in ``window`` (by ``received_at``), by reason."""
    rows = connection.execute(
        """
        SELECT reason, count(*) FROM rejection
         WHERE received_at >= %(start)s AND received_at < %(end)s
           AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s::char(5))
         GROUP BY reason ORDER BY count(*) DESC
        """,
        {"start": window.start, "end": window.end, "commune": commune},
    )
    return {Reason(reason): count for reason, count in rows}
