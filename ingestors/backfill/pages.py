"""Paging through stored uplinks by the time the server received them. Pure.

A page is asked *after* an instant. Whether the instant itself is asked again is not documented, and several uplinks may
share it: each page is asked from a microsecond earlier, and what the page before already gave is known by its digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.clock import format_instant, in_utc, parse_instant
from core.errors import VigieError
from core.intakes import BackfillAsked
from core.readings import Message
from ingestors.decoders.frame import member, parse_time

OVERLAP = timedelta(microseconds=1)
PAGE_MESSAGES = 1_000
"""Uplinks asked at once; the store may give fewer, so that only a page without anything new is the end."""
_DIGEST_BYTES = 8


class PagingStuck(VigieError):
    """The store gives no uplink whose time leads on: nothing more can be asked of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a back-fill is.

    Parameters
    ----------
    reached
        The newest time of an uplink taken, by the application server's clock; None before the first page.
    edge
        Digests of those that a page asked from there would give again.
    """

    reached: datetime | None = None
    edge: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, cursor: dict[str, Any]) -> Place:
        """Read it back from the cursor of an intake; an empty one is the beginning."""
        reached = cursor.get("reached")
        return cls(parse_instant(reached) if reached else None, frozenset(cursor.get("edge", ())))

    def cursor(self) -> dict[str, Any]:
        """Return it as the cursor of an intake."""
        reached = format_instant(self.reached) if self.reached else None
        return {"reached": reached, "edge": sorted(self.edge)}

    def ask_after(self, asked: BackfillAsked) -> datetime:
        """Return the instant after which the next page is asked."""
        return max(self.reached - OVERLAP, in_utc(asked.since)) if self.reached else in_utc(asked.since)


@dataclass(frozen=True, slots=True)
class Page:
    """What is new on a page, and the place behind it; nothing new is the end."""

    messages: tuple[Message, ...]
    place: Place


def turn(place: Place, results: Sequence[dict[str, Any]], asked: BackfillAsked, received_at: datetime) -> Page:
    """Return what is new among the results of a page that was asked from ``place``.

    Raises
    ------
    PagingStuck
        If there is something new, and no time to go on from; or if a whole page lies at the edge.
    """
    told = [(result, _digest(result), _stored_at(result)) for result in results]
    fresh = [(result, digest) for result, digest, _ in told if digest not in place.edge]
    if not fresh and len(results) < PAGE_MESSAGES:
        return Page((), place)
    reached = max((at for _, _, at in told if at is not None), default=None)
    if not fresh or reached is None or (place.reached is not None and reached < place.reached):
        raise PagingStuck
    edge = {digest for _, digest, at in told if at is not None and at >= reached - OVERLAP}
    if reached == place.reached:
        edge |= place.edge
    messages = tuple(_message(result, asked.application, received_at) for result, _ in fresh)
    return Page(messages, Place(reached, frozenset(edge)))


def _stored_at(result: dict[str, Any]) -> datetime | None:
    return parse_time(result.get("received_at")) or parse_time(member(result, "uplink_message").get("received_at"))


def _digest(result: dict[str, Any]) -> str:
    return hashlib.blake2b(_bytes(result), digest_size=_DIGEST_BYTES).hexdigest()


def _bytes(result: dict[str, Any]) -> bytes:
    # Lone surrogates, which JSON can escape, are no UTF-8: escaped again they stay what they are.
    return json.dumps(result, separators=(",", ":")).encode()


def _message(result: dict[str, Any], application: str, received_at: datetime) -> Message:
    """Return a stored uplink as its server would publish it."""
    device_id = member(result, "end_device_ids").get("device_id")
    payload = _bytes(result)
    topic = f"v3/{application}/devices/{device_id if isinstance(device_id, str) else ''}/up"
    return Message(topic, payload, received_at, len(payload))
