"""What tells one kept message from another in the store."""

from __future__ import annotations

import hashlib

from core.clock import in_utc
from core.readings import Aside, Rejection


def rejection_digest(rejection: Rejection) -> bytes:
    """Return what is the same for a message that comes again and is refused again, for the same reason and words."""
    message = rejection.message
    own_time = [in_utc(message.received_at).isoformat()] if rejection.timeless else []
    return _digest(message.payload, message.topic, rejection.reason, rejection.detail, *own_time)


def aside_digest(aside: Aside) -> bytes:
    """Return what is the same for a message that is delivered again."""
    own_time = [in_utc(aside.message.received_at).isoformat()] if aside.timeless else []
    return _digest(aside.message.payload, aside.message.topic, *own_time)


def _digest(payload: bytes, *texts: str) -> bytes:
    whole = hashlib.sha256()
    for part in (payload, *(text.encode() for text in texts)):
        # Each with its length: no two lists of parts run into each other.
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.digest()
