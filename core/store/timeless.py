"""Messages without a time of their own: which packet brought each last, so that its second delivery is known.

A broker sends what it has no acknowledgement of again after a reconnection, under the packet id it had and marked as
sent before (MQTT 5.0 and 3.1.1, [MQTT-4.4.0-1], [MQTT-3.3.1-1]). A row is let go of once its packet id lies so far
back that the broker must have seen the acknowledgement: packet ids count up, in one window of unacknowledged ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.store.pool import Connection

_PACKET_IDS = 65_535


@dataclass(frozen=True, slots=True)
class Packet:
    """The packet of a message without a time: its id, the digest of topic and payload, whether it was sent before."""

    packet_id: int
    digest: bytes
    redelivered: bool


def write_timeless(connection: Connection, lane: str, packets: Sequence[Packet], received_at: datetime) -> set[int]:
    """Remember packets, and return the positions of those that bring a second time what is remembered already."""
    if not packets:
        return set()
    remembered: dict[int, bytes] = dict(
        connection.execute(
            "SELECT packet_id, digest FROM timeless WHERE lane = %s AND packet_id = ANY(%s)",
            (lane, [one.packet_id for one in packets]),
        ).fetchall()
    )
    known = set()
    for position, one in enumerate(packets):
        if one.redelivered and remembered.get(one.packet_id) == one.digest:
            known.add(position)
        remembered[one.packet_id] = one.digest
    connection.execute(
        """
        INSERT INTO timeless (lane, packet_id, digest, received_at)
        SELECT %s, packet_id, digest, %s FROM unnest(%s::integer[], %s::bytea[]) AS given (packet_id, digest)
        ON CONFLICT (lane, packet_id) DO UPDATE SET digest = excluded.digest, received_at = excluded.received_at
        """,
        (lane, received_at, list(remembered), list(remembered.values())),
    )
    return known


def forget_timeless(connection: Connection, lane: str, packet_id: int, kept: int) -> bool:
    """Forget the packets more than ``kept`` before ``packet_id``; return whether any of the lane's are left."""
    row = connection.execute(
        """
        WITH forgotten AS (
            DELETE FROM timeless
             WHERE lane = %(lane)s AND (%(packet_id)s - packet_id + %(ids)s) %% %(ids)s > %(kept)s
            RETURNING packet_id
        )
        SELECT (SELECT count(*) FROM timeless WHERE lane = %(lane)s) > (SELECT count(*) FROM forgotten)
        """,
        {"lane": lane, "packet_id": packet_id, "ids": _PACKET_IDS, "kept": kept},
    ).fetchone()
    return row == (True,)
