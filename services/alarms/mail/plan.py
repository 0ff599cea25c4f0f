"""When the next mail to a subscriber may leave: after its digest, within its rate, in its hours. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.alarms.mail.timetable import Span, next_open

GATHERED = timedelta(seconds=30)
"""What is told within so long goes in one mail, also to who wants no digest: what breaks together is told together."""
RATED_OVER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a subscriber wants to be told.

    Parameters
    ----------
    digest_min
        What is to be told is gathered for so many minutes; 0 gathers for `GATHERED` only.
    mails_per_hour_max
        Mails in any sixty minutes; what is beyond waits, and goes in one mail.
    spans
        Hours of the week.
    """

    digest_min: int
    mails_per_hour_max: int
    spans: Sequence[Span] = ()


def leaves_at(pace: Pace, oldest_at: datetime, sent: Sequence[datetime], *, gathers: bool = True) -> datetime:
    """Return when the mail may leave that tells of what waits.

    Parameters
    ----------
    oldest_at
        When the oldest of what waits was put there.
    sent
        When mails were sent to this subscriber, those of the last hours.
    gathers
        Whether what waits may wait for more; a test mail does not.
    """
    gathered = max(timedelta(minutes=pace.digest_min), GATHERED) if gathers else timedelta()
    return next_open(pace.spans, _within_rate(pace, oldest_at + gathered, sent))


def _within_rate(pace: Pace, at: datetime, sent: Sequence[datetime]) -> datetime:
    newest = sorted(sent)[-pace.mails_per_hour_max :]
    if len(newest) < pace.mails_per_hour_max:
        return at
    return max(at, newest[0] + RATED_OVER)
