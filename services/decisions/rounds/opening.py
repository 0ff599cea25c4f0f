"""When the next round can go: the local date, each truck's shift, the unloading site's opening, the one after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.clock import PARIS, Window
from services.decisions.rounds.policy import LocalHours, RoundPolicy


@dataclass(frozen=True, slots=True)
class Opening:
    """The next round's times.

    Parameters
    ----------
    day
        Local date on which the shifts start.
    shifts
        One window per truck of the policy.
    unloading
        When the site is open during the shifts, None when it is not.
    next_at
        When the following round could collect what this one leaves.
    """

    day: date
    shifts: tuple[Window, ...]
    unloading: Window | None
    next_at: datetime

    @property
    def window(self) -> Window:
        """From the first start of a shift to the last end."""
        return Window(min(shift.start for shift in self.shifts), max(shift.end for shift in self.shifts))


def next_opening(policy: RoundPolicy, now: datetime) -> Opening:
    """Return the first round whose shifts start with the policy's notice after ``now``.

    Raises
    ------
    ValueError
        If the policy has no truck.
    """
    day = now.astimezone(PARIS).date()
    earliest = now + timedelta(minutes=policy.notice_min)
    while min(truck.shift.on(day).start for truck in policy.trucks) < earliest:
        day += timedelta(days=1)
    shifts = tuple(truck.shift.on(day) for truck in policy.trucks)
    window = Window(min(shift.start for shift in shifts), max(shift.end for shift in shifts))
    return Opening(
        day,
        shifts,
        _open_during(policy.unloading.opening, window),
        window.start + timedelta(hours=policy.opportunity_h),
    )


def _open_during(hours: LocalHours, window: Window) -> Window | None:
    """Return the longest stretch of the opening hours that overlaps ``window``; days that touch are one stretch."""
    first = window.start.astimezone(PARIS).date() - timedelta(days=1)
    stretches: list[Window] = []
    for days in range(4):
        opening = hours.on(first + timedelta(days=days))
        if stretches and stretches[-1].end >= opening.start:
            stretches[-1] = Window(stretches[-1].start, opening.end)
        else:
            stretches.append(opening)
    overlaps = [
        Window(max(stretch.start, window.start), min(stretch.end, window.end))
        for stretch in stretches
        if stretch.start < window.end and stretch.end > window.start
    ]
    return max(overlaps, key=lambda overlap: overlap.length, default=None)
