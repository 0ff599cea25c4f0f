"""Rejections that go through the decoders again: taken in pages, settled by what became of their messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.intakes import RejectionFilter
from core.readings import Message
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Replayable:
    """How far a replay goes: the newest rejection that it takes, and how many there are up to it."""

    last: int
    rejections: int


@dataclass(frozen=True, slots=True)
class Page:
    """Rejections to replay together.

    Parameters
    ----------
    after
        The last id that was looked at: the next page begins behind it. None when there was nothing more.
    messages
        Each message once, oldest first.
    rejection_ids
        For each message, the rejections that keep it.
    """

    after: int | None
    messages: list[Message]
    rejection_ids: list[list[int]]


def count_replayable(connection: Connection, wanted: RejectionFilter) -> Replayable:
    """Return how many rejections a replay would take now: still refused and kept whole; a conflict stays one."""
    row = connection.execute(
        """
        SELECT coalesce(max(rejection_id), 0), count(*) FROM rejection
         WHERE settled_as IS NULL AND reason <> 'conflict' AND octet_length(payload) = size_bytes
           AND (%(reason)s::text IS NULL OR reason = %(reason)s)
           AND (%(external_id)s::text IS NULL OR coalesce(external_id, '') = %(external_id)s)
           AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s::char(5))
           AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
           AND (%(until)s::timestamptz IS NULL OR received_at < %(until)s)
           AND (%(rejection_id)s::bigint IS NULL OR rejection_id = %(rejection_id)s)
        """,
        {
            "reason": wanted.reason,
            "external_id": wanted.external_id,
            "commune": wanted.commune,
            "since": wanted.since,
            "until": wanted.until,
            "rejection_id": wanted.rejection_id,
        },
    ).fetchone()
    assert row is not None, "an aggregate returns its row"
    return Replayable(*row)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a page of a replay is taken: rejections of ids in ``(after, last]``, so many messages and bytes at most."""

    after: int
    last: int
    messages_max: int
    bytes_max: int


def take_replayable(connection: Connection, wanted: RejectionFilter, stretch: Stretch) -> Page:
    """Take the next rejections to replay, and hold them until the caller's transaction ends.

    One that another replay settled meanwhile is left out. A page has one message at least, however large it is.
    """
    ids = [
        rejection_id
        for (rejection_id,) in connection.execute(
            """
            WITH next AS (
                SELECT rejection_id, kept_bytes FROM rejection
                 WHERE settled_as IS NULL AND reason <> 'conflict' AND octet_length(payload) = size_bytes
                   AND (%(reason)s::text IS NULL OR reason = %(reason)s)
                   AND (%(external_id)s::text IS NULL OR coalesce(external_id, '') = %(external_id)s)
                   AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s::char(5))
                   AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
                   AND (%(until)s::timestamptz IS NULL OR received_at < %(until)s)
                   AND (%(rejection_id)s::bigint IS NULL OR rejection_id = %(rejection_id)s)
                   AND rejection_id > %(after)s AND rejection_id <= %(last)s
                 ORDER BY rejection_id LIMIT %(messages_max)s
            )
            SELECT rejection_id FROM (
                SELECT rejection_id, sum(kept_bytes) OVER (ORDER BY rejection_id) - kept_bytes AS bytes_before FROM next
            ) AS summed
             WHERE bytes_before < %(bytes_max)s ORDER BY rejection_id
            """,
            {
                "reason": wanted.reason,
                "external_id": wanted.external_id,
                "commune": wanted.commune,
                "since": wanted.since,
                "until": wanted.until,
                "rejection_id": wanted.rejection_id,
                "after": stretch.after,
                "last": stretch.last,
                "messages_max": stretch.messages_max,
                "bytes_max": stretch.bytes_max,
            },
        )
    ]
    return _page(ids[-1], _hold(connection, ids)) if ids else Page(None, [], [])


def _hold(connection: Connection, ids: list[int]) -> list[tuple[Any, ...]]:
    """Lock rejections in the order in which `write_rejections` does, and return those that are still refused."""
    rows = connection.execute(
        """
        SELECT rejection_id, topic, payload, received_at, properties FROM rejection
         WHERE rejection_id = ANY(%s) AND settled_as IS NULL ORDER BY digest FOR UPDATE
        """,
        (ids,),
    )
    return sorted(rows, key=lambda row: row[0])


def _page(after: int, rows: list[tuple[Any, ...]]) -> Page:
    found: dict[tuple[str, bytes, datetime], Message] = {}
    rejection_ids: dict[tuple[str, bytes, datetime], list[int]] = {}
    for rejection_id, topic, payload, received_at, properties in rows:
        key = (topic, bytes(payload), received_at)
        found.setdefault(key, Message(topic, key[1], received_at, len(payload), properties))
        rejection_ids.setdefault(key, []).append(rejection_id)
    return Page(after, list(found.values()), list(rejection_ids.values()))


def settle_rejections(connection: Connection, page: Page, outcomes: Sequence[str], replayed_at: datetime) -> None:
    """Say what became of a page's messages; what `write_rejections` kept again at ``replayed_at`` stays open."""
    given = [
        (rejection_id, outcome)
        for rejection_ids, outcome in zip(page.rejection_ids, outcomes, strict=True)
        for rejection_id in rejection_ids
    ]
    connection.execute(
        """
        UPDATE rejection SET settled_as = given.outcome, replayed_at = %s
          FROM unnest(%s::bigint[], %s::text[]) AS given (rejection_id, outcome)
         WHERE rejection.rejection_id = given.rejection_id AND rejection.replayed_at IS DISTINCT FROM %s
        """,
        (replayed_at, [one for one, _ in given], [outcome for _, outcome in given], replayed_at),
    )
