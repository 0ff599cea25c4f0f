"""Deliveries in the store: events on their way to webhooks, in order, until they are taken or given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.clock import Window
from core.store.pool import Connection

DELIVERED_WITHIN = timedelta(days=3)
"""An event that was not taken by then is given up."""
STEPS_ASIDE_TRIES = 12
"""So often does an event hold up those behind it while nobody answers: some six hours. As in the index of 0018."""
WAITING_MAX = 50_000
"""Events that wait for one webhook; of more, the oldest are given up."""
ANSWER_CHARACTERS_MAX = 1_000
REPLAYED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery to be sent now; its webhook is held until it is settled.

    Parameters
    ----------
    body
        What is sent, as it was written.
    sealed
        The sealed secrets that sign.
    failures
        How often in a row nobody answered at the webhook.
    held_until
        By then it is settled, or another worker sends it.
    """

    delivery_id: int
    webhook_id: int
    event_id: UUID
    url: str
    body: str
    sealed: tuple[bytes, ...]
    made_at: datetime
    tries: int
    failures: int
    held_until: datetime


def hold_webhooks(connection: Connection, at: datetime, until: datetime, limits: tuple[int, int]) -> list[int]:
    """Hold, until then, webhooks to which something is to be sent now, and return their ids.

    Parameters
    ----------
    limits
        How many at most, and how many of them may be such as nobody answered at the last time.
    """
    rows = connection.execute(
        """
        WITH due AS (
            SELECT webhook_id, failures > 0 AS failed, next_try_at FROM webhook
             WHERE state = 'active' AND next_try_at <= %(at)s AND coalesce(held_until <= %(at)s, true)
               AND EXISTS (SELECT FROM delivery WHERE delivery.webhook_id = webhook.webhook_id
                                                  AND delivery.state = 'waiting' AND delivery.next_try_at <= %(at)s)
        ), chosen AS (
            (SELECT webhook_id FROM due WHERE NOT failed ORDER BY next_try_at LIMIT %(most)s)
            UNION ALL
            (SELECT webhook_id FROM due WHERE failed ORDER BY next_try_at LIMIT %(failed_most)s)
            LIMIT %(most)s
        ), locked AS (
            SELECT webhook_id FROM webhook
             WHERE webhook_id IN (SELECT webhook_id FROM chosen) AND coalesce(held_until <= %(at)s, true)
               FOR UPDATE SKIP LOCKED
        )
        UPDATE webhook SET held_until = %(until)s FROM locked WHERE webhook.webhook_id = locked.webhook_id
        RETURNING webhook.webhook_id
        """,
        {"at": at, "until": until, "most": limits[0], "failed_most": limits[1]},
    )
    return [row[0] for row in rows]


def read_heads(connection: Connection, webhook_ids: Sequence[int], at: datetime) -> list[Due]:
    """Return, of each of these webhooks, which the caller holds, the delivery that is next."""
    rows = connection.execute(
        """
        SELECT head.delivery_id, webhook.webhook_id, event.event_id, webhook.url, event.body::text,
               ARRAY[webhook.sealed, CASE WHEN webhook.before_until > %(at)s THEN webhook.sealed_before END],
               head.made_at, head.tries, webhook.failures, webhook.held_until
          FROM webhook CROSS JOIN LATERAL (
                SELECT delivery_id, event_id, made_at, tries FROM delivery
                 WHERE delivery.webhook_id = webhook.webhook_id AND delivery.state = 'waiting'
                   AND delivery.next_try_at <= %(at)s
                 ORDER BY (tries >= 12), delivery_id LIMIT 1
               ) AS head JOIN event ON event.event_id = head.event_id
               -- Whatever put it there: what happened elsewhere is not sent.
               AND (webhook.communes IS NULL OR event.commune_insee = ANY (webhook.communes))
         WHERE webhook.webhook_id = ANY(%(webhook_ids)s)
        """,
        {"at": at, "webhook_ids": list(webhook_ids)},
    )
    return [_due(row) for row in rows]


def _due(row: Sequence[Any]) -> Due:
    delivery_id, webhook_id, event_id, url, body, sealed, *rest = row
    secrets = tuple(bytes(one) for one in sealed if one is not None)
    return Due(delivery_id, webhook_id, event_id, url, body, secrets, *rest)


