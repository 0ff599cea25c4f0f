"""What the outside still has to hear over MQTT: written with what it tells of, deleted once the broker confirmed it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message that waits to be published."""

    outbox_id: int
    topic: str
    payload: dict[str, Any]


def write_outgoing(connection: Connection, topic: str, payload: dict[str, Any], created_at: datetime) -> None:
    """Have a message published once the caller's transaction is committed."""
    connection.execute(
        "INSERT INTO outbox (created_at, topic, payload) VALUES (%s, %s, %s)",
        (created_at, topic, json.dumps(payload, allow_nan=False)),
    )


def take_outgoing(connection: Connection, limit: int) -> list[Outgoing]:
    """Return up to ``limit`` messages, oldest first, and hold them until the caller's transaction ends.

    Two processes never hold the same message.
    """
    rows = connection.execute(
        "SELECT outbox_id, topic, payload FROM outbox ORDER BY outbox_id LIMIT %s FOR UPDATE SKIP LOCKED", (limit,)
    )
    return [Outgoing(*row) for row in rows]


def delete_outgoing(connection: Connection, messages: Sequence[Outgoing]) -> None:
    """Forget messages that the broker confirmed."""
    connection.execute("DELETE FROM outbox WHERE outbox_id = ANY(%s)", ([one.outbox_id for one in messages],))
