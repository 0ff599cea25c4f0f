"""Notices in the store: what subscribers wait to be told of alarms, as the worker takes them up and settles them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.store.pool import Connection

TRIED_WITHIN = timedelta(days=3)
"""What the mail server did not take by then is given up."""
KEPT = timedelta(days=90)
"""How long it can be looked at what was sent."""
TAKEN_MAX = 5_000
"""Notices that one mail settles."""
RATED_OVER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A subscriber for whom something waits that may be told now or soon.

    Parameters
    ----------
    person_id
        Whose address it is.
    oldest_at
        When the oldest of what waits was due.
    sent
        When mails went there within the last hour.
    tries
        How often the mail was tried already.
    is_test
        Whether what waits is a test mail: it goes by itself, and at any hour.
    """

    subscription_id: int
    person_id: int
    address: str
    language: str
    timetable: tuple[tuple[int, str, str], ...]
    digest_min: int
    mails_per_hour_max: int
    oldest_at: datetime
    tries: int
    is_test: bool
    sent: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell: what happened to which alarm; ``alarm_id`` is None for a test."""

    notice_id: int
    alarm_id: int | None
    what: str
    is_seen: bool


def read_waiting(connection: Connection, at: datetime) -> list[Waiting]:
    """Return for whom something waits that may be tried now, those who wait longest first."""
    rows = connection.execute(
        """
        SELECT subscription.subscription_id, person_id, address, language, timetable, digest_min, mails_per_hour_max,
               waiting.oldest_at, waiting.tries, waiting.is_test, ARRAY(
               SELECT DISTINCT sent_at FROM notice
                WHERE notice.subscription_id = subscription.subscription_id AND sent_at > %(rated_from)s)
          FROM (SELECT subscription_id, what = 'test' AS is_test, min(made_at) AS oldest_at, max(tries) AS tries,
                       max(due_at) AS due_at
                  FROM notice WHERE sent_at IS NULL AND given_up_at IS NULL
                 GROUP BY subscription_id, what = 'test') AS waiting
          JOIN subscription USING (subscription_id)
         WHERE NOT paused AND waiting.due_at <= %(at)s
         ORDER BY waiting.oldest_at
        """,
        {"at": at, "rated_from": at - RATED_OVER},
    )
    return [_waiting(row) for row in rows]


def _waiting(row: Sequence[Any]) -> Waiting:
    subscription_id, person_id, address, language, timetable, digest, most, oldest_at, tries, is_test, sent = row
    spans = tuple((weekday, begins, ends) for weekday, begins, ends in timetable)
    return Waiting(
        subscription_id, person_id, address, language, spans, digest, most, oldest_at, tries, is_test, tuple(sent)
    )


def hold_notices(connection: Connection, waiting: Waiting) -> list[Notice]:
    """Hold what waits for a subscriber until the transaction ends, the oldest first; what another worker holds is left.

    ``is_seen``: whether the person may still see what it tells of.
    """
    rows = connection.execute(
        """
        SELECT notice_id, alarm_id, what,
               alarm_id IS NULL OR person_sees(%(person_id)s, alarm.commune_insee, alarm.site_id)
          FROM notice LEFT JOIN alarm USING (alarm_id)
         WHERE subscription_id = %(subscription_id)s AND sent_at IS NULL AND given_up_at IS NULL
           AND (what = 'test') = %(is_test)s
         ORDER BY notice_id LIMIT %(limit)s
           FOR UPDATE OF notice SKIP LOCKED
        """,
        {
            "person_id": waiting.person_id,
            "subscription_id": waiting.subscription_id,
            "is_test": waiting.is_test,
            "limit": TAKEN_MAX,
        },
    )
    return [Notice(*row) for row in rows]


def write_sent(connection: Connection, notice_ids: Sequence[int], at: datetime) -> None:
    """Note that notices were sent in one mail."""
    connection.execute(
        "UPDATE notice SET sent_at = %s, tries = tries + 1, failure = '' WHERE notice_id = ANY(%s)",
        (at, list(notice_ids)),
    )


def write_untaken(connection: Connection, notice_ids: Sequence[int], again_at: datetime, failure: str) -> None:
    """Note that nobody took the mail of these notices, and when it is tried again."""
    connection.execute(
        "UPDATE notice SET due_at = %s, tries = tries + 1, failure = %s WHERE notice_id = ANY(%s)",
        (again_at, failure, list(notice_ids)),
    )


def write_given_up(connection: Connection, notice_ids: Sequence[int], at: datetime, failure: str) -> None:
    """Note that notices are not told any more, and why."""
    connection.execute(
        "UPDATE notice SET given_up_at = %s, tries = tries + 1, failure = %s WHERE notice_id = ANY(%s)",
        (at, failure, list(notice_ids)),
    )


def drop_paused(connection: Connection, at: datetime) -> int:
    """Tell nobody any more what waits for subscriptions that were paused; return how many notices those are."""
    return connection.execute(
        """
        UPDATE notice SET given_up_at = %s, failure = 'the subscription was paused'
          FROM subscription
         WHERE notice.subscription_id = subscription.subscription_id AND paused AND sent_at IS NULL
           AND given_up_at IS NULL
        """,
        (at,),
    ).rowcount


def drop_unsent(connection: Connection, at: datetime) -> int:
    """Settle what waited for so long that nobody would want to hear of it, where there is no mail server."""
    return connection.execute(
        """
        UPDATE notice SET given_up_at = %s, failure = 'no mail server is set'
         WHERE sent_at IS NULL AND given_up_at IS NULL AND made_at < %s
        """,
        (at, at - TRIED_WITHIN),
    ).rowcount


def prune_notices(connection: Connection, at: datetime) -> int:
    """Let go of what was told, or given up, long ago; return how many those were."""
    return connection.execute(
        "DELETE FROM notice WHERE sent_at < %(until)s OR given_up_at < %(until)s", {"until": at - KEPT}
    ).rowcount