def release_webhooks(connection: Connection, webhook_ids: Sequence[int], until: datetime) -> None:
    """Let go of webhooks that are held until then by the caller, and have nothing to be sent."""
    connection.execute(
        "UPDATE webhook SET held_until = NULL WHERE webhook_id = ANY(%s) AND held_until = %s",
        (list(webhook_ids), until),
    )


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a delivery.

    Parameters
    ----------
    is_taken
        Otherwise it waits, to be tried again or given up.
    status
        Of HTTP; None where nobody answered.
    failure
        Why it was not taken, in English; empty when it was.
    next_try_at
        When this delivery is tried again.
    is_gone, webhook_next_try_at
        Whether its receiver said that it is gone for ever; else when anything is sent there again.
    absences
        How often in a row nobody answered at the webhook, by now.
    """

    is_taken: bool
    status: int | None
    failure: str
    answer: str
    duration_ms: int
    next_try_at: datetime
    is_gone: bool
    webhook_next_try_at: datetime
    absences: int


def write_settled(connection: Connection, due: Due, settled: Settled, at: datetime) -> None:
    """Keep what came of a delivery, and let go of its webhook."""
    connection.execute(
        """
        UPDATE delivery SET state = %s, tries = tries + 1, tried_at = %s, status = %s, failure = %s, answer = %s,
                            duration_ms = %s, next_try_at = %s
         WHERE delivery_id = %s AND state = 'waiting'
        """,
        (
            "taken" if settled.is_taken else "waiting",
            at,
            settled.status,
            settled.failure,
            settled.answer[:ANSWER_CHARACTERS_MAX],
            settled.duration_ms,
            settled.next_try_at,
            due.delivery_id,
        ),
    )
    connection.execute(
        """
        UPDATE webhook
           SET state = CASE WHEN %(is_gone)s THEN 'gone' ELSE state END, failures = %(failures)s,
               failure = %(failure)s, next_try_at = %(next_try_at)s, held_until = NULL,
               succeeded_at = CASE WHEN %(is_taken)s THEN %(at)s ELSE succeeded_at END
         WHERE webhook_id = %(webhook_id)s AND held_until = %(held_until)s
        """,
        {
            "is_gone": settled.is_gone,
            "failures": settled.absences,
            "failure": settled.failure,
            "next_try_at": settled.webhook_next_try_at,
            "is_taken": settled.is_taken,
            "at": at,
            "webhook_id": due.webhook_id,
            "held_until": due.held_until,
        },
    )


@dataclass(frozen=True, slots=True)
class GivenUp:
    """How many events of a webhook were given up, why the last was not taken, and since when none was."""

    webhook_id: int
    name: str
    communes: tuple[str, ...] | None
    is_gone: bool
    failure: str
    since: datetime
    events: int


def give_up(connection: Connection, at: datetime) -> list[GivenUp]:
    """Give up what waits for too long, too much, or for a receiver that is gone."""
    rows = connection.execute(
        """
        WITH bound AS (
            SELECT webhook_id, state = 'gone' AS is_gone,
                   (SELECT delivery_id FROM delivery
                     WHERE delivery.webhook_id = webhook.webhook_id AND delivery.state = 'waiting'
                     ORDER BY delivery_id DESC OFFSET %(most)s LIMIT 1) AS last_id
              FROM webhook
        ), given_up AS (
            UPDATE delivery SET state = 'given_up'
              FROM bound
             WHERE delivery.webhook_id = bound.webhook_id AND delivery.state = 'waiting'
               AND (delivery.made_at <= %(at)s::timestamptz - %(within)s::interval OR bound.is_gone
                    OR delivery.delivery_id <= bound.last_id)
            RETURNING delivery.webhook_id, delivery.delivery_id, delivery.failure
        ), counted AS (
            SELECT webhook_id, count(*) AS events, (array_agg(failure ORDER BY delivery_id))[1] AS failure
              FROM given_up GROUP BY webhook_id
        )
        UPDATE webhook SET gave_up_at = %(at)s FROM counted WHERE webhook.webhook_id = counted.webhook_id
        RETURNING webhook.webhook_id, name, communes, state = 'gone', counted.failure, coalesce(succeeded_at, made_at),
                  events
        """,
        {"at": at, "within": DELIVERED_WITHIN, "most": WAITING_MAX},
    )
    return [
        GivenUp(webhook_id, name, tuple(communes) if communes is not None else None, *rest)
        for webhook_id, name, communes, *rest in rows
    ]


@dataclass(frozen=True, slots=True)
class Queue:
    """How many deliveries wait, and since when the oldest does."""

    waiting: int
    oldest_at: datetime | None


def read_queue(connection: Connection) -> Queue:
    """Return how much waits for webhooks that are neither paused nor gone."""
    row = connection.execute(
        """
        SELECT count(*), min(delivery.made_at) FROM delivery JOIN webhook USING (webhook_id)
         WHERE delivery.state = 'waiting' AND webhook.state = 'active'
        """
    ).fetchone()
    assert row is not None, "an aggregate returns a row"
    return Queue(*row)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it is kept."""

    delivery_id: int
    webhook_id: int
    event_id: UUID
    event: str
    commune_insee: str | None
    happened_at: datetime
    made_at: datetime
    state: str
    tries: int
    next_try_at: datetime
    tried_at: datetime | None
    duration_ms: int | None
    status: int | None
    failure: str
    answer: str


