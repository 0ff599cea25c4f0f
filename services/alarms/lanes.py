"""What was heard at all: up to when, and when the way by which readings come was itself silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import format_instant
from core.columns import to_microseconds
from core.events import EventName, PlatformAlarm, Severity
from core.store.events import DAILY, end_alarm, raise_alarm
from core.store.lanes import LaneBeat, read_lane_beats, read_lane_outages, read_received_since
from core.store.pool import Connection
from services.alarms.silence import Stretch

BEAT_LATE = timedelta(minutes=3)
"""A heartbeat a minute goes through each lane: three that did not come are more than a pause."""
LANE_SILENT_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Hearing:
    """Up to when readings could be heard, and when they could not.

    Parameters
    ----------
    now_us
        Our time, microseconds since `core.clock.EPOCH`.
    deaf_us
        Since when no lane is heard, None while they all are.
    received
        Communes of which something came since.
    outages
        When a lane was silent.
    """

    now_us: int
    deaf_us: int | None
    received: frozenset[str]
    outages: Sequence[tuple[Stretch, frozenset[str]]]

    def end_us(self, commune: str) -> int:
        """Return up to when it is known that nothing more came of a commune."""
        if self.deaf_us is None or commune in self.received:
            return self.now_us
        return self.deaf_us

    def outages_of(self, commune: str) -> list[Stretch]:
        """Return when what a commune's sensors said could not be heard."""
        return [stretch for stretch, heard in self.outages if commune not in heard]


def hearing_at(connection: Connection, at: datetime) -> Hearing:
    """Return what could be heard at an instant."""
    late = [beat for beat in read_lane_beats(connection) if beat.committed_at + BEAT_LATE <= at]
    deaf = min((beat.committed_at for beat in late), default=None)
    received = frozenset(read_received_since(connection, deaf)) if deaf is not None else frozenset[str]()
    outages = [
        ((to_microseconds(since), to_microseconds(until or at)), frozenset(heard))
        for since, until, heard in read_lane_outages(connection)
    ]
    return Hearing(to_microseconds(at), None if deaf is None else to_microseconds(deaf), received, outages)


def tell_of_lanes(connection: Connection, at: datetime) -> None:
    """Raise an alarm for each lane through which nothing comes any more, and end those that are over.

    It keeps which communes were heard meanwhile, by another lane.
    """
    for beat in read_lane_beats(connection):
        if beat.committed_at + LANE_SILENT_AFTER <= at:
            heard = read_received_since(connection, beat.committed_at)
            raise_alarm(connection, _silent(beat, heard), at, reminded=DAILY)
        else:
            end_alarm(connection, _silent(beat, []), at)


def _silent(beat: LaneBeat, heard: Sequence[str]) -> PlatformAlarm:
    values: Mapping[str, str] = {
        "lane": beat.lane,
        "since_at": format_instant(beat.committed_at),
        "heard": " ".join(sorted(heard)),
    }
    since = beat.committed_at
    return PlatformAlarm(EventName.ALARM_LANE_SILENT, Severity.CRITICAL, since, f"lane:{beat.lane}", values=values)
