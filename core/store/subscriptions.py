"""Who is told of alarms by e-mail, and what waits to be told them: notices, until they are sent or given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from core.events import Severity
from core.store.pool import Connection

SUBSCRIPTIONS_MAX = 10
"""Of one person."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A person who is told by e-mail.

    Parameters
    ----------
    communes
        INSEE codes; None is all that the person sees.
    timetable
        Spans of the local week: ``(weekday, from, to)``, Monday 0; none is always.
    digest_min
        What is to be told is gathered for so many minutes.
    failure
        Why the last mail was not taken, in English; empty when it was.
    """

    subscription_id: int
    address: str
    communes: tuple[str, ...] | None
    severity_min: Severity
    timetable: tuple[tuple[int, str, str], ...]
    digest_min: int
    mails_per_hour_max: int
    language: str
    paused: bool
    made_at: datetime
    waiting: int = 0
    sent_at: datetime | None = None
    failure: str = ""


def read_subscriptions(connection: Connection) -> list[Subscription]:
    """Return the subscriptions that the connection's visitor may see: their own."""
    rows = connection.execute(
        """
        SELECT subscription_id, address, communes, severity_min, timetable, digest_min, mails_per_hour_max, language,
               paused, made_at,
               (SELECT count(*) FROM notice WHERE notice.subscription_id = subscription.subscription_id
                                              AND sent_at IS NULL AND given_up_at IS NULL),
               (SELECT max(sent_at) FROM notice WHERE notice.subscription_id = subscription.subscription_id),
               (SELECT failure FROM notice WHERE notice.subscription_id = subscription.subscription_id
                 ORDER BY notice_id DESC LIMIT 1)
          FROM subscription ORDER BY subscription_id LIMIT 1000
        """
    )
    return [_subscription(row) for row in rows]


def read_subscription(connection: Connection, subscription_id: int) -> Subscription | None:
    """Return one, None where it is another's or there is none."""
    return next((one for one in read_subscriptions(connection) if one.subscription_id == subscription_id), None)


def add_subscription(connection: Connection, person_id: int, wanted: Subscription) -> int:
    """Write a new subscription of a person (its id says nothing); return its id."""
    row = connection.execute(
        """
        INSERT INTO subscription (person_id, address, communes, severity_min, timetable, digest_min,
                                  mails_per_hour_max, language, paused, made_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING subscription_id
        """,
        (person_id, *_values(wanted), wanted.made_at),
    ).fetchone()
    assert row is not None, "an insert returns its row"
    return int(row[0])


def write_subscription(connection: Connection, wanted: Subscription) -> bool:
    """Change a subscription, whole; return whether there is one that the visitor may change."""
    cursor = connection.execute(
        """
        UPDATE subscription
           SET address = %s, communes = %s, severity_min = %s, timetable = %s, digest_min = %s, mails_per_hour_max = %s,
               language = %s, paused = %s
         WHERE subscription_id = %s
        """,
        (*_values(wanted), wanted.subscription_id),
    )
    return cursor.rowcount == 1


def delete_subscription(connection: Connection, subscription_id: int) -> bool:
    """Delete a subscription with what waits for it; return whether there was one."""
    return connection.execute("DELETE FROM subscription WHERE subscription_id = %s", (subscription_id,)).rowcount == 1


def pause_subscription(connection: Connection, subscription_id: int) -> bool:
    """Pause a subscription, for whoever holds the link of its mails; return whether there is one."""
    cursor = connection.execute("UPDATE subscription SET paused = true WHERE subscription_id = %s", (subscription_id,))
    return cursor.rowcount == 1


def ask_test(connection: Connection, subscription_id: int, at: datetime) -> None:
    """Have a test mail sent to a subscriber."""
    connection.execute(
        "INSERT INTO notice (subscription_id, what, due_at) VALUES (%s, 'test', %s)", (subscription_id, at)
    )


def _values(wanted: Subscription) -> tuple[Any, ...]:
    return (
        wanted.address,
        list(wanted.communes) if wanted.communes is not None else None,
        wanted.severity_min,
        Jsonb([list(span) for span in wanted.timetable]),
        wanted.digest_min,
        wanted.mails_per_hour_max,
        wanted.language,
        wanted.paused,
    )


def _subscription(row: Sequence[Any]) -> Subscription:
    subscription_id, address, communes, severity, timetable, digest, most, language, paused, made_at = row[:10]
    waiting, sent_at, failure = row[10:]
    return Subscription(
        subscription_id,
        address,
        tuple(communes) if communes is not None else None,
        Severity(severity),
        tuple((weekday, begins, ends) for weekday, begins, ends in timetable),
        digest,
        most,
        language,
        paused,
        made_at,
        waiting,
        sent_at,
        failure or "",
    )
