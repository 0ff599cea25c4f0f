"""Heartbeats: messages of our own that travel the whole way of a lane, broker and all, each minute. Pure."""

from __future__ import annotations

import json
from datetime import datetime

from core.clock import format_instant, parse_instant

EVERY_S = 60.0


def heartbeat_topic(lane: str) -> str:
    """Return the topic of a lane's heartbeats."""
    return f"vigie/heartbeat/v1/{lane}"


def format_heartbeat(sent_at: datetime) -> bytes:
    """Return the payload of a heartbeat."""
    return json.dumps({"sent_at": format_instant(sent_at)}).encode()


def parse_heartbeat(payload: bytes) -> datetime | None:
    """Return when a heartbeat was sent, or None when it is none of ours."""
    try:
        return parse_instant(json.loads(payload)["sent_at"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
