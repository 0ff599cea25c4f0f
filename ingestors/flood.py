"""The flood gate: how much one sensor, and one commune, may send before the rest goes to quarantine. Pure.

A token bucket for each, kept as the one instant at which it will be full again (the virtual scheduling of ITU-T
I.371, annex A). A message passes when its sensor's bucket and its commune's bucket both have a token, and takes one
of each; a refused message takes nothing. So a looping sensor, once its own bucket is empty, costs its commune only
the rate that any sensor is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import nlargest
from operator import itemgetter


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one sender may send: ``burst`` messages at once, and ``per_s`` messages a second for ever.

    In any time ``t`` at most ``burst + per_s * t`` messages pass.

    Raises
    ------
    ValueError
        If one of them is not above 0, or the burst is less than one message.
    """

    per_s: float
    burst: int

    def __post_init__(self) -> None:
        if not (self.per_s > 0 and self.burst >= 1):
            raise ValueError(f"an allowance of {self.per_s:g} messages/s and {self.burst} at once lets nothing through")


@dataclass(slots=True)
class Buckets:
    """One token bucket for each sender, all of one allowance, at most ``senders_max`` of them in memory.

    A sender of whom nothing is kept has a full bucket: full ones are let go of first. When more senders than the
    bound are short of tokens at once, those nearest to full are let go of too, at most half of them: what they gain
    is the little that they had spent.

    Parameters
    ----------
    senders_max
        Each costs about 200 bytes.
    """

    allowance: Allowance
    senders_max: int
    full_at_s: dict[str, float] = field(default_factory=dict)

    def has_token(self, sender: str, instant_s: float) -> bool:
        """Whether this sender may send one message at ``instant_s``."""
        allowance = self.allowance
        return (self.full_at_s.get(sender, instant_s) - instant_s) * allowance.per_s <= allowance.burst - 1

    def take(self, sender: str, instant_s: float) -> None:
        """Take the token of one message out of this sender's bucket."""
        full_at_s = self.full_at_s.get(sender, instant_s)
        if sender not in self.full_at_s and len(self.full_at_s) >= self.senders_max:
            self._let_go(instant_s)
        self.full_at_s[sender] = max(full_at_s, instant_s) + 1 / self.allowance.per_s

    def _let_go(self, instant_s: float) -> None:
        """Make room: forget the full buckets, then as many of the fullest as leave half of the bound."""
        short = {sender: full_at_s for sender, full_at_s in self.full_at_s.items() if full_at_s > instant_s}
        kept = self.senders_max // 2
        self.full_at_s = short if len(short) <= kept else dict(nlargest(kept, short.items(), key=itemgetter(1)))


class FloodGate:
    """Says of each live message, once, whether it goes its way or into quarantine.

    Parameters
    ----------
    sensor, commune
        What one sensor, and all sensors of one commune together, may send. Messages of which no commune is known
        share one bucket.
    sensors_max
        Bound on the sensors kept in memory, whoever invents names for them.
    """

    def __init__(self, sensor: Allowance, commune: Allowance, *, sensors_max: int = 100_000) -> None:
        self._sensors = Buckets(sensor, sensors_max)
        # The communes' codes that topics may name are those of the métropole, some 150: the bound never acts.
        self._communes = Buckets(commune, 1_000)

    def admits(self, external_id: str, commune: str | None, instant_s: float) -> bool:
        """Whether a message received at ``instant_s`` (any monotonic clock, seconds) goes its way; it is counted."""
        place = commune or ""
        if not (self._sensors.has_token(external_id, instant_s) and self._communes.has_token(place, instant_s)):
            return False
        self._sensors.take(external_id, instant_s)
        self._communes.take(place, instant_s)
        return True
