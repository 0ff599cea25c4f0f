"""Messages as they came: what is kept of each sensor's newest ones, and which gateways heard its frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from core.clock import EPOCH
from core.readings import AsCame, FrameHeard, RawFrame
from core.store.frames import AHEAD_MAX
from core.store.pool import Connection
from core.store.raw_frames import read_newest_numbers
from ingestors.pipeline import Examined
from ingestors.validate import Limits


class Rings:
    """How far the messages of each sensor are counted: read once, then counted on.

    Where another process writes messages of the same sensor, each counts for itself: some take the place of one that is
    not the oldest, and none is lost but for that.
    """

    def __init__(self) -> None:
        self._newest: dict[int, int] = {}

    def number(self, connection: Connection, frames: Sequence[RawFrame]) -> None:
        """Give messages their numbers, in the order given."""
        if unknown := {one.sensor_id for one in frames} - self._newest.keys():
            self._newest |= dict.fromkeys(unknown, 0) | read_newest_numbers(connection, sorted(unknown))
        for one in frames:
            one.number = self._newest[one.sensor_id] = self._newest[one.sensor_id] + 1


def as_they_came(
    examined: Sequence[Examined], outcomes: Sequence[str], second: Collection[int], limits: Limits
) -> AsCame:
    """Return the newest messages of each adopted sensor of a batch, and how many of its messages came again.

    Parameters
    ----------
    outcomes
        What became of each message.
    second
        Numbers of those that came a second time.
    """
    taken: Counter[int] = Counter()
    frames: list[RawFrame] = []
    for number in range(len(examined) - 1, -1, -1):
        one = examined[number]
        if one.owner is None or taken[one.owner] == limits.raw_frames_kept:
            continue
        taken[one.owner] += 1
        frames.append(_raw_frame(one, one.owner, outcomes[number], limits.kept_bytes_max))
    frames.reverse()
    owners = [examined[number].owner for number in second]
    return AsCame(frames, Counter(owner for owner in owners if owner is not None))


def _raw_frame(one: Examined, owner: int, outcome: str, bytes_max: int) -> RawFrame:
    message = one.kept
    if len(message.payload) > bytes_max:
        message = replace(message, payload=message.payload[:bytes_max])
    observed_at = one.observations[0].observed_at if one.observations else None
    return RawFrame(owner, message, one.uplink.observed_at if one.uplink else observed_at, outcome)


def heard_by_gateways(examined: Sequence[Examined], again: Collection[int], at: datetime) -> list[FrameHeard]:
    """Return the frames of a batch that were heard by gateways, without those that are copies of one heard before.

    Parameters
    ----------
    again
        Numbers of the messages whose frame is known already.
    at
        Now: a frame at no time of its own (`core.store.frames`) is of no day.
    """
    return [
        FrameHeard(one.owner, one.uplink.observed_at, one.uplink.receptions, one.uplink.spreading_factor)
        for number, one in enumerate(examined)
        if one.owner is not None
        and one.uplink is not None
        and one.uplink.receptions
        and one.uplink.session
        and number not in again
        and EPOCH <= one.uplink.observed_at <= at + AHEAD_MAX
    ]
