"""Webhooks in the store: who hears of what, and how their receivers do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook to be.

    Parameters
    ----------
    wanted
        Names of events, or ``alarm.*`` for a family.
    communes
        INSEE codes; None is the whole Métropole, with what belongs to no commune.
    sealed
        The secret that signs, sealed.
    """

    name: str
    url: str
    wanted: tuple[str, ...]
    communes: tuple[str, ...] | None
    sealed: bytes
    made_by: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it is kept, without its secret.

    Parameters
    ----------
    state
        ``active``, ``paused`` by a person, or ``gone``: its receiver said so.
    failures, failure
        How often in a row its receiver was not there, and why, in English.
    gave_up_at
        When an event was last given up, None when none ever was.
    before_until
        Until when the secret before signs along.
    """

    webhook_id: int
    name: str
    url: str
    wanted: tuple[str, ...]
    communes: tuple[str, ...] | None
    state: str
    made_at: datetime
    made_by: str
    failures: int
    failure: str
    succeeded_at: datetime | None
    gave_up_at: datetime | None
    before_until: datetime | None
    waiting: int


def read_webhooks(connection: Connection, *, after: int = 0, limit: int = 1_000) -> list[Webhook]:
    """Return webhooks by id, those after the id ``after``."""
    rows = connection.execute(
        """
        SELECT webhook_id, name, url, wanted, communes, state, made_at, made_by, failures, failure, succeeded_at,
               gave_up_at, before_until,
               (SELECT count(*) FROM delivery
                 WHERE delivery.webhook_id = webhook.webhook_id AND delivery.state = 'waiting')
          FROM webhook WHERE webhook_id > %s ORDER BY webhook_id LIMIT %s
        """,
        (after, limit),
    )
    return [_webhook(row) for row in rows]


def read_webhook(connection: Connection, webhook_id: int) -> Webhook | None:
    """Return one webhook, or None."""
    found = next(iter(read_webhooks(connection, after=webhook_id - 1, limit=1)), None)
    return found if found is not None and found.webhook_id == webhook_id else None


def add_webhook(connection: Connection, new: NewWebhook, at: datetime) -> int:
    """Write a new webhook and return its id; it hears of what happens from now on."""
    row = connection.execute(
        """
        INSERT INTO webhook (name, url, wanted, communes, sealed, made_at, made_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING webhook_id
        """,
        (
            new.name,
            new.url,
            list(new.wanted),
            list(new.communes) if new.communes is not None else None,
            new.sealed,
            at,
            new.made_by,
        ),
    ).fetchone()
    assert row is not None, "an insert returns its row"
    return int(row[0])


def write_webhook(connection: Connection, webhook: Webhook, at: datetime) -> None:
    """Write what a person changed of a webhook: name, URL, what it wants, where, its state. It is tried anew."""
    connection.execute(
        """
        UPDATE webhook SET name = %s, url = %s, wanted = %s, communes = %s, state = %s, failures = 0, failure = '',
                           next_try_at = %s
         WHERE webhook_id = %s
        """,
        (
            webhook.name,
            webhook.url,
            list(webhook.wanted),
            list(webhook.communes) if webhook.communes is not None else None,
            webhook.state,
            at,
            webhook.webhook_id,
        ),
    )


def write_secret(connection: Connection, webhook_id: int, sealed: bytes, before_until: datetime) -> None:
    """Give a webhook another secret; the one before signs along until then."""
    connection.execute(
        "UPDATE webhook SET sealed = %s, before_until = %s WHERE webhook_id = %s", (sealed, before_until, webhook_id)
    )


def delete_webhook(connection: Connection, webhook_id: int) -> None:
    """Delete a webhook with its secret and its deliveries."""
    connection.execute("DELETE FROM webhook WHERE webhook_id = %s", (webhook_id,))


def _webhook(row: Sequence[Any]) -> Webhook:
    webhook_id, name, url, wanted, communes, *rest = row
    return Webhook(webhook_id, name, url, tuple(wanted), tuple(communes) if communes is not None else None, *rest)
