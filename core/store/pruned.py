"""Letting go of what is over the bounds of what is kept, in small steps, each counted in its own transaction.

While no bound is reached a step reads the table ``kept``, a row per sensor and reason, and two ends of indexes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from core.readings import Reason
from core.settings import KeptSettings
from core.store.frames import prune_old_frames
from core.store.gateways import prune_heard
from core.store.pool import Connection
from core.store.raw_frames import prune_as_came

STEP_MESSAGES_MAX = 1_000
"""Deleted at once: a step holds up its process for as long as that takes."""
_PRUNE_LOCK = 0x5052554E  # "PRUN": of two processes that prune, one waits for its next turn


def prune_kept(connection: Connection, now: datetime, policy: KeptSettings) -> bool:
    """Let go of some of what is over the bounds, if anything is; return whether there may be more: call again soon.

    The oldest go first: those over their age, then, of a sensor and reason that has too many, and of the one that
    holds the most bytes when there are too many bytes. From the quarantine the newest go: the first ones tell what
    happened.
    """
    with connection.transaction():
        if connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_PRUNE_LOCK,)).fetchone() != (True,):
            return False
        let_go = [
            _prune_old_rejections(connection, now, timedelta(days=policy.rejections_days)),
            _prune_old_asides(connection, now, timedelta(days=policy.asides_days)),
            prune_old_frames(connection, now - timedelta(days=policy.frames_days), now.date(), STEP_MESSAGES_MAX),
            _prune_excess(connection, now.date(), policy),
            prune_heard(connection, now, timedelta(days=policy.gateways_days), STEP_MESSAGES_MAX),
            prune_as_came(connection, now, policy.raw_frames_kept, STEP_MESSAGES_MAX),
        ]
        connection.execute("DELETE FROM kept WHERE messages = 0")
        connection.execute("DELETE FROM intake WHERE ended_at < %s", (now - timedelta(days=policy.intakes_days),))
    return any(let_go)


def _prune_old_rejections(connection: Connection, now: datetime, age: timedelta) -> int:
    return connection.execute(
        """
        WITH gone AS (
            DELETE FROM rejection WHERE rejection_id IN (
                SELECT rejection_id FROM rejection WHERE received_at < %(before)s
                 ORDER BY received_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            ) RETURNING reason, kept_bytes
        )
        INSERT INTO pruned (day, what, reason, bound, messages, bytes)
        SELECT %(day)s, 'rejection', reason, 'age', count(*), sum(kept_bytes) FROM gone GROUP BY reason ORDER BY reason
        ON CONFLICT (day, what, reason, bound, external_id) DO UPDATE
           SET messages = pruned.messages + excluded.messages, bytes = pruned.bytes + excluded.bytes
        """,
        {"before": now - age, "day": now.date(), "limit": STEP_MESSAGES_MAX},
    ).rowcount


def _prune_old_asides(connection: Connection, now: datetime, age: timedelta) -> int:
    return connection.execute(
        """
        WITH gone AS (
            DELETE FROM aside WHERE aside_id IN (
                SELECT aside_id FROM aside WHERE received_at < %(before)s
                 ORDER BY received_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            ) RETURNING kept_bytes
        )
        INSERT INTO pruned (day, what, reason, bound, messages, bytes)
        SELECT %(day)s, 'aside', '', 'age', count(*), sum(kept_bytes) FROM gone HAVING count(*) > 0
        ON CONFLICT (day, what, reason, bound, external_id) DO UPDATE
           SET messages = pruned.messages + excluded.messages, bytes = pruned.bytes + excluded.bytes
        """,
        {"before": now - age, "day": now.date(), "limit": STEP_MESSAGES_MAX},
    ).rowcount


@dataclass(frozen=True, slots=True)
class _Excess:
    """Who gives, and how much: up to so many messages, and no more than it takes to free so many bytes (None: any)."""

    what: str
    reason: str
    external_id: str
    bound: str
    messages: int
    bytes: int | None = None


def _prune_excess(connection: Connection, day: date, policy: KeptSettings) -> int:
    excess = _sensor_excess(connection, policy.sensor_messages_max) or _common_excess(connection, policy)
    if excess is None:
        return 0
    statement = _DELETE_ASIDES if excess.what == "aside" else _DELETE_REJECTIONS
    if excess.reason == Reason.FLOODED:
        statement = _DELETE_QUARANTINED
    return connection.execute(
        statement,
        {
            "day": day,
            "reason": excess.reason,
            "external_id": excess.external_id,
            "bound": excess.bound,
            "messages": min(excess.messages, STEP_MESSAGES_MAX),
            "bytes": excess.bytes,
        },
    ).rowcount


def _sensor_excess(connection: Connection, messages_max: int) -> _Excess | None:
    row = connection.execute(
        """
        SELECT what, reason, external_id, 'messages', messages - %(messages_max)s FROM kept
         WHERE messages > %(messages_max)s ORDER BY messages DESC LIMIT 1
        """,
        {"messages_max": messages_max},
    ).fetchone()
    return None if row is None else _Excess(*row)


def _common_excess(connection: Connection, policy: KeptSettings) -> _Excess | None:
    rows = connection.execute(
        "SELECT what, reason = 'flooded', sum(messages)::bigint, sum(bytes)::bigint FROM kept GROUP BY 1, 2"
    ).fetchall()
    for what, quarantined, messages, size in rows:
        if quarantined and messages > policy.quarantine_messages_max:
            # The one with the most gives no more than it has.
            worst = _worst(connection, what, "messages", quarantined=quarantined)
            return replace(worst, messages=min(worst.messages, messages - policy.quarantine_messages_max))
        if (over := size - _bytes_max(what, policy, quarantined=quarantined)) > 0:
            return replace(_worst(connection, what, "bytes", quarantined=quarantined), bytes=over)
    return None


def _bytes_max(what: str, policy: KeptSettings, *, quarantined: bool) -> int:
    if what == "aside":
        return policy.asides_bytes_max
    return policy.quarantine_bytes_max if quarantined else policy.rejections_bytes_max


def _worst(connection: Connection, what: str, bound: str, *, quarantined: bool) -> _Excess:
    """Return the sensor and reason that hold the most of what has one bound together."""
    row = connection.execute(
        """
        SELECT what, reason, external_id, %(bound)s, messages FROM kept
         WHERE what = %(what)s AND (reason = 'flooded') = %(quarantined)s
         ORDER BY CASE WHEN %(bound)s = 'bytes' THEN bytes ELSE messages END DESC LIMIT 1
        """,
        {"what": what, "bound": bound, "quarantined": quarantined},
    ).fetchone()
    assert row is not None, "what is over a bound is not empty"
    return _Excess(*row)


_DELETE_REJECTIONS = """
    WITH oldest AS (
        SELECT rejection_id, kept_bytes FROM rejection
         WHERE coalesce(external_id, '') = %(external_id)s AND reason = %(reason)s
         ORDER BY rejection_id LIMIT %(messages)s FOR UPDATE SKIP LOCKED
    ), summed AS (
        SELECT rejection_id, sum(kept_bytes) OVER (ORDER BY rejection_id) - kept_bytes AS bytes_before FROM oldest
    ), gone AS (
        DELETE FROM rejection USING summed
         WHERE rejection.rejection_id = summed.rejection_id
           AND (%(bytes)s::bigint IS NULL OR bytes_before < %(bytes)s)
        RETURNING rejection.kept_bytes
    )
    INSERT INTO pruned (day, what, reason, bound, external_id, messages, bytes)
    SELECT %(day)s, 'rejection', %(reason)s, %(bound)s, %(external_id)s, count(*), sum(kept_bytes)
      FROM gone HAVING count(*) > 0
    ON CONFLICT (day, what, reason, bound, external_id) DO UPDATE
       SET messages = pruned.messages + excluded.messages, bytes = pruned.bytes + excluded.bytes
