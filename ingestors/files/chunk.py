"""What the reading of a file gives, a piece at a time: messages with their lines, and lines that are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import VigieError
from core.readings import Message

CHUNK_LINES = 5_000
"""Lines taken in one transaction."""
LINE_CHARACTERS_MAX = 2**20
"""No line of a table or of uplinks is as long: the file is another thing."""


class FileUnfit(VigieError):
    """The file cannot be imported; the message says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot become a message, and why in words."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A message, and the line of the file where it begins."""

    line: int
    message: Message


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file. ``cursor`` says where the next begins, in the words of the file's format."""

    entries: list[Entry]
    faults: list[Fault]
    lines: int
    cursor: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """What the reading of a file needs to know.

    Parameters
    ----------
    topic_of
        Returns the native topic of an adopted sensor, by its external id in lower case; None for an unknown one.
    zone
        In which times without an offset are told; None: they are faults.
    received_at
        When the messages are received: the beginning of the import.
    """

    topic_of: Callable[[str], str | None]
    zone: ZoneInfo | None
    received_at: datetime