def read_deliveries(
    connection: Connection, webhook_id: int, *, state: str | None = None, before: int | None = None, limit: int = 100
) -> list[Delivery]:
    """Return the deliveries of a webhook, the newest first, those before the id ``before``."""
    rows = connection.execute(
        """
        SELECT delivery_id, webhook_id, event_id, event.name, event.commune_insee, event.happened_at, made_at,
               delivery.state, tries, next_try_at, tried_at, duration_ms, status, failure, answer
          FROM delivery JOIN event USING (event_id)
         WHERE webhook_id = %(webhook_id)s AND (%(state)s::text IS NULL OR delivery.state = %(state)s)
           AND (%(before)s::bigint IS NULL OR delivery_id < %(before)s)
         ORDER BY delivery_id DESC LIMIT %(limit)s
        """,
        {"webhook_id": webhook_id, "state": state, "before": before, "limit": limit},
    )
    return [Delivery(*row) for row in rows]


def read_delivery(connection: Connection, delivery_id: int) -> Delivery | None:
    """Return one delivery, or None."""
    row = connection.execute(
        """
        SELECT delivery_id, webhook_id, event_id, event.name, event.commune_insee, event.happened_at, made_at,
               delivery.state, tries, next_try_at, tried_at, duration_ms, status, failure, answer
          FROM delivery JOIN event USING (event_id) WHERE delivery_id = %s
        """,
        (delivery_id,),
    ).fetchone()
    return Delivery(*row) if row else None


def add_delivery(connection: Connection, webhook_id: int, event_id: UUID) -> int:
    """Send an event to a webhook, once more if it was sent already; return the delivery's id."""
    row = connection.execute(
        "INSERT INTO delivery (webhook_id, event_id) VALUES (%s, %s) RETURNING delivery_id", (webhook_id, event_id)
    ).fetchone()
    assert row is not None, "an insert returns its row"
    return int(row[0])


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many events are sent again, and from when on to ask for those that were too many; None when all are."""

    count: int
    next_from: datetime | None


def replay_window(connection: Connection, webhook_id: int, window: Window) -> Replayed:
    """Send again what happened in a window, as far as the webhook wants it now, the oldest first.

    At most `REPLAYED_MAX` events, those too that happened before there was the webhook.
    """
    rows = connection.execute(
        """
        WITH fitting AS (
            SELECT event.event_id, event.happened_at FROM event JOIN webhook ON webhook.webhook_id = %(webhook_id)s
             WHERE event.happened_at >= %(start)s AND event.happened_at < %(end)s
               AND webhook.wanted && ARRAY[event.name, split_part(event.name, '.', 1) || '.*']
               AND (webhook.communes IS NULL OR event.commune_insee = ANY (webhook.communes))
               AND event.subject <> 'webhook:' || webhook.webhook_id
             ORDER BY event.happened_at, event.event_id LIMIT %(limit)s + 1
        ), sent AS (
            INSERT INTO delivery (webhook_id, event_id)
            SELECT %(webhook_id)s, event_id FROM (
                SELECT event_id, happened_at FROM fitting ORDER BY happened_at, event_id LIMIT %(limit)s) AS first
             ORDER BY happened_at, event_id
            RETURNING delivery_id
        )
        SELECT (SELECT count(*) FROM sent), (SELECT max(happened_at) FROM fitting), (SELECT count(*) FROM fitting)
        """,
        {"webhook_id": webhook_id, "start": window.start, "end": window.end, "limit": REPLAYED_MAX},
    ).fetchone()
    assert rows is not None, "a row without a table"
    count, last_at, fitting = rows
    return Replayed(count, last_at if fitting > count else None)