"""
# As above, from the other end.
_DELETE_QUARANTINED = """
    WITH newest AS (
        SELECT rejection_id, kept_bytes FROM rejection
         WHERE coalesce(external_id, '') = %(external_id)s AND reason = %(reason)s
         ORDER BY rejection_id DESC LIMIT %(messages)s FOR UPDATE SKIP LOCKED
    ), summed AS (
        SELECT rejection_id, sum(kept_bytes) OVER (ORDER BY rejection_id DESC) - kept_bytes AS bytes_before FROM newest
    ), gone AS (
        DELETE FROM rejection USING summed
         WHERE rejection.rejection_id = summed.rejection_id
           AND (%(bytes)s::bigint IS NULL OR bytes_before < %(bytes)s)
        RETURNING rejection.kept_bytes
    )
    INSERT INTO pruned (day, what, reason, bound, external_id, messages, bytes)
    SELECT %(day)s, 'rejection', %(reason)s, %(bound)s, %(external_id)s, count(*), sum(kept_bytes)
      FROM gone HAVING count(*) > 0
    ON CONFLICT (day, what, reason, bound, external_id) DO UPDATE
       SET messages = pruned.messages + excluded.messages, bytes = pruned.bytes + excluded.bytes
"""
_DELETE_ASIDES = """
    WITH oldest AS (
        SELECT aside_id, kept_bytes FROM aside WHERE external_id = %(external_id)s
         ORDER BY aside_id LIMIT %(messages)s FOR UPDATE SKIP LOCKED
    ), summed AS (
        SELECT aside_id, sum(kept_bytes) OVER (ORDER BY aside_id) - kept_bytes AS bytes_before FROM oldest
    ), gone AS (
        DELETE FROM aside USING summed
         WHERE aside.aside_id = summed.aside_id AND (%(bytes)s::bigint IS NULL OR bytes_before < %(bytes)s)
        RETURNING aside.kept_bytes
    )
    INSERT INTO pruned (day, what, reason, bound, external_id, messages, bytes)
    SELECT %(day)s, 'aside', %(reason)s, %(bound)s, %(external_id)s, count(*), sum(kept_bytes)
      FROM gone HAVING count(*) > 0
    ON CONFLICT (day, what, reason, bound, external_id) DO UPDATE
       SET messages = pruned.messages + excluded.messages, bytes = pruned.bytes + excluded.bytes
"""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was let go of on one day (UTC) for one bound.

    Parameters
    ----------
    what
        ``rejection``, ``aside``, ``frame`` or ``reading``; readings go because people said so (`core.store.retention`).
    reason
        Of the rejections; the family of the readings; empty for others.
    bound
        ``age``, ``messages`` or ``bytes``.
    external_id
        Whose they were, None where the bound is on all of them together (``age``) or where nobody knows.
    """

    day: date
    what: str
    reason: str
    bound: str
    external_id: str | None
    messages: int
    bytes: int


def read_pruned(connection: Connection, *, since: date | None = None, limit: int = 1_000) -> list[Pruned]:
    """Return what was let go of, the newest day first, in each the most first."""
    rows = connection.execute(
        """
        SELECT day, what, reason, bound, nullif(external_id, ''), messages, bytes FROM pruned
         WHERE %(since)s::date IS NULL OR day >= %(since)s
         ORDER BY day DESC, messages DESC, what, reason, bound, external_id LIMIT %(limit)s
        """,
        {"since": since, "limit": limit},
    )
    return [Pruned(*row) for row in rows]
