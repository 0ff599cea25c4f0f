"""What moved between the alarms that are kept and the episodes that the data now show. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.alarms import LATE_AFTER, Alarm, Episode


@dataclass(frozen=True, slots=True)
class Difference:
    """What is to be written of one rule on one series.

    Parameters
    ----------
    new
        Episodes that no alarm tells of.
    moved
        Alarms as they are to be, beside what they were.
    withdrawn
        Alarms whose episode never was.
    """

    new: Sequence[Episode]
    moved: Sequence[tuple[Alarm, Alarm]]
    withdrawn: Sequence[Alarm]


@dataclass(frozen=True, slots=True)
class Knowing:
    """When we look, and how old what we look at is.

    Parameters
    ----------
    at
        Our time.
    heard_at
        When the newest reading was observed that was looked at; None where the clock itself is looked at.
    interval
        Expected time between two of them.
    """

    at: datetime
    heard_at: datetime | None = None
    interval: timedelta = timedelta(0)

    def is_late(self, episode: Episode) -> bool:
        """Whether an episode is history: it had ended long before, or nothing was heard since of whether it did."""
        if episode.until is not None:
            return episode.until + LATE_AFTER <= self.at
        return self.heard_at is not None and self.heard_at + max(LATE_AFTER, 3 * self.interval) <= self.at


def difference(known: Sequence[Alarm], found: Sequence[Episode], knowing: Knowing) -> Difference:
    """Return what moved: an alarm keeps its life as long as an episode is left of it, whatever its dates.

    Parameters
    ----------
    known
        Alarms of one rule on one series, not withdrawn, oldest first: those that the episodes stand instead of.
    """
    pairs, alarms, episodes = _paired(known, found)
    moved = [(alarm, _moved(alarm, episode, knowing)) for alarm, episode in pairs]
    return Difference(episodes, [(before, after) for before, after in moved if before != after], alarms)


def _paired(
    known: Sequence[Alarm], found: Sequence[Episode]
) -> tuple[list[tuple[Alarm, Episode]], list[Alarm], list[Episode]]:
    """Return alarms beside their episodes, and the alarms and episodes that are left over.

    Those that begin at the same instant belong together, then those that overlap: the oldest first.
    """
    by_since = {alarm.since: alarm for alarm in known}
    pairs = [(by_since[one.since], one) for one in found if one.since in by_since]
    paired = {alarm.since for alarm, _ in pairs}
    alarms = [one for one in known if one.since not in paired]
    episodes = []
    for episode in found:
        if episode.since in paired:
            continue
        alarm = next((one for one in alarms if _overlap(one, episode)), None)
        if alarm is None:
            episodes.append(episode)
        else:
            alarms.remove(alarm)
            pairs.append((alarm, episode))
    return pairs, alarms, episodes


def _overlap(alarm: Alarm, episode: Episode) -> bool:
    begins_before_end = episode.until is None or alarm.since < episode.until
    return begins_before_end and (alarm.until is None or episode.since < alarm.until)


def _moved(alarm: Alarm, episode: Episode, knowing: Knowing) -> Alarm:
    """Return an alarm as its episode has it now. What was seen when it was confirmed stays, unless it moved."""
    moved = replace(alarm, since=episode.since, until=episode.until, confirmed_at=episode.confirmed_at)
    if episode.until is None:
        moved = replace(moved, cleared_at=None, found_late=alarm.found_late and knowing.is_late(episode))
    else:
        moved = replace(moved, cleared_at=alarm.cleared_at or knowing.at)
    same = (alarm.since, alarm.confirmed_at) == (episode.since, episode.confirmed_at)
    return moved if same else replace(moved, figures=dict(episode.figures))
