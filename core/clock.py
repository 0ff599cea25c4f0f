"""Time as Vigie keeps it: aware, in UTC, in half-open windows named by their start.

Europe/Paris lives at three edges only: calendar features, policies in local hours, and the screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import NaiveDatetime

PARIS = ZoneInfo("Europe/Paris")
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Origin of every step grid, here and in the database's ``date_bin``."""


def now() -> datetime:
    """Return the present instant, aware and in UTC. Called by processes, never by rules."""
    return datetime.now(UTC)


def in_utc(instant: datetime) -> datetime:
    """Return ``instant`` in UTC.

    Raises
    ------
    NaiveDatetime
        If ``instant`` has no time zone.
    """
    if instant.tzinfo is None:
        raise NaiveDatetime(f"{instant.isoformat()} has no time zone")
    return instant.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """Parse an RFC 3339 instant, with up to nanoseconds (rounded down to microseconds), into UTC.

    Raises
    ------
    ValueError
        If ``text`` is not a date and time.
    NaiveDatetime
        If it has no offset.
    """
    return in_utc(datetime.fromisoformat(text))


def format_instant(instant: datetime) -> str:
    """Write an instant as RFC 3339 in UTC, with Z: how every JSON of ours says when."""
    return in_utc(instant).isoformat().replace("+00:00", "Z")


def floor_to_step(instant: datetime, step: timedelta) -> datetime:
    """Return the start of the step that holds ``instant``, on the grid that starts at `EPOCH`."""
    return in_utc(instant) - (in_utc(instant) - EPOCH) % step


@dataclass(frozen=True, slots=True)
class Window:
    """The half-open interval ``[start, end)``.

    Parameters
    ----------
    start, end
        Aware instants, ``start <= end``.

    Raises
    ------
    NaiveDatetime
        If either has no time zone.
    ValueError
        If it ends before it starts.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if in_utc(self.end) < in_utc(self.start):
            raise ValueError(f"window ends ({self.end.isoformat()}) before it starts ({self.start.isoformat()})")

    @classmethod
    def ending(cls, end: datetime, length: timedelta) -> Window:
        """Return the window of this ``length`` that ends at ``end``."""
        return cls(end - length, end)

    @property
    def length(self) -> timedelta:
        """How long the window is."""
        return self.end - self.start

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end
